/* What the module host's files share. */
#ifndef MUSTER_MODULES_IMPL_H
#define MUSTER_MODULES_IMPL_H

#include "buf.h"
#include "list.h"
#include "module.h"
#include "modules.h"

enum {
	START_MS	= 30000,	/* for a module's start() */
	STOP_MS		= 2000,		/* for its stop(), then SIGKILL */
	CALL_MS		= 60000,	/* for an answer */
	LAST_WORDS_MS	= 300,		/* for its output after its end */
	HEALTHY_MS	= 60000,	/* ran so long: failures are forgotten */
	MAX_BACKOFF_S	= 60,
	MAX_CALLS	= 32,		/* under way, for one module */
	MAX_HEAR	= 256 * 1024,	/* bytes that a listener has not taken */
	MAX_RATE	= 5000,		/* events of one module a second; more
					 * are counted */
	MAX_GAPS	= 100		/* besides, of their gaps */
};

/* One process from start to end; freed when all its handles have closed. */
struct run {
	struct module_proc *p;		/* NULL: the host forgot it */
	uv_process_t	 process;
	uv_pipe_t	 channel, words;	/* descriptors 0 and 2 */
	struct buf	 in, said;
	int		 open;		/* handles */
	int		 exited, code, signal;
	int		 eof;		/* of the channel */
	int		 closing;
};

struct module_proc {
	struct modules	*host;
	const struct module_type *type;
	struct run	*run;		/* NULL: none */
	enum module_state state;
	int		 enabled, wanted;
	json_t		*settings;
	uv_timer_t	 timer;		/* of starting, stopping, waiting */
	int		 missed;	/* pings */
	int		 failures;	/* in a row */
	int		 fatal;		/* not tried again */
	int64_t		 since;		/* mono, ms: of this run */
	int64_t		 next;		/* mono, ms: the next try; 0: none */
	char		*error, *source, *why;
	struct link	 calls;
	int		 n_calls;
	/* counters */
	uint64_t	 events, gaps, lost, refused, starts, bytes;
	uint64_t	 unheard;	/* not told to it yet */
	int64_t		 refused_from, second;
	unsigned	 in_second;
	int64_t		 cpu_us, cpu_before, rss;	/* before: ended runs */
};

struct modules {
	struct modules_options o;
	struct module_proc *procs;
	size_t		 n;
	uv_timer_t	 ping;
	uint64_t	 next_id;
	char		*state_dir;
	int		 listeners;	/* modules that hear */
	int		 open;		/* the host's own handles */
	void		(*done)(void *);
	void		*done_arg;
};

/* One verb under way. */
struct modules_ask {
	struct link	 link;
	struct module_proc *p;
	uint64_t	 id;
	int64_t		 until;
	modules_part	 part;
	modules_done	 done;
	void		*arg;
	json_t		*parts;		/* where part is NULL */
};

/* modules_proc.c */
void	proc_start(struct module_proc *);
void	proc_stop(struct module_proc *);	/* in order; later kills */
void	proc_kill(struct module_proc *, const char *why);
int	proc_is_up(const struct module_proc *);
/* Its lines: the source, that it is ready, what is wrong. */
void	proc_take_source(struct module_proc *, const json_t *line);
void	proc_take_ready(struct module_proc *);
void	proc_take_error(struct module_proc *, const char *);
/* The ping, the memory, the calls' time limits. */
void	proc_watch(struct module_proc *);
void	run_close(struct run *);	/* its exit and all it said are known */

/* modules_channel.c */
void	run_listen(struct run *);
void	proc_say(struct module_proc *, json_t *take);
void	proc_hear(struct module_proc *, const json_t *record);

/* modules.c */
void	modules_on_event(struct module_proc *, const json_t *line);
void	modules_tell_refused(struct module_proc *);
void	modules_on_gone(struct modules *);	/* a process has gone */

/* modules_control.c */
void	asks_answer(struct module_proc *, const json_t *line);
void	asks_fail(struct module_proc *, int64_t before, const char *why);

#endif
