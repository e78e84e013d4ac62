/* What the files of a module's process share: module.h's other side. */
#ifndef MUSTER_MODULE_PRIVATE_H
#define MUSTER_MODULE_PRIVATE_H

#include "buf.h"
#include "list.h"
#include "log.h"
#include "module.h"

struct lost {			/* by this channel */
	uint64_t	count;
	int64_t		from;
};

struct module {
	const struct module_type *type;
	void		*self;
	uv_loop_t	 loop;
	uv_pipe_t	 channel;
	uv_prepare_t	 round;		/* before the loop waits */
	struct buf	 in, out;
	size_t		 writing;	/* bytes that libuv holds */
	char		*state_dir;
	int64_t		 metrics_ms;
	int		 started;
	struct link	 calls;		/* verbs under way */
	struct lost	 lost;		/* own events, on the way out */
	struct lost	 unheard;	/* others', on the way in */
};

/* module_out.c */
/* From now on what is gathered goes out after each round of the loop. */
void	out_start(struct module *);
void	out_put(struct module *, json_t *take);
void	out_line(struct module *, const char *);	/* without its end */
void	out_flush_full(struct module *);	/* where much is gathered */
/* Writes all that there is, the last thing of this process. */
void	out_drain(struct module *);
/* So many more that it did not hear; told with those before. */
void	out_unheard(struct module *, uint64_t n);
_Noreturn void out_fail(struct module *, const char *why, enum exit_code);

/* module_call.c */
void	call_run(struct module *, json_t *request);	/* borrowed */
void	call_cancel(struct module *, json_int_t id);	/* if it is there */

#endif
