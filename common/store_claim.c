/* Work on jobs: claims under a lease, renewals, ends, cancels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "store_lmdb.h"

/* -- claiming -- */

/* The running job whose lease ran out first, or -ENOENT. */
static int
claim_lapsed(struct store_txn *t, json_t **job)
{
	struct store_key	all, k;
	struct walk		w;
	int			rc;

	if ((rc = walk_start(&w, t, DB_LEASE, key_start(&all), NULL, 0)) < 0)
		return rc;
	if ((rc = walk_next(&w)) == 0
	    && num_get(w.key.mv_data) > (uint64_t)t->now)
		rc = -ENOENT;
	if (rc == 0)
		rc = kv_get_json(t, DB_JOB, key_bytes(key_start(&k),
		    w.value.mv_data, w.value.mv_size), job);
	walk_end(&w);
	return rc;
}

/* The first pending job of the user who has the turn, or -ENOENT. */
static int
claim_pending(struct store_txn *t, json_t **job)
{
	struct store_key	k, user;
	struct walk		w;
	int			rc;

	if ((rc = walk_start(&w, t, DB_TURN, key_start(&k), NULL, 0)) < 0)
		return rc;
	if ((rc = walk_next(&w)) == 0)
		key_bytes(key_start(&user), (const char *)w.key.mv_data + 16,
		    w.key.mv_size - 16);
	walk_end(&w);
	if (rc < 0)
		return rc;
	key_bytes(&user, "", 1);
	if ((rc = walk_start(&w, t, DB_PENDING, &user, NULL, 0)) < 0)
		return rc;
	if ((rc = walk_next(&w)) == 0)
		rc = kv_get_json(t, DB_JOB, key_bytes(key_start(&k),
		    w.value.mv_data, w.value.mv_size), job);
	walk_end(&w);
	return rc;
}

/* A lapsed job that is not to be run again ends here: then *job is NULL. */
static int
claim_give_up(struct store_txn *t, json_t **job, int max_attempts)
{
	int64_t		 n = json_int(*job, "attempts", 0);
	const char	*status = NULL;
	json_t		*why = NULL;
	int		 rc;

	if (json_bool(*job, "cancel", 0)) {
		status = "cancelled";
	} else if (n >= max_attempts) {
		status = "failed";
		why = json_pack("{so}", "error", json_sprintf(
		    "interrupted %lld times and given up", (long long)n));
	}
	if (status == NULL)
		return 0;
	rc = job_end(t, *job, status, why);
	json_decref(why);
	json_decref(*job);
	*job = NULL;
	return rc;
}

static int
claim_take(struct store_txn *t, json_t *job, const struct store_req *r)
{
	int64_t	fence;
	int	rc;

	if ((rc = meta_add(t, "fence", 1, &fence)) < 0
	    || (rc = job_serve(t, job, fence)) < 0
	    || (rc = job_lift(t, job)) < 0)
		return rc;
	json_object_update_new(job, json_pack("{ss ss sI sI sI sI}",
	    "status", "running", "owner", r->word,
	    "fence", (json_int_t)fence,
	    "lease", (json_int_t)(t->now + r->lease_ms),
	    "attempts", (json_int_t)(json_int(job, "attempts", 0) + 1),
	    "started", (json_int_t)t->now));
	return job_settle(t, job, 1);
}

static int
apply_claim(struct store_txn *t, struct store_req *r)
{
	json_t	*job = NULL;
	int	 rc = 0;

	while (rc == 0 && job == NULL)
		if ((rc = claim_lapsed(t, &job)) == 0)
			rc = claim_give_up(t, &job, r->max_attempts);
	if (rc == -ENOENT)
		rc = claim_pending(t, &job);
	if (rc == 0)
		rc = claim_take(t, job, r);
	r->result = job;
	if (rc == -ENOENT) {		/* what was given up stays so */
		r->say = -EAGAIN;
		rc = 0;
	}
	return rc;
}

void
store_job_claim(struct store *s, const char *owner, int64_t lease_ms,
    int max_attempts, store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_claim, done, arg);
	int			 rc = name_check(owner, STORE_MAX_KEY);

	if (rc == 0)
		r->word = xstrdup(owner);
	r->lease_ms = lease_ms;
	r->max_attempts = max_attempts;
	req_submit(s, r, lease_ms > 0 ? rc : -EINVAL);
}

/* -- while it runs -- */

static int
members_check(const json_t *patch)
{
	const char	*name;
	json_t		*v;

	if (patch == NULL)
		return 0;
	if (!json_is_object(patch))
		return -EINVAL;
	json_object_foreach(json_loose(patch), name, v)
		if (store_job_kept(name))
			return -EINVAL;
	return 0;
}

static int
apply_update(struct store_txn *t, struct store_req *r)
{
	int	rc;

	if ((rc = job_held(t, r->id, r->fence, &r->result)) < 0
	    || (rc = job_lift(t, r->result)) < 0)
		return rc;
	if (r->value != NULL)
		json_object_update(r->result, r->value);
	json_object_set_new(r->result, "lease",
	    json_integer(t->now + r->lease_ms));
	return job_settle(t, r->result, 0);
}

