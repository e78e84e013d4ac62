/*
 * What agents report, in the order in which each of them counted it: for each
 * agent a log of records that is only ever added to, and bounded in bytes.
 * Its head remembers the agent's own last number, in the transaction that
 * adds the records: so that what is sent again is not kept again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "json.h"
#include "store_lmdb.h"

/* What the key without a number holds. */
struct head {
	uint64_t	next;	/* number of the next record, from 1 */
	uint64_t	first;	/* of the oldest that is kept, likewise */
	uint64_t	bytes;	/* of those that are */
	uint64_t	last;	/* the agent's own last number, */
	uint64_t	spool;	/* and a hash of where it counts */
};

static struct store_key *
history_key(struct store_key *k, const char *agent)
{
	return key_text(key_start(k), agent);
}

static int
head_read(struct store_txn *t, const char *agent, struct head *h)
{
	struct store_key	k;
	uint64_t		n[5];
	int			rc;

	rc = kv_counts(t, DB_HISTORY, history_key(&k, agent), n, 5);
	*h = (struct head){ n[0] > 0 ? n[0] : 1, n[1] > 0 ? n[1] : 1, n[2],
	    n[3], n[4] };
	return rc;
}

static int
head_write(struct store_txn *t, const char *agent, const struct head *h)
{
	struct store_key	k;
	const uint64_t		n[5] = { h->next, h->first, h->bytes, h->last,
				    h->spool };

	return kv_put_counts(t, DB_HISTORY, history_key(&k, agent), n, 5);
}

/* The oldest goes; before (0: any) is for what came since then to stay. */
static int
drop_first(struct store_txn *t, const char *agent, struct head *h,
    int64_t before)
{
	struct store_key	k;
	json_t			*record = NULL;
	MDB_val			v;
	size_t			len;
	int			rc;

	key_num(history_key(&k, agent), h->first);
	if ((rc = kv_get(t, DB_HISTORY, &k, &v)) < 0)
		return rc;
	len = v.mv_size;
	if (before > 0 && (rc = kv_parse(&v, &record)) == 0)
		rc = json_int(record, "at", 0) >= before ? -EAGAIN : 0;
	json_decref(record);
	if (rc == 0 && (rc = kv_del(t, DB_HISTORY, &k)) == 0) {
		h->first++;
		h->bytes -= len < h->bytes ? len : h->bytes;
	}
	return rc;
}

/* With when it came put in as its first member. */
static int
record_put(struct store_txn *t, const char *agent, struct head *h,
    const json_t *record)
{
	struct store_key	k;
	struct buf		b = BUF_INIT;
	char			*text = json_text(record);
	int			rc;

	buf_printf(&b, "{\"at\":%lld%s%s", (long long)t->now,
	    text[1] != '}' ? "," : "", text + 1);
	free(text);
	key_num(history_key(&k, agent), h->next);
	if ((rc = kv_put(t, DB_HISTORY, &k, b.p, b.len)) == 0) {
		h->next++;
		h->bytes += b.len;
	}
	buf_release(&b);
	while (rc == 0 && h->bytes > STORE_HISTORY_MAX &&
	    h->first + 1 < h->next)
		rc = drop_first(t, agent, h, 0);
	return rc;
}

static uint64_t
spool_hash(const char *spool)
{
	uint8_t	hash[SHA256_SIZE];

	crypto_sha256(spool, strlen(spool), hash);
	return num_get(hash);
}

static int
apply_history_add(struct store_txn *t, struct store_req *r)
{
	uint64_t	 seq, spool = spool_hash(r->word);
	struct head	 h;
	const json_t	*record;
	size_t		 i, added = 0;
	int		 rc;

	if ((rc = head_read(t, r->id, &h)) < 0)
		return rc;
	if (h.spool != spool) {		/* it counts anew */
		h.spool = spool;
		h.last = 0;
	}
	for (i = 0; rc == 0 && i < json_array_size(r->value); i++) {
		record = json_array_get(r->value, i);
		seq = (uint64_t)json_int(record, "seq", 0);
		if (seq != 0 && seq <= h.last)
			continue;
		if ((rc = record_put(t, r->id, &h, record)) == 0)
			added++;
		if (seq != 0)
			h.last = seq;
	}
	if (rc == 0)
		rc = head_write(t, r->id, &h);
	r->result = json_pack("{sI sI sI}", "ack", (json_int_t)h.last, "added",
	    (json_int_t)added, "next", (json_int_t)h.next);
	return rc;
}

