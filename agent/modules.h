/*
 * The module host, in the agent: starts each module's process, hears its
 * events, asks whether it is still there, ends it when it is not or when it
 * holds too much memory, and starts it again, later each time.
 */
#ifndef MUSTER_MODULES_H
#define MUSTER_MODULES_H

#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "spool.h"

struct modules;

enum module_state { MODULE_DISABLED, MODULE_STOPPED, MODULE_STARTING,
	MODULE_RUNNING, MODULE_DEGRADED, MODULE_FAILED };

struct modules_options {
	uv_loop_t	*loop;
	const char	*state_dir;
	int64_t		 metrics_ms;	/* telemetry's interval */
	/* Each module's object of config.json, by name; or NULL. */
	const json_t	*settings;
	/* The stamped choice: which are on where settings has no "enabled".
	 * Names of modules, or document 000's. */
	const json_t	*capabilities;
	int64_t		 ping_ms;	/* 0: MODULES_PING_MS */
	/* A record {"type","module","t","data"}, borrowed. */
	void		(*event)(enum spool_class, const json_t *record,
			    void *arg);
	/* Keeps a module's object in config.json: 0 or -errno. */
	int		(*save)(const char *module, const json_t *, void *arg);
	void		*arg;
};

enum {
	MODULES_PING_MS	= 5000,	/* three unanswered: it hangs */
	MODULES_MISSED	= 3
};

/* Starts what is enabled.  The options' strings and JSON are copied. */
struct modules *modules_new(const struct modules_options *);
/* Ends all, in order, then done(); the handles close by the loop. */
void	modules_stop(struct modules *, void (*done)(void *), void *arg);
/* After done(). */
void	modules_free(struct modules *);

/* A part of an answer, taken; and its end, which takes the result (NULL:
 * none) and has error "" unless something is wrong. */
typedef void (*modules_part)(json_t *part, void *arg);
typedef void (*modules_done)(json_t *result, const char *error, void *arg);
struct modules_ask;		/* a module's verb under way, until done */
/*
 * The command "modules": {"action":"list|start|stop|enable|disable|command",
 * "module","verb","args"}.  part may be NULL: parts are then put together in
 * an array, which is the result.  done comes once, now or later.  NULL where
 * no module's verb is under way.
 */
struct modules_ask *modules_control(struct modules *, const json_t *args,
	    modules_part, modules_done, void *arg);
/* Nobody waits for it any more: the module stops its work, where it can, and
 * done comes all the same. */
void	modules_cancel(struct modules_ask *);
/* The same for one module's verb; args is borrowed, NULL: none. */
void	modules_call(struct modules *, const char *module, const char *verb,
	    const json_t *args, modules_part, modules_done, void *arg);

enum module_state modules_state(const struct modules *, const char *module);
extern const char *const module_state_names[];
/* What all processes of the agent have used and hold, this one included. */
void	modules_cost(const struct modules *, int64_t *cpu_us, int64_t *rss);
/* The same of each module by itself, and what it has told; the processor's
 * time of all its runs. */
struct modules_use {
	const char	*name;
	enum module_state state;
	int64_t		 cpu_us, rss;
	uint64_t	 events, lost, bytes, starts;
};
size_t	 modules_number(const struct modules *);
void	 modules_use(const struct modules *, size_t at, struct modules_use *);
/* How many modules are in each state, by enum module_state. */
void	modules_count(const struct modules *, int counts[6]);

#endif