void
store_job_update(struct store *s, const char *id, int64_t fence,
    const json_t *patch, int64_t lease_ms, store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_update, done, arg);
	int			 rc = name_check(id, STORE_MAX_KEY);

	if (rc == 0 && (rc = members_check(patch)) == 0) {
		r->id = xstrdup(id);
		r->value = json_deep_copy(patch);
	}
	r->fence = fence;
	r->lease_ms = lease_ms;
	req_submit(s, r, lease_ms > 0 ? rc : -EINVAL);
}

/* -- the end -- */

/* The running job is pending again, and this start does not count. */
static int
finish_hand_back(struct store_txn *t, json_t *job, const json_t *members)
{
	int	rc;

	if ((rc = job_lift(t, job)) < 0)
		return rc;
	if (members != NULL)
		json_object_update(job, json_loose(members));
	json_object_set_new(job, "status", json_string("pending"));
	json_object_set_new(job, "attempts", json_integer(
	    json_int(job, "attempts", 1) - 1));
	json_object_del(job, "owner");
	json_object_del(job, "lease");
	json_object_del(job, "started");
	return job_settle(t, job, 0);
}

static int
apply_finish(struct store_txn *t, struct store_req *r)
{
	const char	*status = r->word;
	int		 rc;

	if ((rc = job_held(t, r->id, r->fence, &r->result)) < 0)
		return rc;
	if (strcmp(status, "pending") == 0
	    && json_bool(r->result, "cancel", 0))
		status = "cancelled";
	if (strcmp(status, "pending") == 0)
		rc = finish_hand_back(t, r->result, r->value);
	else
		rc = job_end(t, r->result, status, r->value);
	return rc == 0 ? ops_apply(t, r->ops, r->n_ops) : rc;
}

void
store_job_finish(struct store *s, const char *id, int64_t fence,
    const char *status, const json_t *patch, const struct store_op *ops,
    size_t n, store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_finish, done, arg);
	int			 rc = name_check(id, STORE_MAX_KEY);

	if (rc == 0)
		rc = members_check(patch);
	if (rc == 0 && (job_letter(status) == 0
	    || strcmp(status, "running") == 0))
		rc = -EINVAL;
	if (rc == 0 && (rc = ops_copy(r, ops, n)) == 0) {
		r->id = xstrdup(id);
		r->word = xstrdup(status);
		r->value = json_deep_copy(patch);
	}
	r->fence = fence;
	req_submit(s, r, rc);
}

/* -- from outside -- */

static int
apply_cancel(struct store_txn *t, struct store_req *r)
{
	int	rc;

	if ((rc = job_read(t, r->id, &r->result)) < 0)
		return rc;
	if (job_is(r->result, "pending"))
		rc = job_end(t, r->result, "cancelled", NULL);
	else if (!job_is(r->result, "running"))
		rc = -EALREADY;
	else if ((rc = job_lift(t, r->result)) == 0) {
		json_object_set_new(r->result, "cancel", json_true());
		rc = job_settle(t, r->result, 0);
	}
	return rc == 0 ? ops_apply(t, r->ops, r->n_ops) : rc;
}

void
store_job_cancel_ops(struct store *s, const char *id,
    const struct store_op *ops, size_t n, store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_cancel, done, arg);
	int			 rc = name_check(id, STORE_MAX_KEY);

	if (rc == 0 && (rc = ops_copy(r, ops, n)) == 0)
		r->id = xstrdup(id);
	req_submit(s, r, rc);
}

void
store_job_cancel(struct store *s, const char *id, store_done done, void *arg)
{
	store_job_cancel_ops(s, id, NULL, 0, done, arg);
}

/* All running jobs of an owner: there are as many as it may run at once. */
static int
release_find(struct store_txn *t, const char *owner, json_t *jobs)
{
	struct store_key	all, k;
	struct walk		w;
	json_t			*job;
	int			rc;

	if ((rc = walk_start(&w, t, DB_LEASE, key_start(&all), NULL, 0)) < 0)
		return rc;
	while ((rc = walk_next(&w)) == 0
	    && (rc = kv_get_json(t, DB_JOB, key_bytes(key_start(&k),
	    w.value.mv_data, w.value.mv_size), &job)) == 0) {
		if (strcmp(json_str(job, "owner", ""), owner) == 0)
			json_array_append(jobs, job);
		json_decref(job);
	}
	walk_end(&w);
	return rc == -ENOENT ? 0 : rc;
}

static int
apply_release(struct store_txn *t, struct store_req *r)
{
	json_t	*jobs = json_array(), *job;
	size_t	 i, n;
	int	 rc;

	rc = release_find(t, r->word, jobs);
	n = json_array_size(jobs);
	for (i = 0; rc == 0 && i < n; i++) {
		job = json_array_get(jobs, i);
		if ((rc = job_lift(t, job)) < 0)
			break;
		json_object_set_new(job, "lease", json_integer(0));
		rc = job_settle(t, job, 0);
	}
	json_decref(jobs);
	r->result = json_pack("{sI}", "released", (json_int_t)n);
	return rc;
}

void
store_job_release(struct store *s, const char *owner, store_done done,
    void *arg)
{
	struct store_req	*r = req_new(apply_release, done, arg);
	int			 rc = name_check(owner, STORE_MAX_KEY);

	if (rc == 0)
		r->word = xstrdup(owner);
	req_submit(s, r, rc);
}
