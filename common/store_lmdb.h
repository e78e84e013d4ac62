/*
 * Private to the store over LMDB: its databases, keys, transactions and
 * requests.  Only the files named store_*.c include it.
 *
 * Databases (all integers in keys and counters are 8 bytes, big endian, such
 * that their order is the order of numbers; "text." ends with a NUL):
 *   meta        NAME                      counter
 *   doc         kind. key                 JSON
 *   job         id                        JSON
 *   list        user. letter seq          id; user "" is all, letter '*' any
 *   pending     user. ~priority seq       id
 *   lease       lease seq                 id, of running jobs
 *   user        user                      pending, running, served (counters)
 *   turn        running served user       of users with pending jobs: who
 *                                         is first has the next turn
 *   log         id.                       next, bytes, cut (counters)
 *   log         id. n                     JSON, a line
 *   event       seq                       JSON
 *   event_user  user. seq                 nothing
 *   history     agent.                    next, first, bytes, last, spool
 *   history     agent. n                  JSON, a record
 */
#ifndef MUSTER_STORE_LMDB_H
#define MUSTER_STORE_LMDB_H

#include <lmdb.h>

#include "list.h"
#include "store.h"

enum {
	STORE_VERSION	= 1,	/* of the layout above, in meta */
	STORE_MAX_KIND	= 64,	/* a word of ours */
	STORE_KEY_SIZE	= 511,	/* LMDB's own limit */
	STORE_MAX_BATCH	= 128,	/* requests in a commit: enough to share its
				 * cost, few enough that none waits long, and
				 * far from LMDB's 131,071 changed pages */
	STORE_TRIM	= 20,	/* requests between looks at what is mapped */
	STORE_MAPPED	= 12 << 20, /* resident bytes of files, the program's
				 * own among them: past it the map is let go */
	STORE_MAX_OPS	= 64	/* operations in one request */
};

enum store_db {
	DB_META, DB_DOC, DB_JOB, DB_LIST, DB_PENDING, DB_LEASE, DB_USER,
	DB_TURN, DB_LOG, DB_EVENT, DB_EVENT_USER,
	DB_HISTORY, STORE_DBS
};

/* Bytes of the map that a new store begins with; it doubles when full. */
extern size_t	store_map_first;

struct store_watch {
	struct link	 link;
	void		(*call)(int64_t, const char *, void *);
	void		*arg;
};

struct store {
	uv_loop_t	*loop;
	uv_idle_t	 turn;		/* active while requests wait */
	uv_work_t	 work;
	MDB_env		*env;
	MDB_dbi		 db[STORE_DBS];
	MDB_txn		*read;		/* reset between reads */
	struct store_cache *cache;
	struct link	 queued;	/* struct store_req, not yet begun */
	struct link	 batch;		/* in the worker's hands while busy */
	struct link	 watches;
	size_t		 since_trim;	/* the worker's count of requests */
	size_t		 alone;		/* so many go one by one: see split */
	int		 busy;
	int		 batch_rc;	/* of the commit, set by the worker */
	int64_t		 batch_event;	/* last event in it, likewise */
	int64_t		 batch_trimmed;	/* and last one that is gone */
	int64_t		 last_event;	/* told to the watchers */
	int64_t		 commits;
	int64_t		 trimmed;	/* events up to here are gone */
	void		(*closed)(void *);	/* not NULL: closing */
	void		*closed_arg;
};

/* A transaction, or one nested in it. */
struct store_txn {
	struct store	*store;
	MDB_txn		*mdb;
	int64_t		 now;	/* wall clock, ms */
	int		 broken;	/* LMDB failed: 0 or -errno */
};

/* One write, from the call to its done(). */
struct store_req {
	struct link	 link;
	/*
	 * Runs in the worker, perhaps several times: changes no member but
	 * say, result and logged.  On an error all that it did is undone.
	 */
	int		(*apply)(struct store_txn *, struct store_req *);
	store_done	 done;
	void		*arg;
	int		 rc;
	int		 say;		/* told in place of 0 */
	int		 logged;	/* log lines of job id were added */
	json_t		*result;
	/* Arguments; which of them count depends on apply. */
	char		*id, *word;
	int64_t		 fence, lease_ms, before;
	int		 max_attempts;
	size_t		 limit;
	size_t		 max_pending;
	json_t		*value;
	struct store_op	*ops;
	size_t		 n_ops;
};

struct store_key {
	size_t		 len;
	unsigned char	 bytes[STORE_KEY_SIZE];
};

/* store_lmdb.c */

/* 0 or -errno for LMDB's code.  -EFBIG: the map is too small. */
int	lmdb_error(int);
/* Makes the map larger; no transaction may be open.  0 or -errno. */
int	map_grow(struct store *);
/* Closes the environment; the idle handle is closed already. */
void	store_free(uv_handle_t *);
int	read_begin(struct store *, struct store_txn *);
void	read_end(struct store_txn *);
/* 0 where the string is usable in a key (1 to max bytes of UTF-8), or
 * -EINVAL. */
