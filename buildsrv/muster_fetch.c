/*
 * Fetching a file: into FILE.part, which a lock makes ours, checked by size,
 * SHA-256 and signature, and only then given its name.  A part that is there
 * from an earlier time is gone on with (Range, If-Range); so is a transfer
 * whose connection breaks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "crypto.h"
#include "http.h"
#include "json.h"
#include "muster.h"
#include "muster_fetch.h"
#include "platform.h"
#include "sign.h"

enum { SHOW_EVERY = 100 };	/* ms between two looks of the progress */

struct transfer {
	const struct client	*client;
	const struct goods	*goods;
	int			 fd;
	int			 is_file;	/* else stdout: no way back */
	struct sha256		*hash;		/* of the first got bytes */
	int64_t			 got, from;	/* from: where this try began */
	int64_t			 began, shown, moved;	/* monotonic, ms */
	int			 done;
	struct answer		 answer;	/* of this try */
};

/* -- bytes -- */

static void
show(struct transfer *t)
{
	int64_t	now = clock_mono_ms(), ms = now - t->began;
	char	bar[CELL], got[CELL], all[CELL], rate[CELL];

	if (now - t->shown < SHOW_EVERY)
		return;
	t->shown = now;
	progress_show("%s %3lld %% %s %s of %s, %s/s", t->goods->name,
	    (long long)(t->goods->size > 0 ? t->got * 100 / t->goods->size :
	    0), progress_bar(t->got, t->goods->size, 24, bar),
	    human_bytes(t->got, got), human_bytes(t->goods->size, all),
	    human_bytes(ms > 0 ? (t->got - t->from) * 1000 / ms : 0, rate));
}

