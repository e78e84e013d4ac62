/* Socket.IO's packets.  Knows no loop, no client and no bytes: of a binary
 * packet it reads how many messages of bytes follow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "log.h"
#include "socketio.h"

/* Text that is still to be read. */
struct text {
	const char	*p;
	size_t		 n;
};

static int
is_digit(const struct text *t)
{
	return t->n > 0 && *t->p >= '0' && *t->p <= '9';
}

/* At most so many digits, perhaps none: then *v stays.  0 or -EINVAL. */
static int
read_number(struct text *t, int digits, int64_t *v)
{
	int64_t	n = 0;
	int	i;

	for (i = 0; is_digit(t); i++, t->p++, t->n--)
		n = i < digits ? n * 10 + (*t->p - '0') : n;
	if (i > 0)
		*v = n;
	return i <= digits ? 0 : -EINVAL;
}

static int
is_binary(const struct socketio_packet *p)
{
	return p->type == SOCKETIO_BINARY_EVENT
	    || p->type == SOCKETIO_BINARY_ACK;
}

static int
read_count(struct text *t, struct socketio_packet *p)
{
	int64_t	n = -1;

	if (!is_binary(p))
		return 0;
	if (read_number(t, 2, &n) < 0 || n < 0
	    || n > SOCKETIO_MAX_ATTACHMENTS || t->n == 0 || *t->p != '-')
		return -EINVAL;
	t->p++;
	t->n--;
	p->n_blobs = (size_t)n;
	return 0;
}

/* Up to a comma, or to the end where nothing follows. */
static int
read_namespace(struct text *t, struct socketio_packet *p)
{
	const char	*comma;
	size_t		 n, i;

	strcpy(p->nsp, "/");
	if (t->n == 0 || *t->p != '/')
		return 0;
	comma = memchr(t->p, ',', t->n);
	n = comma != NULL ? (size_t)(comma - t->p) : t->n;
	if (n >= sizeof(p->nsp))
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (t->p[i] <= ' ' || t->p[i] > '~')
			return -EINVAL;
	memcpy(p->nsp, t->p, n);
	p->nsp[n] = '\0';
	n += comma != NULL;
	t->p += n;
	t->n -= n;
	return 0;
}

/* Whether every placeholder stands for one of n messages. */
static int
places_exist(json_t *v, size_t n)
{
	json_t		*num = json_object_get(v, "num"), *item;
	const char	*key;
	double		 d = json_is_number(num) ? json_number_value(num) : -1;
	size_t		 i;

	if (json_is_true(json_object_get(v, "_placeholder")))
		return d >= 0 && d < (double)n && d == (double)(size_t)d;
	if (json_is_object(v)) {
		json_object_foreach(v, key, item)
			if (!places_exist(item, n))
				return 0;
	} else {
		json_array_foreach(v, i, item)
			if (!places_exist(item, n))
				return 0;
	}
	return 1;
}

/* Names that clients keep for what happens to a socket. */
static int
is_reserved(const char *name)
{
	static const char *const	names[] = {
		"connect", "connect_error", "disconnect", "disconnecting",
		"newListener", "removeListener"
	};
	size_t	i;

	for (i = 0; i < nitems(names); i++)
		if (strcmp(name, names[i]) == 0)
			return 1;
	return 0;
}

/* JavaScript's numbers are doubles: a whole one may be past 64 bits. */
static json_t *
read_json(const struct text *t)
{
	struct json_err	e;
	json_t		*v = json_read(t->p, t->n, &e);

	return v != NULL ? v : json_read_as(t->p, t->n,
	    JSON_DECODE_INT_AS_REAL, JSON_MAX_DEPTH, &e);
}

static int
payload_fits(const struct socketio_packet *p)
{
	const json_t	*name = json_array_get(p->data, 0);

	switch (p->type) {
	case SOCKETIO_CONNECT:
		return p->data == NULL || json_is_object(p->data);
	case SOCKETIO_DISCONNECT:
		return p->data == NULL;
	case SOCKETIO_BINARY_EVENT:
		if (!places_exist(p->data, p->n_blobs))
			return 0;
		/* FALLTHROUGH */
	case SOCKETIO_EVENT:
		return json_is_string(name)
		    && !is_reserved(json_string_value(name));
	case SOCKETIO_BINARY_ACK:
		if (!places_exist(p->data, p->n_blobs))
			return 0;
		/* FALLTHROUGH */
	case SOCKETIO_ACK:
		return json_is_array(p->data) && p->id >= 0;
	default:			/* an error is the server's to send */
		return 0;
	}
}

int
socketio_packet_read(struct socketio_packet *p, const char *s, size_t n)
{
	struct text	t = { s, n };

	memset(p, 0, sizeof(*p));
	p->id = -1;
	if (n == 0 || *s < '0' || *s > '6')
		return -EINVAL;
	p->type = (enum socketio_type)(*s - '0');
	t.p++;
	t.n--;
	if (read_count(&t, p) < 0 || read_namespace(&t, p) < 0
	    || read_number(&t, SOCKETIO_ID_DIGITS, &p->id) < 0)
		return -EINVAL;
	if (t.n > 0 && (p->data = read_json(&t)) == NULL)
		return -EINVAL;
	if (payload_fits(p))
		return 0;
	socketio_packet_release(p);
	return -EINVAL;
}

void
socketio_packet_release(struct socketio_packet *p)
{
	json_decref(p->data);
	p->data = NULL;
}

void
socketio_packet_write(struct buf *b, const struct socketio_packet *p)
{
	char	*text;

	buf_addc(b, '0' + (int)p->type);
	if (is_binary(p))
		buf_printf(b, "%zu-", p->n_blobs);
	if (strcmp(p->nsp, "/") != 0)
		buf_printf(b, "%s,", p->nsp);
	if (p->id >= 0)
		buf_printf(b, "%lld", (long long)p->id);
	if (p->data == NULL)
		return;
	text = json_text(p->data);
	buf_adds(b, text);
	free(text);
}

json_t *
socketio_placeholder(size_t num)
{
	return json_pack("{sb sI}", "_placeholder", 1, "num",
	    (json_int_t)num);
}
