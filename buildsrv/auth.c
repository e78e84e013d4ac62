/*
 * Who calls: whose API key it is, known by the key's hash, so that the time
 * of the look-up tells nothing of it.
 *
 * Before the store is asked stand buckets of tokens (limits.h): one for each
 * key that was good lately, and one for each address, from which what fails
 * takes.  An address whose bucket is empty is heard with a key that was good
 * lately and with no other; and the more of it an address has used up, the
 * later it hears that a further key is wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "limits.h"
#include "platform.h"
#include "settings.h"

enum {
	MAX_KEY		= 200,	/* bytes of a key: ours have 39 */
	KEY_BURST	= 2,	/* seconds' worth of requests at once */
	ADDRESS_BURST	= 5,	/* the same of what fails */
	MAX_LATE	= 1000	/* ms until a wrong key is told so */
};

void
auth_load(struct server *s)
{
	int64_t	key = settings_int(s->settings, "rate-limit");
	int64_t	address = settings_int(s->settings, "rate-limit-address");

	s->by_key = limits_new(key, key * KEY_BURST, LIMITS_MAX);
	s->by_address = limits_new(address, address * ADDRESS_BURST,
	    LIMITS_MAX);
}

void
auth_release(struct server *s)
{
	limits_free(s->by_key);
	limits_free(s->by_address);
	limits_free(s->by_refusal);
}

/* -- the look-up of a key -- */

struct look {
	struct server	*server;
	char		 hash[2 * SHA256_SIZE + 1];
	char		 peer[HTTP_MAX_PEER];
	int		 known;		/* the key was good lately */
	auth_done	 done;
	void		*arg;
};

/* Takes a token of what fails; how long (ms) to hold the answer back. */
static int64_t
auth_failed(struct server *s, const char *peer)
{
	int64_t	now = clock_mono_ms();
	int	used;

	limits_take(s->by_address, peer, now);
	used = limits_used(s->by_address, peer, now);
	return (int64_t)used * used * MAX_LATE / 1000000;
}

static void
look_end(struct look *l, int rc, const json_t *account)
{
	struct server	*s = l->server;
	int64_t		 ms = 0;

	if (rc == -ENOENT || rc == -EACCES) {
		rc = -EACCES;
		limits_forget(s->by_key, l->hash);
		ms = auth_failed(s, l->peer);
	} else if (rc == 0 && !l->known)
		limits_take(s->by_key, l->hash, clock_mono_ms());
	l->done(rc, rc == 0 ? account : NULL, ms, l->arg);
	free(l);
}

static void
on_account(int rc, const json_t *account, void *arg)
{
	if (rc == 0 && json_bool(account, "disabled", 0))
		rc = -EACCES;
	look_end(arg, rc, account);
}

static void
look_account(struct look *l, const json_t *key)
{
	store_get(l->server->store, "account", json_str(key, "account", ""),
	    on_account, l);
}

/* One that was rotated, and is good for a while yet. */
static void
on_old_key(int rc, const json_t *key, void *arg)
{
	struct look	*l = arg;

	if (rc == 0 && json_int(key, "expires", 0) <= clock_wall_ms())
		rc = -EACCES;
	if (rc < 0)
		look_end(l, rc, NULL);
	else
		look_account(l, key);
}

static void
on_key(int rc, const json_t *key, void *arg)
{
	struct look	*l = arg;

	if (rc == -ENOENT)
		store_get(l->server->store, "oldkey", l->hash, on_old_key, l);
	else if (rc < 0)
		look_end(l, rc, NULL);
	else
		look_account(l, key);
}

void
auth_key(struct server *s, const char *key, const char *peer, auth_done done,
    void *arg)
{
	struct look	*l = xcalloc(1, sizeof(*l));
	int64_t		 ms;

	l->server = s;
	l->done = done;
	l->arg = arg;
	http_peer_client(peer, l->peer);
	secret_hash(key, l->hash);
	l->known = limits_knows(s->by_key, l->hash);
	ms = l->known ? limits_take(s->by_key, l->hash, clock_mono_ms()) :
	    limits_wait(s->by_address, l->peer, clock_mono_ms());
	if (ms > 0) {
		done(-EBUSY, NULL, ms, arg);
		free(l);
	} else if (strlen(key) > MAX_KEY)
		look_end(l, -EACCES, NULL);
	else
		store_get(s->store, "key", l->hash, on_key, l);
}

/* -- a call of the API -- */

struct late {			/* an answer that is held back */
	uv_timer_t	 timer;
	struct call	*call;
};

static void
unauthorized(struct call *c)
{
	http_set(c->req, "WWW-Authenticate", "Bearer realm=\"muster\"");
	call_error(c, 401, "Authorization",
	    "a valid API key is needed (Authorization: Bearer KEY)");
}

static void
on_late_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
on_late(uv_timer_t *t)
{
	struct late	*l = t->data;

	unauthorized(l->call);
	uv_close((uv_handle_t *)t, on_late_closed);
}

static void
unauthorized_late(struct call *c, int64_t ms)
{
	struct late	*l;

	if (ms <= 0) {
		unauthorized(c);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->call = c;
	uv_timer_init(c->server->loop, &l->timer);
	l->timer.data = l;
	uv_timer_start(&l->timer, on_late, (uint64_t)ms, 0);
}

static void
on_caller(int rc, const json_t *account, int64_t ms, void *arg)
{
	struct call	*c = arg;

	if (rc == -EACCES)
		unauthorized_late(c, ms);
	else if (rc == -EBUSY)
		call_retry(c, ms, NULL, "too many requests");
	else if (rc < 0)
		call_failed(c, rc);
	else {
		c->account = json_incref((json_t *)(uintptr_t)account);
		c->user = json_str(c->account, "name", "");
		c->admin = strcmp(json_str(c->account, "role", ""),
		    "admin") == 0;
		snprintf(c->req->who, sizeof(c->req->who), "%s", c->user);
		c->entered(c);
	}
}

void
auth_charge(struct call *c)
{
	char	peer[HTTP_MAX_PEER];

	http_peer_client(c->req->peer, peer);
	auth_failed(c->server, peer);
}

int
auth_stranger(struct call *c)
{
	char	peer[HTTP_MAX_PEER];
	int64_t	ms;

	http_peer_client(c->req->peer, peer);
	ms = limits_wait(c->server->by_address, peer, clock_mono_ms());
	if (ms > 0)
		call_retry(c, ms, NULL, "too many requests");
	else
		c->stranger = 1;
	return ms == 0;
}

void
auth_call(struct call *c, void (*entered)(struct call *))
{
	const char	*h = http_header(c->req, "authorization");

	c->entered = entered;
	if (h == NULL && c->req->uid >= 0 &&
	    (c->req->uid == 0 || c->req->uid == platform_uid())) {
		c->user = "local";
		c->admin = c->local = 1;
		snprintf(c->req->who, sizeof(c->req->who), "%s", c->user);
		entered(c);
		return;
	}
	if (h == NULL || strncasecmp(h, "Bearer ", 7) != 0) {
		if (auth_stranger(c))
			unauthorized(c);
		return;
	}
	for (h += 7; *h == ' '; h++)
		continue;
	auth_key(c->server, h, c->req->peer, on_caller, c);
}
