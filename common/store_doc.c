/* Documents: a kind, a key, an object. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "store_lmdb.h"

static struct store_key *
doc_key(struct store_key *k, const char *kind, const char *key)
{
	key_text(key_start(k), kind);
	return key_bytes(k, key, strlen(key));
}

/* -- writing -- */

static int
op_check(const struct store_op *op)
{
	int	words = name_check(op->kind, STORE_MAX_KIND);

	if (op->verb == STORE_EVENT)	/* one of nobody's has no user */
		return words < 0 || (op->key != NULL
		    && strlen(op->key) > STORE_MAX_KEY) ? -EINVAL : 0;
	if (op->verb == STORE_APPEND)	/* the key is the store's */
		return words < 0 || !json_is_object(op->value) ? -EINVAL : 0;
	if (words < 0 || name_check(op->key, STORE_MAX_KEY) < 0)
		return -EINVAL;
	return op->verb == STORE_DEL || op->verb == STORE_DROP
	    || json_is_object(op->value) ? 0 : -EINVAL;
}

int
ops_copy(struct store_req *r, const struct store_op *ops, size_t n)
{
	struct store_op	*o;
	size_t		 i;

	if (n > STORE_MAX_OPS)
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (op_check(&ops[i]) < 0)
			return -EINVAL;
	r->ops = xcalloc(n, sizeof(*r->ops));
	for (i = 0; i < n; i++) {
		o = &r->ops[r->n_ops++];
		o->verb = ops[i].verb;
		o->kind = xstrdup(ops[i].kind);
		o->key = xstrdup(ops[i].key != NULL ? ops[i].key : "");
		o->value = json_deep_copy(ops[i].value);
	}
	return 0;
}

void
ops_free(struct store_op *ops, size_t n)
{
	union { const char *in; char *out; }	s;
	size_t					i;

	for (i = 0; i < n; i++) {
		s.in = ops[i].kind;
		free(s.out);
		s.in = ops[i].key;
		free(s.out);
		json_decref(json_loose(ops[i].value));
	}
	free(ops);
}

static int
bump(json_t *doc, const json_t *by)
{
	const char	*name;
	json_t		*step, *was;
	json_int_t	 sum;

	json_object_foreach(json_loose(by), name, step) {
		was = json_object_get(doc, name);
		if (!json_is_integer(step)
		    || (was != NULL && !json_is_integer(was)))
			return -EINVAL;
		if (__builtin_add_overflow(json_integer_value(was),
		    json_integer_value(step), &sum))
			return -ERANGE;
		json_object_set_new(doc, name, json_integer(sum));
	}
	return 0;
}

static int
op_change(struct store_txn *t, const struct store_op *op,
    const struct store_key *k)
{
	json_t	*doc;
	int	 rc;

	if ((rc = kv_get_json(t, DB_DOC, k, &doc)) < 0)
		return rc;
	rc = op->verb == STORE_BUMP ? bump(doc, op->value) :
	    json_object_update(doc, json_loose(op->value));
	if (rc == 0)
		rc = kv_put_json(t, DB_DOC, k, doc);
	json_decref(doc);
	return rc;
}

/* The number's digits are as many as its largest value has, such that the
 * order of keys is that of numbers. */
static int
op_append(struct store_txn *t, const struct store_op *op)
{
	char			 name[STORE_MAX_KIND + 8], key[24];
	struct store_key	 k;
	int64_t			 seq;
	json_t			*doc;
	int			 rc;

	snprintf(name, sizeof(name), "append %s", op->kind);
	if ((rc = meta_add(t, name, 1, &seq)) < 0)
		return rc;
	snprintf(key, sizeof(key), "%020" PRId64, seq);
	doc = json_pack("{sI sI}", "seq", (json_int_t)seq, "t",
	    (json_int_t)t->now);
	json_object_update_missing(doc, json_loose(op->value));
	rc = kv_put_json(t, DB_DOC, doc_key(&k, op->kind, key), doc);
	json_decref(doc);
	return rc;
}

