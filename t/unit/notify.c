/*
 * Notifications, from a real store to WebSockets and polls.
 * "notify.t serve WHERE..." serves them for the shell tests: /socket.io/, and
 * /do?verb=VERB&id=ID&user=USER, which makes things happen.  The key of user U
 * is "key-U".
 */
#include "../../buildsrv/notify.c"
#include "../../buildsrv/notify_events.c"
#include "../../buildsrv/socketio.c"
#include "../../buildsrv/socketio_emit.c"
#include "../../buildsrv/socketio_packet.c"
#include "../../buildsrv/socketio_socket.c"

#include "sio.h"
#include "storetap.h"

/* -- the server's side -- */

static struct notify		*notify;
static int			 stopped;
/* Of a key "slow-...": not yet answered. */
static notify_identified	 later;
static void			*later_ctx;

static json_t *
on_view(void *arg, const json_t *event)
{
	const json_t	*job = json_object_get(event, "data");
	json_t		*v;

	(void)arg;
	if (json_bool(job, "hidden", 0))
		return NULL;
	v = json_pack("{ss ss}", "id", json_str(job, "id", ""), "status",
	    json_str(job, "status", ""));
	if (strcmp(json_str(job, "status", ""), "completed") == 0)
		json_object_set_new(v, "downloadUrl",
		    json_string("http://a.example/x"));
	json_object_set(v, "pad", json_object_get(job, "pad"));
	return v;
}

static void
on_identify(void *arg, const char *key, const char *peer,
    notify_identified tell, void *ctx)
{
	(void)arg;
	(void)peer;
	if (strncmp(key, "slow-", 5) == 0) {
		later = tell;
		later_ctx = ctx;
	} else {
		tell(ctx, strncmp(key, "key-", 4) == 0 ? key + 4 : NULL, 0);
	}
}

static void
notify_start(void)
{
	struct notify_options	o = { .store = store, .view = on_view,
				    .identify = on_identify };

	notify = notify_new(&loop, &o);
}

static void
handle(struct http_req *q, void *arg)
{
	(void)arg;
	notify_handle(notify, q);
}

static int	added;

static void
on_added(int code, const json_t *job, void *arg)
{
	(void)job;
	(void)arg;
	added += code == 0;
}

/* A job of this user is added: one event, with pad bytes in its data. */
static void
add(const char *user, const char *id, size_t pad)
{
	char	*text = xmalloc(pad + 1);
	json_t	*job;

	memset(text, 'p', pad);
	text[pad] = '\0';
	job = json_pack("{ss ss ss}", "id", id, "user", user, "pad", text);
	store_job_add(store, job, on_added, NULL);
	json_decref(job);
	free(text);
}

static void
happen(const char *user, const char *id, size_t pad)
{
	added = 0;
	add(user, id, pad);
	loop_run(&added, 1);
}

static void
happen_many(const char *user, int n, size_t pad)
{
	static int	count;
	char		id[40];
	int		i;

	added = 0;
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "many-%d", ++count);
		add(user, id, pad);
	}
	loop_run(&added, n);
}

/* -- the clients' -- */

#define WIRE	"/socket.io/?EIO=4&transport=websocket"
#define POLL	"/socket.io/?EIO=4&transport=polling"

/* A client that asks to join with these words; headers may be NULL. */
static void
client(struct peer *e, const char *connect, const char *headers)
{
	peer_start(e, WIRE, headers);
	peer_next(e);
	peer_say(e, connect);
}

/* The number behind "seq": in a text, or -1. */
static int64_t
seq_of(const char *text)
{
	const char	*p = text != NULL ? strstr(text, "\"seq\":") : NULL;

	return p != NULL ? strtoll(p + 6, NULL, 10) : -1;
}

/* The pid of an answer to a connection: 0, or -1 without one. */
static int
pid_of(const char *text, char *out, size_t n)
{
	const char	*p = text != NULL ? strstr(text, "\"pid\":\"") : NULL;

	if (p == NULL)
		return -1;
	snprintf(out, n, "%.*s", (int)strcspn(p + 7, "\""), p + 7);
	return 0;
}

