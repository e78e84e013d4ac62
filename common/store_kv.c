/* Keys, values and walks over LMDB's transactions. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "store_lmdb.h"

struct store_key *
key_start(struct store_key *k)
{
	k->len = 0;
	return k;
}

/* Callers have checked the lengths (name_check): no input gets past here. */
struct store_key *
key_bytes(struct store_key *k, const void *p, size_t n)
{
	assert(n <= sizeof(k->bytes) - k->len);
	memcpy(k->bytes + k->len, p, n);
	k->len += n;
	return k;
}

struct store_key *
key_text(struct store_key *k, const char *s)
{
	return key_bytes(k, s, strlen(s) + 1);
}

struct store_key *
key_num(struct store_key *k, uint64_t n)
{
	unsigned char	b[8];

	num_put(b, n);
	return key_bytes(k, b, sizeof(b));
}

void
num_put(void *p, uint64_t n)
{
	unsigned char	*b = p;
	int		 i;

	for (i = 7; i >= 0; i--, n >>= 8)
		b[i] = (unsigned char)n;
}

uint64_t
num_get(const void *p)
{
	const unsigned char	*b = p;
	uint64_t		 n = 0;
	int			 i;

	for (i = 0; i < 8; i++)
		n = n << 8 | b[i];
	return n;
}

/* Absent and there already are answers; all else breaks the transaction. */
static int
txn_error(struct store_txn *t, int code)
{
	int	rc = lmdb_error(code);

	if (rc < 0 && code != MDB_NOTFOUND && code != MDB_KEYEXIST)
		t->broken = rc;
	return rc;
}

/* LMDB takes keys and values as void *, and changes neither. */
static MDB_val
val(const void *p, size_t n)
{
	union { const void *in; void *out; }	u = { .in = p };

	return (MDB_val){ n, u.out };
}

int
kv_get(struct store_txn *t, enum store_db db, const struct store_key *k,
    MDB_val *v)
{
	MDB_val	key = val(k->bytes, k->len);

	return txn_error(t, mdb_get(t->mdb, t->store->db[db], &key, v));
}

int
kv_put(struct store_txn *t, enum store_db db, const struct store_key *k,
    const void *p, size_t n)
{
	MDB_val	key = val(k->bytes, k->len), v = val(p, n);

	cache_note(t->store, db, k);
	return txn_error(t, mdb_put(t->mdb, t->store->db[db], &key, &v, 0));
}

int
kv_del(struct store_txn *t, enum store_db db, const struct store_key *k)
{
	MDB_val	key = val(k->bytes, k->len);

	cache_note(t->store, db, k);
	return txn_error(t, mdb_del(t->mdb, t->store->db[db], &key, NULL));
}

int
kv_parse(const MDB_val *v, json_t **out)
{
	*out = json_loadb(v->mv_data, v->mv_size,
	    JSON_ALLOW_NUL, NULL);
	return *out != NULL ? 0 : -EBADMSG;	/* the file was tampered with */
}

int
kv_get_json(struct store_txn *t, enum store_db db, const struct store_key *k,
    json_t **out)
{
	MDB_val	v;
	int	rc;

	*out = NULL;
	if ((rc = kv_get(t, db, k, &v)) < 0)
		return rc;
	return kv_parse(&v, out);
}

int
kv_put_json(struct store_txn *t, enum store_db db, const struct store_key *k,
    const json_t *j)
{
	char	*s = json_text(j);
	int	 rc = kv_put(t, db, k, s, strlen(s));

	free(s);
	return rc;
}

int
kv_counts(struct store_txn *t, enum store_db db, const struct store_key *k,
    uint64_t *counts, size_t n)
{
	MDB_val	v;
	size_t	i;
	int	rc = kv_get(t, db, k, &v);

	if (rc == 0 && v.mv_size != n * 8)
		return -EBADMSG;
	for (i = 0; i < n; i++)
		counts[i] = rc == 0 ?
		    num_get((const char *)v.mv_data + i * 8) : 0;
	return rc == -ENOENT ? 0 : rc;
}

