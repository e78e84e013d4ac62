/* Private to the runner: a queue and its runs.  Only queue*.c include it. */
#ifndef MUSTER_QUEUE_RUN_H
#define MUSTER_QUEUE_RUN_H

#include "buf.h"
#include "child.h"
#include "list.h"
#include "queue.h"

struct queue_ops {
	struct store_op	*v;
	size_t		 n;
};

struct queue {
	struct queue_options	 o;	/* strings are the queue's own */
	uv_loop_t		*loop;
	uv_timer_t		 poll;
	struct link		 runs;
	int			 ready;	/* earlier jobs were released */
	int			 busy;	/* slots in use, or being claimed for */
	int			 claims;	/* under way */
	int			 again;	/* woken since they were sent */
	int			 unswept;	/* old directories are left */
	int			 stopping, hand_back;
	void			(*stopped)(void *);
	void			*stopped_arg;
};

enum run_state {
	RUN_CHILD,	/* the script runs */
	RUN_PUBLISH,	/* a worker puts the artifact in its place */
	RUN_FINISH,	/* the store writes the end; the slot is free */
	RUN_REMOVE,	/* a worker removes the directory */
	RUN_GONE	/* the handles close */
};

/* Why a run ends before its time. */
enum run_why { WHY_NOT, WHY_CANCEL, WHY_HAND_BACK, WHY_STALE };

struct run {
	struct link	 link;
	struct queue	*queue;
	enum run_state	 state;
	enum run_why	 why;
	json_t		*job;		/* as claimed */
	const char	*id;		/* in job */
	int64_t		 fence;
	char		*dir;
	struct child	*child;
	uv_timer_t	 flush, renew;
	int		 handles;	/* that are not closed yet */
	int		 calls;		/* of the store, not yet answered */
	uv_work_t	 work;
	/* queue_output.c */
	char		*secrets[2];
	size_t		 n_secrets;
	struct buf	 part[2];	/* of a long line of stdout, stderr */
	json_t		*lines;		/* not yet sent */
	int		 logging;	/* calls of store_log_add under way */
	size_t		 log_bytes;	/* sent or waiting, of this run */
	json_t		*steps;
	json_t		*news;		/* step and progress, not yet sent */
	char		*last_err;
	json_t		*result;
	/* queue_publish.c */
	char		*artifact_dir;
	char		 checksum[65];
	uint64_t	 size;
	char		*error;
	/* the end, kept for another try */
	const char	*status;
	json_t		*patch;
	struct queue_ops ops;
};

/* queue.c */

/* A run leaves its slot: another job may be taken. */
void	queue_slot_free(struct queue *);
/* Ends a stop when nothing is left; after each run that is freed. */
void	queue_stop_check(struct queue *);
void	ops_clear(struct queue_ops *);

/* queue_run.c */

void	run_start(struct queue *, const json_t *job);
/* Ends its processes; what comes after that, why says. */
void	run_end(struct run *, enum run_why);
/* Sends the members that the job is to have by now, and renews the lease. */
void	run_renew(struct run *);
/* One of its calls of the store was answered; it may be gone after that. */
void	run_answered(struct run *);
/* The last step: removes the directory and frees. */
void	run_remove(struct run *);

/* queue_finish.c */

/* Frees the slot, tells the store the end until it takes it, and removes. */
void	run_finish(struct run *, const char *status);
/* The same with "failed"; takes the reason. */
void	run_fail(struct run *, char *error);

/* queue_output.c */

void	output_start(struct run *);
void	output_line(struct run *, const char *, size_t, int err);
/* Takes unfinished lines for whole, and ends the step. */
void	output_end(struct run *);
void	output_flush(struct run *);	/* to the store */
void	output_release(struct run *);
/* Name of the present step. */
const char *output_step(const struct run *);

/* queue_publish.c: in a worker */

/* Moves the artifact to its place: size and checksum, or error is set. */
void	publish(struct run *);

#endif
