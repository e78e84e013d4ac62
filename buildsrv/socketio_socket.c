/* A client's place in one namespace: how it comes, what comes for it, how it
 * goes. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "log.h"
#include "socketio_private.h"

struct socketio_socket *
socket_find(struct socketio_client *c, const char *nsp)
{
	struct socketio_socket	*s;
	struct link		*l, *n;

	LIST_EACH(l, n, &c->sockets) {
		s = LIST_ITEM(l, struct socketio_socket, of_client);
		if (strcmp(s->nsp->name, nsp) == 0)
			return s;
	}
	return NULL;
}

/* A packet of the protocol's own; takes data. */
static void
send_packet(struct socketio_client *c, enum socketio_type type,
    const char *nsp, json_t *data)
{
	struct socketio_packet	p = { .type = type, .id = -1, .data = data };
	struct buf		b = BUF_INIT;

	strcpy(p.nsp, nsp);
	socketio_packet_write(&b, &p);
	engineio_text(c->engine, b.p, b.len);
	buf_release(&b);
	json_decref(data);
}

/* -- coming -- */

void
socket_begin(struct socketio_client *c, struct socketio_namespace *nsp,
    const json_t *auth)
{
	struct socketio_socket	*s = xcalloc(1, sizeof(*s));

	s->server = c->server;
	s->nsp = nsp;
	s->client = c;
	list_init(&s->of_nsp);
	list_init(&s->acks);
	deadline_init(&s->end);
	list_append(&c->sockets, &s->of_client);
	c->n_sockets++;
	nsp->events.connect(s, auth, nsp->arg);
}

void
socketio_accept(struct socketio_socket *s, const char *pid)
{
	struct socketio_client	*c = s->client;
	uint8_t			 id[(ENGINEIO_SID_SIZE - 1) / 4 * 3];
	char			 sid[ENGINEIO_SID_SIZE];
	json_t			*data;

	if (s->state != SOCKET_ASKS)
		return;
	crypto_random(id, sizeof(id));
	base64url_encode(id, sizeof(id), sid);
	data = json_pack("{ss}", "sid", sid);
	if (pid != NULL)
		json_object_set_new(data, "pid", json_string(pid));
	s->state = SOCKET_CONNECTED;
	list_append(&s->nsp->sockets, &s->of_nsp);
	c->greeted = 1;
	deadline_stop(&c->wait);
	send_packet(c, SOCKETIO_CONNECT, s->nsp->name, data);
}

void
socket_send_refusal(struct socketio_client *c, const char *nsp,
    const char *message)
{
	send_packet(c, SOCKETIO_CONNECT_ERROR, nsp,
	    json_pack("{ss}", "message", message));
	if (++c->n_refused >= SOCKETIO_MAX_REFUSED)
		engineio_close(c->engine, "refused too often");
}

/* -- going -- */

/* Leaves the client, which must be let in somewhere else in time. */
static void
leave_client(struct socketio_socket *s)
{
	struct socketio_client	*c = s->client;

	list_remove(&s->of_client);
	s->client = NULL;
	if (--c->n_sockets == 0 && c->greeted && list_empty(&c->wait.link))
		deadline_start(&c->server->connects, &c->wait);
}

void
socketio_refuse(struct socketio_socket *s, const char *message)
{
	struct socketio_client	*c = s->client;

	if (s->state != SOCKET_ASKS)
		return;
	leave_client(s);
	socket_send_refusal(c, s->nsp->name, message);
	free(s);
}

void
socket_end(struct socketio_socket *s, const char *why)
{
	if (s->state == SOCKET_ENDED)
		return;
	s->state = SOCKET_ENDED;
	s->why = why;
	leave_client(s);
	list_remove(&s->of_nsp);
	deadline_start(&s->server->ends, &s->end);
}

void
socket_on_end(struct deadline *d)
{
	struct socketio_socket	*s = LIST_ITEM(d, struct socketio_socket,
				    end);

	wait_end_all(s);
	s->nsp->events.disconnect(s, s->why, s->nsp->arg);
	free(s);
}

void
socketio_disconnect(struct socketio_socket *s, const char *why)
{
	if (s->state != SOCKET_CONNECTED)
		return;
	send_packet(s->client, SOCKETIO_DISCONNECT, s->nsp->name, NULL);
	socket_end(s, why);
}

void
socketio_cut(struct socketio_socket *s, const char *why)
{
	if (s->client != NULL)
		engineio_close(s->client->engine, why);
}

/* -- what comes for it -- */

void
socket_take(struct socketio_socket *s, struct socketio_packet *p,
    const struct socketio_blob *blobs, size_t n)
{
	struct socketio_event	ev = { .args = p->data, .blobs = blobs,
				    .n_blobs = n, .ack = p->id };

	if (p->type == SOCKETIO_ACK || p->type == SOCKETIO_BINARY_ACK) {
		wait_got(s, p, blobs, n);
		return;
	}
	ev.name = json_string_value(json_array_get(p->data, 0));
	s->nsp->events.event(s, &ev, s->nsp->arg);
}

void
socketio_each(struct socketio *io, const char *name,
    void (*fn)(struct socketio_socket *, void *), void *ctx)
{
	struct socketio_namespace	*nsp = nsp_find(io, name);
	struct link			*l, *n;

	if (nsp == NULL)
		return;
	LIST_EACH(l, n, &nsp->sockets)
		fn(LIST_ITEM(l, struct socketio_socket, of_nsp), ctx);
}
