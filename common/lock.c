/*
 * The file is opened, locked, and then looked at once more: where it lost
 * its name while we waited, somebody could lock a second file of that name,
 * so we begin again with the new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "clock.h"
#include "lock.h"
#include "log.h"
#include "platform.h"

#ifndef ESTALE
#define ESTALE	116	/* Windows has no word for a file replaced under us */
#endif

enum {
	RECORD_MAX	= 512,	/* six short lines */
	/* ms between two tries of a wait that has an end; they grow. */
	PAUSE_FIRST	= 1,
	PAUSE_MAX	= 25
};

enum { LOST_NAME = 1 };

#define RECORD_BEGIN	"pid\t"

struct lock {
	int	 fd;
	int	 record;	/* whether we may write one */
	char	*path;
	char	 since[CLOCK_RFC3339_SIZE];
	char	 version[32];
};

/* -- files, without asking for the system -- */

static int
fs_open(const char *path, int flags)
{
	uv_fs_t	req;
	int	fd = uv_fs_open(NULL, &req, path, flags, 0600, NULL);

	uv_fs_req_cleanup(&req);
	return fd;
}

static void
fs_close(int fd)
{
	uv_fs_t	req;

	uv_fs_close(NULL, &req, fd, NULL);
	uv_fs_req_cleanup(&req);
}

static int
fs_read(int fd, char *p, size_t n)
{
	uv_buf_t	v = uv_buf_init(p, (unsigned)n);
	uv_fs_t		req;
	int		rc = uv_fs_read(NULL, &req, fd, &v, 1, 0, NULL);

	uv_fs_req_cleanup(&req);
	return rc;
}

static int
fs_truncate(int fd, size_t n)
{
	uv_fs_t	req;
	int	rc = uv_fs_ftruncate(NULL, &req, fd, (int64_t)n, NULL);

	uv_fs_req_cleanup(&req);
	return rc;
}

/* Written over the old text and then cut: the blocks are there already. */
static int
fs_replace(int fd, char *p, size_t n)
{
	uv_buf_t	v = uv_buf_init(p, (unsigned)n);
	uv_fs_t		req;
	int		rc = uv_fs_write(NULL, &req, fd, &v, 1, 0, NULL);

	uv_fs_req_cleanup(&req);
	if (rc < 0)
		return rc;
	return (size_t)rc == n ? fs_truncate(fd, n) : -ENOSPC;
}

/* Whether path still names the file that fd is. */
static int
same_file(int fd, const char *path)
{
	uv_fs_t	a, b;
	int	same;

	same = uv_fs_fstat(NULL, &a, fd, NULL) == 0
	    && uv_fs_stat(NULL, &b, path, NULL) == 0
	    && a.statbuf.st_dev == b.statbuf.st_dev
	    && a.statbuf.st_ino == b.statbuf.st_ino;
	uv_fs_req_cleanup(&a);
	uv_fs_req_cleanup(&b);
	return same;
}

static void
make_inheritable(int fd)
{
#ifdef F_SETFD
	fcntl(fd, F_SETFD, 0);
#else
	(void)fd;		/* Windows: a descriptor is the process's own */
#endif
}

/* -- the record -- */

static int
record_write(struct lock *l)
{
	struct buf	b = BUF_INIT;
	char		now[CLOCK_RFC3339_SIZE], boot[40];
	int64_t		pid = uv_os_getpid();
	int		rc;

	if (!l->record)
		return 0;
	platform_boot_id(boot);
	clock_rfc3339(clock_wall_ms(), now);
	if (l->since[0] == '\0')
		memcpy(l->since, now, sizeof(now));
	buf_printf(&b, RECORD_BEGIN "%lld\nstart\t%lld\nboot\t%s\nsince\t%s\n"
	    "beat\t%s\nversion\t%s\n", (long long)pid,
	    (long long)platform_process_start(pid), boot, l->since, now,
	    l->version);
	rc = fs_replace(l->fd, b.p, b.len);
	buf_release(&b);
	return rc;
}

static int
record_allowed(int fd)
{
	char	text[sizeof(RECORD_BEGIN)] = "";
	int	n = fs_read(fd, text, sizeof(RECORD_BEGIN) - 1);

	return n == 0 || strcmp(text, RECORD_BEGIN) == 0;
}

static void
copy_word(char *to, size_t size, const char *from)
{
	size_t	n = strlen(from);

	n = n < size ? n : size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

static void
record_line(struct lock_holder *h, const char *key, const char *value)
{
	if (strcmp(key, "pid") == 0)
		h->pid = strtoll(value, NULL, 10);
	else if (strcmp(key, "start") == 0)
		h->start_ticks = strtoll(value, NULL, 10);
	else if (strcmp(key, "boot") == 0)
		copy_word(h->boot_id, sizeof(h->boot_id), value);
	else if (strcmp(key, "since") == 0)
		copy_word(h->since, sizeof(h->since), value);
	else if (strcmp(key, "beat") == 0)
		copy_word(h->beat, sizeof(h->beat), value);
	else if (strcmp(key, "version") == 0)
		copy_word(h->version, sizeof(h->version), value);
}

/* The text may be anything; what is no line of a record is passed over. */
static void
record_parse(struct lock_holder *h, char *text)
{
	char	*line = text, *end, *tab;

	if (strncmp(text, RECORD_BEGIN, strlen(RECORD_BEGIN)) != 0)
		return;
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if ((tab = strchr(line, '\t')) == NULL)
			continue;
		*tab = '\0';
		record_line(h, line, tab + 1);
	}
	if (h->pid < 0)
		h->pid = 0;
}