/* n events, in order, from seq `from` on, of every step-th number. */
static int
hears_run(struct peer *e, int64_t from, int n, int step)
{
	const char	*text;
	int		i;

	for (i = 0; i < n; i++, from += step) {
		text = peer_next(e);
		if (seq_of(text) != from) {
			printf("# wanted %lld, heard '%.200s'\n",
			    (long long)from, text ? text : "(nothing)");
			return 0;
		}
	}
	return 1;
}

static void
test_identity(void)
{
	static const char	no[] = "44{\"message\":\"unauthorized\"}";
	static const char *const refused[] = {
		"40", "40{}", "40{\"token\":\"\"}", "40{\"token\":1}",
		"40{\"token\":\"wrong\"}"
	};
	struct peer		e;
	size_t			i;

	for (i = 0; i < nitems(refused); i++) {
		client(&e, refused[i], NULL);
		ok(refused[i], hears(&e, no));
		peer_end(&e);
	}
	client(&e, "40{\"token\":\"key-one\"}", NULL);
	ok("a key lets in", hears_begin(&e, "40{\"sid\":\""));
	is_int("one listens", (long long)notify_listeners(notify), 1);
	peer_end(&e);
	client(&e, "40", "Authorization: Bearer key-one\r\n");
	ok("so does a header", hears_begin(&e, "40{\"sid\":\""));
	peer_end(&e);
	client(&e, "40", "Authorization: Basic key-one\r\n");
	ok("of the right kind", hears(&e, no));
	peer_end(&e);
	client(&e, "40{\"token\":\"wrong\"}",
	    "Authorization: Bearer key-one\r\n");
	ok("a token goes before it", hears(&e, no));
	peer_end(&e);
	sio_pause(30);
	is_int("nobody listens", (long long)notify_listeners(notify), 0);
}

static void
test_own_events(void)
{
	struct peer	one, two, again;
	char		want[200];
	long long	seq = store_event_last(store);

	client(&one, "40{\"token\":\"key-one\"}", NULL);
	client(&again, "40{\"token\":\"key-one\"}", NULL);
	client(&two, "40{\"token\":\"key-two\"}", NULL);
	peer_next(&one);
	peer_next(&again);
	peer_next(&two);
	happen("one", "a", 0);
	happen("two", "b", 0);
	happen("one", "c", 0);
	snprintf(want, sizeof(want), "42[\"buildJobAdded\",{\"id\":\"a\","
	    "\"status\":\"pending\",\"pad\":\"\",\"seq\":%lld},\"%lld\"]",
	    seq + 1, seq + 1);
	ok("an event with its number", hears(&one, want));
	ok("to all of its user", hears(&again, want));
	ok("not the other's, but the next", hears_run(&one, seq + 3, 1, 1));
	ok("who gets the own", hears_run(&two, seq + 2, 1, 1));
	sio_pause(30);
	ok("and nothing else", one.seen == one.n && two.seen == two.n);
	peer_end(&one);
	peer_end(&two);
	peer_end(&again);
}

/* One that read ahead of the rest gets nothing twice. */
static void
test_read_ahead(void)
{
	struct peer	e;
	int		seq = (int)store_event_last(store);

	client(&e, "40{\"token\":\"key-one\"}", NULL);
	peer_next(&e);
	happen_many("one", 2, 0);
	ok("two events", hears_run(&e, seq + 1, 2, 1));
	notify->head -= 2;		/* as if they were given out now */
	happen_many("one", 1, 0);
	ok("then the third alone", hears_run(&e, seq + 3, 1, 1));
	peer_end(&e);
}

