/*
 * Socket.IO: its packets, and a server that is spoken to packet by packet.
 * "socketio.t serve WHERE..." serves what muster-buildsrv --test-echo mounts,
 * for the shell tests and for the protocols' own suites.
 */
#include "../../buildsrv/socketio.c"
#include "../../buildsrv/socketio_emit.c"
#include "../../buildsrv/socketio_packet.c"
#include "../../buildsrv/socketio_socket.c"
#include "../../buildsrv/testecho.c"

#include "sio.h"

/* -- packets -- */

static void
test_packets(void)
{
	/* What is written back, or NULL where it must be refused. */
	static const char *const	table[][2] = {
		{ "0", "0" }, { "0{\"token\":\"x\"}", "0{\"token\":\"x\"}" },
		{ "0/admin", "0/admin," }, { "0/admin,{}", "0/admin,{}" },
		{ "1", "1" }, { "1/admin,", "1/admin," },
		{ "2[\"a\"]", "2[\"a\"]" },
		{ "2[\"/x,\",1]", "2[\"/x,\",1]" },
		{ "212[\"a\",{\"b\":[true,null]}]",
		    "212[\"a\",{\"b\":[true,null]}]" },
		{ "2/x,999999999999999[\"a\"]", "2/x,999999999999999[\"a\"]" },
		{ "30[]", "30[]" }, { "3/x,7[1]", "3/x,7[1]" },
		{ "50-[\"a\"]", "50-[\"a\"]" },
		{ "51-/x,[\"a\",{\"_placeholder\":true,\"num\":0}]",
		    "51-/x,[\"a\",{\"_placeholder\":true,\"num\":0}]" },
		{ "510-[\"a\"]", "510-[\"a\"]" },
		{ "62-7[{\"_placeholder\":true,\"num\":1}]",
		    "62-7[{\"_placeholder\":true,\"num\":1}]" },
		{ "2[\"a\",{\"_placeholder\":true,\"num\":9}]",
		    "2[\"a\",{\"_placeholder\":true,\"num\":9}]" },
		{ "2[\"a\",14115000000000000000,1]",
		    "2[\"a\",14115000000000000000,1]" },
		{ "51-[1e400]", NULL },
		{ "51-[\"a\",{\"_placeholder\":true,\"num\":0.5}]", NULL },
		{ "", NULL }, { "7", NULL }, { "abc", NULL },
		{ "0[]", NULL }, { "0\"x\"", NULL }, { "1{}", NULL },
		{ "2", NULL }, { "2{}", NULL }, { "2[]", NULL },
		{ "2[1]", NULL }, { "2[\"a\"", NULL }, { "2[\"a\"]x", NULL },
		{ "2abc[\"a\"]", NULL }, { "2-1[\"a\"]", NULL },
		{ "2[\"connect\"]", NULL }, { "2[\"disconnect\"]", NULL },
		{ "2[\"newListener\"]", NULL },
		{ "21234567890123456[\"a\"]", NULL },
		{ "3[]", NULL }, { "31{}", NULL }, { "31", NULL },
		{ "4{\"message\":\"x\"}", NULL },
		{ "5[\"a\"]", NULL }, { "5-[\"a\"]", NULL },
		{ "51[\"a\"]", NULL }, { "511-[\"a\"]", NULL },
		{ "5001-[\"a\"]", NULL }, { "51-", NULL },
		{ "51-[\"a\",{\"_placeholder\":true,\"num\":1}]", NULL },
		{ "51-[\"a\",{\"_placeholder\":true,\"num\":-1}]", NULL },
		{ "51-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]", NULL },
		{ "51-[\"a\",[{\"x\":{\"_placeholder\":true}}]]", NULL },
		{ "0/a b", NULL }, { "0/a\n", NULL }, { "0/\xc3\xa4", NULL },
	};
	struct socketio_packet	p;
	struct buf		b = BUF_INIT;
	const char		*text, *want;
	size_t			 i;
	int			 rc, good;

	for (i = 0; i < nitems(table); i++) {
		text = table[i][0];
		want = table[i][1];
		buf_clear(&b);
		rc = socketio_packet_read(&p, text, strlen(text));
		if (rc == 0)
			socketio_packet_write(&b, &p);
		good = rc == 0 ? want != NULL
		    && strcmp(buf_str(&b), want) == 0 : want == NULL;
		if (rc == 0)
			socketio_packet_release(&p);
		ok(text, good);
	}
	buf_release(&b);
}

