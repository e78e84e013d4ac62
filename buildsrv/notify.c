/*
 * Listeners: a client shows its API key when it connects, by auth.token or
 * by the Authorization header of its first request; whose key it is decides
 * what it hears.  Document 000's "authenticate" and "subscribeBuildUpdates"
 * name a user: the own one is confirmed, any other is refused.
 *
 * Where to go on is auth.lastSeq, or what the official client shows by
 * itself when it comes back: auth.pid, whose number is where it began, and
 * auth.offset, the number of the last event that it got.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "crypto.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "notify_private.h"
#include "store.h"

static const char *const kept_headers[] = { "Authorization", NULL };

/* -- audiences -- */

static struct notify_audience *
audience_find(const struct notify *n, const char *user)
{
	struct notify_audience	*a;

	HASH_FIND_STR(n->audiences, user, a);
	return a;
}

/* NULL where the user has too many sockets already. */
static struct notify_audience *
audience_join(struct notify *n, const char *user, struct listener *l)
{
	struct notify_audience	*a = audience_find(n, user);
	size_t			 len = strlen(user) + 1;

	if (a == NULL) {
		a = xcalloc(1, sizeof(*a) + len);
		memcpy(a->user, user, len);
		list_init(&a->listeners);
		HASH_ADD_KEYPTR(hh, n->audiences, a->user, len - 1, a);
	}
	if (a->n >= NOTIFY_MAX_USER)
		return NULL;
	list_append(&a->listeners, &l->link);
	a->n++;
	n->n_listeners++;
	return a;
}

static void
audience_leave(struct listener *l)
{
	struct notify_audience	*a = l->audience;

	if (a == NULL)
		return;
	list_remove(&l->link);
	l->notify->n_listeners--;
	if (--a->n == 0) {
		HASH_DEL(l->notify->audiences, a);
		free(a);
	}
	l->audience = NULL;
}

void
listener_release(struct listener *l)
{
	if (l->socket == NULL && !l->asking && !l->reading)
		free(l);
}

/* -- a client comes -- */

/* The key that it shows, or NULL. */
static const char *
find_key(const struct socketio_socket *s, const json_t *auth)
{
	const char	*key = json_str(auth, "token", NULL);
	const char	*header = socketio_header(s, "Authorization");

	if (key == NULL && header != NULL
	    && strncasecmp(header, "Bearer ", 7) == 0)
		key = header + 7;
	return key != NULL && *key != '\0' && strlen(key) <= NOTIFY_MAX_KEY ?
	    key : NULL;
}

/* A number that stands alone, or before a '-'; -1 for anything else. */
static int64_t
read_seq(const char *s)
{
	int64_t	v = 0;
	size_t	n = strspn(s, "0123456789");

	if (n == 0 || n > SOCKETIO_ID_DIGITS || (s[n] != '\0' && s[n] != '-'))
		return -1;
	for (; n > 0; n--)
		v = v * 10 + (*s++ - '0');
	return v;
}

/* Where it wants to go on; 0 or -1 for nonsense. */
static int
find_cursor(struct listener *l, const json_t *auth)
{
	const json_t	*last = json_object_get(auth, "lastSeq");
	const char	*pid = json_str(auth, "pid", NULL);
	const char	*offset = json_str(auth, "offset", NULL);
	int64_t		 v = -1;

	if (last != NULL && (!json_is_integer(last)
	    || json_integer_value(last) < 0))
		return -1;
	if (pid != NULL && strlen(pid) < sizeof(l->pid)
	    && (v = read_seq(pid)) >= 0)
		strcpy(l->pid, pid);
	if (v >= 0 && offset != NULL && read_seq(offset) > v)
		v = read_seq(offset);
	/* A lastSeq that was written down once must not bring all again. */
	if (last != NULL && json_integer_value(last) > v)
		v = json_integer_value(last);
	l->cursor = v >= 0 ? v : store_event_last(l->notify->options.store);
	return 0;
}

/* What the client shows when it comes back. */
static void
make_pid(struct listener *l)
{
	uint8_t	random[12];
	char	text[BASE64_SIZE(sizeof(random))];

	if (l->pid[0] != '\0')
		return;
	crypto_random(random, sizeof(random));
	snprintf(l->pid, sizeof(l->pid), "%lld-%s", (long long)l->cursor,
	    base64url_encode(random, sizeof(random), text));
}

static void
on_identified(void *ctx, const char *user, int admin)
{
	struct listener		*l = ctx;
	struct socketio_socket	*s = l->socket;

	(void)admin;			/* hears the own events alone, too */
	l->asking = 0;
	if (s == NULL) {
		listener_release(l);
		return;
	}
	if (user != NULL)
		l->audience = audience_join(l->notify, user, l);
	if (l->audience == NULL) {
		log_info("notify", "refused peer=%s user=%s",
		    socketio_peer(s), user != NULL ? user : "(unknown key)");
		socketio_refuse(s, user == NULL ? "unauthorized" :
		    "too many connections");
		l->socket = NULL;
		listener_release(l);
		return;
	}
	make_pid(l);
	socketio_accept(s, l->pid);
	listener_begin(l);
}

