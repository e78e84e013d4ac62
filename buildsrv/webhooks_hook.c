/*
 * A webhook's way through the log: look for the next event that it wants
 * (HOOK_LOOK), send it (HOOK_SEND), note that it was taken (HOOK_RECORD), and
 * again, until there is none (HOOK_REST).  A failure is noted as well, and
 * the same event is tried again after a pause (HOOK_PAUSE), each twice as
 * long; after a day of failures alone it is disabled (HOOK_OFF).
 *
 * The cursor is stored with the outcome: what was delivered is delivered
 * again only if we are killed between the receiver's answer and our commit.
 * X-Muster-Delivery, the event's number, tells the two apart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "events.h"
#include "webhooks_private.h"

static void	hook_look(struct hook *);

/* -- from the beginning to the end -- */

void
hook_unref(struct hook *h)
{
	struct webhooks	*w = h->all;

	if (--h->refs > 0)
		return;
	list_remove(&h->link);
	json_decref(h->doc);
	json_decref(h->event);
	free(h->key);
	free(h);
	w->n--;
	webhooks_stop_check(w);
}

static void
on_timer_closed(uv_handle_t *t)
{
	hook_unref(t->data);
}

void
hook_end(struct hook *h)
{
	if (h->dead)
		return;
	h->dead = 1;
	list_remove(&h->turn);
	if (h->delivery != NULL)
		httpc_cancel(h->delivery);
	uv_close((uv_handle_t *)&h->timer, on_timer_closed);
}

/* In a later turn of the loop: a read may call back at once. */
static void
on_next(uv_timer_t *t)
{
	hook_look(t->data);
}

void
hook_wake(struct hook *h)
{
	if (h->dead)
		return;
	h->more = 1;
	if (h->state != HOOK_REST)
		return;			/* it looks by itself, later */
	h->state = HOOK_LOOK;
	uv_timer_start(&h->timer, on_next, 0, 0);
}

struct hook *
hook_new(struct webhooks *w, const char *key, const json_t *doc)
{
	struct hook	*h = xcalloc(1, sizeof(*h));

	h->all = w;
	h->key = xstrdup(key);
	h->doc = json_deep_copy(doc);
	h->user = json_str(h->doc, "user", "");
	h->cursor = json_int(doc, "cursor", 0);
	h->refs = 1;			/* the timer's */
	h->state = json_str(doc, "disabled", "")[0] != '\0' ? HOOK_OFF :
	    HOOK_REST;
	list_append(&w->hooks, &h->link);
	list_init(&h->turn);
	w->n++;
	uv_timer_init(w->server->loop, &h->timer);
	h->timer.data = h;
	hook_wake(h);
	return h;
}

static void
hook_pause(struct hook *h, int64_t ms)
{
	h->state = HOOK_PAUSE;
	uv_timer_start(&h->timer, on_next, (uint64_t)ms, 0);
}

/* -- what is next -- */

static int
wants(const struct hook *h, const json_t *event)
{
	const char	*type = json_str(event, "type", "");
	const json_t	*types = json_object_get(h->doc, "events"), *t;
	size_t		 i;

	if (!event_type_known(type))
		return 0;
	json_array_foreach(types, i, t)
		if (strcmp(json_string_value(t), type) == 0)
			return 1;
	return json_array_size(types) == 0;
}

static void
on_noted(int rc, const json_t *unused, void *arg)
{
	(void)unused;
	if (rc < 0 && rc != -ENOENT)
		log_warn("webhook", "its place is not noted: %s", errstr(rc));
	hook_unref(arg);
}

/* Nothing is left.  What was passed over is not read again. */
static void
hook_rest(struct hook *h)
{
	struct store	*store = h->all->server->store;
	json_t		*patch;

	h->state = HOOK_REST;
	if (h->cursor - json_int(h->doc, "cursor", 0) < HOOK_SKIPPED)
		return;
	json_object_set_new(h->doc, "cursor", json_integer(h->cursor));
	patch = json_pack("{sI}", "cursor", (json_int_t)h->cursor);
	h->refs++;
	store_write(store, &(struct store_op){ STORE_MERGE, "webhook", h->key,
	    patch }, 1, on_noted, h);
	json_decref(patch);
}

/* Sends the first that is wanted. */
static void
hook_take(struct hook *h, const json_t *page)
{
	const json_t	*items = json_object_get(page, "items");
	int64_t		 end = json_int(page, "next", 0);
	json_t		*event;
	size_t		 i;

	json_array_foreach(items, i, event) {
		if (wants(h, event)) {
			h->event = json_deep_copy(event);
			hook_send(h);
			return;
		}
		h->cursor = json_int(event, "seq", h->cursor);
	}
	/* Not on to the log's end, which would tell of others; but back to
	 * it, where the log was another and longer. */
	if (h->cursor > end)
		h->cursor = end;
	hook_rest(h);
	if (h->more || json_array_size(items) == HOOK_CHUNK)
		hook_wake(h);
}

static void
on_next_events(int rc, const json_t *page, void *arg)
{
	struct hook	*h = arg;

	if (rc < 0 && !h->dead) {
		log_warn("webhook", "events cannot be read: %s", errstr(rc));
		hook_pause(h, HOOK_FIRST_PAUSE);
	} else if (!h->dead)
		hook_take(h, page);
	hook_unref(h);
}

