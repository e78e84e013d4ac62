/* The logs of jobs: numbered lines, bounded in bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "store_lmdb.h"

/* What the key without a number holds. */
struct log_head {
	uint64_t	next;	/* number of the next line */
	uint64_t	bytes;	/* of the lines' JSON */
	uint64_t	cut;	/* whether the last line says so */
};

static struct store_key *
log_key(struct store_key *k, const char *id)
{
	return key_text(key_start(k), id);
}

static int
head_read(struct store_txn *t, const char *id, struct log_head *h)
{
	struct store_key	k;
	uint64_t		n[3];
	int			rc;

	rc = kv_counts(t, DB_LOG, log_key(&k, id), n, 3);
	*h = (struct log_head){ n[0], n[1], n[2] };
	return rc;
}

static int
head_write(struct store_txn *t, const char *id, const struct log_head *h)
{
	struct store_key	k;
	const uint64_t		n[3] = { h->next, h->bytes, h->cut };

	return kv_put_counts(t, DB_LOG, log_key(&k, id), n, 3);
}

static int
line_put(struct store_txn *t, const char *id, struct log_head *h,
    const char *text, size_t len)
{
	struct store_key	k;

	key_num(log_key(&k, id), h->next);
	h->next++;
	h->bytes += len;
	return kv_put(t, DB_LOG, &k, text, len);
}

static int
line_put_cut(struct store_txn *t, const char *id, struct log_head *h)
{
	json_t	*line;
	char	*text;
	int	 rc;

	line = json_pack("{sI ss si so}", "t", (json_int_t)t->now, "step",
	    "log", "err", 1, "text", json_sprintf(
	    "the log ends here: it has reached its limit of %d bytes",
	    (int)STORE_LOG_MAX));
	text = json_text(line);
	h->cut = 1;
	rc = line_put(t, id, h, text, strlen(text));
	free(text);
	json_decref(line);
	return rc;
}

static int
line_add(struct store_txn *t, const char *id, struct log_head *h,
    const json_t *line)
{
	enum { ROOM_TO_SAY = 512 };	/* for the line that says so */
	char	*text = json_text(line);
	size_t	 len = strlen(text);
	int	 rc;

	if (h->bytes + len > STORE_LOG_MAX - ROOM_TO_SAY)
		rc = line_put_cut(t, id, h);
	else
		rc = line_put(t, id, h, text, len);
	free(text);
	return rc;
}

static int
apply_log_add(struct store_txn *t, struct store_req *r)
{
	struct log_head	 h;
	json_t		*job;
	size_t		 i;
	int		 rc;

	if ((rc = job_held(t, r->id, r->fence, &job)) < 0)
		return rc;
	json_decref(job);
	if ((rc = head_read(t, r->id, &h)) < 0)
		return rc;
	r->logged = !h.cut && json_array_size(r->value) > 0;
	for (i = 0; rc == 0 && !h.cut && i < json_array_size(r->value); i++)
		rc = line_add(t, r->id, &h, json_array_get(r->value, i));
	if (rc == 0)
		rc = head_write(t, r->id, &h);
	r->result = json_pack("{sI}", "next", (json_int_t)h.next);
	return rc;
}

/* The head knows how many lines there are. */
int
log_delete(struct store_txn *t, const char *id)
{
	struct store_key	k;
	struct log_head		h;
	uint64_t		i;
	int			rc;

	if ((rc = head_read(t, id, &h)) < 0)
		return rc;
	for (i = 0; i < h.next; i++) {
		rc = kv_del(t, DB_LOG, key_num(log_key(&k, id), i));
		if (rc < 0 && rc != -ENOENT)
			return rc;
	}
	rc = kv_del(t, DB_LOG, log_key(&k, id));
	return rc == -ENOENT ? 0 : rc;
}

static int
lines_check(const json_t *lines)
{
	size_t	i, n = json_array_size(lines);

	if (!json_is_array(lines) || n > STORE_MAX_LINES)
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (!json_is_object(json_array_get(lines, i)))
			return -EINVAL;
	return 0;
}

void
store_log_add(struct store *s, const char *id, int64_t fence,
    const json_t *lines, store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_log_add, done, arg);
	int			 rc = name_check(id, STORE_MAX_KEY);

	r->fence = fence;
	if (rc == 0 && (rc = lines_check(lines)) == 0) {
		r->id = xstrdup(id);
		r->value = json_deep_copy(lines);
	}
	req_submit(s, r, rc);
}

static int
lines_read(struct store_txn *t, const char *id, int64_t from, size_t limit,
    json_t *items)
{
	struct store_key	 prefix, first;
	struct walk		 w;
	json_t			*line;
	int			 rc;

	log_key(&prefix, id);
	first = prefix;
	if (from > 0)		/* behind the line before it, or the head */
		key_num(&first, (uint64_t)from - 1);
	rc = walk_start(&w, t, DB_LOG, &prefix, &first, 0);
	if (rc < 0)
		return rc;
	while (json_array_size(items) < limit && (rc = walk_next(&w)) == 0
	    && (rc = kv_parse(&w.value, &line)) == 0)
		json_array_append_new(items, line);
	walk_end(&w);
	return rc == -ENOENT ? 0 : rc;
}

void
store_log_read(struct store *s, const char *id, int64_t from, size_t limit,
    store_done done, void *arg)
{
	struct store_txn	 t;
	json_t			*items = json_array(), *out;
	int			 rc = -EINVAL;

	if (from >= 0 && name_check(id, STORE_MAX_KEY) == 0
	    && (rc = read_begin(s, &t)) == 0) {
		rc = lines_read(&t, id, from, limit_within(limit), items);
		read_end(&t);
	}
	out = json_pack("{sO sI}", "items", items, "next",
	    (json_int_t)from + (json_int_t)json_array_size(items));
	done(rc, rc == 0 ? out : NULL, arg);
	json_decref(items);
	json_decref(out);
}