static void
test_other_users(void)
{
	static const char	why[] = "userId is not the key's user";
	struct peer		e;
	char			want[200];
	int			seq = (int)store_event_last(store);

	client(&e, "40{\"token\":\"key-one\"}", NULL);
	peer_next(&e);
	snprintf(want, sizeof(want), "430[{\"success\":true,"
	    "\"userId\":\"one\",\"seq\":%d}]", seq);
	peer_say(&e, "420[\"authenticate\",{\"userId\":\"one\"}]");
	ok("the own id is confirmed", hears(&e, want));
	peer_say(&e, "420[\"subscribeBuildUpdates\",{\"userId\":\"one\"}]");
	ok("again", hears(&e, want));
	peer_say(&e, "420[\"authenticate\"]");
	ok("none is the own", hears(&e, want));
	peer_say(&e, "42[\"authenticate\",{\"userId\":\"two\"}]");
	snprintf(want, sizeof(want), "42[\"unauthorized\",{\"event\":"
	    "\"authenticate\",\"message\":\"%s\"}]", why);
	ok("another is refused", hears(&e, want));
	peer_say(&e, "427[\"subscribeBuildUpdates\",{\"userId\":\"two\"}]");
	hears_begin(&e, "42[\"unauthorized\"");
	snprintf(want, sizeof(want), "437[{\"success\":false,\"error\":"
	    "\"%s\"}]", why);
	ok("also where an answer is asked for", hears(&e, want));
	peer_say(&e, "421[\"subscribeBuildUpdates\",{\"userId\":7}]");
	hears_begin(&e, "42[\"unauthorized\"");
	ok("no name is no name", hears_begin(&e,
	    "431[{\"success\":false"));
	peer_say(&e, "421[\"other\",{}]");
	ok("other events are unknown", hears(&e, "431[{\"success\":false,"
	    "\"error\":\"unknown event\"}]"));
	happen("two", "t", 0);
	happen("one", "o", 0);
	ok("nothing of others comes", hears_run(&e, seq + 2, 1, 1));
	peer_end(&e);
}

static void
test_missed(void)
{
	struct peer	e;
	char		say[200], pid[64] = "";
	int		seq = (int)store_event_last(store);

	happen_many("one", 350, 10);
	snprintf(say, sizeof(say), "40{\"token\":\"key-one\",\"lastSeq\":%d}",
	    seq);
	client(&e, say, NULL);
	peer_next(&e);
	ok("what was missed comes", hears_run(&e, seq + 1, 350, 1));
	happen_many("one", 3, 0);
	ok("and what happens", hears_run(&e, seq + 351, 3, 1));
	peer_end(&e);
	client(&e, "40{\"token\":\"key-one\"}", NULL);
	ok("the official client gets a pid", pid_of(peer_next(&e), pid,
	    sizeof(pid)) == 0);
	peer_end(&e);
	happen_many("one", 2, 0);
	snprintf(say, sizeof(say), "40{\"token\":\"key-one\",\"pid\":\"%s\"}",
	    pid);
	client(&e, say, NULL);
	ok("which it keeps", strstr(peer_next(&e), pid) != NULL);
	ok("with it comes what was missed since", hears_run(&e, seq + 354, 2,
	    1));
	peer_end(&e);
	snprintf(say, sizeof(say), "40{\"token\":\"key-one\",\"pid\":\"%s\","
	    "\"offset\":\"%d\",\"lastSeq\":%d}", pid, seq + 354, seq);
	client(&e, say, NULL);
	peer_next(&e);
	ok("or since the last that it got", hears_run(&e, seq + 355, 1, 1));
	sio_pause(30);
	ok("and no more", e.seen == e.n);
	peer_end(&e);
}

static void
test_odd_numbers(void)
{
	static const char *const refused[] = {
		"40{\"token\":\"key-one\",\"lastSeq\":-1}",
		"40{\"token\":\"key-one\",\"lastSeq\":\"1\"}",
		"40{\"token\":\"key-one\",\"lastSeq\":1.5}",
	};
	static const char *const ignored[] = {
		"40{\"token\":\"key-one\",\"pid\":\"x\",\"offset\":\"1\"}",
		"40{\"token\":\"key-one\",\"pid\":\"-1-x\"}",
		"40{\"token\":\"key-one\",\"pid\":7,\"offset\":\"1\"}",
		"40{\"token\":\"key-one\",\"offset\":\"1\"}",
		/* A log that was longer than this one. */
		"40{\"token\":\"key-one\",\"lastSeq\":999999999}",
	};
	struct peer		e;
	size_t			i;
	int			seq;

	for (i = 0; i < nitems(refused); i++) {
		client(&e, refused[i], NULL);
		ok(refused[i], hears(&e, "44{\"message\":"
		    "\"lastSeq must be a whole number\"}"));
		peer_end(&e);
	}
	for (i = 0; i < nitems(ignored); i++) {
		client(&e, ignored[i], NULL);
		hears_begin(&e, "40{");
		sio_pause(20);
		seq = (int)store_event_last(store);
		happen("one", ignored[i] + 20, 0);
		ok(ignored[i], hears_run(&e, seq + 1, 1, 1));
		peer_end(&e);
	}
}

