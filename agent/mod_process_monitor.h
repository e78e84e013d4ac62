/* What the sources of process-monitor share. */
#ifndef MUSTER_MOD_PROCESS_MONITOR_H
#define MUSTER_MOD_PROCESS_MONITOR_H

#include "module.h"
#include "process.h"
#include "sensor.h"

enum { LOOK_MS = 200 };		/* between two looks at a ring or at losses */

struct process_monitor {
	struct module	*m;
	struct limit	*limit;
	const char	*source;	/* "ebpf" "netlink" "proc" */
	uv_timer_t	 look, flush;
	void		(*stop)(struct process_monitor *);
	uint64_t	 seen[PROCESS_TYPES], lost;
	int64_t		 looked;	/* wall, ms: at losses, the last time */
	void		*own;		/* the source's */
};

/* -1, 0 or NULL: unknown. */
struct process_event {
	enum process_type type;
	int64_t		 t;		/* wall, ms */
	int64_t		 pid, ppid, uid, loginuid;
	const char	*comm, *exe;
	int		 exe_cut;
	const char	*args;		/* each ended by a NUL; NULL: unknown */
	size_t		 args_len;
	int		 args_cut;
	const char	*cgroup;
	uint64_t	 cgroup_id;
	uint64_t	 dev, ino;	/* of exe, as stat(2) has them */
	int		 status;	/* of wait(2) */
};
void	process_report(struct process_monitor *, const struct process_event *);
/* Tells that n records of the source were lost since the last look. */
void	process_lost(struct process_monitor *, const char *where, uint64_t n);

/* 0, or -errno with *why, freed by the caller. */
int	process_by_bpf(struct process_monitor *, char **why);
int	process_by_netlink(struct process_monitor *, char **why);
int	process_by_proc(struct process_monitor *, char **why);

#endif
