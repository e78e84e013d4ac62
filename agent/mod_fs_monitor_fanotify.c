/*
 * fs-monitor by fanotify: a mark on each file system that holds a watched
 * path, events with directory handle and name.  A handle becomes a path by
 * open_by_handle_at(2), and is remembered until a directory is moved or
 * removed.
 *
 * The kernel's queue is not limited, for what it drops it does not count.
 * Instead its length is looked at: when it is too long, events are taken out
 * and only counted until it is short again.
 */
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mod_fs_monitor.h"

#ifndef FAN_RENAME
#define FAN_RENAME			0x10000000
#endif
#ifndef FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
#define FAN_EVENT_INFO_TYPE_OLD_DFID_NAME	10
#define FAN_EVENT_INFO_TYPE_NEW_DFID_NAME	12
#endif

enum {
	QUEUE_MAX	= 100000,	/* events; 14 MB of the kernel's */
	ROOM		= 64 * 1024,	/* of events at once: 1000 */
	READS		= 64,		/* before the loop has its turn */
	DIRS		= 512,		/* handles that are remembered */
	MAX_HANDLE	= 128
};

#define MASK	(FAN_CREATE | FAN_DELETE | FAN_CLOSE_WRITE | FAN_ATTRIB | \
		    FAN_ONDIR)

struct dir {
	uint8_t		 handle[MAX_HANDLE + 24];
	unsigned	 len;		/* 0: free */
	char		*path;		/* NULL: not watched, or gone */
};

struct by_fanotify {
	int		 fd;
	uv_poll_t	 poll;
	int		 mounts[FS_PATHS];	/* to open handles by */
	fsid_t		 ids[FS_PATHS];
	size_t		 n;
	struct dir	 dirs[DIRS];
	uint64_t	 skipped;
	int64_t		 skipped_from;
};

/* -- handles -- */

static void
forget_dirs(struct by_fanotify *f)
{
	size_t	i;

	for (i = 0; i < DIRS; i++) {
		free(f->dirs[i].path);
		f->dirs[i].path = NULL;
		f->dirs[i].len = 0;
	}
}

static int
mount_of(const struct by_fanotify *f, const void *fsid)
{
	size_t	i;

	for (i = 0; i < f->n; i++)
		if (memcmp(&f->ids[i], fsid, sizeof(f->ids[i])) == 0)
			return f->mounts[i];
	return -1;
}