static void
test_packet_limits(void)
{
	struct socketio_packet	p;
	char			text[400];
	int			i;

	memset(text, 'n', sizeof(text));
	text[0] = '0';
	text[1] = '/';
	text[SOCKETIO_NSP_SIZE] = '\0';
	ok("the longest namespace", socketio_packet_read(&p, text,
	    strlen(text)) == 0);
	text[SOCKETIO_NSP_SIZE] = 'n';
	text[SOCKETIO_NSP_SIZE + 1] = '\0';
	ok("one longer", socketio_packet_read(&p, text, strlen(text)) < 0);
	strcpy(text, "2[\"a\"");
	for (i = 0; i < 100; i++)
		strcat(text, ",[");
	ok("too deep", socketio_packet_read(&p, text, strlen(text)) < 0);
}

/* -- the server under test -- */

static struct socketio		*io;
static struct socketio_socket	*asking;	/* in "/slow" */
static struct socketio_socket	*first;		/* of "/" */
static int			 connects, disconnects, stopped;
static int			 acks, late_acks;
static char			 why_gone[80], ack_text[200], header[80];

static void
on_root_connect(struct socketio_socket *s, const json_t *auth, void *arg)
{
	const char	*h = socketio_header(s, "x-test");

	(void)arg;
	snprintf(header, sizeof(header), "%s", h != NULL ? h : "");
	if (json_bool(auth, "no", 0)) {
		socketio_refuse(s, "not you");
		return;
	}
	connects++;
	if (first == NULL)
		first = s;
	socketio_accept(s, json_str(auth, "want", NULL));
}

static void
on_acked(struct socketio_socket *s, const json_t *args,
    const struct socketio_blob *blobs, size_t n, void *ctx)
{
	char	*text;

	(void)s;
	(void)blobs;
	(void)ctx;
	if (args == NULL) {
		late_acks++;
		return;
	}
	acks++;
	text = json_text(args);
	snprintf(ack_text, sizeof(ack_text), "%s %zu", text, n);
	free(text);
}

static void
on_root_event(struct socketio_socket *s, const struct socketio_event *ev,
    void *arg)
{
	json_t	*args = json_copy(ev->args);

	(void)arg;
	if (strcmp(ev->name, "back") == 0)
		socketio_emit(s, args, ev->blobs, ev->n_blobs, NULL, NULL);
	else if (strcmp(ev->name, "ask") == 0)
		socketio_emit(s, args, NULL, 0, on_acked, NULL);
	else if (strcmp(ev->name, "leave") == 0) {
		socketio_ack(s, ev->ack, args, NULL, 0);
		socketio_disconnect(s, "sent away");
	} else if (strcmp(ev->name, "cut") == 0) {
		json_decref(args);
		socketio_cut(s, "cut off");
	} else {
		socketio_ack(s, ev->ack, args, ev->blobs, ev->n_blobs);
	}
}

static void
on_root_disconnect(struct socketio_socket *s, const char *why, void *arg)
{
	(void)arg;
	disconnects++;
	if (s == first)
		first = NULL;
	snprintf(why_gone, sizeof(why_gone), "%s", why);
	if (socketio_emit(s, json_pack("[s]", "x"), NULL, 0, NULL, NULL)
	    != -EPIPE)
		disconnects += 1000;	/* a socket that ended sends */
}

static void
on_slow_connect(struct socketio_socket *s, const json_t *auth, void *arg)
{
	(void)auth;
	(void)arg;
	connects++;
	asking = s;
}

static void
on_slow_disconnect(struct socketio_socket *s, const char *why, void *arg)
{
	(void)s;
	(void)why;
	(void)arg;
	disconnects++;
	asking = NULL;
}

static void
handle(struct http_req *q, void *arg)
{
	(void)arg;
	socketio_handle(io, q);
}