void
store_history_add(struct store *s, const char *agent, const char *spool,
    json_t *records, store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_history_add, done, arg);
	int			 rc = name_check(agent, STORE_MAX_KEY);

	r->value = records;
	r->id = xstrdup(agent);
	r->word = xstrdup(spool);
	req_submit(s, r, rc);
}

static int
apply_history_trim(struct store_txn *t, struct store_req *r)
{
	struct head	h;
	size_t		n = 0;
	int		rc;

	if ((rc = head_read(t, r->id, &h)) < 0)
		return rc;
	while (n < r->limit && h.first < h.next &&
	    (rc = drop_first(t, r->id, &h, r->before)) == 0)
		n++;
	if (rc < 0 && rc != -EAGAIN)
		return rc;
	r->result = json_pack("{sI}", "trimmed", (json_int_t)n);
	return n > 0 ? head_write(t, r->id, &h) : 0;
}

void
store_history_trim(struct store *s, const char *agent, int64_t before,
    size_t limit, store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_history_trim, done, arg);
	int			 rc = name_check(agent, STORE_MAX_KEY);

	r->id = xstrdup(agent);
	r->before = before > 0 ? before : 1;
	r->limit = limit_within(limit);
	req_submit(s, r, rc);
}

static int
records_read(struct store_txn *t, const char *agent, uint64_t after,
    size_t limit, json_t *items)
{
	struct store_key	 prefix, from;
	struct walk		 w;
	json_t			*record;
	int			 rc;

	history_key(&prefix, agent);
	from = prefix;
	if (after > 0)		/* else behind the head */
		key_num(&from, after);
	rc = walk_start(&w, t, DB_HISTORY, &prefix, &from, 0);
	if (rc < 0)
		return rc;
	while (json_array_size(items) < limit && (rc = walk_next(&w)) == 0
	    && (rc = kv_parse(&w.value, &record)) == 0) {
		json_object_set_new(record, "n", json_integer((json_int_t)
		    num_get((const char *)w.key.mv_data + w.key.mv_size - 8)));
		json_array_append_new(items, record);
	}
	walk_end(&w);
	return rc == -ENOENT ? 0 : rc;
}

void
store_history_read(struct store *s, const char *agent, int64_t after,
    size_t limit, store_done done, void *arg)
{
	struct store_txn	 t;
	struct head		 h = { .next = 1, .first = 1 };
	json_t			*items = json_array(), *out = NULL;
	int			 rc = -EINVAL;

	limit = limit_within(limit);
	if (name_check(agent, STORE_MAX_KEY) == 0
	    && (rc = read_begin(s, &t)) == 0) {
		if ((rc = head_read(&t, agent, &h)) == 0 && after < 0)
			after = (int64_t)h.next - 1 > -after ?
			    (int64_t)h.next - 1 + after : 0;
		if (rc == 0)
			rc = records_read(&t, agent, (uint64_t)after, limit,
			    items);
		read_end(&t);
	}
	if (json_array_size(items) > 0)
		after = json_int(json_array_get(items,
		    json_array_size(items) - 1), "n", after);
	else if (after >= (int64_t)h.next)	/* it knew a longer one */
		after = (int64_t)h.next - 1;
	out = json_pack("{so sI sI sb}", "items", items, "next",
	    (json_int_t)after, "first", (json_int_t)h.first,
	    "gap", after >= 0 && (uint64_t)after + 1 < h.first);
	done(rc, rc == 0 ? out : NULL, arg);
	json_decref(out);
}
