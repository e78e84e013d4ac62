/* Streams, both ends in one loop: plain, Unix and TLS; refused, timed out,
 * closed in each state. */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "file.h"
#include "net.h"
#include "tap.h"

enum { BIG = 16 * 1024 * 1024 };	/* no socket buffer takes it */

enum deed {
	DO_NOTHING, DO_ECHO, DO_HELLO, DO_HELLO_CLOSE, DO_CLOSE, DO_ABORT,
	DO_PAUSE_FIRST
};

/* One end, with what it heard and what it is to do. */
struct end {
	struct stream	*s;
	struct buf	 got;
	size_t		 bytes;
	int		 ready, datas, drained, closed, rc;
	char		 why[160], peer[64];
	int		 on_ready, on_data;	/* enum deed */
	size_t		 file;		/* bytes still to send by drained() */
};

static struct end	client, server;

static void
act(struct end *e, int what, const char *p, size_t n)
{
	if (what == DO_ECHO)
		stream_write(e->s, p, n);
	if (what == DO_HELLO || what == DO_HELLO_CLOSE)
		stream_write(e->s, "hello", 5);
	if (what == DO_CLOSE || what == DO_HELLO_CLOSE)
		stream_close(e->s);
	if (what == DO_ABORT)
		stream_abort(e->s, UV_ECANCELED);
	if (what == DO_PAUSE_FIRST && e->datas == 1)
		stream_pause(e->s);
}

static void
on_ready(struct stream *s, void *arg)
{
	struct end	*e = arg;

	e->s = s;
	e->ready++;
	snprintf(e->peer, sizeof(e->peer), "%s", stream_peer(s));
	act(e, e->on_ready, NULL, 0);
}

static void
on_data(struct stream *s, const char *p, size_t n, void *arg)
{
	struct end	*e = arg;

	(void)s;
	e->datas++;
	e->bytes += n;
	if (e->got.len < 1 << 22)
		buf_add(&e->got, p, n);
	act(e, e->on_data, p, n);
}

static void
on_drained(struct stream *s, void *arg)
{
	static const char	chunk[50000];
	struct end		*e = arg;
	size_t			 n = e->file < sizeof(chunk) ? e->file
				    : sizeof(chunk);

	e->drained++;
	e->file -= n;
	stream_write(s, chunk, n);
}

static void
on_closed(struct stream *s, int rc, void *arg)
{
	struct end	*e = arg;

	e->closed++;
	e->rc = rc;
	snprintf(e->why, sizeof(e->why), "%s", stream_why(s));
	e->s = NULL;
}

static const struct stream_events events = {
	on_ready, on_data, on_drained, on_closed
};

static void *
new_server(struct stream *s)
{
	server.s = s;
	return &server;
}

static void
reset(void)
{
	buf_release(&client.got);
	buf_release(&server.got);
	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
}

static void
dial(struct net_listener *l, const struct tls *tls)
{
	client.s = stream_connect(&loop, "127.0.0.1", l->port, tls, 5000,
	    &events, &client);
}

static int
both_closed(void)
{
	return loop_run(&client.closed, 1) & loop_run(&server.closed, 1);
}

/* -- the same for clear text and TLS -- */

static void
test_talk(struct net_listener *l, const struct tls *tls)
{
	char	*big = xcalloc(1, BIG);

	reset();
	server.on_data = DO_ECHO;
	client.on_ready = DO_HELLO;
	client.on_data = DO_CLOSE;
	dial(l, tls);
	ok("a greeting and its echo", both_closed()
	    && strcmp(buf_str(&client.got), "hello") == 0);
	is_int("each end was ready once", client.ready * 10 + server.ready, 11);
	is_int("each end was closed once", client.closed * 10 + server.closed,
	    11);
	is_int("the one that closed hears 0", client.rc, 0);
	is_int("the other hears the end", server.rc, UV_EOF);
	is_str("the client is known by its address", server.peer, "127.0.0.1");

	reset();
	server.on_ready = DO_HELLO_CLOSE;
	dial(l, tls);
	ok("what was written before a close arrives", both_closed()
	    && strcmp(buf_str(&client.got), "hello") == 0);

	reset();
	dial(l, tls);
	loop_run(&client.ready, 1);
	loop_run(&server.ready, 1);
	memset(big, 'x', BIG);
	stream_write(client.s, big, BIG);
	ok("more than a socket buffer waits", stream_pending(client.s) > 0);
	stream_write(client.s, "end", 3);
	stream_close(client.s);
	stream_write(client.s, "never", 5);
	ok("and arrives whole, in order, before the close", both_closed()
	    && server.bytes == BIG + 3);

	reset();
	dial(l, tls);
	loop_run(&server.ready, 1);
	loop_run(&client.ready, 1);
	server.file = 2000000;
	stream_write(server.s, "x", 1);
	while (server.file > 0 && !client.closed)
		uv_run(&loop, UV_RUN_ONCE);
	stream_close(server.s);
	ok("drained() carries a long transfer", both_closed()
	    && client.bytes == 2000001);
	free(big);
}