static int
op_apply(struct store_txn *t, const struct store_op *op)
{
	struct store_key	k;
	MDB_val			v;
	int			rc;

	if (op->verb == STORE_EVENT)
		return event_add(t, op->kind, op->key, op->value);
	if (op->verb == STORE_APPEND)
		return op_append(t, op);
	doc_key(&k, op->kind, op->key);
	switch (op->verb) {
	case STORE_ADD:
		if ((rc = kv_get(t, DB_DOC, &k, &v)) != -ENOENT)
			return rc < 0 ? rc : -EEXIST;
		return kv_put_json(t, DB_DOC, &k, op->value);
	case STORE_PUT:
		return kv_put_json(t, DB_DOC, &k, op->value);
	case STORE_MERGE:
	case STORE_BUMP:
		return op_change(t, op, &k);
	case STORE_DEL:
		return kv_del(t, DB_DOC, &k);
	case STORE_DROP:
		rc = kv_del(t, DB_DOC, &k);
		return rc == -ENOENT ? 0 : rc;
	case STORE_EVENT:
	case STORE_APPEND:
		break;
	}
	return -EINVAL;
}

int
ops_apply(struct store_txn *t, const struct store_op *ops, size_t n)
{
	size_t	i;
	int	rc = 0;

	for (i = 0; rc == 0 && i < n; i++)
		rc = op_apply(t, &ops[i]);
	return rc;
}

static int
apply_write(struct store_txn *t, struct store_req *r)
{
	return ops_apply(t, r->ops, r->n_ops);
}

void
store_write(struct store *s, const struct store_op *ops, size_t n,
    store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_write, done, arg);

	req_submit(s, r, ops_copy(r, ops, n));
}

/* -- reading -- */

void
store_get(struct store *s, const char *kind, const char *key, store_done done,
    void *arg)
{
	struct store_key	 k;
	struct store_txn	 t;
	json_t			*doc = NULL;
	int			 rc = -EINVAL;

	if (name_check(kind, STORE_MAX_KIND) == 0
	    && name_check(key, STORE_MAX_KEY) == 0
	    && (rc = read_begin(s, &t)) == 0) {
		rc = cache_get_json(&t, DB_DOC, doc_key(&k, kind, key), &doc);
		read_end(&t);
	}
	done(rc, doc, arg);
	json_decref(doc);
}

/* Appends up to limit items; *next is the last's key where more follow. */
static int
list_walk(struct walk *w, size_t skip, size_t limit, json_t *items,
    json_t **next)
{
	json_t	*doc, *key;
	int	 rc = 0;

	while ((rc = walk_next(w)) == 0) {
		if (json_array_size(items) == limit) {
			*next = json_incref(json_object_get(
			    json_array_get(items, limit - 1), "key"));
			break;
		}
		if ((rc = kv_parse(&w->value, &doc)) < 0)
			break;
		key = json_stringn((const char *)w->key.mv_data + skip,
		    w->key.mv_size - skip);
		json_array_append_new(items, json_pack("{so so}", "key", key,
		    "value", doc));
	}
	return rc == -ENOENT ? 0 : rc;
}

static int
list_read(struct store_txn *t, const char *kind, const char *prefix,
    const char *after, size_t limit, int reverse, json_t **out)
{
	struct store_key	 from, first;
	struct walk		 w;
	json_t			*items, *next = NULL;
	int			 rc;

	doc_key(&from, kind, prefix);
	if (after != NULL)
		doc_key(&first, kind, after);
	rc = walk_start(&w, t, DB_DOC, &from, after != NULL ? &first : NULL,
	    reverse);
	if (rc < 0)
		return rc;
	items = json_array();
	rc = list_walk(&w, strlen(kind) + 1, limit, items, &next);
	walk_end(&w);
	*out = json_pack("{so so}", "items", items, "next",
	    next != NULL ? next : json_null());
	return rc;
}

void
store_list(struct store *s, const char *kind, const char *prefix,
    const char *after, size_t limit, int reverse, store_done done, void *arg)
{
	struct store_txn	 t;
	json_t			*out = NULL;
	int			 rc = -EINVAL;

	prefix = prefix != NULL ? prefix : "";
	limit = limit_within(limit);
	if (name_check(kind, STORE_MAX_KIND) == 0
	    && strlen(prefix) <= STORE_MAX_KEY
	    && (after == NULL || strlen(after) <= STORE_MAX_KEY)
	    && (rc = read_begin(s, &t)) == 0) {
		rc = list_read(&t, kind, prefix, after, limit, reverse, &out);
		read_end(&t);
	}
	done(rc, rc == 0 ? out : NULL, arg);
	json_decref(out);
}