static void
io_start(const struct socketio_options *o)
{
	static const struct socketio_events	root = {
		on_root_connect, on_root_event, on_root_disconnect
	}, slow = {
		on_slow_connect, on_root_event, on_slow_disconnect
	};

	io = socketio_new(&loop, o);
	socketio_namespace(io, "/", &root, NULL);
	socketio_namespace(io, "/slow", &slow, NULL);
	connects = disconnects = stopped = acks = late_acks = 0;
}

static void
io_stop(void)
{
	socketio_stop(io, on_web_stopped, &stopped);
	ok("the server stops", loop_run(&stopped, 1));
	is_int("each socket ended once", disconnects, connects);
}

#define WIRE	"/socket.io/?EIO=4&transport=websocket"

/* A client that has shaken hands, and joined unless join is NULL. */
static void
client(struct peer *e, const char *join)
{
	peer_start(e, WIRE, "X-Test: kept\r\n");
	peer_next(e);
	if (join == NULL)
		return;
	peer_say(e, join);
	peer_next(e);
}

static void
test_connect(void)
{
	struct peer	e;
	int		before = disconnects;

	client(&e, NULL);
	peer_say(&e, "40");
	ok("a client joins", hears_begin(&e, "40{\"sid\":\""));
	ok("with a sid of its own", strlen(e.text[1]) == 36);
	is_str("a header of its handshake is kept", header, "kept");
	peer_say(&e, "40/none,{}");
	ok("there is no such namespace", hears(&e,
	    "44/none,{\"message\":\"Invalid namespace\"}"));
	peer_say(&e, "41");
	ok("it leaves", loop_run(&disconnects, before + 1));
	is_str("by itself", why_gone, "left by the client");
	peer_say(&e, "42[\"back\"]");
	peer_say(&e, "40{\"no\":true}");
	ok("what it says then is dropped; it may be refused", hears(&e,
	    "44{\"message\":\"not you\"}"));
	peer_say(&e, "40{\"want\":\"a-1\"}");
	ok("and come again", hears_begin(&e, "40{\"sid\":\"")
	    && strstr(e.text[e.n - 1], "\",\"pid\":\"a-1\"}") != NULL);
	peer_say(&e, "40");
	ok("twice is too often", peer_is_told(&e, broken));
	peer_end(&e);
}

static void
test_slow_connect(void)
{
	struct peer	e;
	int		before = disconnects;

	client(&e, NULL);
	peer_say(&e, "40/slow,");
	sio_pause(30);
	ok("an answer may come later", e.n == 1 && asking != NULL);
	socketio_accept(asking, NULL);
	ok("it does", hears_begin(&e, "40/slow,{\"sid\":"));
	peer_say(&e, "42/slow,5[\"x\"]");
	ok("its packets carry its name", hears(&e, "43/slow,5[\"x\"]"));
	peer_end(&e);
	ok("it ends with the connection", loop_run(&disconnects, before + 1));
	client(&e, NULL);
	peer_say(&e, "40/slow,");
	sio_pause(30);
	peer_end(&e);
	ok("one that goes while it asks is told of",
	    loop_run(&disconnects, before + 2) && asking == NULL);
	client(&e, NULL);
	peer_say(&e, "40/slow,");
	sio_pause(30);
	socketio_refuse(asking, "no");
	asking = NULL;
	connects--;
	ok("or refused", hears(&e, "44/slow,{\"message\":\"no\"}"));
	peer_say(&e, "40/slow,");
	sio_pause(30);
	peer_say(&e, "42/slow,[\"x\"]");
	ok("events before the answer close it", peer_is_told(&e, broken));
	peer_end(&e);
}

