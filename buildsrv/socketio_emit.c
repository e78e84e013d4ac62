/* Events and acknowledgements on their way to a client, and its answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "socketio_private.h"

/* The text, then each of the bytes.  The first error is told. */
static int
send_args(struct socketio_socket *s, enum socketio_type type, int64_t id,
    json_t *args, const struct socketio_blob *blobs, size_t n)
{
	struct socketio_packet	p = { .type = type, .id = id, .n_blobs = n,
				    .data = args };
	struct buf		b = BUF_INIT;
	size_t			i;
	int			rc;

	strcpy(p.nsp, s->nsp->name);
	socketio_packet_write(&b, &p);
	rc = engineio_text(s->client->engine, b.p, b.len);
	buf_release(&b);
	for (i = 0; i < n && rc == 0; i++)
		rc = engineio_binary(s->client->engine, blobs[i].data,
		    blobs[i].len);
	return rc;
}

static struct socketio_wait *
wait_new(struct socketio_socket *s, socketio_acked acked, void *ctx)
{
	struct socketio_wait	*w = xcalloc(1, sizeof(*w));

	w->socket = s;
	w->id = s->next_ack++;
	w->acked = acked;
	w->ctx = ctx;
	deadline_init(&w->late);
	list_append(&s->acks, &w->link);
	s->n_acks++;
	deadline_start(&s->server->acks, &w->late);
	return w;
}

static void
wait_free(struct socketio_wait *w)
{
	list_remove(&w->link);
	deadline_stop(&w->late);
	w->socket->n_acks--;
	free(w);
}

static void
wait_end(struct socketio_wait *w, const json_t *args,
    const struct socketio_blob *blobs, size_t n)
{
	struct socketio_wait	told = *w;

	wait_free(w);
	told.acked(told.socket, args, blobs, n, told.ctx);
}

int
socketio_emit(struct socketio_socket *s, json_t *args,
    const struct socketio_blob *blobs, size_t n, socketio_acked acked,
    void *ctx)
{
	struct socketio_wait	*w = NULL;
	int			 rc = 0;

	if (s->state != SOCKET_CONNECTED)
		rc = -EPIPE;
	else if (!json_is_string(json_array_get(args, 0))
	    || n > SOCKETIO_MAX_ATTACHMENTS)
		rc = -EINVAL;
	else if (acked != NULL && s->n_acks >= SOCKETIO_MAX_ACKS)
		rc = -ENOBUFS;
	if (rc == 0 && acked != NULL)
		w = wait_new(s, acked, ctx);
	if (rc == 0)
		rc = send_args(s, n > 0 ? SOCKETIO_BINARY_EVENT :
		    SOCKETIO_EVENT, w != NULL ? w->id : -1, args, blobs, n);
	if (rc < 0 && w != NULL)
		wait_free(w);
	json_decref(args);
	return rc;
}

int
socketio_ack(struct socketio_socket *s, int64_t id, json_t *args,
    const struct socketio_blob *blobs, size_t n)
{
	int	rc = 0;

	if (s->state != SOCKET_CONNECTED)
		rc = -EPIPE;
	else if (!json_is_array(args) || n > SOCKETIO_MAX_ATTACHMENTS)
		rc = -EINVAL;
	else if (id >= 0)
		rc = send_args(s, n > 0 ? SOCKETIO_BINARY_ACK : SOCKETIO_ACK,
		    id, args, blobs, n);
	json_decref(args);
	return rc;
}

/* -- answers -- */

void
wait_got(struct socketio_socket *s, const struct socketio_packet *p,
    const struct socketio_blob *blobs, size_t n)
{
	struct socketio_wait	*w;
	struct link		*l, *next;

	LIST_EACH(l, next, &s->acks) {
		w = LIST_ITEM(l, struct socketio_wait, link);
		if (w->id == p->id) {
			wait_end(w, p->data, blobs, n);
			return;
		}
	}
}

void
wait_on_late(struct deadline *d)
{
	wait_end(LIST_ITEM(d, struct socketio_wait, late), NULL, NULL, 0);
}

void
wait_end_all(struct socketio_socket *s)
{
	while (!list_empty(&s->acks))
		wait_end(LIST_ITEM(s->acks.next, struct socketio_wait, link),
		    NULL, NULL, 0);
}
