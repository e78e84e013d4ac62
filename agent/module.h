/*
 * What a module is written against.  Each runs in a process of its own, the
 * agent's binary started as -P module NAME, so that one that crashes, hangs
 * or eats memory takes nobody along: the host (modules.h) ends it and starts
 * it again.  A module has the loop of its process to itself, and no threads.
 *
 * It lives in agent/mod_NAME*.c ('-' in a name is '_' there), and stands in
 * the table of modules_table.c, from which CAPS chooses at build time.
 */
#ifndef MUSTER_MODULE_H
#define MUSTER_MODULE_H

#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "spool.h"

struct module;			/* this process */
struct module_call;		/* a command that waits for its answer */

struct module_type {
	const char	*name;		/* "fs-monitor" */
	const char	*about;		/* one line for people */
	/* The Linux capabilities, 1 << CAP_x, that it keeps after start(). */
	uint64_t	 caps;
	/* Those that start() needs besides, for all its sources: the agent
	 * keeps them for it. */
	uint64_t	 needs;
	unsigned	 confine;	/* flags of confine.h */
	/* What it may hold of private memory in MB; 0: MODULE_MEMORY_MB. */
	int		 memory_mb;
	/*
	 * Opens all that it needs, with the agent's privileges, and sets its
	 * timers and watchers up.  config is the module's object below
	 * "modules" in config.json, borrowed, maybe empty.  0 and *self, or
	 * -errno with *why, freed by the caller: -EINVAL for a configuration
	 * that is wrong, which is not tried again.
	 */
	int		(*start)(struct module *, const json_t *config,
			    void **self, char **why);
	/* Says its last; the process ends right after.  May be NULL. */
	void		(*stop)(void *self);
	/* Counters and what it watches, a new object.  May be NULL. */
	json_t		*(*status)(void *self);
	/* A verb of its own, answered now or later.  May be NULL. */
	void		(*command)(void *self, struct module_call *);
	/* What the other modules report, borrowed: {"type","module","t",
	 * "data"}.  NULL: it does not listen, and is sent nothing. */
	void		(*hear)(void *self, const json_t *record);
};

enum {
	MODULE_MEMORY_MB = 64,	/* libbpf reads the kernel's BTF: 30 for a
				 * moment */
	MODULE_MAX_LINE	= 256 * 1024,	/* more is answered in parts */
	MODULE_MAX_PENDING = 1024 * 1024 /* events that the agent did not take
					 * yet; further ones are counted */
};

/* In the module's process.  module_child.c */

/* The role -P module NAME: never returns where argv says so. */
void	 module_role(int argc, char **argv);
uv_loop_t *module_loop(struct module *);
/* The agent's private directory, where a module may keep a file. */
const char *module_state_dir(const struct module *);
int64_t	 module_metrics_ms(const struct module *);	/* between samples */

/* module_out.c */

/* Reports: takes data, an object.  What does not fit is counted, and told by
 * an event "gap" as soon as something fits again. */
void	 module_event(struct module *, enum spool_class, const char *type,
	    json_t *data_take);
/*
 * Reports that count records of a sensor were lost between from and to (wall,
 * ms), and where: "kernel", "limit", "channel", ...
 */
void	 module_gap(struct module *, const char *sensor, const char *where,
	    int64_t from, int64_t to, uint64_t count);
/*
 * Which source serves, and why not a better one: NULL where it is the best,
 * the state is then "running", else "degraded".  Copied.
 */
void	 module_source(struct module *, const char *source, const char *why);
/* It cannot go on: told to the agent, and the process ends.  It is started
 * again after a while. */
_Noreturn void module_fail(struct module *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));

/* module_call.c */

const char *module_call_verb(const struct module_call *);
const json_t *module_call_args(const struct module_call *);	/* object */
/* What to do when nobody waits for the answer any more: stop the work, and
 * call module_answer() all the same, in there or later. */
void	 module_on_cancel(struct module_call *,
	    void (*cancelled)(struct module_call *, void *arg), void *arg);
/* One part of a long answer, taken.  A verb that takes long answers one at
 * least each 20 s: after 60 s of silence nobody waits any more. */
void	 module_answer_part(struct module_call *, json_t *part_take);
/* The last: takes the result, NULL where there is none; error is NULL unless
 * something is wrong.  Frees the call. */
void	 module_answer(struct module_call *, json_t *result_take,
	    const char *error);

extern const struct module_type	module_telemetry, module_fs_monitor,
	    module_process_monitor, module_network_monitor, module_policy,
	    module_analysis, module_threat_intel;

/* modules_table.c: all that this binary has, ended by NULL */
extern const struct module_type	*const module_types[];
/* module_child.c: one of them, or NULL */
const struct module_type *module_find(const char *name);

#endif
