/* SHA-256 of files, each hashed once for as long as it stays the same. */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "sensor.h"

enum { WAYS = 4, CHUNK = 64 * 1024 };

struct hashed {
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
	struct timespec	 mtime, ctime;
	uint64_t	 used;
	uint8_t		 sum[32];
};

static struct hashed	*cache;
static uint64_t		 turn;

static int
is_same(const struct hashed *h, const struct stat *s)
{
	return h->used > 0 && h->dev == s->st_dev && h->ino == s->st_ino &&
	    h->size == s->st_size &&
	    h->mtime.tv_sec == s->st_mtim.tv_sec &&
	    h->mtime.tv_nsec == s->st_mtim.tv_nsec &&
	    h->ctime.tv_sec == s->st_ctim.tv_sec &&
	    h->ctime.tv_nsec == s->st_ctim.tv_nsec;
}

/* 0, or -errno. */
static int
sum_of(int fd, uint8_t sum[32])
{
	struct sha256	*c = sha256_new();
	char		*room = xmalloc(CHUNK);
	off_t		 at = 0;
	ssize_t		 n;

	while ((n = pread(fd, room, CHUNK, at)) > 0) {
		sha256_add(c, room, (size_t)n);
		at += n;
	}
	sha256_end(c, sum);
	free(room);
	return n < 0 ? -errno : 0;
}

/* Its place: the same file's, or the one of its set that was used longest
 * ago. */
static struct hashed *
place(const struct stat *s)
{
	size_t		 set = ((size_t)s->st_ino ^ (size_t)s->st_dev) %
			    (HASH_CACHE / WAYS) * WAYS, i;
	struct hashed	*oldest = &cache[set];

	for (i = set; i < set + WAYS; i++) {
		if (is_same(&cache[i], s))
			return &cache[i];
		if (cache[i].used < oldest->used)
			oldest = &cache[i];
	}
	return oldest;
}

const char *
hash_fd(int fd, const char **why)
{
	static char	 text[65];
	struct hashed	*h;
	struct stat	 s;
	int		 rc;

	*why = NULL;
	if (cache == NULL)
		cache = xcalloc(HASH_CACHE, sizeof(*cache));
	if (fstat(fd, &s) < 0)
		*why = strerror(errno);
	else if (!S_ISREG(s.st_mode))
		*why = "no regular file";
	else if (s.st_size > HASH_MAX)
		*why = "too large";
	if (*why != NULL)
		return NULL;
	h = place(&s);
	if (!is_same(h, &s)) {
		h->used = 0;
		if ((rc = sum_of(fd, h->sum)) < 0) {
			*why = strerror(-rc);
			return NULL;
		}
		h->dev = s.st_dev;
		h->ino = s.st_ino;
		h->size = s.st_size;
		h->mtime = s.st_mtim;
		h->ctime = s.st_ctim;
	}
	h->used = ++turn;
	return hex_encode(h->sum, sizeof(h->sum), text);
}

const char *
hash_path(const char *path, struct stat *st, const char **why)
{
	const char	*sum = NULL;
	int		 fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
			    O_NOCTTY);

	if (fd < 0) {
		*why = strerror(errno);
		return NULL;
	}
	if (st != NULL && fstat(fd, st) < 0)
		*why = strerror(errno);
	else
		sum = hash_fd(fd, why);
	close(fd);
	return sum;
}