static void
test_buffers(struct net_listener *l, const struct tls *tls)
{
	struct buf	b = BUF_INIT, c = BUF_INIT;
	int		i;

	reset();
	dial(l, tls);
	loop_run(&client.ready, 1);
	for (i = 0; i < 40000; i++)
		buf_printf(&b, "%d ", i);
	buf_add(&c, b.p, b.len);
	for (i = 0; i < 5; i++) {
		struct buf	d = BUF_INIT;

		buf_add(&d, b.p, b.len);
		stream_write_take(client.s, &d);
		if (d.p != NULL || d.len != 0)
			break;
		if (i < 4)
			buf_add(&c, b.p, b.len);
	}
	ok("stream_write_take empties the buffer", i == 5);
	stream_close(client.s);
	ok("given buffers arrive in order", both_closed()
	    && server.got.len == c.len
	    && memcmp(server.got.p, c.p, c.len) == 0);
	buf_release(&b);
	buf_release(&c);
}

static void
test_pause(struct net_listener *l, const struct tls *tls)
{
	static const char	block[100000];
	int			datas;

	reset();
	server.on_data = DO_PAUSE_FIRST;
	dial(l, tls);
	loop_run(&client.ready, 1);
	stream_write(client.s, block, sizeof(block));
	loop_run(&server.datas, 1);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_run(&loop, UV_RUN_NOWAIT);
	datas = server.datas;
	is_int("a paused stream is silent", datas, 1);
	stream_resume(server.s);
	stream_pause(server.s);
	uv_run(&loop, UV_RUN_NOWAIT);
	is_int("also when paused anew at once", server.datas, 1);
	stream_resume(server.s);
	stream_close(client.s);
	ok("resumed, it misses nothing", both_closed()
	    && server.bytes == sizeof(block));
}

static void
test_ends(struct net_listener *l, const struct tls *tls)
{
	reset();
	server.on_data = DO_ABORT;
	client.on_ready = DO_HELLO;
	dial(l, tls);
	ok("an abort in data() closes both ends", both_closed());
	is_int("with its own code here", server.rc, UV_ECANCELED);
	ok("and not in order there", tls == NULL || client.rc < 0);

	reset();
	client.on_ready = DO_ABORT;
	dial(l, tls);
	ok("an abort in ready() closes both ends", both_closed()
	    && client.rc == UV_ECANCELED);

	reset();
	dial(l, tls);
	stream_close(client.s);
	ok("a close before the connection stands", loop_run(&client.closed, 1)
	    && client.rc == 0 && client.ready == 0);

	reset();
	client.on_ready = DO_HELLO_CLOSE;
	server.on_ready = DO_HELLO_CLOSE;
	dial(l, tls);
	ok("both close at once", both_closed());
	is_int("and each hears that once", client.closed * 10 + server.closed,
	    11);
}

/* -- what only one kind has -- */

