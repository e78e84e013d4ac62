/*
 * Webhooks as their owners make and see them, and as the server holds them
 * in memory.  Each is a document ("webhook", under USER/ID) with its address,
 * its secret, which signing needs as it is, and where it is in the log.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "events.h"
#include "settings.h"
#include "webhooks_private.h"

static const struct json_field hook_fields[] = {
	{ "url", JSON_K_STR, 1, 1, HOOK_MAX_URL, NULL, NULL, 0, 0 },
	{ "events", JSON_K_ARR, 0, 0, HOOK_MAX_TYPES, NULL, NULL, 0, JSON_K_STR },
	{ "all", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
	{ "after", JSON_K_INT, 0, 0, INT64_MAX / 2, NULL, NULL, 0, 0 },
};

/* -- what is shown: never the secret again -- */

static json_t *
hook_view(const struct hook *h, int deliveries)
{
	static const char *const shown[] = { "id", "url", "user", "events",
	    "all", "failures", "disabled" };
	char	 text[CLOCK_RFC3339_SIZE];
	json_t	*v = json_object(), *m;
	size_t	 i;

	for (i = 0; i < nitems(shown); i++)
		if ((m = json_object_get(h->doc, shown[i])) != NULL)
			json_object_set(v, shown[i], m);
	json_object_set_new(v, "createdAt", json_string(clock_rfc3339(
	    json_int(h->doc, "created", 0), text)));
	json_object_set_new(v, "cursor", json_integer(h->cursor));
	if (deliveries && (m = json_object_get(h->doc, "deliveries")) != NULL)
		json_object_set_new(v, "deliveries", json_deep_copy(m));
	return v;
}

/* The one that the route names, if the caller may see it; NULL: answered. */
static struct hook *
hook_find(struct call *c)
{
	struct webhooks	*w = c->server->webhooks;
	struct link	*l, *next;
	struct hook	*h;

	if (w != NULL)
		LIST_EACH(l, next, &w->hooks) {
			h = LIST_ITEM(l, struct hook, link);
			if (!h->dead && call_may_see(c, h->user) &&
			    strcmp(json_str(h->doc, "id", ""), c->param) == 0)
				return h;
		}
	call_error(c, 404, NULL, "no such webhook");
	return NULL;
}

void
webhook_list(struct call *c)
{
	struct webhooks	*w = c->server->webhooks;
	struct link	*l, *next;
	struct hook	*h;
	json_t		*list;

	if (call_query(c, "") < 0)
		return;
	list = json_array();
	if (w != NULL)
		LIST_EACH(l, next, &w->hooks) {
			h = LIST_ITEM(l, struct hook, link);
			if (!h->dead && strcmp(h->user, c->user) == 0)
				json_array_append_new(list, hook_view(h, 0));
		}
	call_json(c, 200, json_pack("{sb so}", "success", 1, "webhooks",
	    list));
}

void
webhook_get(struct call *c)
{
	struct hook	*h;

	if (call_query(c, "") == 0 && (h = hook_find(c)) != NULL)
		call_json(c, 200, json_pack("{sb so}", "success", 1,
		    "webhook", hook_view(h, 1)));
}

/* -- POST /api/webhooks -- */

/* Names have to be looked up; those are checked when it connects. */
static int
literal_is_private(const struct url *u)
{
	union {
		struct sockaddr		a;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
	}	s;

	if (uv_ip4_addr(u->host, 1, &s.in) < 0 &&
	    uv_ip6_addr(u->host, 1, &s.in6) < 0)
		return 0;
	return !address_is_public(&s.a);
}

/* 0, or -EINVAL: answered. */
static int
url_check(struct call *c)
{
	const char	*text = json_str(c->body, "url", ""), *why = NULL;
	struct url	 u;

	if (strncmp(text, "http://", 7) != 0 &&
	    strncmp(text, "https://", 8) != 0)
		why = "must begin with http:// or https://";
	else if (url_parse(text, &u, &why) == 0) {
		why = NULL;
		if (!c->server->webhooks->private && (url_is_loopback(&u) ||
		    literal_is_private(&u)))
			why = "must be a public address";
	}
	if (why == NULL)
		return 0;
	call_error(c, 400, "url", "url: %s", why);
	return -EINVAL;
}

static int
events_check(struct call *c)
{
	const json_t	*t;
	size_t		 i;

	json_array_foreach(json_object_get(c->body, "events"), i, t)
		if (!event_type_known(json_string_value(t))) {
			call_error(c, 400, "events", "events: %s is none",
			    json_string_value(t));
			return -EINVAL;
		}
	return 0;
}

static int
room_check(struct call *c)
{
	struct webhooks	*w = c->server->webhooks;
	struct link	*l, *next;
	int		 n = 0;

	LIST_EACH(l, next, &w->hooks)
		n += strcmp(LIST_ITEM(l, struct hook, link)->user, c->user)
		    == 0;
	if (n < HOOKS_OF_ONE)
		return 0;
	call_error(c, 409, NULL, "an account has at most %d webhooks",
	    HOOKS_OF_ONE);
	return -EINVAL;
}

