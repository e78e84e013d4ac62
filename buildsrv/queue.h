/*
 * The runner: takes jobs from the store's queue, runs the pipeline script for
 * each, keeps its output as the job's log, publishes what it made, and ends
 * the job.  The script is told by its environment:
 *   MUSTER_JOB_ID    the job's id
 *   MUSTER_JOB_DIR   a private directory, also its working directory, that
 *                    goes when the job has ended
 *   MUSTER_JOB_FILE  the job's record as JSON, in that directory, mode 0600
 * and answers by lines on stdout that begin with "::"
 *   ::step NAME      from here on it does NAME
 *   ::progress N     of 100
 *   ::result {JSON}  once, before it exits with 0.  "file" is the path of
 *                    the artifact in MUSTER_JOB_DIR; "sha256", where it is
 *                    there, must be its SHA-256 in hex.  All others become
 *                    members of the job.
 * All other lines are the log of the step.  Any other exit code than 0 fails
 * the job: its "error" is the step and the last line on stderr.
 *
 * The job gets: step and progress while it runs; in the end checksum (the
 * SHA-256 in hex), size, steps ([{"name","started","ended"},..], ms), error
 * where it failed.
 */
#ifndef MUSTER_QUEUE_H
#define MUSTER_QUEUE_H

#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "store.h"

enum {
	QUEUE_MAX_LINE	= 32768,	/* bytes of output kept of one line, and
					 * so of a result */
	QUEUE_MAX_STEP	= 64,		/* bytes of a step's name */
	QUEUE_MAX_STEPS	= 100,		/* in one run; further ones are not
					 * told apart */
	QUEUE_LOG_LINES	= 100,		/* that many are stored together, */
	QUEUE_LOG_MS	= 50,		/* or what came within this time */
	QUEUE_POLL_MS	= 1000,		/* for leases that ran out elsewhere */
	QUEUE_RETRY_MS	= 1000,		/* when the store has no room for an
					 * end */
	QUEUE_MIN_SECRET = 6		/* bytes; shorter words are not masked:
					 * they are in every second line */
};

struct queue;
struct queue_ops;

struct queue_options {
	struct store	*store;
	const char	*owner;		/* of the leases; one for each server */
	const char	*pipeline;	/* the script */
	const char	*work_dir;	/* of ours alone: what earlier runs left
					 * in it goes at the start */
	const char	*artifact_dir;	/* files named by their SHA-256, 0600;
					 * best in the work_dir's file system */
	int		 max_concurrent;
	int		 max_attempts;	/* starts of one job; 0: 3 */
	int64_t		 lease_ms;	/* 0: 30 s */
	int64_t		 build_timeout_ms;	/* 0: none */
	char		*const *env;	/* NULL: ours; to which the above is
					 * added */
	/* Puts further files into the job's directory.  NULL: none.  0, or
	 * -errno: the job fails. */
	int		(*prepare)(const json_t *job, const char *dir,
			    void *arg);
	/* A word that the pipeline knows and that must not be in the log,
	 * besides the job's registrationKey; we free it.  NULL: none. */
	char		*(*secret)(const json_t *job, void *arg);
	/*
	 * The artifact is in its place: adds to the patch what the job is to
	 * have, and to ops what is to be stored in the same transaction.
	 * result is the script's, with checksum and size as they are.
	 * NULL: nothing.  0, or -errno: the job fails.
	 */
	int		(*finish)(const json_t *job, const json_t *result,
			    json_t *patch, struct queue_ops *ops, void *arg);
	void		*arg;
};

/*
 * 0, or -errno where the directories cannot be made; options and strings are
 * copied.  Jobs that an earlier life under this owner left running are taken
 * again.  The tool's main must have called child_role.
 */
int	queue_start(struct queue **, uv_loop_t *, const struct queue_options *);
/* Something was added.  Called in the turn of the loop that called
 * store_job_add, the claim shares its commit.  Here and in the next two NULL
 * stands for a queue that has stopped. */
void	queue_wake(struct queue *);
/* store_job_cancel said that this job is running: ends its processes. */
void	queue_cancel(struct queue *, const char *job_id);
int	queue_running(const struct queue *);	/* how many, at this moment */
/*
 * Takes no more.  Running jobs end first, or with hand_back are killed and go
 * back to the queue; a second call with hand_back ends the patience of a
 * first without (done and arg then are the first's).  done() is called when
 * nothing runs; the queue is freed, the store is not closed.
 */
void	queue_stop(struct queue *, int hand_back, void (*done)(void *),
	    void *arg);

/* For finish(): one operation more.  Takes the value. */
void	queue_ops_add(struct queue_ops *, enum store_verb, const char *kind,
	    const char *key, json_t *value);

#endif
