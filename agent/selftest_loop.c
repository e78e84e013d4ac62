/*
 * The self-test's loop: a timer, and an echo over TCP, each with a deadline.
 *
 * The echo's port is open to everybody on this host: who connects and is not
 * our own client is closed, the first few of them.
 */
#include <string.h>

#include <uv.h>

#include "clock.h"
#include "log.h"
#include "selftest.h"

enum {
	DEADLINE_MS	= 2000,
	MAX_PEERS	= 8	/* strangers, and our own */
};

struct echo {
	uv_loop_t	 loop;
	uv_timer_t	 deadline, timer;
	uv_tcp_t	 server, client, peer[MAX_PEERS];
	unsigned	 n_peers;
	uv_connect_t	 connect;
	uv_write_t	 ask, reply;
	char		 in[16];
	int64_t		 began;
	const char	*why;
	int		 ended;
};

static void
close_it(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void
echo_end(struct echo *e, const char *why)
{
	if (e->ended++)
		return;			/* what closing calls back */
	e->why = why;
	uv_walk(&e->loop, close_it, NULL);
}

static void
on_deadline(uv_timer_t *t)
{
	echo_end(t->data, "no answer in time");
}

static void
on_timer(uv_timer_t *t)
{
	struct echo	*e = t->data;

	echo_end(e, clock_mono_ms() - e->began < 1 ?
	    "the timer is early" : NULL);
}

static const char *
run_loop(struct echo *e)
{
	uv_run(&e->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&e->loop) < 0 && e->why == NULL)
		e->why = "the loop does not end";
	return e->why;
}

static int
prepare_loop(struct echo *e)
{
	int	rc;

	memset(e, 0, sizeof(*e));
	e->began = clock_mono_ms();
	if ((rc = uv_loop_init(&e->loop)) < 0)
		return rc;
	uv_timer_init(&e->loop, &e->deadline);
	e->deadline.data = e;
	return uv_timer_start(&e->deadline, on_deadline, DEADLINE_MS, 0);
}

const char *
selftest_timer(void)
{
	struct echo	e;

	if (prepare_loop(&e) < 0)
		return "no loop can be had";
	uv_timer_init(&e.loop, &e.timer);
	e.timer.data = &e;
	uv_timer_start(&e.timer, on_timer, 2, 0);
	return run_loop(&e);
}

static void
give_room(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	struct echo	*e = h->data;

	(void)hint;
	*b = uv_buf_init(e->in, sizeof(e->in));
}

static void
on_echo(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	if (n != 0)
		echo_end(s->data, n == 4 && memcmp(b->base, "echo", 4) == 0 ?
		    NULL : "another text came back");
}

static void
on_ask(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct echo	*e = s->data;
	uv_buf_t	 back = uv_buf_init(b->base, (unsigned)(n > 0 ? n : 0));

	if (n < 0)
		echo_end(e, "the connection broke");
	else if (n > 0)
		uv_write(&e->reply, s, &back, 1, NULL);
}

static int
port_of(const struct sockaddr_storage *at)
{
	struct sockaddr_in	in;

	memcpy(&in, at, sizeof(in));
	return in.sin_port;
}

/* Whether the other end of it is our client. */
static int
is_ours(struct echo *e, const uv_tcp_t *peer)
{
	struct sockaddr_storage	there, here;
	int			n = sizeof(there), m = sizeof(here);

	return uv_tcp_getpeername(peer, (struct sockaddr *)&there, &n) == 0 &&
	    uv_tcp_getsockname(&e->client, (struct sockaddr *)&here, &m) == 0
	    && port_of(&there) == port_of(&here);
}

static void
on_connection(uv_stream_t *s, int status)
{
	struct echo	*e = s->data;
	uv_tcp_t	*peer;

	if (e->n_peers == MAX_PEERS)
		return;			/* not accepted: the deadline ends it */
	peer = &e->peer[e->n_peers++];
	uv_tcp_init(&e->loop, peer);
	peer->data = e;
	if (status < 0 || uv_accept(s, (uv_stream_t *)peer) < 0) {
		echo_end(e, "accepting");
	} else if (!is_ours(e, peer)) {
		uv_close((uv_handle_t *)peer, NULL);
	} else {
		uv_close((uv_handle_t *)s, NULL);
		if (uv_read_start((uv_stream_t *)peer, give_room, on_ask) < 0)
			echo_end(e, "accepting");
	}
}

static void
on_connect(uv_connect_t *r, int status)
{
	struct echo	*e = r->data;
	static char	 word[] = "echo";
	uv_buf_t	 b = uv_buf_init(word, 4);

	if (status < 0 || uv_write(&e->ask, r->handle, &b, 1, NULL) < 0 ||
	    uv_read_start(r->handle, give_room, on_echo) < 0)
		echo_end(e, "connecting");
}

const char *
selftest_tcp(void)
{
	struct echo		e;
	struct sockaddr_storage	at;
	struct sockaddr_in	any;
	int			n = sizeof(at);

	if (prepare_loop(&e) < 0)
		return "no loop can be had";
	uv_tcp_init(&e.loop, &e.server);
	uv_tcp_init(&e.loop, &e.client);
	e.server.data = e.client.data = e.connect.data = &e;
	uv_ip4_addr("127.0.0.1", 0, &any);
	if (uv_tcp_bind(&e.server, (const struct sockaddr *)&any, 0) < 0 ||
	    uv_listen((uv_stream_t *)&e.server, 1, on_connection) < 0 ||
	    uv_tcp_getsockname(&e.server, (struct sockaddr *)&at, &n) < 0 ||
	    uv_tcp_connect(&e.connect, &e.client,
	    (const struct sockaddr *)&at, on_connect) < 0)
		echo_end(&e, "no socket on the loopback address");
	return run_loop(&e);
}
