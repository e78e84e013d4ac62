/*
 * Where a job stands among those that wait.  Users take turns, so before a
 * job that has k of its own user's before it, each other user has k turns,
 * and one more where the user's turn comes first; but no more than jobs.
 */
#include <errno.h>
#include <string.h>

#include "json.h"
#include "store_lmdb.h"

/* How many of the user's own go first. */
static int
place_own(struct store_txn *t, const json_t *job, uint64_t *ahead)
{
	const char		*user = json_str(job, "user", "");
	struct store_key	 all, own;
	struct walk		 w;
	int			 rc;

	*ahead = 0;
	job_pending_key(&own, job);
	key_text(key_start(&all), user);
	if ((rc = walk_start(&w, t, DB_PENDING, &all, NULL, 0)) < 0)
		return rc;
	while ((rc = walk_next(&w)) == 0
	    && (w.key.mv_size != own.len
	    || memcmp(w.key.mv_data, own.bytes, own.len) != 0))
		++*ahead;
	walk_end(&w);
	return rc == -ENOENT ? 0 : rc;
}

/* Of one user with the turn at this key, before or after ours. */
static int
place_other(struct store_txn *t, const char *name, size_t n, uint64_t turns,
    uint64_t *ahead)
{
	struct store_key	k;
	uint64_t		counts[3];
	int			rc;

	key_bytes(key_start(&k), name, n);
	if ((rc = kv_counts(t, DB_USER, &k, counts, 3)) == 0)
		*ahead += counts[0] < turns ? counts[0] : turns;
	return rc;
}

static int
place_others(struct store_txn *t, const char *user, uint64_t own,
    uint64_t *ahead)
{
	struct store_key	all;
	struct walk		w;
	const char		*name;
	size_t			len;
	int			rc, before = 1;

	if ((rc = walk_start(&w, t, DB_TURN, key_start(&all), NULL, 0)) < 0)
		return rc;
	while ((rc = walk_next(&w)) == 0) {
		name = (const char *)w.key.mv_data + 16;
		len = w.key.mv_size - 16;
		if (len == strlen(user) && memcmp(name, user, len) == 0)
			before = 0;
		else if ((rc = place_other(t, name, len,
		    own + (uint64_t)before, ahead)) < 0)
			break;
	}
	walk_end(&w);
	return rc == -ENOENT ? 0 : rc;
}

static int
place_read(struct store_txn *t, const char *id, json_t **out)
{
	uint64_t	 ahead = 0;
	int64_t		 running;
	json_t		*job = NULL;
	int		 rc;

	if ((rc = job_read(t, id, &job)) < 0)
		return rc;
	rc = meta_add(t, "running", 0, &running);
	if (rc == 0 && job_is(job, "pending")
	    && (rc = place_own(t, job, &ahead)) == 0)
		rc = place_others(t, json_str(job, "user", ""), ahead, &ahead);
	*out = json_pack("{ss sI sI}", "status", json_str(job, "status", ""),
	    "ahead", (json_int_t)ahead, "running", (json_int_t)running);
	json_decref(job);
	return rc;
}

void
store_job_place(struct store *s, const char *id, store_done done, void *arg)
{
	struct store_txn	 t;
	json_t			*out = NULL;
	int			 rc = name_check(id, STORE_MAX_KEY);

	if (rc == 0 && (rc = read_begin(s, &t)) == 0) {
		rc = place_read(&t, id, &out);
		read_end(&t);
	}
	done(rc, rc == 0 ? out : NULL, arg);
	json_decref(out);
}
