/*
 * /engine.io/ sends every message back.  /socket.io/ has the namespaces "/"
 * and "/custom": both show the payload of a connection in an event "auth",
 * "/" sends "message" back as "message-back" and acknowledges
 * "message-with-ack" with its own arguments.  The times are the suites'.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "engineio.h"
#include "engineio_deadline.h"
#include "http.h"
#include "socketio.h"
#include "testecho.h"

/*
 * The suites listen for the answer to a connection, and only when they have
 * it for the next event: two that a client reads at once would be one too
 * many for them.  So "auth" comes so many ms later.
 */
enum { AUTH_PAUSE = 10 };

struct testecho {
	struct engineio	*engine;
	struct socketio	*sockets;
	struct deadlines greetings;
	int		 parts;		/* that have not yet stopped */
	void		(*stopped)(void *);
	void		*stopped_arg;
};

/* -- /engine.io/ -- */

static int
on_echo_open(struct engineio_session *s, struct http_req *q, void *arg)
{
	(void)s;
	(void)q;
	(void)arg;
	return 0;
}

static void
on_echo_message(struct engineio_session *s, const char *p, size_t n,
    int text, void *arg)
{
	(void)arg;
	if (text)
		engineio_text(s, p, n);
	else
		engineio_binary(s, p, n);
}

static void
on_echo_closed(struct engineio_session *s, const char *why, void *arg)
{
	(void)s;
	(void)why;
	(void)arg;
}

/* -- /socket.io/ -- */

struct greeting {
	struct deadline		 later;
	struct socketio_socket	*socket;
	json_t			*event;
};

static void
on_pause_over(struct deadline *d)
{
	struct greeting	*g = LIST_ITEM(d, struct greeting, later);

	socketio_emit(g->socket, json_incref(g->event), NULL, 0, NULL, NULL);
}

static void
on_echo_connect(struct socketio_socket *s, const json_t *auth, void *arg)
{
	struct testecho	*t = arg;
	struct greeting	*g = xcalloc(1, sizeof(*g));

	g->socket = s;
	g->event = json_pack("[so]", "auth", json_deep_copy(auth));
	deadline_init(&g->later);
	deadline_start(&t->greetings, &g->later);
	socketio_set_user(s, g);
	socketio_accept(s, NULL);
}

static void
on_echo_event(struct socketio_socket *s, const struct socketio_event *ev,
    void *arg)
{
	json_t	*args = json_copy(ev->args);

	(void)arg;
	if (strcmp(ev->name, "message") == 0) {
		json_array_set_new(args, 0, json_string("message-back"));
		socketio_emit(s, args, ev->blobs, ev->n_blobs, NULL, NULL);
	} else if (strcmp(ev->name, "message-with-ack") == 0) {
		json_array_remove(args, 0);
		socketio_ack(s, ev->ack, args, ev->blobs, ev->n_blobs);
	} else {
		json_decref(args);
	}
}

static void
on_echo_ignored(struct socketio_socket *s, const struct socketio_event *ev,
    void *arg)
{
	(void)s;
	(void)ev;
	(void)arg;
}

static void
on_echo_disconnect(struct socketio_socket *s, const char *why, void *arg)
{
	struct greeting	*g = socketio_user(s);

	(void)why;
	(void)arg;
	deadline_stop(&g->later);
	json_decref(g->event);
	free(g);
}

/* -- both -- */

struct testecho *
testecho_new(uv_loop_t *loop, int64_t ping_timeout)
{
	static const struct engineio_events	echo = {
		on_echo_open, on_echo_message, on_echo_closed
	};
	static const struct socketio_events	root = {
		on_echo_connect, on_echo_event, on_echo_disconnect
	}, custom = {
		on_echo_connect, on_echo_ignored, on_echo_disconnect
	};
	struct socketio_options	o = {
		.engine = {
			.ping_interval = 300, .ping_timeout = ping_timeout,
			.max_payload = TESTECHO_MAX_PAYLOAD,
			.max_buffered = 4 * TESTECHO_MAX_PAYLOAD,
			.cors_origin = "*",
		},
		.connect_timeout = 1000,
	};
	struct testecho		*t = xcalloc(1, sizeof(*t));

	deadlines_init(&t->greetings, loop, AUTH_PAUSE, on_pause_over);
	t->engine = engineio_new(loop, &o.engine, &echo, t);
	t->sockets = socketio_new(loop, &o);
	socketio_namespace(t->sockets, "/", &root, t);
	socketio_namespace(t->sockets, "/custom", &custom, t);
	return t;
}

int
testecho_handle(struct testecho *t, struct http_req *q)
{
	if (strcmp(q->path, "/engine.io/") == 0)
		engineio_handle(t->engine, q);
	else if (strcmp(q->path, "/socket.io/") == 0)
		socketio_handle(t->sockets, q);
	else
		return 0;
	return 1;
}

static void
on_greetings_closed(uv_handle_t *h)
{
	struct testecho	*t = h->data;

	if (t->stopped != NULL)
		t->stopped(t->stopped_arg);
	free(t);
}

static void
on_part_stopped(void *arg)
{
	struct testecho	*t = arg;

	if (--t->parts == 0)
		deadlines_close(&t->greetings, on_greetings_closed, t);
}

void
testecho_stop(struct testecho *t, void (*done)(void *), void *arg)
{
	t->parts = 2;
	t->stopped = done;
	t->stopped_arg = arg;
	engineio_stop(t->engine, on_part_stopped, t);
	socketio_stop(t->sockets, on_part_stopped, t);
}
