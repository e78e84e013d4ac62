/*
 * The lock is the kernel's, on an open file description.  A file can be
 * replaced between its opening and its locking, so after the locking the
 * name is looked up anew: only who holds the file of that name holds the
 * lock.  The record is written in place and then cut to its length; that a
 * full disk keeps it from being written does not lose the lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "platform.h"

enum {
	MAX_RECORD	= 4096,		/* bytes; ours has less than 300 */
	PAUSE_FIRST	= 1,		/* ms between two tries; each is twice */
	PAUSE_MAX	= 50		/* as long, up to this */
};

#ifndef O_CLOEXEC
#define O_CLOEXEC	0
#endif

struct lock {
	int	 fd;
	int	 shared;
	char	 since[CLOCK_RFC3339_SIZE];
	char	 version[32];
};

static int
open_file(const char *path, unsigned flags)
{
	uv_fs_t	req;
	int	mode = O_RDWR | O_CREAT;
	int	fd;

	if (!(flags & LOCK_INHERIT))
		mode |= O_CLOEXEC;
	fd = uv_fs_open(NULL, &req, path, mode, 0600, NULL);
	uv_fs_req_cleanup(&req);
	return fd;
}

static void
close_file(int fd)
{
	uv_fs_t	req;

	uv_fs_close(NULL, &req, fd, NULL);
	uv_fs_req_cleanup(&req);
}

/* Whether path still names the file that fd is. */
static int
is_same(int fd, const char *path)
{
	uv_stat_t	a;
	uv_fs_t		req;
	int		rc;

	rc = uv_fs_fstat(NULL, &req, fd, NULL);
	a = req.statbuf;
	uv_fs_req_cleanup(&req);
	if (rc < 0)
		return 0;
	rc = uv_fs_stat(NULL, &req, path, NULL);
	rc = rc == 0 && req.statbuf.st_ino == a.st_ino &&
	    req.statbuf.st_dev == a.st_dev;
	uv_fs_req_cleanup(&req);
	return rc;
}

/* One try: the descriptor that holds the lock, or a negative code. */
static int
take_once(const char *path, unsigned flags, int block)
{
	int	fd, rc;

	for (;;) {
		if ((fd = open_file(path, flags)) < 0)
			return fd;
		do
			rc = platform_lock(fd, flags & LOCK_SHARED, block);
		while (rc == -EINTR);
		if (rc == 0 && is_same(fd, path))
			return fd;
		close_file(fd);
		if (rc < 0)
			return rc;
	}
}

static int
take_in_time(const char *path, unsigned flags, int64_t wait_ms)
{
	int64_t		until = clock_mono_ms() + wait_ms, left;
	unsigned	pause = PAUSE_FIRST;
	int		fd;

	while ((fd = take_once(path, flags, 0)) == -EWOULDBLOCK) {
		if ((left = until - clock_mono_ms()) <= 0)
			return -ETIMEDOUT;
		uv_sleep(left < (int64_t)pause ? (unsigned)left : pause);
		if ((pause *= 2) > PAUSE_MAX)
			pause = PAUSE_MAX;
	}
	return fd;
}

/* Who may not write to the file holds the lock all the same. */
static int
write_record(struct lock *l, const char *text, size_t n)
{
	uv_buf_t	b = uv_buf_init((char *)(uintptr_t)text, (unsigned)n);
	uv_fs_t		req;
	int		rc = 0;

	if (n > 0) {
		rc = uv_fs_write(NULL, &req, l->fd, &b, 1, 0, NULL);
		uv_fs_req_cleanup(&req);
		if (rc >= 0)
			rc = (size_t)rc == n ? 0 : -ENOSPC;
	}
	if (rc == 0) {
		rc = uv_fs_ftruncate(NULL, &req, l->fd, (int64_t)n, NULL);
		uv_fs_req_cleanup(&req);
	}
	return rc;
}

int
lock_beat(struct lock *l)
{
	int64_t		pid = uv_os_getpid();
	struct buf	b = BUF_INIT;
	char		boot[40], now[CLOCK_RFC3339_SIZE];
	int		rc;

	if (l->shared)
		return 0;		/* no one of several is the holder */
	platform_boot_id(boot);
	clock_rfc3339(clock_wall_ms(), now);
	buf_printf(&b, "pid %lld\nstart %lld\nboot %s\nsince %s\nbeat %s\n"
	    "version %s\n", (long long)pid,
	    (long long)platform_process_start(pid), boot, l->since, now,
	    l->version);
	rc = write_record(l, b.p, b.len);
	buf_release(&b);
	return rc;
}

int
lock_take(struct lock **out, const char *path, unsigned flags,
    int64_t wait_ms, const char *version)
{
	struct lock	*l;
	int		 fd, rc;

	if (!(flags & LOCK_WAIT))
		fd = take_once(path, flags, 0);
	else if (wait_ms < 0)
		fd = take_once(path, flags, 1);
	else
		fd = take_in_time(path, flags, wait_ms);
	if (fd < 0)
		return fd;
	l = xcalloc(1, sizeof(*l));
	l->fd = fd;
	l->shared = (flags & LOCK_SHARED) != 0;
	clock_rfc3339(clock_wall_ms(), l->since);
	snprintf(l->version, sizeof(l->version), "%s",
	    version != NULL ? version : "");
	if ((rc = lock_beat(l)) < 0)
		log_warn("lock", "%s: held, but its record cannot be "
		    "written: %s", path, errstr(rc));
	*out = l;
	return 0;
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
	if (!l->shared)
		write_record(l, "", 0);
	close_file(l->fd);
	free(l);
}

/* -- the record of another -- */

/* The value of "name value", or "". */
static void
field(const char *text, const char *name, char *out, size_t n)
{
	size_t		 len = strlen(name);
	const char	*p, *end;

	out[0] = '\0';
	for (p = text; *p != '\0'; p = *end != '\0' ? end + 1 : end) {
		end = p + strcspn(p, "\n");
		if (strncmp(p, name, len) == 0 && p[len] == ' ') {
			snprintf(out, n, "%.*s", (int)(end - p - (long)len - 1),
			    p + len + 1);
			return;
		}
	}
}

static int64_t
number(const char *text, const char *name)
{
	char	word[24];

	field(text, name, word, sizeof(word));
	return strtoll(word, NULL, 10);
}

int
lock_status(const char *path, struct lock_holder *h)
{
	struct buf	b = BUF_INIT;
	char		boot[40];
	uv_fs_t		req;
	int		fd, rc;

	memset(h, 0, sizeof(*h));
	fd = uv_fs_open(NULL, &req, path, O_RDONLY | O_CLOEXEC, 0, NULL);
	uv_fs_req_cleanup(&req);
	if (fd < 0)
		return fd;
	rc = platform_lock_held(fd);
	close_file(fd);
	if (rc < 0)
		return rc;
	h->held = rc;
	if ((rc = file_read(path, MAX_RECORD, &b)) < 0)
		return rc;
	h->pid = number(buf_str(&b), "pid");
	h->start_ticks = number(buf_str(&b), "start");
	field(buf_str(&b), "boot", h->boot_id, sizeof(h->boot_id));
	field(buf_str(&b), "since", h->since, sizeof(h->since));
	field(buf_str(&b), "beat", h->beat, sizeof(h->beat));
	field(buf_str(&b), "version", h->version, sizeof(h->version));
	buf_release(&b);
	platform_boot_id(boot);
	h->alive = h->pid > 0 && strcmp(boot, h->boot_id) == 0 &&
	    platform_process_start(h->pid) == h->start_ticks;
	return 0;
}