static int
write_all(int fd, const char *p, size_t n)
{
	ssize_t	w;

	while (n > 0) {
		if ((w = write(fd, p, n)) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* What goes beyond the size is not taken; the checksum judges the rest. */
static int
on_data(const char *p, size_t n, void *arg)
{
	struct transfer	*t = arg;
	size_t		 left = (size_t)(t->goods->size - t->got);
	size_t		 take = n < left ? n : left;
	int		 rc;

	if ((rc = write_all(t->fd, p, take)) < 0)
		die(EXIT_SYSTEM, "%s: %s", t->is_file ? t->goods->name :
		    "stdout", errstr(rc));
	sha256_add(t->hash, p, take);
	t->got += (int64_t)take;
	t->moved = clock_mono_ms();
	show(t);
	return take < n ? -EFBIG : 0;
}

/* From the first byte again. */
static void
start_over(struct transfer *t)
{
	uint8_t	unused[SHA256_SIZE];

	if (!t->is_file)
		die(EXIT_SYSTEM, "the file has changed on the server");
	if (ftruncate(t->fd, 0) < 0 || lseek(t->fd, 0, SEEK_SET) < 0)
		die(EXIT_SYSTEM, "%s.part: %s", t->goods->name,
		    strerror(errno));
	if (t->hash != NULL)
		sha256_end(t->hash, unused);	/* there is no other end */
	t->hash = sha256_new();
	t->got = t->from = 0;
}

/* A server that does not go on where we are begins anew. */
static void
on_head(const struct httpc_answer *a, void *arg)
{
	struct transfer	*t = arg;

	if (a->status == 200 && t->got > 0)
		start_over(t);
}

static void
on_done(const struct httpc_answer *a, void *arg)
{
	struct transfer	*t = arg;
	struct json_err	 e;

	t->done = 1;
	t->answer = answer_of(a, &e);
}

/* -- tries -- */

static void
try(struct transfer *t)
{
	const struct client	*c = t->client;
	char			*range = NULL;
	char			*url = client_url(c, t->goods->path);
	struct httpc_options	 o = {
		.tls = c->tls, .sink = on_data, .head = on_head,
		.timeout_ms = c->silence_ms != 0 ? c->silence_ms :
		    CLIENT_SILENCE
	};

	if (t->got > 0)
		range = xasprintf("Range: bytes=%lld-\r\n"
		    "If-Range: \"%s\"\r\n", (long long)t->got,
		    t->goods->checksum);
	o.headers = range;
	answer_release(&t->answer);
	t->from = t->got;
	t->began = clock_mono_ms();
	t->done = 0;
	httpc_start(c->loop, url, &o, on_done, t);
	while (!t->done)
		uv_run(c->loop, UV_RUN_ONCE);
	free(range);
	free(url);
}

static _Noreturn void
give_up(const struct transfer *t)
{
	char	*words = answer_words(t->client, &t->answer);
	char	*part = xstrdup("");

	if (t->is_file && t->got > 0)
		part = xasprintf("; %s.part has %lld bytes, and the same "
		    "command goes on from there", t->goods->name,
		    (long long)t->got);
	die(answer_code(&t->answer), "download: %s%s", words, part);
}

/* Whether the next try may do better: a server that was there once is waited
 * for, while bytes come now and then. */
static int
may_go_on(const struct transfer *t)
{
	int	status = t->answer.status;

	return answer_passes(&t->answer) && (t->got > 0 || status > 0) &&
	    clock_mono_ms() - t->moved < FOLLOW_PATIENCE;
}

/* Until all bytes are here. */
static void
fetch(struct transfer *t)
{
	int64_t	pause = FOLLOW_PAUSE, wait;
	int	over = 0;

	t->moved = clock_mono_ms();
	while (t->got < t->goods->size) {
		try(t);
		if (t->got >= t->goods->size)
			break;
		if (t->answer.status == 416 && !over++) {
			start_over(t);
			continue;
		}
		progress_clear();
		if (!may_go_on(t))
			give_up(t);
		log_warn(NULL, "download: %s; going on at byte %lld",
		    t->got > t->from ? "the connection broke" :
		    t->answer.why != NULL ? t->answer.why : "not now",
		    (long long)t->got);
		if (t->got > t->from)
			pause = FOLLOW_PAUSE;
		wait = t->answer.retry_s * 1000;
		if (wait < pause || wait > FOLLOW_SILENCE)
			wait = pause;
		if ((pause *= 2) > FOLLOW_PAUSE_MAX)
			pause = FOLLOW_PAUSE_MAX;
		uv_sleep((unsigned)wait);
	}
	progress_clear();
}

/* -- checks -- */

/* What is wrong, as words, or NULL. */
static const char *
fault_of(struct transfer *t, const char *pin)
{
	const struct goods	*g = t->goods;
	uint8_t			 sum[SHA256_SIZE], pub[ED25519_PUBLIC];
	uint8_t			 sig[ED25519_SIG];
	char			 hex[2 * SHA256_SIZE + 1];
	const char		*key = g->public_key != NULL ? g->public_key :
				    pin;
	size_t			 n, m;

	sha256_end(t->hash, sum);
	t->hash = NULL;
	hex_encode(sum, sizeof(sum), hex);
	if (t->got != g->size)
		return "size: the file is not as long as the server says";
	if (strcmp(hex, g->checksum) != 0)
		return "checksum: the file's SHA-256 is not what the server "
		    "says";
	if (key == NULL)
		return NULL;		/* a link alone names no key */
	if (base64_decode(key, strlen(key), pub, sizeof(pub), &n) < 0 ||
	    n != sizeof(pub))
		return "signature: the public key is none";
	if (base64_decode(g->signature, strlen(g->signature), sig,
	    sizeof(sig), &m) < 0 || m != sizeof(sig) ||
	    !sign_check(pub, SIGN_ARTIFACT, sum, sig))
		return "signature: does not fit the file";
	return NULL;
}

/* -- the part -- */

/* Opens and locks it: nobody else writes to it, and it is still the one
 * that has the name. */
static int
part_open(const char *part)
{
	struct stat	a, b;
	int		fd, rc;

	for (;;) {
		fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0644);
		if (fd < 0)
			die(EXIT_SYSTEM, "%s: %s", part, strerror(errno));
		if ((rc = platform_lock(fd, 0, 0)) < 0)
			die(rc == -EWOULDBLOCK ? EXIT_NO : EXIT_SYSTEM,
			    "%s: %s", part, rc == -EWOULDBLOCK ?
			    "another download writes to it" : errstr(rc));
		if (fstat(fd, &a) == 0 && stat(part, &b) == 0 &&
		    a.st_ino == b.st_ino && a.st_dev == b.st_dev) {
			if (!S_ISREG(a.st_mode))
				die(EXIT_USAGE, "%s: not a file", part);
			return fd;
		}
		close(fd);
	}
}

/* Takes what is there already into account. */
static void
part_read(struct transfer *t)
{
	char	p[65536];
	ssize_t	n;

	while ((n = read(t->fd, p, sizeof(p))) > 0) {
		sha256_add(t->hash, p, (size_t)n);
		t->got += n;
	}
	if (n < 0)
		die(EXIT_SYSTEM, "%s.part: %s", t->goods->name,
		    strerror(errno));
	if (t->got > t->goods->size)
		start_over(t);
}

static void
fetch_to_file(struct transfer *t, const char *file, const char *pin)
{
	char		*part = xasprintf("%s.part", file);
	const char	*fault;
	int64_t		 had;

	t->is_file = 1;
	t->fd = part_open(part);
	part_read(t);
	had = t->got;
	fetch(t);
	if ((fault = fault_of(t, pin)) != NULL && had > 0) {
		start_over(t);		/* it may be the old part's fault */
		fetch(t);
		fault = fault_of(t, pin);
	}
	if (fault != NULL) {
		unlink(part);
		die(EXIT_NO, "refused: %s", fault);
	}
	if (fsync(t->fd) < 0 || rename(part, file) < 0)
		die(EXIT_SYSTEM, "%s: %s", file, strerror(errno));
	close(t->fd);
	free(part);
}

void
fetch_goods(const struct client *c, const struct goods *g, const char *file,
    const char *pin)
{
	struct transfer	 t = {
		.client = c, .goods = g, .fd = STDOUT_FILENO,
		.hash = sha256_new()
	};
	const char	*fault;

	if (g->size < 0 || strlen(g->checksum) != 2 * SHA256_SIZE ||
	    strspn(g->checksum, "0123456789abcdef") != 2 * SHA256_SIZE)
		die(EXIT_SYSTEM, "download: the server does not say what it "
		    "sends");
	if (pin != NULL && g->public_key != NULL &&
	    !crypto_equal_str(pin, g->public_key))
		die(EXIT_NO, "refused: signature: made by a key that is not "
		    "the one given");
	if (strcmp(file, "-") != 0)
		fetch_to_file(&t, file, pin);
	else {
		fetch(&t);
		if ((fault = fault_of(&t, pin)) != NULL)
			die(EXIT_NO, "refused: %s", fault);
	}
	answer_release(&t.answer);
}