static json_t *
hook_doc(struct call *c, const char *id)
{
	uint8_t	 random[HOOK_SECRET];
	char	 secret[BASE64_SIZE(HOOK_SECRET)];
	json_t	*events = json_object_get(c->body, "events"), *doc;
	int64_t	 now = store_event_last(c->server->store);
	int64_t	 after = json_int(c->body, "after", now);

	crypto_random(random, sizeof(random));
	doc = json_pack("{ss ss sO so ss sb sI sI}", "id", id,
	    "user", c->user, "url", json_object_get(c->body, "url"),
	    "events", events != NULL ? json_deep_copy(events) : json_array(),
	    "secret", base64url_encode(random, sizeof(random), secret),
	    "all", json_bool(c->body, "all", 0),
	    "created", (json_int_t)clock_wall_ms(),
	    "cursor", (json_int_t)(after < now ? after : now));
	crypto_wipe(random, sizeof(random));
	crypto_wipe(secret, sizeof(secret));
	return doc;
}

static void
on_made(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;
	struct webhooks	*w = c->server->webhooks;
	json_t		*view;
	struct hook	*h;
	char		*key;

	(void)unused;
	if (rc == 0 && w == NULL)	/* it begins with the next start */
		rc = -ECANCELED;
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	key = xasprintf("%s/%s", c->user, json_str(c->job, "id", ""));
	h = hook_new(w, key, c->job);
	view = hook_view(h, 0);
	json_object_set(view, "secret", json_object_get(c->job, "secret"));
	log_info("webhook", "made id=%s user=%s", json_str(c->job, "id", ""),
	    c->user);
	call_json(c, 201, json_pack("{sb so}", "success", 1, "webhook",
	    view));
	free(key);
}

void
webhook_post(struct call *c)
{
	char	 id[UUID_SIZE], *key;

	if (call_body(c, hook_fields, nitems(hook_fields)) < 0)
		return;
	if (c->server->webhooks == NULL) {
		call_error(c, 503, NULL, "the server stops");
		return;
	}
	if (json_bool(c->body, "all", 0) && !c->admin) {
		call_error(c, 403, "all", "all is for administrators");
		return;
	}
	if (url_check(c) < 0 || events_check(c) < 0 || room_check(c) < 0)
		return;
	crypto_uuid(id);
	key = xasprintf("%s/%s", c->user, id);
	c->job = hook_doc(c, id);
	store_write(c->server->store, &(struct store_op){ STORE_ADD,
	    "webhook", key, c->job }, 1, on_made, c);
	free(key);
}

/* -- DELETE /api/webhooks/:id -- */

static void
on_deleted(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)unused;
	if (rc < 0 && rc != -ENOENT)
		call_failed(c, rc);
	else
		call_json(c, 200, json_pack("{sb ss}", "success", 1,
		    "message", "Webhook deleted"));
}

void
webhook_delete(struct call *c)
{
	struct hook	*h = hook_find(c);

	if (h == NULL)
		return;
	log_info("webhook", "deleted id=%s user=%s by=%s", c->param, h->user,
	    c->user);
	store_write(c->server->store, &(struct store_op){ STORE_DEL,
	    "webhook", h->key, NULL }, 1, on_deleted, c);
	hook_end(h);
}

/* -- the whole -- */

void
webhooks_event(struct webhooks *w, const json_t *event)
{
	const char	*user = json_str(event, "user", "");
	struct link	*l, *next;
	struct hook	*h;

	if (w == NULL)
		return;
	LIST_EACH(l, next, &w->hooks) {
		h = LIST_ITEM(l, struct hook, link);
		if (strcmp(h->user, user) == 0 || json_bool(h->doc, "all", 0))
			hook_wake(h);
	}
}

void
webhooks_count(const struct webhooks *w, struct webhooks_count *n)
{
	struct link	*l, *next;

	memset(n, 0, sizeof(*n));
	if (w == NULL)
		return;
	n->hooks = w->n;
	n->delivered = w->delivered;
	n->failed = w->failed;
	LIST_EACH(l, next, &w->hooks)
		n->disabled += LIST_ITEM(l, struct hook, link)->state ==
		    HOOK_OFF;
}

static void	load(struct webhooks *, const char *after);

static void
on_page(int rc, const json_t *page, void *arg)
{
	struct webhooks	*w = arg;
	const char	*next = json_str(page, "next", NULL);
	json_t		*item;
	size_t		 i;

	if (rc < 0)
		log_error("webhook", "cannot be read, and are not served: %s",
		    errstr(rc));
	json_array_foreach(json_object_get(page, "items"), i, item)
		if (!w->stopping)
			hook_new(w, json_str(item, "key", ""),
			    json_object_get(item, "value"));
	w->loading = 0;
	if (next != NULL && !w->stopping)
		load(w, next);
	else
		webhooks_stop_check(w);
}

static void
load(struct webhooks *w, const char *after)
{
	w->loading = 1;
	store_list(w->server->store, "webhook", "", after, MAX_PAGE, 0,
	    on_page, w);
}

struct webhooks *
webhooks_new(struct server *s)
{
	struct webhooks	*w = xcalloc(1, sizeof(*w));

	w->server = s;
	w->private = settings_bool(s->settings, "webhooks-private");
	list_init(&w->hooks);
	list_init(&w->queued);
	load(w, NULL);
	return w;
}

void
webhooks_stop_check(struct webhooks *w)
{
	if (!w->stopping || w->n > 0 || w->loading)
		return;
	w->stopped(w->stopped_arg);
	free(w);
}

void
webhooks_stop(struct webhooks *w, void (*done)(void *), void *arg)
{
	struct link	*l, *next;

	w->stopping = 1;
	w->stopped = done;
	w->stopped_arg = arg;
	LIST_EACH(l, next, &w->hooks)
		hook_end(LIST_ITEM(l, struct hook, link));
	webhooks_stop_check(w);
}
