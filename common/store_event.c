/* The event log, numbered from 1 without gaps, and who watches it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "store_lmdb.h"

/* The number is taken in the transaction that writes the event: it is given
 * back with all else when that fails. */
int
event_add(struct store_txn *t, const char *type, const char *user,
    const json_t *data)
{
	struct store_key	 k;
	json_t			*event;
	int64_t			 seq;
	int			 rc;

	if ((rc = meta_add(t, "event", 1, &seq)) < 0)
		return rc;
	event = json_pack("{sI sI ss ss sO?}", "seq", (json_int_t)seq,
	    "t", (json_int_t)t->now, "type", type, "user", user,
	    "data", json_loose(data));
	key_num(key_start(&k), (uint64_t)seq);
	rc = kv_put_json(t, DB_EVENT, &k, event);
	json_decref(event);
	if (rc < 0)
		return rc;
	key_num(key_text(key_start(&k), user), (uint64_t)seq);
	return kv_put(t, DB_EVENT_USER, &k, "", 0);
}

/* The event whose number is the last 8 bytes of an index's key. */
static int
event_at(struct store_txn *t, const MDB_val *key, json_t **event)
{
	struct store_key	k;

	key_bytes(key_start(&k), (const char *)key->mv_data
	    + key->mv_size - 8, 8);
	return kv_get_json(t, DB_EVENT, &k, event);
}

static int
events_read(struct store_txn *t, int64_t after, const char *user,
    size_t limit, json_t *items)
{
	struct store_key	 prefix, from;
	struct walk		 w;
	json_t			*event;
	int			 rc;

	key_start(&prefix);
	if (user != NULL)
		key_text(&prefix, user);
	from = prefix;
	key_num(&from, (uint64_t)after);
	rc = walk_start(&w, t, user != NULL ? DB_EVENT_USER : DB_EVENT,
	    &prefix, &from, 0);
	if (rc < 0)
		return rc;
	while (json_array_size(items) < limit && (rc = walk_next(&w)) == 0
	    && (rc = event_at(t, &w.key, &event)) == 0)
		json_array_append_new(items, event);
	walk_end(&w);
	return rc == -ENOENT ? 0 : rc;
}

void
store_event_read(struct store *s, int64_t after, const char *user,
    size_t limit, store_done done, void *arg)
{
	struct store_txn	 t;
	json_t			*items = json_array(), *out = NULL;
	int64_t			 next = 0, trimmed = 0;
	int			 rc = -EINVAL;

	limit = limit_within(limit);
	if (after >= 0 && (user == NULL || strlen(user) <= STORE_MAX_KEY)
	    && (rc = read_begin(s, &t)) == 0) {
		if ((rc = events_read(&t, after, user, limit, items)) == 0)
			rc = meta_add(&t, "event", 0, &next);
		if (rc == 0)
			rc = meta_add(&t, "trimmed", 0, &trimmed);
		read_end(&t);
	}
	if (json_array_size(items) == limit)	/* there may be more */
		next = json_int(json_array_get(items, limit - 1), "seq", 0);
	out = json_pack("{so sI sI sb}", "items", items, "next",
	    (json_int_t)next, "first", (json_int_t)trimmed + 1,
	    "gap", after < trimmed);
	done(rc, rc == 0 ? out : NULL, arg);
	json_decref(out);
}

int64_t
store_commits(const struct store *s)
{
	return s->commits;
}

int64_t
store_event_last(struct store *s)
{
	return s->last_event;
}

int64_t
store_event_first(struct store *s)
{
	return s->trimmed + 1;
}

/* -- trimming -- */

/* Removes one event, by its number.  -ENOENT: there is no further one;
 * -EAGAIN: it is young enough to stay. */
static int
event_drop(struct store_txn *t, uint64_t seq, int64_t before)
{
	struct store_key	 k;
	json_t			*event;
	int			 rc;

	key_num(key_start(&k), seq);
	if ((rc = kv_get_json(t, DB_EVENT, &k, &event)) < 0)
		return rc;
	if (json_int(event, "t", 0) >= before)
		rc = -EAGAIN;
	else
		rc = kv_del(t, DB_EVENT, &k);
	if (rc == 0) {
		key_text(key_start(&k), json_str(event, "user", ""));
		rc = kv_del(t, DB_EVENT_USER, key_num(&k, seq));
	}
	json_decref(event);
	return rc;
}

static int
apply_trim(struct store_txn *t, struct store_req *r)
{
	int64_t	trimmed;
	size_t	n = 0;
	int	rc;

	if ((rc = meta_add(t, "trimmed", 0, &trimmed)) < 0)
		return rc;
	while (n < r->limit
	    && (rc = event_drop(t, (uint64_t)trimmed + n + 1, r->before)) == 0)
		n++;
	if (rc < 0 && rc != -ENOENT && rc != -EAGAIN)
		return rc;
	rc = meta_add(t, "trimmed", (int64_t)n, &trimmed);
	r->result = json_pack("{sI sI}", "trimmed", (json_int_t)n,
	    "first", (json_int_t)trimmed + 1);
	return rc;
}

void
store_event_trim(struct store *s, int64_t before, size_t limit,
    store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_trim, done, arg);

	r->before = before;
	r->limit = limit_within(limit);
	req_submit(s, r, 0);
}

void
store_watch(struct store *s, void (*watch)(int64_t, const char *, void *),
    void *arg)
{
	struct store_watch	*w = xcalloc(1, sizeof(*w));

	w->call = watch;
	w->arg = arg;
	list_append(&s->watches, &w->link);
}
