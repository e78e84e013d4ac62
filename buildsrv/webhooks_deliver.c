/* One delivery of a webhook: a signed POST, of which only the status
 * counts. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "events.h"
#include "webhooks_private.h"

static void
flight_ended(struct webhooks *w)
{
	struct hook	*next;

	w->in_flight--;
	if (w->stopping || list_empty(&w->queued))
		return;
	next = LIST_ITEM(w->queued.next, struct hook, turn);
	list_remove(&next->turn);
	hook_send(next);
}

/* Why it was not taken, or NULL; freed by the caller. */
static char *
fault(const struct hook *h, const struct httpc_answer *a)
{
	/* Once there is a status, what else goes wrong counts no more. */
	if (a->status != 0)
		return a->status / 100 == 2 ? NULL :
		    xasprintf("answered %d", a->status);
	if (h->timed_out)
		return xstrdup("no answer in time");
	if (a->rc == UV_EACCES)
		return xstrdup("its address is not a public one");
	return xstrdup(a->why);
}

static void
on_delivered(const struct httpc_answer *a, void *arg)
{
	struct hook	*h = arg;
	char		*error = fault(h, a);

	h->delivery = NULL;
	h->status = a->status;
	flight_ended(h->all);
	if (!h->dead) {
		uv_timer_stop(&h->timer);
		hook_record(h, error);
	}
	free(error);
	hook_unref(h);
}

static int
discard(const char *p, size_t n, void *arg)
{
	(void)p;
	(void)n;
	(void)arg;
	return 0;
}

static void
on_too_long(uv_timer_t *t)
{
	struct hook	*h = t->data;

	h->timed_out = 1;
	httpc_cancel(h->delivery);
}

/* What tells the receiver whose it is: see muster-api(7). */
static char *
signed_headers(const struct hook *h, const char *body)
{
	const char	*secret = json_str(h->doc, "secret", "");
	long long	 now = (long long)(clock_wall_ms() / 1000);
	char		*text = xasprintf("%lld.%s", now, body), *headers;
	char		 hex[2 * SHA256_SIZE + 1];
	uint8_t		 mac[SHA256_SIZE];

	crypto_hmac_sha256(secret, strlen(secret), text, strlen(text), mac);
	headers = xasprintf("User-Agent: muster-buildsrv\r\n"
	    "X-Muster-Event: %s\r\nX-Muster-Delivery: %lld\r\n"
	    "X-Muster-Timestamp: %lld\r\nX-Muster-Signature: sha256=%s\r\n",
	    json_str(h->event, "type", ""),
	    (long long)json_int(h->event, "seq", 0), now,
	    hex_encode(mac, sizeof(mac), hex));
	free(text);
	return headers;
}

void
hook_send(struct hook *h)
{
	struct webhooks		*w = h->all;
	struct httpc_options	 o = {
		.method = "POST", .type = "application/json",
		.max_body = HOOK_MAX_ANSWER, .timeout_ms = HOOK_TIMEOUT,
		.allow = w->private ? NULL : address_is_public,
		.sink = discard,
	};
	json_t			*view;
	char			*body, *headers;

	if (w->in_flight >= HOOKS_IN_FLIGHT) {
		h->state = HOOK_QUEUED;
		list_append(&w->queued, &h->turn);
		return;
	}
	h->state = HOOK_SEND;
	view = event_view(w->server, h->event);
	body = json_text(view);
	headers = signed_headers(h, body);
	o.body = body;
	o.body_len = strlen(body);
	o.headers = headers;
	h->timed_out = 0;
	h->begun = clock_mono_ms();
	h->refs++;
	w->in_flight++;
	h->delivery = httpc_start(w->server->loop, json_str(h->doc, "url",
	    ""), &o, on_delivered, h);
	uv_timer_start(&h->timer, on_too_long, HOOK_TIMEOUT, 0);
	json_decref(view);
	free(body);
	free(headers);
}
