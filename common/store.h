/*
 * The records: queue, logs, events and plain documents, behind one narrow
 * interface, such that LMDB (store_lmdb.c) and later a shared database serve
 * it alike.  Values are JSON.  Writes of one turn of the loop are committed
 * together in one transaction by a worker, and done() is called when they
 * are on the disk; reads may call done() before they return.
 *
 * Rule: what done() was told is durable; a killed process loses nothing
 * that was told and leaves nothing half.
 */
#ifndef MUSTER_STORE_H
#define MUSTER_STORE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

struct store;

enum {
	STORE_MAX_KEY	= 400,		/* LMDB's own limit is 511 */
	STORE_MAX_LIST	= 1000,		/* items in one answer */
	STORE_MAX_LINES	= 1000,		/* log lines in one call */
	STORE_LOG_MAX	= 4 * 1024 * 1024, /* bytes of one job's log; then it
					 * ends with a line that says so */
	STORE_HISTORY_MAX = 8 * 1024 * 1024 /* bytes of one agent's records;
				 * then the oldest go: some 30,000 stay */
};

/*
 * rc is 0 or -errno; result is borrowed and NULL where there is none.
 * -ENOENT absent; -EEXIST there already; -ESTALE the fence was overtaken;
 * -EALREADY the job has ended; -EAGAIN nothing to claim; -EINVAL a name too
 * long or not UTF-8, a value of the wrong kind; -ENOSPC the disk is full:
 * nothing was changed, the store goes on and later writes may succeed.
 */
typedef void (*store_done)(int rc, const json_t *result, void *arg);

/*
 * "lmdb:DIR"; made (0700) where missing.  *why (may be NULL): words that the
 * caller frees.  One process writes (the server, under its lock); others may
 * open the same DIR and read.
 */
int	store_open(struct store **, uv_loop_t *, const char *where, char **why);
/* Commits what is under way, then done(); frees.  Calls from callbacks until
 * then are served. */
void	store_close(struct store *, void (*done)(void *), void *arg);

/* -- documents: a kind ("account", "token", "agent"), a key, an object -- */

void	store_get(struct store *, const char *kind, const char *key,
	    store_done, void *arg);
/*
 * Items of a kind whose keys begin with prefix, in key order (backwards with
 * reverse), behind the key after (NULL: from the start):
 * {"items":[{"key":..,"value":..},...],"next":KEY or null}.  Here and below
 * a limit of 0 or past STORE_MAX_LIST is STORE_MAX_LIST.
 */
void	store_list(struct store *, const char *kind, const char *prefix,
	    const char *after, size_t limit, int reverse, store_done,
	    void *arg);

enum store_verb {
	STORE_PUT,	/* sets, whatever was there */
	STORE_ADD,	/* -EEXIST where the key is there */
	STORE_MERGE,	/* sets the members given; -ENOENT without a document */
	STORE_BUMP,	/* adds the integers given to members; as MERGE */
	STORE_DEL,	/* -ENOENT where absent */
	STORE_APPEND,	/* adds at the end of the kind: the key, which is the
			 * store's, is the number in 20 digits, from 1 without
			 * gaps, also in the value, as seq, with t (ms) */
	STORE_EVENT,	/* appends an event: kind is its type, key the user
			 * (NULL: nobody's), value the data */
	STORE_DROP	/* as DEL, but what is absent is no error */
};

struct store_op {
	enum store_verb	 verb;
	const char	*kind, *key;
	const json_t	*value;
};

/* All or nothing; rc is the first op's that failed. Arguments are copied. */
void	store_write(struct store *, const struct store_op *, size_t n,
	    store_done, void *arg);

/* -- the queue -- */

/*
 * A job is an object with at least id, user, and whatever else; the store
 * keeps in it: status (pending running completed failed cancelled), seq,
 * created, started, ended (ms), priority (higher first), attempts, fence,
 * owner, lease (ms), cancel (bool).  Every change of status appends its
 * event in the same transaction (buildJobAdded, buildJobStarted,
 * buildJobCompleted, buildJobFailed, buildJobCancelled) with the whole job
 * as data, secrets included: who passes events on shows what may be seen.
 * A job that is claimed again after its lease ran out is started again, and
 * has another buildJobStarted; one that is handed back has no event.
 */
/* Whether it is one of the members that the store keeps, or id or user: a
 * patch that has one is -EINVAL. */
int	store_job_kept(const char *member);
void	store_job_add(struct store *, const json_t *job, store_done, void *arg);
void	store_job_get(struct store *, const char *id, store_done, void *arg);
/*
 * Newest first; user and status may be NULL; cursor is the "next" of the
 * answer before: {"items":[job,...],"next":CURSOR or null}.
 */
void	store_job_list(struct store *, const char *user, const char *status,
	    const char *cursor, size_t limit, store_done, void *arg);
/*
 * Takes the next job: of the users with pending jobs the one with the fewest
 * running, then the one served longest ago; of that user's the highest
 * priority, then the oldest.  A running job whose lease has run out goes
 * first (attempts + 1; past max_attempts it fails instead and the next is
 * taken; with cancel set it is cancelled).  The result carries the new fence.
 * Writes go in order: a claim behind an add in the same turn of the loop
 * sees it, and shares its commit.
 */
void	store_job_claim(struct store *, const char *owner, int64_t lease_ms,
	    int max_attempts, store_done, void *arg);
/* Sets members (patch may be NULL) of a running job and renews its lease
 * (lease_ms > 0).  The result is the job: look at cancel.  -ESTALE with
 * another's fence, or where it no longer runs. */
