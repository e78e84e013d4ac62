/*
 * The records of jobs, and the indexes and counters that follow them.  A
 * change takes the job out of all of these as it was, and puts it back as it
 * is, in the one transaction of its request: see job_lift.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "log.h"
#include "store_lmdb.h"

struct status {
	const char	*word;		/* also the counter's name in meta */
	int		 letter;	/* in the keys of list */
	const char	*event;
};

static const struct status statuses[] = {
	{ "pending",	'p', "buildJobAdded" },
	{ "running",	'r', "buildJobStarted" },
	{ "completed",	'c', "buildJobCompleted" },
	{ "failed",	'f', "buildJobFailed" },
	{ "cancelled",	'x', "buildJobCancelled" }
};

const char *const job_words[] = {
	"pending", "running", "completed", "failed", "cancelled", NULL
};

/* Members that only the store sets; the last three come with the job. */
static const char *const kept[] = {
	"status", "seq", "created", "started", "ended", "attempts", "fence",
	"owner", "lease", "cancel", "priority", "id", "user"
};

struct user {
	uint64_t	pending, running;
	uint64_t	served;		/* the fence of the last job taken */
};

int
store_job_kept(const char *member)
{
	size_t	i;

	for (i = 0; i < nitems(kept); i++)
		if (strcmp(member, kept[i]) == 0)
			return 1;
	return 0;
}

static const struct status *
status_find(const char *word)
{
	size_t	i;

	for (i = 0; i < nitems(statuses); i++)
		if (strcmp(word, statuses[i].word) == 0)
			return &statuses[i];
	return NULL;
}

int
job_letter(const char *word)
{
	const struct status	*s;

	if (word == NULL)
		return '*';
	return (s = status_find(word)) != NULL ? s->letter : 0;
}

int
job_is(const json_t *job, const char *status)
{
	return strcmp(json_str(job, "status", ""), status) == 0;
}

/* -- indexes and counters -- */

static int
index_set(struct store_txn *t, enum store_db db, const struct store_key *k,
    const char *id, int by)
{
	return by > 0 ? kv_put(t, db, k, id, strlen(id)) : kv_del(t, db, k);
}

/* The user's list and everybody's. */
static int
list_set(struct store_txn *t, const json_t *job, int letter, int by)
{
	const char		*owners[2] = { json_str(job, "user", ""), "" };
	uint64_t		 seq = (uint64_t)json_int(job, "seq", 0);
	struct store_key	 k;
	char			 c = (char)letter;
	int			 i, rc = 0;

	for (i = 0; rc == 0 && i < 2; i++) {
		key_bytes(key_text(key_start(&k), owners[i]), &c, 1);
		rc = index_set(t, DB_LIST, key_num(&k, seq),
		    json_str(job, "id", ""), by);
	}
	return rc;
}

static int
turn_set(struct store_txn *t, const char *name, const struct user *u, int by)
{
	struct store_key	k;

	if (u->pending == 0)
		return 0;
	key_num(key_num(key_start(&k), u->running), u->served);
	return index_set(t, DB_TURN, key_bytes(&k, name, strlen(name)), "", by);
}

/* served 0 leaves it as it is. */
static int
user_change(struct store_txn *t, const char *name, int pending, int running,
    int64_t served)
{
	struct store_key	k;
	struct user		u;
	uint64_t		n[3];
	int			rc;

	key_bytes(key_start(&k), name, strlen(name));
	if ((rc = kv_counts(t, DB_USER, &k, n, 3)) < 0)
		return rc;
	u = (struct user){ n[0], n[1], n[2] };
	if ((rc = turn_set(t, name, &u, -1)) < 0)
		return rc;
	n[0] = u.pending += (uint64_t)(int64_t)pending;
	n[1] = u.running += (uint64_t)(int64_t)running;
	n[2] = u.served = served != 0 ? (uint64_t)served : u.served;
	if ((rc = kv_put_counts(t, DB_USER, &k, n, 3)) < 0)
		return rc;
	return turn_set(t, name, &u, 1);
}

/* Highest priority first, then the oldest. */
struct store_key *
job_pending_key(struct store_key *k, const json_t *job)
{
	uint64_t	prio = (uint64_t)json_int(job, "priority", 0);

	key_text(key_start(k), json_str(job, "user", ""));
	key_num(k, ~(prio ^ (uint64_t)1 << 63));
	return key_num(k, (uint64_t)json_int(job, "seq", 0));
}

static int
pending_set(struct store_txn *t, const json_t *job, int by)
{
	struct store_key	k;

	return index_set(t, DB_PENDING, job_pending_key(&k, job),
	    json_str(job, "id", ""), by);
}

static int
lease_set(struct store_txn *t, const json_t *job, int by)
{
	struct store_key	k;

	key_num(key_start(&k), (uint64_t)json_int(job, "lease", 0));
	key_num(&k, (uint64_t)json_int(job, "seq", 0));
	return index_set(t, DB_LEASE, &k, json_str(job, "id", ""), by);
}