static int
may_have(const struct hook *h, int rc, const json_t *account)
{
	int	all = json_bool(h->doc, "all", 0);

	if (strcmp(h->user, "local") == 0)
		return 1;		/* root's, who has no account */
	return rc == 0 && !json_bool(account, "disabled", 0) && (!all ||
	    strcmp(json_str(account, "role", ""), "admin") == 0);
}

static void
on_account(int rc, const json_t *account, void *arg)
{
	struct hook	*h = arg;

	if (!h->dead && may_have(h, rc, account)) {
		store_event_read(h->all->server->store, h->cursor,
		    json_bool(h->doc, "all", 0) ? NULL : h->user, HOOK_CHUNK,
		    on_next_events, h);
		return;
	}
	if (!h->dead)
		hook_pause(h, HOOK_ACCOUNT_PAUSE);
	hook_unref(h);
}

static void
hook_look(struct hook *h)
{
	h->state = HOOK_LOOK;
	h->more = 0;
	json_decref(h->event);
	h->event = NULL;
	h->refs++;
	store_get(h->all->server->store, "account", h->user, on_account, h);
}

/* -- its outcome -- */

/* Up to a quarter more than doubled: receivers of many must not meet them
 * all at once. */
static int64_t
pause_after(int64_t failures)
{
	int64_t	ms = HOOK_MAX_PAUSE;
	uint8_t	random;

	if (failures <= 12)
		ms = (int64_t)HOOK_FIRST_PAUSE << (failures - 1);
	if (ms > HOOK_MAX_PAUSE)
		ms = HOOK_MAX_PAUSE;
	crypto_random(&random, 1);
	return ms + ms * random / 1024;
}

static void
on_recorded(int rc, const json_t *unused, void *arg)
{
	struct hook	*h = arg;
	int64_t		 failures = json_int(h->doc, "failures", 0);

	(void)unused;
	if (rc < 0 && !h->dead)
		log_warn("webhook", "%s: a delivery is not recorded: %s",
		    json_str(h->doc, "id", ""), errstr(rc));
	if (!h->dead && h->state == HOOK_RECORD) {
		if (failures == 0)
			hook_look(h);
		else
			hook_pause(h, pause_after(failures));
	}
	hook_unref(h);
}

/* Takes note of the try in the list of the last ones. */
static json_t *
note_delivery(struct hook *h, const char *error, int64_t attempt)
{
	json_t	*list = json_object_get(h->doc, "deliveries");
	json_t	*entry = json_pack("{sO sO sI sI sI si}",
	    "seq", json_object_get(h->event, "seq"),
	    "type", json_object_get(h->event, "type"),
	    "t", (json_int_t)clock_wall_ms(), "attempt", (json_int_t)attempt,
	    "ms", (json_int_t)(clock_mono_ms() - h->begun),
	    "status", h->status);

	if (error != NULL)
		json_object_set_new(entry, "error", json_string(error));
	if (list == NULL) {
		list = json_array();
		json_object_set_new(h->doc, "deliveries", list);
	}
	json_array_append_new(list, entry);
	while (json_array_size(list) > HOOK_SHOWN)
		json_array_remove(list, 0);
	return list;
}

static void
hook_disable(struct hook *h, const char *error)
{
	json_object_set_new(h->doc, "disabled", json_sprintf(
	    "nothing was taken for %d hours; at last: %s",
	    HOOK_GIVE_UP / 3600000, error));
	log_warn("webhook", "disabled id=%s user=%s: %s",
	    json_str(h->doc, "id", ""), h->user, error);
	h->state = HOOK_OFF;
}

void
hook_record(struct hook *h, const char *error)
{
	int64_t	 failures = json_int(h->doc, "failures", 0) + 1;
	int64_t	 now = clock_wall_ms(), since;
	json_t	*patch = json_object();

	h->state = HOOK_RECORD;
	json_object_set(patch, "deliveries", note_delivery(h, error,
	    failures));
	since = json_int(h->doc, "failingSince", 0);
	if (error == NULL) {
		h->all->delivered++;
		h->cursor = json_int(h->event, "seq", h->cursor);
		failures = since = 0;
	} else {
		h->all->failed++;
		since = since > 0 ? since : now;
		if (now - since >= HOOK_GIVE_UP)
			hook_disable(h, error);
	}
	json_object_set_new(h->doc, "cursor", json_integer(h->cursor));
	json_object_set_new(h->doc, "failures", json_integer(failures));
	json_object_set_new(h->doc, "failingSince", json_integer(since));
	json_object_set(patch, "cursor", json_object_get(h->doc, "cursor"));
	json_object_set(patch, "failures", json_object_get(h->doc,
	    "failures"));
	json_object_set(patch, "failingSince", json_object_get(h->doc,
	    "failingSince"));
	json_object_set(patch, "disabled", json_object_get(h->doc,
	    "disabled"));
	h->refs++;
	store_write(h->all->server->store, &(struct store_op){ STORE_MERGE,
	    "webhook", h->key, patch }, 1, on_recorded, h);
	json_decref(patch);
}
