/* Keys of requests: what is found again, for how long, and what goes. */
#include <errno.h>

#include "../../buildsrv/buildsrv.h"
#include "clock.h"

static const char	*header;	/* of the request */
static int		 status;	/* of the error that was answered */
static int		 replays;	/* answers that say so */
static int64_t		 later;		/* ms that the clock is ahead */

#define http_header(req, name)		(header)
#define http_set(req, name, value)	((void)replays++)
#define clock_wall_ms()			(clock_wall_ms() + later)
#include "../../buildsrv/idempotency.c"
#undef clock_wall_ms

#include "storetap.h"

char *
secret_hash(const char *text, char out[2 * SHA256_SIZE + 1])
{
	uint8_t	sum[SHA256_SIZE];

	crypto_sha256(text, strlen(text), sum);
	return hex_encode(sum, sizeof(sum), out);
}

void
call_error(struct call *c, int code, const char *field, const char *fmt, ...)
{
	(void)c;
	(void)field;
	(void)fmt;
	status = code;
	answered = 1;
}

void
call_failed(struct call *c, int code)
{
	(void)c;
	(void)code;
	status = 500;
	answered = 1;
}

static struct server	server;
static char		again[64];	/* the job of the record found */
static const char	*job;		/* that go() makes */

static void
on_added(int code, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)unused;
	rc = code;
	if (code == -EEXIST)
		idem_look(c);
	else
		idem_keep(c, "soon", on_answer);
}

static void
go(struct call *c)
{
	struct store_op	op;

	if (idem_op(c, job, &op) == 0) {
		rc = answered = 1;
		return;
	}
	store_write(store, &op, 1, on_added, c);
	idem_op_release(&op);
}

static void
on_again(struct call *c, const json_t *record)
{
	(void)c;
	snprintf(again, sizeof(again), "%s %s", json_str(record, "job", ""),
	    json_str(record, "said", "-"));
	answered = 1;
}

/* One request: the record that was found, or "". */
static const char *
ask(const char *user, const char *key, const char *body, const char *id)
{
	struct http_req	req = { .body = body, .body_len = strlen(body) };
	struct call	c = { .server = &server, .req = &req, .user = user };

	header = key;
	job = id;
	again[0] = '\0';
	status = rc = 0;
	WAIT(idem_begin(&c, go, on_again));
	idem_free(c.idem);
	return again;
}

static size_t
records(void)
{
	WAIT(store_list(store, "idem", "", NULL, 0, 0, HEAR));
	return count_at("items");
}

static void
test_key(void)
{
	is_str("the first", ask("a", "k", "{}", "j1"), "");
	is_str("is found", ask("a", "k", "{}", "j2"), "j1 soon");
	is_int("which the answer says", replays, 1);
	ask("a", "k", "{ }", "j2");
	is_int("another body", status, 422);
	is_str("another user", ask("b", "k", "{}", "j3"), "");
	is_str("another key", ask("a", "k2", "{}", "j4"), "");
	is_str("a user and a key are two words", ask("a\nk", "", "{}", "j"),
	    "");
	is_int("none is bad", status, 400);
	is_str("without a key", ask("a", NULL, "{}", "j5"), "");
	is_int("nothing is kept", rc, 1);
	is_int("but of those that had one", (long long)records(), 3);
	ask("a", "tab\tin", "{}", "j6");
	is_int("a control character", status, 400);
}

static void
test_day(void)
{
	char	key[16];
	int	i;

	later = KEPT - 60000;
	is_str("for a day", ask("a", "k", "{}", "j7"), "j1 soon");
	later = KEPT + 60000;
	is_str("and no longer", ask("a", "k", "{}", "j8"), "");
	is_str("then it has another turn", ask("a", "k", "{}", "j9"),
	    "j8 soon");
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "more%d", i);
		ask("a", key, "{}", "j");
	}
	is_int("and what was before goes", (long long)records(), 101);
	later = 3 * (int64_t)KEPT;
	for (i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "other%d", i);
		ask("a", key, "{}", "j");
	}
	is_int("faster than new ones come", (long long)records(), 50);
	is_str("a turn that went begins anew", ask("a", "k", "{}", "j10"), "");
	is_str("and is found", ask("a", "k", "{}", "j11"), "j10 soon");
	later = 0;
}

int
main(void)
{
	log_init("idempotency", LOG_NONE, LOG_TEXT);
	crypto_init();
	begin_store();
	is_int("open", open_store(), 0);
	server.store = store;
	test_key();
	test_day();
	pack_end();
	end_store();
	return done();
}