/* The path of a directory; NULL where it is gone. */
static char *
resolve(const struct by_fanotify *f, const struct fanotify_event_info_fid *i)
{
	/* the kernel's handle is aligned as its header is, not as ours */
	union {
		struct file_handle	h;
		uint8_t			room[sizeof(struct file_handle) +
					    MAX_HANDLE];
	}	 u;
	char	 link[32], path[PATH_MAX];
	ssize_t	 n;
	int	 fd;

	memcpy(&u.h, i->handle, sizeof(u.h));
	if (u.h.handle_bytes > MAX_HANDLE)
		return NULL;
	memcpy(u.room, i->handle, sizeof(u.h) + u.h.handle_bytes);
	fd = open_by_handle_at(mount_of(f, &i->fsid), &u.h,
	    O_PATH | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	close(fd);
	if (n <= 0 || path[0] != '/')
		return NULL;
	path[n] = '\0';
	if (n > 10 && strcmp(path + n - 10, " (deleted)") == 0)
		path[n - 10] = '\0';
	return xstrdup(path);
}

/* Whether a watched path lies below this directory or the other way round. */
static int
matters(const struct fs_monitor *s, const char *dir)
{
	size_t	i, n = strlen(dir);

	if (fs_is_watched(s, dir))
		return 1;
	for (i = 0; i < s->n; i++)
		if (n == 1 || (strncmp(s->paths[i], dir, n) == 0 &&
		    s->paths[i][n] == '/'))
			return 1;
	return 0;
}

/* Borrowed until the next call; NULL: nothing that is watched. */
static const char *
dir_path(struct fs_monitor *s, const struct fanotify_event_info_fid *i)
{
	struct by_fanotify	*f = s->own;
	struct file_handle	 h;
	unsigned		 len;
	uint32_t		 hash = 2166136261U;
	const uint8_t		*p = (const uint8_t *)&i->fsid;
	struct dir		*d;
	unsigned		 k;

	memcpy(&h, i->handle, sizeof(h));
	len = (unsigned)(sizeof(i->fsid) + sizeof(h)) + h.handle_bytes;
	if (h.handle_bytes > MAX_HANDLE)
		return NULL;
	for (k = 0; k < len; k++)
		hash = (hash ^ p[k]) * 16777619U;
	d = &f->dirs[hash % DIRS];
	if (d->len == len && memcmp(d->handle, p, len) == 0)
		return d->path;
	free(d->path);
	d->path = resolve(f, i);
	if (d->path != NULL && !matters(s, d->path)) {
		free(d->path);
		d->path = NULL;
	}
	memcpy(d->handle, p, len);
	d->len = len;
	return d->path;
}

/* -- events -- */

/* "dir/name" of one piece of information; 0 where it is not watched. */
static int
path_of(struct fs_monitor *s, const struct fanotify_event_info_fid *i,
    char out[PATH_MAX])
{
	const char		*dir = dir_path(s, i), *name;
	struct file_handle	 h;
	size_t			 at;

	if (dir == NULL)
		return 0;
	memcpy(&h, i->handle, sizeof(h));
	at = offsetof(struct fanotify_event_info_fid, handle) + sizeof(h) +
	    h.handle_bytes;
	name = at < i->hdr.len ? (const char *)i + at : "";
	if (strcmp(name, ".") == 0 || *name == '\0')
		snprintf(out, PATH_MAX, "%s", dir);
	else
		snprintf(out, PATH_MAX, "%s/%s", strcmp(dir, "/") == 0 ? "" :
		    dir, name);
	return fs_is_watched(s, out);
}

static unsigned
what_of(uint64_t mask)
{
	return (mask & FAN_CREATE ? FS_CREATE : 0U) |
	    (mask & FAN_CLOSE_WRITE ? FS_MODIFY : 0U) |
	    (mask & FAN_DELETE ? FS_DELETE : 0U) |
	    (mask & FAN_ATTRIB ? FS_ATTRIB : 0U) |
	    (mask & (FAN_RENAME | FAN_MOVED_FROM | FAN_MOVED_TO) ? FS_MOVE :
	    0U);
}

/* Its pieces of information stand in [p, end). */
static void
on_event(struct fs_monitor *s, const struct fanotify_event_metadata *e,
    const char *p, const char *end)
{
	char		 paths[2][PATH_MAX];
	int		 there[2] = { 0, 0 }, is_dir = (e->mask & FAN_ONDIR) !=
			    0;
	unsigned	 what = what_of(e->mask);

	while (p + sizeof(struct fanotify_event_info_header) <= end) {
		const struct fanotify_event_info_fid	*i =
		    (const struct fanotify_event_info_fid *)(const void *)p;
		int	second = i->hdr.info_type ==
		    FAN_EVENT_INFO_TYPE_NEW_DFID_NAME;

		if (i->hdr.len == 0 || p + i->hdr.len > end)
			break;
		if (i->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME ||
		    i->hdr.info_type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME ||
		    second)
			there[second] = path_of(s, i, paths[second]);
		p += i->hdr.len;
	}
	if (is_dir && what & (FS_MOVE | FS_DELETE))
		forget_dirs(s->own);
	if (there[0])
		fs_report(s, what, paths[0], there[1] ? paths[1] : NULL,
		    is_dir, e->pid);
	else if (there[1])		/* from a place that is not watched */
		fs_report(s, what, paths[1], NULL, is_dir, e->pid);
	else
		s->outside++;
}

/* How many events wait; each counts 24 bytes there. */
static unsigned
queue_length(int fd)
{
	int	n = 0;

	return ioctl(fd, FIONREAD, &n) < 0 ? 0 : (unsigned)n /
	    FAN_EVENT_METADATA_LEN;
}

static void
tell_skipped(struct fs_monitor *s)
{
	struct by_fanotify	*f = s->own;

	if (f->skipped > 0)
		fs_lost(s, "limit", f->skipped_from, f->skipped);
	f->skipped = 0;
}

/* An event with a name ends where four bytes end; the next one's head, which
 * has numbers of eight, is copied. */
static void
take(struct fs_monitor *s, const char *p, const char *end, int skip)
{
	struct by_fanotify		*f = s->own;
	struct fanotify_event_metadata	 e;

	for (; end - p >= (ssize_t)sizeof(e); p += e.event_len) {
		memcpy(&e, p, sizeof(e));
		if (e.event_len < sizeof(e) || e.event_len > end - p)
			break;
		if (e.mask & FAN_Q_OVERFLOW) {
			forget_dirs(f);
			fs_lost(s, "kernel", clock_wall_ms(), 1);
		} else if (!skip) {
			on_event(s, &e, p + e.metadata_len, p + e.event_len);
		} else {
			if (f->skipped++ == 0)
				f->skipped_from = clock_wall_ms();
			if (e.mask & FAN_ONDIR)
				forget_dirs(f);
		}
	}
}

static void
on_readable(uv_poll_t *p, int status, int events)
{
	static char		*room;
	struct fs_monitor	*s = p->data;
	struct by_fanotify	*f = s->own;
	ssize_t			 n;
	int			 i, skip;

	(void)status;
	(void)events;
	if (room == NULL)
		room = xmalloc(ROOM);
	skip = queue_length(f->fd) > (f->skipped > 0 ? QUEUE_MAX / 2 :
	    QUEUE_MAX);
	if (!skip)
		tell_skipped(s);
	for (i = 0; i < READS; i++) {
		if ((n = read(f->fd, room, ROOM)) <= 0)
			break;
		take(s, room, room + n, skip);
	}
}

/* -- the marks -- */

/* 0 or -errno. */
static int
mark(struct by_fanotify *f, const char *path)
{
	struct statfs	fs;
	size_t		i;
	int		fd;

	if (statfs(path, &fs) < 0)
		return -errno;
	for (i = 0; i < f->n; i++)
		if (memcmp(&f->ids[i], &fs.f_fsid, sizeof(fs.f_fsid)) == 0)
			return 0;
	if (fanotify_mark(f->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MASK |
	    FAN_RENAME, AT_FDCWD, path) < 0 && fanotify_mark(f->fd,
	    FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MASK | FAN_MOVED_FROM |
	    FAN_MOVED_TO, AT_FDCWD, path) < 0)
		return -errno;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		return -errno;
	f->mounts[f->n] = fd;
	memcpy(&f->ids[f->n], &fs.f_fsid, sizeof(fs.f_fsid));
	f->n++;
	return 0;
}

int
fs_by_fanotify(struct fs_monitor *s, char **why)
{
	struct by_fanotify	*f = xcalloc(1, sizeof(*f));
	size_t			 i;
	int			 rc = 0;

	f->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
	    FAN_REPORT_DFID_NAME | FAN_UNLIMITED_QUEUE, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		rc = -errno;
	for (i = 0; rc == 0 && i < s->n; i++)
		if ((rc = mark(f, s->paths[i])) < 0)
			*why = xasprintf("%s: cannot be marked: %s",
			    s->paths[i], strerror(-rc));
	if (rc < 0) {
		if (*why == NULL)
			*why = xstrdup(rc == -EPERM ?
			    "CAP_SYS_ADMIN is missing" : strerror(-rc));
		if (f->fd >= 0)
			close(f->fd);
		while (f->n > 0)
			close(f->mounts[--f->n]);
		free(f);
		return rc;
	}
	s->own = f;
	uv_poll_init(module_loop(s->m), &f->poll, f->fd);
	f->poll.data = s;
	uv_poll_start(&f->poll, UV_READABLE, on_readable);
	return 0;
}