int	name_check(const char *, size_t max);

/* How many items an answer may hold when so many were asked for. */
static inline size_t
limit_within(size_t n)
{
	return n == 0 || n > STORE_MAX_LIST ? STORE_MAX_LIST : n;
}

/* jansson has no const in its iterators and updates; who calls this changes
 * nothing but reference counts. */
static inline json_t *
json_loose(const json_t *j)
{
	union { const json_t *in; json_t *out; }	u = { .in = j };

	return u.out;
}

/* store_batch.c */

/* A request; then fill in its arguments and submit it. */
struct store_req *req_new(int (*apply)(struct store_txn *,
	    struct store_req *), store_done, void *arg);
/* With rc < 0 the request is refused: done() hears it, in its turn. */
void	req_submit(struct store *, struct store_req *, int rc);

/* store_kv.c */

/* key_start forgets what was there.  A text takes its NUL along. */
struct store_key *key_start(struct store_key *);
struct store_key *key_text(struct store_key *, const char *);
struct store_key *key_bytes(struct store_key *, const void *, size_t);
struct store_key *key_num(struct store_key *, uint64_t);
void	num_put(void *, uint64_t);
uint64_t num_get(const void *);

/* -ENOENT where absent; the value is valid until the next change. */
int	kv_get(struct store_txn *, enum store_db, const struct store_key *,
	    MDB_val *);
int	kv_put(struct store_txn *, enum store_db, const struct store_key *,
	    const void *, size_t);
int	kv_del(struct store_txn *, enum store_db, const struct store_key *);
int	kv_get_json(struct store_txn *, enum store_db,
	    const struct store_key *, json_t **);
int	kv_put_json(struct store_txn *, enum store_db,
	    const struct store_key *, const json_t *);
int	kv_parse(const MDB_val *, json_t **);
/* The counters of a key, n of them; zeros where it is absent. */
int	kv_counts(struct store_txn *, enum store_db, const struct store_key *,
	    uint64_t *, size_t n);
int	kv_put_counts(struct store_txn *, enum store_db,
	    const struct store_key *, const uint64_t *, size_t n);
/* Adds to a counter of meta; *sum (may be NULL) is the new value. */
int	meta_add(struct store_txn *, const char *name, int64_t, int64_t *sum);

/* store_cache.c */

/* As kv_get_json, for the loop's reads of doc and job: *out is a new
 * reference to what others may hold too, so nobody changes it. */
int	cache_get_json(struct store_txn *, enum store_db,
	    const struct store_key *, json_t **out);
/* The worker's: this key is being written. */
void	cache_note(struct store *, enum store_db, const struct store_key *);
/* The loop's, between batches: what was noted is read anew. */
void	cache_forget(struct store *);
void	cache_new(struct store *);
void	cache_free(struct store *);

/* A walk over the keys with a prefix. */
struct walk {
	struct store_txn *txn;
	MDB_cursor	*cursor;
	struct store_key prefix;
	int		 reverse, fresh;
	MDB_val		 key, value;	/* valid until the next change */
};

/*
 * Begins behind the key `after` (NULL: at the first).  0; or -errno, and
 * nothing is to be ended.
 */
int	walk_start(struct walk *, struct store_txn *, enum store_db,
	    const struct store_key *prefix, const struct store_key *after,
	    int reverse);
/* 0 with key and value set, -ENOENT at the end, or -errno. */
int	walk_next(struct walk *);
void	walk_end(struct walk *);

/* store_doc.c */

/* 0 or -EINVAL, and copies that the request owns. */
int	ops_copy(struct store_req *, const struct store_op *, size_t);
void	ops_free(struct store_op *, size_t);
int	ops_apply(struct store_txn *, const struct store_op *, size_t);

/* store_event.c */

int	event_add(struct store_txn *, const char *type, const char *user,
	    const json_t *data);

/* store_jobs.c */

extern const char *const job_words[];	/* the statuses, NULL at the end */
/* The letter of a status in list, '*' for NULL, 0 where it is none. */
int	job_letter(const char *status);
int	job_is(const json_t *job, const char *status);
int	job_read(struct store_txn *, const char *id, json_t **job);
/* Reads a job; -ESTALE unless it is running under this fence. */
int	job_held(struct store_txn *, const char *id, int64_t fence, json_t **);
/* The key in pending of a job that waits. */
struct store_key *job_pending_key(struct store_key *, const json_t *job);
int	job_lift(struct store_txn *, json_t *job);
int	job_settle(struct store_txn *, json_t *job, int event);
/* Gives a job that has not ended its last status, and sets members. */
int	job_end(struct store_txn *, json_t *job, const char *status,
	    const json_t *members);
/* Takes the record out of all that holds it. */
int	job_remove(struct store_txn *, const json_t *job);
/* Notes for the user's next turn that a job of his was taken now. */
int	job_serve(struct store_txn *, const json_t *job, int64_t fence);

/* store_log.c */

int	log_delete(struct store_txn *, const char *id);

#endif