static int
is_alive(const struct lock_holder *h)
{
	char	boot[40];

	platform_boot_id(boot);
	return h->pid > 0 && h->start_ticks != 0
	    && strcmp(boot, h->boot_id) == 0
	    && platform_process_start(h->pid) == h->start_ticks;
}

/* -- taking -- */

/* Neither a shared lock nor flock(2)'s needs the right to write. */
static int
open_for(const char *path, unsigned flags)
{
	int	fd = fs_open(path, UV_FS_O_RDWR | UV_FS_O_CREAT);

	if ((flags & (LOCK_SHARED | LOCK_FLOCK)) != 0 && (fd == -EACCES || fd == -EROFS || fd == -EISDIR))
		fd = fs_open(path, UV_FS_O_RDONLY);
	return fd;
}

/* All take flock(2)'s before ours, so that no two wait for each other. */
int
lock_descriptor(int fd, unsigned flags)
{
	int	shared = (flags & LOCK_SHARED) != 0;
	int	wait = (flags & LOCK_WAIT) != 0, rc;

	if (flags & LOCK_WHOLE)
		return platform_lock_whole(fd, shared, wait);
	if ((flags & LOCK_FLOCK) == 0)
		return platform_lock(fd, shared, wait);
	if ((rc = platform_flock(fd, shared, wait)) < 0)
		return rc;
	if ((rc = platform_lock(fd, shared, wait)) == -EBADF)
		return 0;		/* not open for writing, or reading */
	if (rc == -EWOULDBLOCK)
		platform_unlock(fd);
	return rc;
}

/* LOST_NAME: begin again.  (No errno: EAGAIN is EWOULDBLOCK.) */
static int
try_file(int fd, const char *path, unsigned flags)
{
	int	rc;

	do
		rc = lock_descriptor(fd, flags);
	while (rc == -EINTR);
	return same_file(fd, path) ? rc : LOST_NAME;
}

static int
lock_file(int *fd, const char *path, unsigned flags, int64_t wait_ms)
{
	int64_t	end = clock_mono_ms() + wait_ms;
	int	rc = LOST_NAME;
	int	for_ever = (flags & LOCK_WAIT) != 0 && wait_ms < 0;
	unsigned pause = PAUSE_FIRST;

	for (*fd = -1;;) {
		if (rc == LOST_NAME) {
			if (*fd >= 0)
				fs_close(*fd);
			if ((*fd = open_for(path, flags)) < 0)
				return *fd;
		}
		rc = try_file(*fd, path, for_ever ? flags :
		    flags & ~(unsigned)LOCK_WAIT);
		if (rc == LOST_NAME)
			continue;
		if (rc != -EWOULDBLOCK || (flags & LOCK_WAIT) == 0)
			return rc;
		if (clock_mono_ms() >= end)
			return -ETIMEDOUT;
		uv_sleep(pause);
		pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
	}
}

int
lock_take(struct lock **out, const char *path, unsigned flags,
    int64_t wait_ms, const char *version)
{
	struct lock	*l;
	int		 fd, rc;

	*out = NULL;
	if ((rc = lock_file(&fd, path, flags, wait_ms)) < 0) {
		if (fd >= 0)
			fs_close(fd);
		return rc;
	}
	if (flags & LOCK_INHERIT)
		make_inheritable(fd);
	*out = l = xcalloc(1, sizeof(*l));
	l->fd = fd;
	l->path = xstrdup(path);
	if (version != NULL)
		copy_word(l->version, sizeof(l->version), version);
	l->record = (flags & LOCK_SHARED) == 0 && record_allowed(fd);
	rc = record_write(l);
	if (rc < 0 && rc != -EBADF)	/* a file to read alone */
		log_warn("lock", "%s: cannot write the record: %s", path,
		    errstr(rc));
	return 0;
}

int
lock_beat(struct lock *l)
{
	if (!same_file(l->fd, l->path))
		return -ESTALE;
	return record_write(l);
}

int
lock_fd(const struct lock *l)
{
	return l->fd;
}

void
lock_drop(struct lock *l)
{
	if (l == NULL)
		return;
	if (l->record)
		fs_truncate(l->fd, 0);
	fs_close(l->fd);
	free(l->path);
	free(l);
}

int
lock_status(const char *path, struct lock_holder *h)
{
	char	text[RECORD_MAX];
	int	fd, n;

	memset(h, 0, sizeof(*h));
	if ((fd = fs_open(path, UV_FS_O_RDONLY)) < 0)
		return fd;
	h->held = platform_lock_held(fd);
	n = fs_read(fd, text, sizeof(text) - 1);
	fs_close(fd);
	if (h->held < 0)
		return h->held;
	if (n < 0)
		return n == -EISDIR ? 0 : n;
	text[n] = '\0';
	record_parse(h, text);
	h->alive = is_alive(h);
	return 0;
}