/* A client that does not fetch: events wait in the store, not in memory. */
static void
test_slow_reader(void)
{
	struct got	g;
	char		path[128];
	int64_t		seq = store_event_last(store), want = seq;
	const char	*p;
	int		good = 1, n = 1500;

	ask(&g, "GET", POLL, NULL, 0);
	loop_run(&g.done, 1);
	snprintf(path, sizeof(path), POLL "&sid=%.24s", g.body + 9);
	got_clear(&g);
	asks("POST", path, "40{\"token\":\"key-one\"}", 200, "ok");
	asks("GET", path, NULL, 200, NULL);
	happen_many("one", n, 1000);
	while (want < seq + n && good) {
		ask(&g, "GET", path, NULL, 0);
		good = loop_run(&g.done, 1) && g.status == 200
		    && strlen(g.body) < NOTIFY_HIGH + 64 * 1024;
		for (p = g.body; good && (p = strstr(p, "\"seq\":")) != NULL;
		    p++)
			good = seq_of(p) == ++want;
		if (!good)
			printf("# status %d, %zu bytes, at %lld\n", g.status,
			    strlen(g.body), (long long)want);
		got_clear(&g);
	}
	ok("a slow poller gets all, in order, in bounded pieces", good);
	happen_many("one", 1, 0);
	ask(&g, "GET", path, NULL, 0);
	ok("and is then up to date", loop_run(&g.done, 1)
	    && seq_of(g.body) == seq + n + 1);
	got_clear(&g);
	asks("POST", path, "1", 200, "ok");
	asks("GET", path, NULL, 200, "6");
}

static void
test_asking(void)
{
	struct peer	e;
	int		seq;

	client(&e, "40{\"token\":\"slow-x\"}", NULL);
	sio_pause(30);
	seq = (int)store_event_last(store);
	happen("one", "meanwhile", 0);
	ok("nothing comes before the key is known", e.seen == e.n);
	later(later_ctx, "one", 0);
	ok("then the client is in", hears_begin(&e, "40{\"sid\":"));
	ok("and has missed nothing", hears_run(&e, seq + 1, 1, 1));
	peer_end(&e);
	client(&e, "40{\"token\":\"slow-x\"}", NULL);
	sio_pause(30);
	peer_end(&e);
	sio_pause(30);
	later(later_ctx, "one", 0);
	is_int("one that has gone is not let in",
	    (long long)notify_listeners(notify), 0);
	client(&e, "40{\"token\":\"slow-x\"}", NULL);
	sio_pause(30);
	peer_end(&e);
	sio_pause(30);
	later(later_ctx, NULL, 0);
	ok("nor refused", 1);
}

static void
test_many(void)
{
	static struct peer	e[NOTIFY_MAX_USER + 1];
	size_t			i;

	for (i = 0; i < NOTIFY_MAX_USER; i++) {
		client(&e[i], "40{\"token\":\"key-one\"}", NULL);
		peer_next(&e[i]);
	}
	client(&e[i], "40{\"token\":\"key-one\"}", NULL);
	ok("a user has so many sockets and no more", hears(&e[i],
	    "44{\"message\":\"too many connections\"}"));
	is_int("which count", (long long)notify_listeners(notify),
	    NOTIFY_MAX_USER);
	notify_drop(notify, "nobody");
	notify_drop(notify, "one");
	for (i = 0; i < NOTIFY_MAX_USER; i++)
		if (!peer_is_closed(&e[i]))
			break;
	is_int("all are cut when the account changes", (long long)i,
	    NOTIFY_MAX_USER);
	for (i = 0; i < nitems(e); i++)
		peer_end(&e[i]);
	is_int("and gone", (long long)notify_listeners(notify), 0);
}