static void
test_failures(void)
{
	struct net_listener	l;
	char			path[120] = "";
	int			port, loops;

	net_listen(&l, &events, new_server, NULL);
	port = l.port;
	net_unlisten(&l);
	reset();
	client.s = stream_connect(&loop, "127.0.0.1", port, NULL, 5000,
	    &events, &client);
	ok("closed() does not come from within the call", client.closed == 0);
	ok("nobody there: refused", loop_run(&client.closed, 1)
	    && client.rc == UV_ECONNREFUSED);
	is_str("in words", client.why, "connection refused");

	reset();
	client.s = stream_connect(&loop, "localhost", port, NULL, 5000,
	    &events, &client);
	ok("a name with several addresses: refused by all",
	    loop_run(&client.closed, 1) && client.rc == UV_ECONNREFUSED);

	reset();
	client.s = stream_connect(&loop, "no-such-host.invalid", 1, NULL, 9000,
	    &events, &client);
	ok("an unknown name fails", loop_run(&client.closed, 1)
	    && client.rc < 0 && client.ready == 0);

	reset();
	client.s = stream_connect(&loop, "no-such-host.invalid", 1, NULL, 9000,
	    &events, &client);
	stream_abort(client.s, UV_ECANCELED);
	for (loops = 0; loops < 3 && !client.closed; loops++)
		uv_run(&loop, UV_RUN_NOWAIT);
	ok("a close does not wait for the resolver", client.closed == 1
	    && client.rc == UV_ECANCELED);

	reset();
	client.s = stream_connect_path(&loop, net_path("nobody"), 5000,
	    &events, &client);
	ok("a Unix socket that is not there", loop_run(&client.closed, 1)
	    && client.rc == UV_ENOENT);

	reset();
	memset(path, 'x', sizeof(path) - 1);
	client.s = stream_connect_path(&loop, path, 5000, &events, &client);
	ok("a path that is too long is not cut short",
	    loop_run(&client.closed, 1) && client.rc == UV_ENAMETOOLONG);
}

/* A listener that accepts nobody and whose queue is full answers no SYN. */
static void
test_connect_timeout(void)
{
	struct sockaddr_in	 a;
	socklen_t		 n = sizeof(a);
	int64_t			 start;
	int			 fd[8], i;

	uv_ip4_addr("127.0.0.1", 0, &a);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd[0], (struct sockaddr *)&a, n) < 0 || listen(fd[0], 0) < 0
	    || getsockname(fd[0], (struct sockaddr *)&a, &n) < 0)
		exit(1);
	for (i = 1; i < 8; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fd[i], (struct sockaddr *)&a, n) == 0)
			continue;	/* the others are on their way */
	}
	reset();
	start = clock_mono_ms();
	client.s = stream_connect(&loop, "127.0.0.1", ntohs(a.sin_port), NULL,
	    150, &events, &client);
	ok("a host that does not answer times out",
	    loop_run(&client.closed, 1) && client.rc == UV_ETIMEDOUT);
	ok("at the limit", clock_mono_ms() - start >= 149
	    && clock_mono_ms() - start < 3000);

	reset();
	client.s = stream_connect(&loop, "127.0.0.1", ntohs(a.sin_port), NULL,
	    9000, &events, &client);
	uv_run(&loop, UV_RUN_NOWAIT);
	stream_close(client.s);
	ok("a close while connecting", loop_run(&client.closed, 1)
	    && client.rc == 0);
	for (i = 0; i < 8; i++)
		close(fd[i]);
}

static void
test_unix(void)
{
	struct net_listener	 l;
	const char		*path = net_path("s");
	int64_t			 uid = -1, pid = -1;

	memset(&l, 0, sizeof(l));
	l.ev = &events;
	l.arg = new_server;
	uv_pipe_init(&loop, &l.h.pipe, 0);
	l.h.stream.data = &l;
	uv_pipe_bind(&l.h.pipe, path);
	uv_listen(&l.h.stream, 16, net_accept);
	reset();
	server.on_data = DO_ECHO;
	client.on_ready = DO_HELLO;
	client.s = stream_connect_path(&loop, path, 5000, &events, &client);
	loop_run(&client.datas, 1);
	is_str("a Unix socket carries bytes", buf_str(&client.got), "hello");
	is_str("its peer is called so", server.peer, "unix");
	ok("and is known by uid and pid",
	    stream_peer_cred(server.s, &uid, &pid) == 0
	    && uid == (int64_t)getuid() && pid == (int64_t)getpid());
	ok("a plain stream shows its descriptor",
	    stream_plain_fd(server.s) >= 0);
	stream_close(client.s);
	ok("and ends in order", both_closed() && server.rc == UV_EOF);
	net_unlisten(&l);
}