int
kv_put_counts(struct store_txn *t, enum store_db db, const struct store_key *k,
    const uint64_t *counts, size_t n)
{
	unsigned char	b[8 * 5];
	size_t		i;

	assert(n * 8 <= sizeof(b));
	for (i = 0; i < n; i++)
		num_put(b + i * 8, counts[i]);
	return kv_put(t, db, k, b, n * 8);
}

int
meta_add(struct store_txn *t, const char *name, int64_t by, int64_t *sum)
{
	struct store_key	k;
	uint64_t		n;
	int			rc;

	key_text(key_start(&k), name);
	if ((rc = kv_counts(t, DB_META, &k, &n, 1)) < 0)
		return rc;
	n += (uint64_t)by;
	if (sum != NULL)
		*sum = (int64_t)n;
	return by == 0 ? 0 : kv_put_counts(t, DB_META, &k, &n, 1);
}

/* The first key behind all with this prefix: 0, or -ENOENT without one. */
static int
key_beyond(struct store_key *k)
{
	while (k->len > 0 && k->bytes[k->len - 1] == 0xff)
		k->len--;
	if (k->len == 0)
		return -ENOENT;
	k->bytes[k->len - 1]++;
	return 0;
}

/* Puts the cursor on the first item of the walk, if there is one. */
static int
walk_seek(struct walk *w, const struct store_key *after)
{
	struct store_key	bound = after != NULL ? *after : w->prefix;
	MDB_cursor_op		op = MDB_SET_RANGE;
	int			rc;

	if (w->reverse && after == NULL && key_beyond(&bound) < 0)
		op = MDB_LAST;
	if (bound.len == 0)		/* SET_RANGE takes no empty key */
		op = w->reverse ? MDB_LAST : MDB_FIRST;
	w->key = val(bound.bytes, bound.len);
	rc = mdb_cursor_get(w->cursor, &w->key, &w->value, op);
	if (w->reverse && op == MDB_SET_RANGE)
		return mdb_cursor_get(w->cursor, &w->key, &w->value,
		    rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
	if (rc == 0 && after != NULL && w->key.mv_size == after->len
	    && memcmp(w->key.mv_data, after->bytes, after->len) == 0)
		rc = mdb_cursor_get(w->cursor, &w->key, &w->value, MDB_NEXT);
	return rc;
}

int
walk_start(struct walk *w, struct store_txn *t, enum store_db db,
    const struct store_key *prefix, const struct store_key *after, int reverse)
{
	int	rc;

	*w = (struct walk){ .txn = t, .prefix = *prefix, .reverse = reverse };
	rc = mdb_cursor_open(t->mdb, t->store->db[db], &w->cursor);
	if (rc != 0)
		return txn_error(t, rc);
	rc = txn_error(t, walk_seek(w, after));
	w->fresh = rc == 0 ? 1 : -1;
	if (rc == 0 || rc == -ENOENT)
		return 0;
	walk_end(w);
	return rc;
}

int
walk_next(struct walk *w)
{
	int	rc = 0;

	if (w->fresh < 0)
		return -ENOENT;
	if (!w->fresh)
		rc = txn_error(w->txn, mdb_cursor_get(w->cursor, &w->key,
		    &w->value, w->reverse ? MDB_PREV : MDB_NEXT));
	w->fresh = 0;
	if (rc < 0)
		return rc;
	if (w->key.mv_size < w->prefix.len
	    || memcmp(w->key.mv_data, w->prefix.bytes, w->prefix.len) != 0)
		return -ENOENT;
	return 0;
}

void
walk_end(struct walk *w)
{
	if (w->cursor != NULL)
		mdb_cursor_close(w->cursor);
	w->cursor = NULL;
}