static void
test_hidden(void)
{
	struct peer	e;
	int		seq = (int)store_event_last(store);
	json_t		*job = json_pack("{ss ss sb}", "id", "h", "user",
			    "one", "hidden", 1);

	client(&e, "40{\"token\":\"key-one\"}", NULL);
	peer_next(&e);
	store_job_add(store, job, on_added, NULL);
	json_decref(job);
	happen("one", "shown", 0);
	ok("what has no view is not shown", hears_run(&e, seq + 2, 1, 1));
	peer_end(&e);
}

/* -- serve, for others -- */

static int64_t	fence;

static void
on_done(int code, const json_t *result, void *arg)
{
	struct http_req	*q = arg;

	fence = json_int(result, "fence", fence);
	if (code < 0)
		http_reply_error(q, 500, NULL, "%s", errstr(code));
	else
		http_reply_json(q, 200, json_deep_copy(result));
}

static void
make_happen(struct http_req *q)
{
	char	*verb = http_query(q, "verb"), *id = http_query(q, "id");
	char	*user = http_query(q, "user");
	json_t	*job;

	if (verb == NULL || id == NULL || user == NULL) {
		http_reply_error(q, 400, NULL, "verb, id, user");
	} else if (strcmp(verb, "add") == 0) {
		job = json_pack("{ss ss}", "id", id, "user", user);
		store_job_add(store, job, on_done, q);
		json_decref(job);
	} else if (strcmp(verb, "claim") == 0) {
		store_job_claim(store, "t", 60000, 3, on_done, q);
	} else if (strcmp(verb, "cancel") == 0) {
		store_job_cancel(store, id, on_done, q);
	} else if (strcmp(verb, "drop") == 0) {
		notify_drop(notify, user);
		http_reply(q, 200, "text/plain", "ok\n", 3);
	} else {
		store_job_finish(store, id, fence, verb, NULL, NULL, 0,
		    on_done, q);
	}
	free(verb);
	free(id);
	free(user);
}

static void
on_served(struct http_req *q, void *arg)
{
	(void)arg;
	if (strcmp(q->path, "/socket.io/") == 0)
		notify_handle(notify, q);
	else if (strcmp(q->path, "/do") == 0)
		make_happen(q);
	else
		http_reply_error(q, 404, NULL, "no such path");
}

static void
on_notify_stopped(void *arg)
{
	(void)arg;
	store_close(store, on_store_closed, NULL);
}

static void
on_term(void)
{
	notify_stop(notify, on_notify_stopped, NULL);
}

static int
serve(char **to)
{
	web = httpd_new(&loop, on_served, NULL);
	if (web_serve(to, on_term) < 0)
		return 1;
	notify_free(notify);
	store = NULL;			/* on_notify_stopped() closed it */
	end_store();
	return tap_failed;
}

int
main(int argc, char **argv)
{
	struct peer	e;

	log_init("notify.t", LOG_WARN, LOG_TEXT);
	crypto_init();
	begin_store();
	if (open_store() < 0)
		return 1;
	notify_start();
	if (argc > 2 && strcmp(argv[1], "serve") == 0)
		return serve(argv + 2);
	web_start(handle);
	test_identity();
	test_own_events();
	test_read_ahead();
	test_other_users();
	test_missed();
	test_odd_numbers();
	test_slow_reader();
	test_asking();
	test_many();
	test_hidden();
	client(&e, "40{\"token\":\"key-one\"}", NULL);
	peer_next(&e);
	notify_stop(notify, on_web_stopped, &stopped);
	ok("it stops", loop_run(&stopped, 1));
	ok("clients are closed", peer_is_closed(&e));
	peer_end(&e);
	ok("new ones are sent away", asks("GET", POLL, NULL, 503, NULL));
	web_stop();
	close_store();
	notify_free(notify);
	uv_run(&loop, UV_RUN_DEFAULT);
	end_store();
	return done();
}
