/* What can be asked about jobs. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "store_lmdb.h"

void
store_job_get(struct store *s, const char *id, store_done done, void *arg)
{
	struct store_key	 k;
	struct store_txn	 t;
	json_t			*job = NULL;
	int			 rc = name_check(id, STORE_MAX_KEY);

	if (rc == 0 && (rc = read_begin(s, &t)) == 0) {
		key_bytes(key_start(&k), id, strlen(id));
		rc = cache_get_json(&t, DB_JOB, &k, &job);
		read_end(&t);
	}
	done(rc, job, arg);
	json_decref(job);
}

/* -- lists -- */

/* The key of a list up to the number, and with the cursor's number. */
static int
list_keys(const char *user, const char *status, const char *cursor,
    struct store_key *prefix, struct store_key *after)
{
	char		 letter = (char)job_letter(status);
	char		*end;
	uint64_t	 seq = 0;

	if (letter == 0
	    || (user != NULL && name_check(user, STORE_MAX_KEY) < 0))
		return -EINVAL;
	if (cursor != NULL) {
		errno = 0;
		seq = strtoumax(cursor, &end, 10);
		if (*cursor < '0' || *cursor > '9' || *end != '\0' || errno)
			return -EINVAL;
	}
	key_text(key_start(prefix), user != NULL ? user : "");
	key_bytes(prefix, &letter, 1);
	*after = *prefix;
	key_num(after, seq);
	return 0;
}

/* Appends up to limit jobs; *more when others follow. */
static int
list_walk(struct walk *w, size_t limit, json_t *items, int *more)
{
	struct store_key	 k;
	json_t			*job;
	int			 rc;

	while ((rc = walk_next(w)) == 0) {
		if ((*more = json_array_size(items) == limit))
			break;
		rc = kv_get_json(w->txn, DB_JOB, key_bytes(key_start(&k),
		    w->value.mv_data, w->value.mv_size), &job);
		if (rc < 0)
			break;
		json_array_append_new(items, job);
	}
	return rc == -ENOENT ? 0 : rc;
}

static json_t *
list_answer(json_t *items, int more)
{
	json_t	*last = json_array_get(items, json_array_size(items) - 1);

	return json_pack("{so so}", "items", items, "next", !more ?
	    json_null() : json_sprintf("%" PRId64, json_int(last, "seq", 0)));
}

static void
jobs_read(struct store *s, const char *user, const char *status,
    const char *cursor, size_t limit, int newest_first, store_done done,
    void *arg)
{
	struct store_key	 prefix, after;
	struct store_txn	 t;
	struct walk		 w;
	json_t			*items = json_array(), *out;
	int			 rc, more = 0;

	rc = list_keys(user, status, cursor, &prefix, &after);
	if (rc == 0 && (rc = read_begin(s, &t)) == 0) {
		rc = walk_start(&w, &t, DB_LIST, &prefix,
		    cursor != NULL ? &after : NULL, newest_first);
		if (rc == 0) {
			rc = list_walk(&w, limit_within(limit), items, &more);
			walk_end(&w);
		}
		read_end(&t);
	}
	out = list_answer(items, more);
	done(rc, rc == 0 ? out : NULL, arg);
	json_decref(out);
}

void
store_job_list(struct store *s, const char *user, const char *status,
    const char *cursor, size_t limit, store_done done, void *arg)
{
	jobs_read(s, user, status, cursor, limit, 1, done, arg);
}

void
store_job_oldest(struct store *s, const char *cursor, size_t limit,
    store_done done, void *arg)
{
	jobs_read(s, NULL, NULL, cursor, limit, 0, done, arg);
}

/* -- counts -- */

/* Users with something pending or running; there are as many records as
 * there are accounts that ever built. */
static int
stats_users(struct store_txn *t, json_t *users)
{
	struct store_key	k;
	struct walk		w;
	const char		*n;
	char			*name;
	uint64_t		pending, running;
	int			rc;

	if ((rc = walk_start(&w, t, DB_USER, key_start(&k), NULL, 0)) < 0)
		return rc;
	while ((rc = walk_next(&w)) == 0) {
		n = w.value.mv_data;
		pending = num_get(n);
		running = num_get(n + 8);
		if (pending == 0 && running == 0)
			continue;
		name = xstrndup(w.key.mv_data, w.key.mv_size);
		json_object_set_new(users, name, json_pack("{sI sI}",
		    "pending", (json_int_t)pending,
		    "running", (json_int_t)running));
		free(name);
	}
	walk_end(&w);
	return rc == -ENOENT ? 0 : rc;
}

void
store_job_stats(struct store *s, store_done done, void *arg)
{
	struct store_txn	 t;
	json_t			*out = json_object(), *users = json_object();
	int64_t			 n;
	int			 i, rc;

	json_object_set_new(out, "users", users);
	if ((rc = read_begin(s, &t)) == 0) {
		rc = stats_users(&t, users);
		for (i = 0; rc == 0 && job_words[i] != NULL; i++) {
			rc = meta_add(&t, job_words[i], 0, &n);
			json_object_set_new(out, job_words[i],
			    json_integer(n));
		}
		read_end(&t);
	}
	done(rc, rc == 0 ? out : NULL, arg);
	json_decref(out);
}