/* A peer that never ends its side holds us for five seconds at most. */
static void
test_stubborn(struct net_listener *l)
{
	struct sockaddr_in	a;
	int64_t			start;
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	reset();
	server.on_ready = DO_HELLO_CLOSE;
	uv_ip4_addr("127.0.0.1", l->port, &a);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		exit(1);
	start = clock_mono_ms();
	ok("a peer that stays is left", loop_run(&server.closed, 1)
	    && clock_mono_ms() - start < 7000 && server.rc == 0);
	close(fd);
}

/* -- TLS alone -- */

static struct tls *
roots(const char *file)
{
	struct tls	*t = NULL;
	char		*why = NULL;

	if (tls_client(&t, file, NULL, 1, &why) < 0)
		printf("# %s\n", why);
	free(why);
	return t;
}

static struct tls *
identity(const char *name)
{
	struct tls	*t = NULL;
	char		 cert[32], key[32], *why = NULL;

	snprintf(cert, sizeof(cert), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	if (tls_server(&t, net_path(cert), net_path(key), &why) < 0)
		printf("# %s\n", why);
	free(why);
	return t;
}

/* Connects to a server with this certificate; closed() says how it went. */
static void
handshake(const char *name, const char *host, const struct tls *tls)
{
	struct net_listener	 l;
	struct tls		*own = identity(name);

	net_listen(&l, &events, new_server, own);
	reset();
	client.on_ready = DO_CLOSE;
	client.s = stream_connect(&loop, host, l.port, tls, 5000, &events,
	    &client);
	both_closed();
	net_unlisten(&l);
	tls_free(own);
}

static void
test_certificates(const struct tls *tls)
{
	struct tls	*blind = NULL;

	handshake("good", "localhost", tls);
	ok("a good certificate by name", client.ready && client.rc == 0);
	handshake("old", "127.0.0.1", tls);
	ok("an expired one is refused", !client.ready
	    && client.rc == UV_EPROTO);
	is_str("in words", client.why, "certificate has expired");
	handshake("other", "localhost", tls);
	is_str("another host's, by name", client.why,
	    "certificate is for another host");
	handshake("other", "127.0.0.1", tls);
	is_str("another host's, by address", client.why,
	    "certificate is for another host");
	ok("is refused", !client.ready && client.rc == UV_EPROTO);
	handshake("stranger", "localhost", tls);
	is_str("a stranger's", client.why,
	    "certificate is not signed by a trusted authority");
	ok("the server is never ready then", !server.ready && server.rc < 0);
	tls_client(&blind, NULL, NULL, 0, NULL);
	handshake("old", "localhost", blind);
	ok("without checks all go", client.ready == 1);
	tls_free(blind);
}

static void
test_no_tls(struct net_listener *plain, struct net_listener *secure,
    const struct tls *tls)
{
	reset();
	server.on_ready = DO_HELLO;
	dial(plain, tls);
	ok("a server without TLS", both_closed() && !client.ready
	    && client.rc == UV_EPROTO);

	reset();
	client.on_ready = DO_HELLO;
	dial(secure, NULL);
	ok("a client without TLS", both_closed() && !server.ready
	    && server.rc == UV_EPROTO);

	reset();
	client.on_ready = DO_ABORT;
	dial(secure, NULL);
	ok("a client that leaves within the handshake", both_closed()
	    && server.rc < 0 && !server.ready);

	reset();
	secure->timeout_ms = 100;
	dial(secure, NULL);
	ok("a client that is silent within it", both_closed()
	    && server.rc == UV_ETIMEDOUT);
	is_str("in words", server.why, "TLS handshake timed out");
	secure->timeout_ms = 5000;

	reset();
	client.s = stream_connect(&loop, "127.0.0.1", plain->port, tls, 100,
	    &events, &client);
	ok("a server that is silent within it", both_closed()
	    && client.rc == UV_ETIMEDOUT);
}

/* A middleman who ends the connection must not look like the peer. */
static void
test_cut(struct net_listener *l, const struct tls *tls)
{
	reset();
	client.on_ready = DO_HELLO;
	server.on_data = DO_ABORT;
	dial(l, tls);
	ok("an end without close_notify is no end in order", both_closed()
	    && client.rc < 0 && client.rc != UV_EOF);
}

static void
test_reload(const struct tls *tls)
{
	struct net_listener	 l;
	struct tls		*own = identity("good");
	char			*why = NULL;

	net_listen(&l, &events, new_server, own);
	reset();
	server.on_data = DO_ECHO;
	dial(&l, tls);
	loop_run(&client.ready, 1);
	net_sh("cp good.pem keep.pem; cp old.pem good.pem");
	ok("a certificate without its key is not taken",
	    tls_reload(own, &why) < 0 && why != NULL
	    && strstr(why, "not the key of") != NULL);
	free(why);
	net_sh("cp good.key keep.key; cp old.key good.key");
	ok("a new certificate is taken", tls_reload(own, NULL) == 0);
	stream_write(client.s, "still", 5);
	ok("a connection that stands keeps the old one",
	    loop_run(&client.datas, 1));
	stream_close(client.s);
	both_closed();
	reset();
	dial(&l, tls);
	both_closed();
	is_str("a new one sees the new", client.why,
	    "certificate has expired");
	net_sh("mv keep.pem good.pem; mv keep.key good.key");
	net_unlisten(&l);
	tls_free(own);
}

static void
test_files(void)
{
	struct tls	*t = NULL;
	char		*why = NULL;

	ok("no such roots", tls_client(&t, net_path("none"), NULL, 1, &why)
	    < 0 && why != NULL && strstr(why, "none") != NULL);
	free(why);
	why = NULL;
	file_write(net_path("bad.pem"), "nonsense", 8, 0600);
	ok("roots that are none", tls_client(&t, net_path("bad.pem"), NULL, 1,
	    &why) == -EINVAL && why != NULL);
	free(why);
	ok("a key that is none", tls_server(&t, net_path("good.pem"),
	    net_path("bad.pem"), NULL) == -EINVAL && t == NULL);
}

/* openssl's server on a free port: its pid and port. */
static pid_t
start_openssl(int *port, const char *version)
{
	char	line[200], *colon = NULL;
	int	fd[2];
	pid_t	pid;
	FILE	*f;

	if (pipe(fd) < 0 || (pid = fork()) < 0)
		exit(1);
	if (pid == 0) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		execlp("openssl", "openssl", "s_server", "-accept",
		    "127.0.0.1:0", "-cert", net_path("rsa.pem"), "-key",
		    net_path("rsa.key"), version, "-www", (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	f = fdopen(fd[0], "r");
	while (colon == NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "ACCEPT ", 7) == 0)
			colon = strrchr(line, ':');
	*port = colon != NULL ? atoi(colon + 1) : 0;
	fclose(f);
	return pid;
}

/* A library of others with an RSA key: mbedTLS 3.6.6 needs our help there. */
static void
test_openssl(const struct tls *tls, const char *version)
{
	char	what[80];
	int	port;
	pid_t	pid = start_openssl(&port, version);

	reset();
	client.on_ready = DO_CLOSE;
	client.s = stream_connect(&loop, "localhost", port, tls, 5000,
	    &events, &client);
	loop_run(&client.closed, 1);
	snprintf(what, sizeof(what), "openssl with an RSA key, %s", version);
	ok(what, client.ready == 1);
	if (!client.ready)
		printf("# port %d: %s\n", port, client.why);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
test_tls(struct net_listener *plain)
{
	struct net_listener	 l;
	struct tls		*own, *tls;

	if (!net_certificates())
		return;
	own = identity("good");
	tls = roots(net_path("ca.pem"));
	net_listen(&l, &events, new_server, own);
	test_talk(&l, tls);
	test_buffers(&l, tls);
	test_pause(&l, tls);
	test_ends(&l, tls);
	test_no_tls(plain, &l, tls);
	test_cut(&l, tls);
	net_unlisten(&l);
	test_certificates(tls);
	test_openssl(tls, "-tls1_2");
	test_openssl(tls, "-tls1_3");
	test_reload(tls);
	test_files();
	tls_free(own);
	tls_free(tls);
}

int
main(void)
{
	struct net_listener	l;

	net_begin(&l, &events, new_server);
	test_talk(&l, NULL);
	test_buffers(&l, NULL);
	test_pause(&l, NULL);
	test_ends(&l, NULL);
	test_stubborn(&l);
	test_failures();
	test_connect_timeout();
	test_unix();
	test_tls(&l);
	net_unlisten(&l);
	reset();
	ok("nothing is left in the loop", net_done());
	return done();
}