void	store_job_update(struct store *, const char *id, int64_t fence,
	    const json_t *patch, int64_t lease_ms, store_done, void *arg);
/*
 * Ends a running job with status completed, failed or cancelled, sets the
 * members of patch, and does ops (tokens and the like) in the same
 * transaction.  status "pending" hands it back instead (attempts - 1); where
 * its cancel is set, that cancels it.
 */
void	store_job_finish(struct store *, const char *id, int64_t fence,
	    const char *status, const json_t *patch,
	    const struct store_op *, size_t n, store_done, void *arg);
/* A pending job is cancelled; a running one gets cancel:true; an ended one
 * is -EALREADY.  The result, then too, is the job. */
void	store_job_cancel(struct store *, const char *id, store_done, void *arg);
/* The same, and does ops in the same transaction. */
void	store_job_cancel_ops(struct store *, const char *id,
	    const struct store_op *, size_t n, store_done, void *arg);
/*
 * Removes a job that has ended, with its log, its places in lists and its
 * share of the counts, and does ops in the same transaction; its events stay
 * until they are trimmed.  The result is the job as it was.  -EBUSY where it
 * has not ended.
 */
void	store_job_delete(struct store *, const char *id,
	    const struct store_op *, size_t n, store_done, void *arg);
/*
 * All users' jobs, oldest first, whatever their status: {"items":[job,...],
 * "next":CURSOR or null}.  Their `created` never goes down but where the
 * clock was set back.
 */
void	store_job_oldest(struct store *, const char *cursor, size_t limit,
	    store_done, void *arg);
/* Lets the leases of an owner run out now: at the start of a server whose
 * earlier life was killed.  The result is {"released":n}. */
void	store_job_release(struct store *, const char *owner, store_done,
	    void *arg);
/* {"pending":n,"running":n,"completed":n,"failed":n,"cancelled":n,
 *  "users":{USER:{"pending":n,"running":n}}} */
void	store_job_stats(struct store *, store_done, void *arg);
/* As store_job_add, and does ops in the same transaction; -EDQUOT where the
 * user has max_pending (0: no limit) jobs that wait already. */
void	store_job_submit(struct store *, const json_t *job,
	    size_t max_pending, const struct store_op *, size_t n, store_done,
	    void *arg);
/* Where a job stands: {"status":..,"ahead":n,"running":n}.  ahead is how many
 * of those that wait will be taken before it, when users take turns as they
 * do and nothing new comes. */
void	store_job_place(struct store *, const char *id, store_done, void *arg);

/* -- logs: lines of a job, [{"t":ms,"step":..,"err":0|1,"text":..},...] -- */

/* -ESTALE as above.  The result is {"next":n}. */
void	store_log_add(struct store *, const char *id, int64_t fence,
	    const json_t *lines, store_done, void *arg);
/* Lines from number `from` (0 the first): {"items":[...],"next":n}. */
void	store_log_read(struct store *, const char *id, int64_t from,
	    size_t limit, store_done, void *arg);

/* -- histories: what an agent reports, numbered from 1 in its own log -- */

/*
 * Appends records, objects that carry the agent's own number as seq (rising;
 * none or 0: not counted); takes the array, which nobody else may hold.
 * Those at or below the last number from the same spool (a word; with
 * another one the agent counts anew) are there already and passed over.
 * {"ack":LAST SEQ,"added":n,"next":n}.
 */
void	store_history_add(struct store *, const char *agent,
	    const char *spool, json_t *records_take, store_done, void *arg);
/*
 * Behind number after; below 0: the newest -after.
 * {"items":[{"n":n,"at":ms,...},...],"next":n,"first":n,"gap":bool}, where at
 * is when it came, next the `after` that goes on from there, and the rest as
 * of store_event_read().
 */
void	store_history_read(struct store *, const char *agent, int64_t after,
	    size_t limit, store_done, void *arg);
/* Removes from the oldest on what came before that time (ms), at most limit
 * of them.  {"trimmed":n}. */
void	store_history_trim(struct store *, const char *agent, int64_t before,
	    size_t limit, store_done, void *arg);

/* -- events: numbered from 1, in order, without gaps -- */

/* Behind number after, of one user (NULL: all; "": nobody's):
 * {"items":[{"seq":n,"t":ms,"type":..,"user":..,"data":..},...],"next":n,
 *  "first":n,"gap":bool}, where next is the `after` that goes on from there,
 * first the oldest number that is kept, and gap tells that some behind
 * `after` were trimmed: who reads on from there has missed them. */
void	store_event_read(struct store *, int64_t after, const char *user,
	    size_t limit, store_done, void *arg);
int64_t	store_event_last(struct store *);
/* Transactions that were committed since it was opened. */
int64_t	store_commits(const struct store *);
/* The oldest number that is kept: 1 until some were trimmed; one past the
 * last where all were. */
int64_t	store_event_first(struct store *);
/*
 * Removes from the oldest on what happened before that time (ms), at most
 * limit of them; numbers are never used again.  {"trimmed":n,"first":n}: as
 * many as the limit when there may be more.
 */
void	store_event_trim(struct store *, int64_t before, size_t limit,
	    store_done, void *arg);
/* watch(seq) is called when events up to seq are on the disk, or log lines
 * of a job (job != NULL) are; after the done() of what wrote them.  Several
 * may watch, until the store is closed. */
void	store_watch(struct store *, void (*watch)(int64_t seq,
	    const char *job, void *arg), void *arg);

#endif