static void
test_events(void)
{
	struct peer	e;

	client(&e, "40");
	peer_say(&e, "42[\"back\",1,\"\xc3\xa4\",{\"a\":[]}]");
	ok("an event comes back", hears(&e,
	    "42[\"back\",1,\"\xc3\xa4\",{\"a\":[]}]"));
	peer_say(&e, "429[\"x\",true]");
	ok("an acknowledgement", hears(&e, "439[\"x\",true]"));
	peer_say(&e, "452-3[\"x\",{\"_placeholder\":true,\"num\":1},"
	    "{\"_placeholder\":true,\"num\":0}]");
	ws_binary(e.ws, "a\0b", 3);
	ws_binary(e.ws, "", 0);
	ok("with bytes", hears(&e, "462-3[\"x\",{\"_placeholder\":true,"
	    "\"num\":1},{\"_placeholder\":true,\"num\":0}]"));
	ok("in their order", peer_next(&e) != NULL && !e.is_text[e.seen - 1]
	    && e.len[e.seen - 1] == 3 && peer_next(&e) != NULL
	    && e.len[e.seen - 1] == 0);
	peer_say(&e, "42[\"ask\",1]");
	ok("the server asks", hears(&e, "420[\"ask\",1]"));
	peer_say(&e, "430[\"yes\",2]");
	ok("the answer comes", loop_run(&acks, 1));
	is_str("with its arguments", ack_text, "[\"yes\",2] 0");
	peer_say(&e, "430[]");
	peer_say(&e, "4312345[]");
	peer_say(&e, "42[\"ask\"]");
	ok("others are nothing", hears(&e, "421[\"ask\"]") && acks == 1);
	peer_say(&e, "461-1[{\"_placeholder\":true,\"num\":0}]");
	ws_binary(e.ws, "z", 1);
	ok("an answer may have bytes", loop_run(&acks, 2));
	is_str("which are told", ack_text,
	    "[{\"_placeholder\":true,\"num\":0}] 1");
	peer_say(&e, "42[\"ask\"]");
	hears(&e, "422[\"ask\"]");
	ok("one that does not come ends in time", loop_run(&late_acks, 1));
	peer_say(&e, "42[\"ask\"]");
	hears(&e, "423[\"ask\"]");
	peer_end(&e);
	ok("or with the socket", loop_run(&late_acks, 2));
}

static void
test_going(void)
{
	struct peer	e;
	int		before = disconnects;

	client(&e, "40");
	peer_say(&e, "421[\"leave\"]");
	ok("the last word", hears(&e, "431[\"leave\"]"));
	ok("then the goodbye", hears(&e, "41"));
	ok("the application hears of it", loop_run(&disconnects, before + 1));
	is_str("in its own words", why_gone, "sent away");
	ok("who joins nothing more is closed", peer_is_told(&e,
	    "joined no namespace in time"));
	peer_end(&e);
	client(&e, "40");
	peer_say(&e, "42[\"cut\"]");
	ok("a cut closes it", peer_is_closed(&e));
	ok("and is told", loop_run(&disconnects, before + 2));
	is_str("as such", why_gone, "cut off");
	peer_end(&e);
	client(&e, NULL);
	ok("who joins nothing is closed", peer_is_told(&e,
	    "joined no namespace in time"));
	peer_end(&e);
}

static void
test_breaking(void)
{
	static const char *const	words[] = {
		"4abc", "42{}", "4", "44{}", "42[\"connect\"]",
		"451-[\"a\",{\"_placeholder\":true,\"num\":1}]"
	};
	struct peer	e;
	size_t		i;

	for (i = 0; i < nitems(words); i++) {
		client(&e, "40");
		peer_say(&e, words[i]);
		ok(words[i], peer_is_told(&e, broken));
		peer_end(&e);
	}
	client(&e, NULL);
	peer_say(&e, "42[\"back\"]");
	ok("an event before all else", peer_is_told(&e, broken));
	peer_end(&e);
	client(&e, NULL);
	peer_say(&e, "451-[\"back\"]");
	ok("bytes before all else", peer_is_told(&e, broken));
	peer_end(&e);
	client(&e, "40");
	peer_say(&e, "429[\"x\"]");
	hears(&e, "439[\"x\"]");
	ws_binary(e.ws, "x", 1);
	ok("bytes that belong to nothing", peer_is_told(&e, broken));
	peer_end(&e);
	client(&e, "40");
	peer_say(&e, "452-[\"back\"]");
	ws_binary(e.ws, "x", 1);
	peer_say(&e, "42[\"back\"]");
	ok("text where bytes are due", peer_is_told(&e, broken));
	peer_end(&e);
	client(&e, NULL);
	for (i = 1; i < SOCKETIO_MAX_REFUSED; i++) {
		peer_say(&e, "40{\"no\":true}");
		hears(&e, "44{\"message\":\"not you\"}");
	}
	sio_pause(30);
	ok("who is refused may ask again", !e.closed);
	peer_say(&e, "40{\"no\":true}");
	ok("but not for ever", peer_is_told(&e, "refused too often"));
	peer_end(&e);
}