/* Puts a job into (1) or takes it out of (-1) all that goes by status. */
static int
job_place(struct store_txn *t, const json_t *job, int by)
{
	const struct status	*s = status_find(json_str(job, "status", ""));
	int			 pending, running, rc;

	if (s == NULL)
		return -EBADMSG;
	pending = s->letter == 'p' ? by : 0;
	running = s->letter == 'r' ? by : 0;
	if ((rc = list_set(t, job, s->letter, by)) < 0
	    || (rc = meta_add(t, s->word, by, NULL)) < 0)
		return rc;
	if (pending != 0 && (rc = pending_set(t, job, by)) < 0)
		return rc;
	if (running != 0 && (rc = lease_set(t, job, by)) < 0)
		return rc;
	if (pending == 0 && running == 0)
		return 0;
	return user_change(t, json_str(job, "user", ""), pending, running, 0);
}

/* -- records -- */

static struct store_key *
job_key(struct store_key *k, const char *id)
{
	return key_bytes(key_start(k), id, strlen(id));
}

int
job_read(struct store_txn *t, const char *id, json_t **job)
{
	struct store_key	k;

	return kv_get_json(t, DB_JOB, job_key(&k, id), job);
}

int
job_held(struct store_txn *t, const char *id, int64_t fence, json_t **job)
{
	int	rc;

	if ((rc = job_read(t, id, job)) < 0)
		return rc;
	if (job_is(*job, "running") && json_int(*job, "fence", 0) == fence)
		return 0;
	json_decref(*job);
	*job = NULL;
	return -ESTALE;
}

/*
 * A change: job_lift takes the stored job out of the indexes, the caller sets
 * members, job_settle puts it in again, saves, and appends its event if told.
 */
int
job_lift(struct store_txn *t, json_t *job)
{
	return job_place(t, job, -1);
}

int
job_settle(struct store_txn *t, json_t *job, int event)
{
	const struct status	*s = status_find(json_str(job, "status", ""));
	struct store_key	 k;
	int			 rc;

	if ((rc = job_place(t, job, 1)) < 0)
		return rc;
	rc = kv_put_json(t, DB_JOB, job_key(&k, json_str(job, "id", "")), job);
	if (rc < 0 || !event)
		return rc;
	return event_add(t, s->event, json_str(job, "user", ""), job);
}

int
job_end(struct store_txn *t, json_t *job, const char *status,
    const json_t *members)
{
	int	rc;

	if ((rc = job_lift(t, job)) < 0)
		return rc;
	if (members != NULL)
		json_object_update(job, json_loose(members));
	json_object_set_new(job, "status", json_string(status));
	json_object_set_new(job, "ended", json_integer(t->now));
	json_object_del(job, "lease");
	return job_settle(t, job, 1);
}

int
job_remove(struct store_txn *t, const json_t *job)
{
	struct store_key	k;
	int			rc;

	if ((rc = job_place(t, job, -1)) < 0
	    || (rc = list_set(t, job, '*', -1)) < 0)
		return rc;
	return kv_del(t, DB_JOB, job_key(&k, json_str(job, "id", "")));
}

int
job_serve(struct store_txn *t, const json_t *job, int64_t fence)
{
	return user_change(t, json_str(job, "user", ""), 0, 0, fence);
}

/* -- a new job -- */

/* -EDQUOT where the user has as many waiting jobs as he may have. */
static int
quota_check(struct store_txn *t, const struct store_req *r)
{
	const char		*name = json_str(r->value, "user", "");
	struct store_key	 k;
	uint64_t		 n[3];
	int			 rc;

	if (r->max_pending == 0)
		return 0;
	key_bytes(key_start(&k), name, strlen(name));
	if ((rc = kv_counts(t, DB_USER, &k, n, 3)) < 0)
		return rc;
	return n[0] < r->max_pending ? 0 : -EDQUOT;
}

static int
apply_add(struct store_txn *t, struct store_req *r)
{
	const char	*id = json_str(r->value, "id", "");
	int64_t		 seq;
	json_t		*job = NULL;
	size_t		 i;
	int		 rc;

	if ((rc = job_read(t, id, &job)) != -ENOENT) {
		json_decref(job);
		return rc < 0 ? rc : -EEXIST;
	}
	if ((rc = quota_check(t, r)) < 0
	    || (rc = meta_add(t, "job", 1, &seq)) < 0)
		return rc;
	r->result = job = json_copy(r->value);
	for (i = 0; strcmp(kept[i], "priority") != 0; i++)
		json_object_del(job, kept[i]);
	json_object_update_new(job, json_pack("{ss sI sI sI si}", "status",
	    "pending", "seq", (json_int_t)seq, "created", (json_int_t)t->now,
	    "priority", (json_int_t)json_int(job, "priority", 0),
	    "attempts", 0));
	if ((rc = list_set(t, job, '*', 1)) < 0
	    || (rc = job_settle(t, job, 1)) < 0)
		return rc;
	return ops_apply(t, r->ops, r->n_ops);
}

void
store_job_submit(struct store *s, const json_t *job, size_t max_pending,
    const struct store_op *ops, size_t n, store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_add, done, arg);
	int			 rc;

	if ((rc = name_check(json_str(job, "id", ""), STORE_MAX_KEY)) == 0)
		rc = name_check(json_str(job, "user", ""), STORE_MAX_KEY);
	if (rc == 0 && (rc = ops_copy(r, ops, n)) == 0)
		r->value = json_deep_copy(job);
	r->max_pending = max_pending;
	req_submit(s, r, rc);
}

void
store_job_add(struct store *s, const json_t *job, store_done done, void *arg)
{
	store_job_submit(s, job, 0, NULL, 0, done, arg);
}