static void
on_listener_connect(struct socketio_socket *s, const json_t *auth, void *arg)
{
	struct notify	*n = arg;
	struct listener	*l = xcalloc(1, sizeof(*l));
	const char	*key = find_key(s, auth), *why = NULL;

	l->notify = n;
	l->socket = s;
	list_init(&l->link);
	deadline_init(&l->again);
	socketio_set_user(s, l);
	if (key == NULL)
		why = "unauthorized";
	else if (find_cursor(l, auth) < 0)
		why = "lastSeq must be a whole number";
	if (why != NULL) {
		free(l);
		socketio_refuse(s, why);
		return;
	}
	l->asking = 1;
	n->options.identify(n->options.arg, key, socketio_peer(s),
	    on_identified, l);
}

static void
on_listener_disconnect(struct socketio_socket *s, const char *why, void *arg)
{
	struct listener	*l = socketio_user(s);

	(void)why;
	(void)arg;
	deadline_stop(&l->again);
	audience_leave(l);
	l->socket = NULL;
	listener_release(l);
}

/* -- what it says -- */

static void
refuse_event(struct listener *l, const struct socketio_event *ev,
    const char *why)
{
	socketio_ack(l->socket, ev->ack, json_pack("[{sb ss}]",
	    "success", 0, "error", why), NULL, 0);
}

/* Whether the event's user is the key's. */
static int
is_own(const struct listener *l, const struct socketio_event *ev)
{
	const json_t	*id = json_object_get(json_array_get(ev->args, 1),
			    "userId");

	return id == NULL || json_is_null(id) || (json_is_string(id)
	    && strcmp(json_string_value(id), l->audience->user) == 0);
}

static void
on_listener_event(struct socketio_socket *s, const struct socketio_event *ev,
    void *arg)
{
	static const char	 why[] = "userId is not the key's user";
	struct listener		*l = socketio_user(s);

	(void)arg;
	if (strcmp(ev->name, "authenticate") != 0
	    && strcmp(ev->name, "subscribeBuildUpdates") != 0) {
		refuse_event(l, ev, "unknown event");
	} else if (!is_own(l, ev)) {
		log_info("notify", "user=%s asked as another user peer=%s",
		    l->audience->user, socketio_peer(s));
		socketio_emit(s, json_pack("[s{ss ss}]", "unauthorized",
		    "event", ev->name, "message", why), NULL, 0, NULL, NULL);
		refuse_event(l, ev, why);
	} else {
		socketio_ack(s, ev->ack, json_pack("[{sb ss sI}]",
		    "success", 1, "userId", l->audience->user,
		    "seq", (json_int_t)l->cursor), NULL, 0);
	}
}

/* -- the whole -- */

struct notify *
notify_new(uv_loop_t *loop, const struct notify_options *o)
{
	static const struct socketio_events	events = {
		on_listener_connect, on_listener_event, on_listener_disconnect
	};
	struct notify		*n = xcalloc(1, sizeof(*n));
	struct socketio_options	 sockets = o->sockets;

	n->options = *o;
	n->known = n->head = store_event_last(o->store);
	deadlines_init(&n->turns, loop, 0, listener_catch_up);
	deadlines_init(&n->retries, loop, NOTIFY_RETRY, listener_catch_up);
	sockets.headers = kept_headers;
	n->io = socketio_new(loop, &sockets);
	socketio_namespace(n->io, "/", &events, n);
	store_watch(o->store, notify_watch, n);
	return n;
}

void
notify_handle(struct notify *n, struct http_req *q)
{
	if (n->io != NULL)
		socketio_handle(n->io, q);
	else
		http_reply_error(q, 503, NULL, "the server stops");
}

void
notify_drop(struct notify *n, const char *user)
{
	struct notify_audience	*a = audience_find(n, user);
	struct link		*i, *next;

	if (a == NULL)
		return;
	LIST_EACH(i, next, &a->listeners)	/* they leave later */
		socketio_cut(LIST_ITEM(i, struct listener, link)->socket,
		    "the account changed");
}

size_t
notify_listeners(const struct notify *n)
{
	return n->n_listeners;
}

static void
on_notify_timer_closed(uv_handle_t *h)
{
	struct notify	*n = h->data;

	if (--n->timers == 0 && n->stopped != NULL)
		n->stopped(n->stopped_arg);
}

static void
on_sockets_stopped(void *arg)
{
	struct notify	*n = arg;

	n->io = NULL;
	n->timers = 2;
	deadlines_close(&n->turns, on_notify_timer_closed, n);
	deadlines_close(&n->retries, on_notify_timer_closed, n);
}

void
notify_stop(struct notify *n, void (*done)(void *), void *arg)
{
	n->stopped = done;
	n->stopped_arg = arg;
	socketio_stop(n->io, on_sockets_stopped, n);
}

void
notify_free(struct notify *n)
{
	free(n);
}
