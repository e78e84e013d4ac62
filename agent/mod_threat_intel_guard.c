/*
 * Programs that are not started: on the mounts that are listed, the kernel
 * asks before each exec (fanotify), and one that an indicator names by a hash
 * or by its path is refused.
 *
 * All else is allowed: what cannot be hashed, what is too large, and all of
 * it as soon as this process is gone, which the host sees to when it hangs.
 * So this is a lock on known bad files and no wall: a byte more, a copy on
 * another mount, or ld.so with the file as its argument pass.
 */
#include <sys/fanotify.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mod_threat_intel.h"
#include "sensor.h"

#ifndef FAN_OPEN_EXEC_PERM
#define FAN_OPEN_EXEC_PERM	0x00040000
#endif

enum { ROOM = 16 * 1024 };	/* 680 questions at once */

struct intel_guard {
	struct threat_intel	*t;
	int			 fd;
	uv_poll_t		 poll;
	size_t			 mounts;
	uint64_t		 asked, refused, unchecked;
};

/* How many of the hits are sure enough, moved to the front. */
static size_t
sure(const struct threat_intel *t, struct intel_hit *hits, size_t n)
{
	size_t	i, good = 0;

	for (i = 0; i < n; i++)
		if (hits[i].confidence >= t->block_confidence)
			hits[good++] = hits[i];
	return good;
}

static size_t
find(const struct threat_intel *t, enum intel_kind kind, const char *text,
    struct intel_hit hits[INTEL_MAX_HITS])
{
	struct intel_value	 v;
	const char		*why;

	if (text[0] == '\0' ||
	    intel_value_read(&v, kind, text, strlen(text), &why) < 0)
		return 0;
	return sure(t, hits, intel_find(t->t, &v, clock_wall_ms() / 1000,
	    hits));
}

static void
tell(struct intel_guard *g, int64_t pid, const char *path,
    const struct intel_hit *hits, size_t n)
{
	json_t	*o = json_pack("{ss so sI sI so}", "what", "exec", "path",
		    text_json(path), "pid", (json_int_t)pid, "time",
		    (json_int_t)clock_wall_ms(), "hits",
		    intel_hits_json(hits, n));
	struct proc_info	p;

	if (proc_info(pid, &p) == 0) {
		json_object_set_new(o, "uid", json_integer(p.uid));
		json_object_set_new(o, "comm", text_json(p.comm));
	}
	module_event(g->t->m, SPOOL_ALERT, "blocked", o);
}

/* Whether this file may be run by that process. */
static int
may_run(struct intel_guard *g, int fd, int64_t pid)
{
	struct threat_intel	*t = g->t;
	const struct hash_sums	*sums;
	struct intel_hit	 hits[INTEL_MAX_HITS];
	char			 link[48], path[PATH_MAX] = "";
	const char		*why;
	ssize_t			 len;
	size_t			 n = 0;

	g->asked++;
	if (t->t == NULL)
		return 1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if ((len = readlink(link, path, sizeof(path) - 1)) >= 0)
		path[len] = '\0';
	if ((sums = hash_fd(fd, &why)) == NULL)
		g->unchecked++;
	else if ((n = find(t, INTEL_SHA256, sums->sha256, hits)) == 0 &&
	    (n = find(t, INTEL_SHA1, sums->sha1, hits)) == 0)
		n = find(t, INTEL_MD5, sums->md5, hits);
	if (n == 0)
		n = find(t, INTEL_PATH, path, hits);
	if (n == 0)
		return 1;
	g->refused++;
	tell(g, pid, path, hits, n);
	return 0;
}

static void
answer(struct intel_guard *g, const struct fanotify_event_metadata *e)
{
	struct fanotify_response	r = { .fd = e->fd };

	if (e->fd < 0)
		return;
	if (e->mask & FAN_OPEN_EXEC_PERM) {
		r.response = may_run(g, e->fd, e->pid) ? FAN_ALLOW : FAN_DENY;
		if (write(g->fd, &r, sizeof(r)) < 0)
			log_warn("intel", "exec: cannot answer: %s",
			    errstr(-errno));
	}
	close(e->fd);
}

void
intel_guard_serve(struct threat_intel *t)
{
	static _Alignas(8) char	room[ROOM];
	struct intel_guard	*g = t->guard;
	struct fanotify_event_metadata *e;
	ssize_t			 n;

	while (g != NULL && (n = read(g->fd, room, sizeof(room))) > 0)
		for (e = (void *)room; FAN_EVENT_OK(e, n);
		    e = FAN_EVENT_NEXT(e, n))
			answer(g, e);
}

static void
on_asked(uv_poll_t *p, int status, int events)
{
	struct intel_guard	*g = p->data;

	(void)status, (void)events;
	intel_guard_serve(g->t);
}

int
intel_guard_start(struct threat_intel *t, const json_t *mounts, char **why)
{
	struct intel_guard	*g;
	const char		*path;
	json_t			*v;
	size_t			 i;
	int			 rc;

	if (json_array_size(mounts) == 0)
		return 0;
	g = xcalloc(1, sizeof(*g));
	g->t = t;
	g->fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK |
	    FAN_UNLIMITED_QUEUE, O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	if (g->fd < 0) {
		rc = -errno;
		*why = xasprintf("programs cannot be blocked: %s", rc ==
		    -EPERM ? "CAP_SYS_ADMIN is missing" : errstr(rc));
		free(g);
		return rc;
	}
	json_array_foreach(mounts, i, v) {
		path = json_string_value(v);
		if (fanotify_mark(g->fd, FAN_MARK_ADD | FAN_MARK_MOUNT,
		    FAN_OPEN_EXEC_PERM, AT_FDCWD, path) < 0) {
			rc = -errno;
			*why = xasprintf("blockMounts[%zu]: %s: %s", i, path,
			    errstr(rc));
			close(g->fd);
			free(g);
			return rc;
		}
		g->mounts++;
	}
	hash_weak();
	t->guard = g;
	uv_poll_init(module_loop(t->m), &g->poll, g->fd);
	g->poll.data = g;
	return uv_poll_start(&g->poll, UV_READABLE, on_asked);
}

void
intel_guard_status(const struct threat_intel *t, json_t *o)
{
	const struct intel_guard	*g = t->guard;

	if (g == NULL)
		return;
	json_object_set_new(o, "mounts", json_integer((json_int_t)g->mounts));
	json_object_set_new(o, "execsAsked",
	    json_integer((json_int_t)g->asked));
	json_object_set_new(o, "execsRefused",
	    json_integer((json_int_t)g->refused));
	json_object_set_new(o, "execsUnchecked",
	    json_integer((json_int_t)g->unchecked));
}
