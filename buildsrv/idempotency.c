/*
 * Idempotency-Key: a request that is sent once more, because its answer was
 * lost, does nothing once more, and has the same answer, for a day.
 *
 * A record ("idem") is under the hash of the user and the key, then the
 * number of the turn: after a day the same key may be used anew, and has its
 * next turn.  It is added in the transaction that adds the job, so of two
 * requests at once only one can; the other finds what that one left.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"

enum {
	MAX_KEY		= 128,
	KEPT		= 24 * 3600 * 1000,	/* ms; fits: a day */
	SWEPT		= 10	/* records looked at for each that is made, so
				 * that old ones go faster than new ones come */
};

struct idem {
	char	 name[2 * SHA256_SIZE + 2];	/* with a slash behind */
	char	 body[2 * SHA256_SIZE + 1];	/* the hash of the request's */
	char	 key[2 * SHA256_SIZE + 24];	/* of the record */
	int	 waited;
	void	(*go)(struct call *);
	void	(*again)(struct call *, const json_t *);
};

void
idem_free(struct idem *m)
{
	free(m);
}

static void
on_swept(int rc, const json_t *page, void *arg)
{
	struct server	*s = arg;
	int64_t		 old = clock_wall_ms() - KEPT;
	json_t		*item;
	size_t		 i;

	if (rc < 0)
		return;
	snprintf(s->idem_cursor, sizeof(s->idem_cursor), "%s",
	    json_str(page, "next", ""));
	json_array_foreach(json_object_get(page, "items"), i, item)
		if (json_int(json_object_get(item, "value"), "created", 0)
		    < old)
			store_write(s->store, &(struct store_op){ STORE_DROP,
			    "idem", json_str(item, "key", "?"), NULL }, 1,
			    NULL, NULL);
}

static void
sweep(struct server *s)
{
	store_list(s->store, "idem", "", s->idem_cursor[0] != '\0' ?
	    s->idem_cursor : NULL, SWEPT, 0, on_swept, s);
}

static void
on_settled(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)unused;
	if (rc < 0)
		call_failed(c, rc);
	else
		idem_look(c);
}

/*
 * Another request with this record: again() gives its answer.  One that is
 * being answered at this moment has its last word on the way to the store:
 * what is written behind it, which may be nothing, comes after it.
 */
static void
replay(struct call *c, const char *key, const json_t *record)
{
	struct idem	*m = c->idem;
	json_t		*nothing;

	if (json_object_get(record, "said") != NULL || m->waited) {
		http_set(c->req, "Idempotent-Replayed", "true");
		m->again(c, record);
		return;
	}
	m->waited = 1;
	snprintf(m->key, sizeof(m->key), "%s", key);
	nothing = json_object();
	store_write(c->server->store, &(struct store_op){ STORE_MERGE, "idem",
	    m->key, nothing }, 1, on_settled, c);
	json_decref(nothing);
}

static void
on_turns(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;
	struct idem	*m = c->idem;
	const json_t	*last = json_array_get(json_object_get(page,
			    "items"), 0);
	const json_t	*record = json_object_get(last, "value");
	const char	*key = json_str(last, "key", "");
	int64_t		 turn = 0;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	if (record != NULL && json_int(record, "created", 0) >=
	    clock_wall_ms() - KEPT) {
		if (strcmp(json_str(record, "body", ""), m->body) != 0)
			call_error(c, 422, "Idempotency-Key",
			    "this key was used for another request");
		else
			replay(c, key, record);
		return;
	}
	if (strlen(key) > strlen(m->name))
		turn = strtoll(key + strlen(m->name), NULL, 10);
	snprintf(m->key, sizeof(m->key), "%s%020" PRId64, m->name, turn + 1);
	sweep(c->server);
	m->go(c);
}

void
idem_look(struct call *c)
{
	store_list(c->server->store, "idem", c->idem->name, NULL, 1, 1,
	    on_turns, c);
}

static int
key_is_good(const char *s)
{
	size_t	n;

	for (n = 0; s[n] >= ' ' && s[n] < 0x7f; n++)
		continue;
	return n > 0 && n <= MAX_KEY && s[n] == '\0';
}

void
idem_begin(struct call *c, void (*go)(struct call *),
    void (*again)(struct call *, const json_t *))
{
	const char	*key = http_header(c->req, "idempotency-key");
	uint8_t		 sum[SHA256_SIZE];
	char		*text;
	struct idem	*m;

	if (key == NULL) {
		go(c);
		return;
	}
	if (!key_is_good(key)) {
		call_error(c, 400, "Idempotency-Key",
		    "must be 1 to %d printable characters", MAX_KEY);
		return;
	}
	c->idem = m = xcalloc(1, sizeof(*m));
	m->go = go;
	m->again = again;
	text = xasprintf("%s\n%s", c->user, key);
	secret_hash(text, m->name);
	strcat(m->name, "/");
	free(text);
	crypto_sha256(c->req->body, c->req->body_len, sum);
	hex_encode(sum, sizeof(sum), m->body);
	idem_look(c);
}

size_t
idem_op(const struct call *c, const char *job, struct store_op *op)
{
	if (c->idem == NULL)
		return 0;
	*op = (struct store_op){ STORE_ADD, "idem", c->idem->key, json_pack(
	    "{ss ss sI}", "job", job, "body", c->idem->body, "created",
	    (json_int_t)clock_wall_ms()) };
	return 1;
}

void
idem_op_release(struct store_op *op)
{
	/* The const is the store's, which changes nothing. */
	json_decref((json_t *)(uintptr_t)op->value);
}

void
idem_keep(struct call *c, const char *said, store_done done)
{
	json_t	*more;

	if (c->idem == NULL) {
		done(0, NULL, c);
		return;
	}
	more = json_pack("{ss}", "said", said);
	store_write(c->server->store, &(struct store_op){ STORE_MERGE, "idem",
	    c->idem->key, more }, 1, done, c);
	json_decref(more);
}