static void
count_one(struct socketio_socket *s, void *ctx)
{
	++*(int *)ctx;
	socketio_disconnect(s, "all go");
}

static void
test_each(void)
{
	struct peer	e[3];
	int		i, n = 0, before = disconnects;

	for (i = 0; i < 3; i++)
		client(&e[i], "40");
	socketio_each(io, "/", count_one, &n);
	is_int("every socket is visited", n, 3);
	n = 0;
	socketio_each(io, "/", count_one, &n);
	is_int("and may end by it", n, 0);
	for (i = 0; i < 3; i++)
		ok("each is told", hears(&e[i], "41"));
	ok("so is the application", loop_run(&disconnects, before + 3));
	for (i = 0; i < 3; i++)
		peer_end(&e[i]);
}

/* An emit that goes wrong takes its arguments and asks for no answer. */
static void
test_bad_emits(void)
{
	struct peer		e;
	struct socketio_blob	b = { "x", 1 };
	int			i, rc = 0;

	client(&e, "40");
	is_int("an event has a name", socketio_emit(first,
	    json_pack("[i]", 1), NULL, 0, NULL, NULL), -EINVAL);
	is_int("and no more than ten blobs", socketio_emit(first,
	    json_pack("[s]", "x"), &b, 11, NULL, NULL), -EINVAL);
	is_int("an answer is an array", socketio_ack(first, 1, json_object(),
	    NULL, 0), -EINVAL);
	for (i = 0; i <= SOCKETIO_MAX_ACKS && rc == 0; i++)
		rc = socketio_emit(first, json_pack("[s]", "x"), NULL, 0,
		    on_acked, NULL);
	is_int("answers are owed up to a limit", rc == -ENOBUFS ? i : rc,
	    SOCKETIO_MAX_ACKS + 1);
	is_int("no answer is asked for with id -1", socketio_ack(first, -1,
	    json_array(), NULL, 0), 0);
	peer_end(&e);
	ok("all end with the socket",
	    loop_run(&late_acks, SOCKETIO_MAX_ACKS));
}

/* -- serve, for others -- */

static struct testecho	*echo;

static void
on_echo_request(struct http_req *q, void *arg)
{
	(void)arg;
	if (echo == NULL || !testecho_handle(echo, q))
		http_reply_error(q, 404, NULL, "no such path");
}

static void
on_echo_stopped(void *arg)
{
	(void)arg;
	echo = NULL;
}

static void
on_term(void)
{
	testecho_stop(echo, on_echo_stopped, NULL);
}

static int
serve(char **where)
{
	web = httpd_new(&loop, on_echo_request, NULL);
	httpd_set_max_body(web, TESTECHO_MAX_PAYLOAD);
	echo = testecho_new(&loop, 20000);
	if (web_serve(where, on_term) < 0)
		return 1;
	return uv_loop_close(&loop) != 0;
}

int
main(int argc, char **argv)
{
	static const char *const		kept[] = { "X-Test", NULL };
	static const struct socketio_options	o = {
		.connect_timeout = 2000, .ack_timeout = 2000, .headers = kept
	};
	struct peer				e;

	log_init("socketio.t", LOG_WARN, LOG_TEXT);
	crypto_init();
	uv_loop_init(&loop);
	if (argc > 2 && strcmp(argv[1], "serve") == 0)
		return serve(argv + 2);
	test_packets();
	test_packet_limits();
	web_start(handle);
	io_start(&o);
	test_connect();
	test_slow_connect();
	test_events();
	test_going();
	test_breaking();
	test_each();
	io_stop();
	io_start(NULL);
	test_bad_emits();
	client(&e, "40");
	io_stop();
	is_str("a stop is told to the sockets", why_gone, "the server stops");
	ok("and to the clients", peer_is_closed(&e));
	peer_end(&e);
	web_stop();
	uv_run(&loop, UV_RUN_DEFAULT);
	ok("nothing is left in the loop", uv_loop_close(&loop) == 0);
	return done();
}
