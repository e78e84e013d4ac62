/*
 * Records that were read lately, parsed: most reads are of the same few (a
 * caller's account, the job that he watches), and parsing is most of their
 * cost.
 *
 * The loop looks up and keeps.  The worker notes what it writes; when its
 * batch has ended, and before anybody hears so, the loop forgets all that is
 * noted.  So a read never misses a write that somebody was told of.
 *
 * A key has one place, by its hash; who comes later takes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "store_lmdb.h"

enum {
	PLACES		= 256,	/* a power of two; 12 MB if all are largest */
	MAX_VALUE	= 8192,	/* bytes of JSON: five times that, parsed */
	MAX_NOTES	= 1024	/* keys of a batch; with more, all go */
};

struct place {
	uint64_t	 hash;
	size_t		 len;
	unsigned char	*key;
	json_t		*value;		/* NULL: empty */
};

struct store_cache {
	struct place	 place[PLACES];
	uint64_t	 note[MAX_NOTES];
	size_t		 notes;		/* past MAX_NOTES: too many */
};

/* FNV-1a. */
static uint64_t
hash_of(enum store_db db, const struct store_key *k)
{
	uint64_t	h = 0xcbf29ce484222325 ^ (uint64_t)db;
	size_t		i;

	for (i = 0; i < k->len; i++)
		h = (h ^ k->bytes[i]) * 0x100000001b3;
	return h ^ h >> 32;
}

static void
place_clear(struct place *p)
{
	free(p->key);
	json_decref(p->value);
	*p = (struct place){ 0 };
}

static void
place_set(struct place *p, uint64_t hash, const struct store_key *k,
    json_t *value)
{
	place_clear(p);
	p->hash = hash;
	p->len = k->len;
	p->key = xmalloc(k->len);
	memcpy(p->key, k->bytes, k->len);
	p->value = json_incref(value);
}

int
cache_get_json(struct store_txn *t, enum store_db db,
    const struct store_key *k, json_t **out)
{
	uint64_t	 hash = hash_of(db, k);
	struct place	*p = &t->store->cache->place[hash % PLACES];
	MDB_val		 v;
	int		 rc;

	if (p->value != NULL && p->hash == hash && p->len == k->len
	    && memcmp(p->key, k->bytes, k->len) == 0) {
		*out = json_incref(p->value);
		return 0;
	}
	*out = NULL;
	if ((rc = kv_get(t, db, k, &v)) < 0 || (rc = kv_parse(&v, out)) < 0)
		return rc;
	if (v.mv_size <= MAX_VALUE)
		place_set(p, hash, k, *out);
	return 0;
}

void
cache_note(struct store *s, enum store_db db, const struct store_key *k)
{
	struct store_cache	*c = s->cache;

	if (db != DB_DOC && db != DB_JOB)
		return;
	if (c->notes < MAX_NOTES)
		c->note[c->notes] = hash_of(db, k);
	c->notes += c->notes <= MAX_NOTES;
}

void
cache_forget(struct store *s)
{
	struct store_cache	*c = s->cache;
	struct place		*p;
	size_t			 i;

	for (i = 0; c->notes <= MAX_NOTES && i < c->notes; i++) {
		p = &c->place[c->note[i] % PLACES];
		if (p->hash == c->note[i])
			place_clear(p);
	}
	for (i = 0; c->notes > MAX_NOTES && i < PLACES; i++)
		place_clear(&c->place[i]);
	c->notes = 0;
}

void
cache_new(struct store *s)
{
	s->cache = xcalloc(1, sizeof(*s->cache));
}

void
cache_free(struct store *s)
{
	size_t	i;

	for (i = 0; i < PLACES; i++)
		place_clear(&s->cache->place[i]);
	free(s->cache);
}
