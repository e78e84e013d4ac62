/*
 * fs-monitor by inotify, for an agent that may not use fanotify: a watch on
 * each directory.  It does not say who, and what is made in a new directory
 * before its watch stands is found by a look into it, not by an event.
 */
#include <sys/inotify.h>
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mod_fs_monitor.h"

enum {
	MAX_WATCHES	= 16384,	/* directories; 1 KB each in the
					 * kernel */
	MAX_DEPTH	= 32,
	ROOM		= 32 * 1024
};

struct by_inotify {
	int		 fd;
	uv_poll_t	 poll;
	char		**dirs;		/* by watch; NULL: none */
	int		 n;
	int		 watches, refused;
};

#define MASK	(IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_ATTRIB | \
		    IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW)

static void	watch_tree(struct fs_monitor *, const char *, int depth,
		    int report);

static void
watch(struct fs_monitor *s, const char *path)
{
	struct by_inotify	*b = s->own;
	int			 w;

	if (b->watches >= MAX_WATCHES) {
		b->refused++;
		return;
	}
	if ((w = inotify_add_watch(b->fd, path, MASK)) < 0) {
		b->refused += errno == ENOSPC;
		return;
	}
	if (w >= b->n) {
		b->dirs = xrealloc(b->dirs, ((size_t)w + 64) *
		    sizeof(*b->dirs));
		memset(b->dirs + b->n, 0, ((size_t)(w + 64 - b->n)) *
		    sizeof(*b->dirs));
		b->n = w + 64;
	}
	b->watches += b->dirs[w] == NULL;
	free(b->dirs[w]);
	b->dirs[w] = xstrdup(path);
}

/* Watches a directory and those below; what is in a new one is reported. */
static void
watch_tree(struct fs_monitor *s, const char *path, int depth, int report)
{
	struct dirent	*e;
	char		*below;
	DIR		*d;

	watch(s, path);
	if (depth >= MAX_DEPTH || (d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		below = xasprintf("%s/%s", path, e->d_name);
		if (report)
			fs_report(s, FS_CREATE, below, NULL,
			    e->d_type == DT_DIR, -1);
		if (e->d_type == DT_DIR)
			watch_tree(s, below, depth + 1, report);
		free(below);
	}
	closedir(d);
}

static void
on_event(struct fs_monitor *s, const struct inotify_event *e)
{
	struct by_inotify	*b = s->own;
	int			 is_dir = (e->mask & IN_ISDIR) != 0;
	unsigned		 what;
	char			 path[PATH_MAX];

	if (e->mask & IN_Q_OVERFLOW) {	/* it does not say how many */
		fs_lost(s, "kernel", clock_wall_ms(), 1);
		return;
	}
	if (e->wd < 0 || e->wd >= b->n || b->dirs[e->wd] == NULL)
		return;
	if (e->mask & IN_IGNORED) {
		free(b->dirs[e->wd]);
		b->dirs[e->wd] = NULL;
		b->watches--;
		return;
	}
	if (e->len > 0)
		snprintf(path, sizeof(path), "%s/%s", b->dirs[e->wd], e->name);
	else
		snprintf(path, sizeof(path), "%s", b->dirs[e->wd]);
	what = (e->mask & IN_CREATE ? FS_CREATE : 0U) |
	    (e->mask & IN_CLOSE_WRITE ? FS_MODIFY : 0U) |
	    (e->mask & IN_DELETE ? FS_DELETE : 0U) |
	    (e->mask & IN_ATTRIB ? FS_ATTRIB : 0U) |
	    (e->mask & (IN_MOVED_FROM | IN_MOVED_TO) ? FS_MOVE : 0U);
	if (what == 0)
		return;
	fs_report(s, what, path, NULL, is_dir, -1);
	if (is_dir && e->mask & (IN_CREATE | IN_MOVED_TO))
		watch_tree(s, path, 0, 1);
}

static void
on_readable(uv_poll_t *p, int status, int events)
{
	static _Alignas(8) char	 room[ROOM];
	struct fs_monitor	*s = p->data;
	struct by_inotify	*b = s->own;
	ssize_t			 n = read(b->fd, room, sizeof(room)), at;

	(void)status;
	(void)events;
	for (at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
		const struct inotify_event	*e =
		    (const struct inotify_event *)(void *)(room + at);

		on_event(s, e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

int
fs_by_inotify(struct fs_monitor *s, char **why)
{
	struct by_inotify	*b = xcalloc(1, sizeof(*b));
	size_t			 i;

	s->own = b;
	if ((b->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) < 0) {
		*why = xasprintf("inotify: %s", strerror(errno));
		return -errno;
	}
	for (i = 0; i < s->n; i++)
		watch_tree(s, s->paths[i], 0, 0);
	if (b->refused > 0)
		log_warn("fs-monitor", "%d directories are not watched: the"
		    " limit is %d, or that of fs.inotify.max_user_watches",
		    b->refused, MAX_WATCHES);
	uv_poll_init(module_loop(s->m), &b->poll, b->fd);
	b->poll.data = s;
	uv_poll_start(&b->poll, UV_READABLE, on_readable);
	return 0;
}
