/* What the parts of fs-monitor share. */
#ifndef MUSTER_MOD_FS_MONITOR_H
#define MUSTER_MOD_FS_MONITOR_H

#include <limits.h>

#include "module.h"
#include "sensor.h"

enum {
	FS_PATHS	= 64,		/* watched; more is a mistake */
	FS_CREATE	= 1,
	FS_MODIFY	= 2,
	FS_DELETE	= 4,
	FS_ATTRIB	= 8,
	FS_MOVE		= 16
};

struct fs_baseline;
struct fs_monitor {
	struct module	*m;
	struct limit	*limit;
	const char	*source;	/* "fanotify" "inotify" */
	char		*paths[FS_PATHS];
	size_t		 n;
	uv_timer_t	 flush;
	uint64_t	 seen, outside, lost;
	int64_t		 self, agent;	/* whose own changes are no events */
	struct fs_baseline *baseline;	/* under way, or NULL */
	void		*own;
};

/* Whether the path is one of those watched, or below one. */
int	fs_is_watched(const struct fs_monitor *, const char *path);
/* What happened (FS_*), where, by whom (pid -1: unknown); to is the new path
 * of a move, or NULL. */
void	fs_report(struct fs_monitor *, unsigned what, const char *path,
	    const char *to, int is_dir, int64_t pid);
void	fs_lost(struct fs_monitor *, const char *where, int64_t from,
	    uint64_t n);

int	fs_by_fanotify(struct fs_monitor *, char **why);
int	fs_by_inotify(struct fs_monitor *, char **why);

/* mod_fs_monitor_baseline.c: the verbs baseline and verify */
void	fs_baseline_run(struct fs_monitor *, struct module_call *, int verify);
/* What the baseline says of the path: its SHA-256 as hex in out, 1; 0: it has
 * none. */
int	fs_baseline_find(const struct fs_monitor *, const char *path,
	    char out[65]);

#endif
