/* One HTTP request below Engine.IO's path: what it wants, and whether it may
 * have it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engineio_private.h"
#include "http.h"

/* What a request says of itself; the strings are owned. */
struct asked {
	char			*transport, *version, *sid;
	struct engineio_session	*session;
	int			 websocket, polling, get;
};

static void
asked_read(struct asked *a, const struct engineio *e,
    const struct http_req *q)
{
	a->transport = http_query(q, "transport");
	a->version = http_query(q, "EIO");
	a->sid = http_query(q, "sid");
	a->session = NULL;
	if (a->sid != NULL)
		HASH_FIND_STR(e->sessions, a->sid, a->session);
	a->polling = a->transport != NULL
	    && strcmp(a->transport, "polling") == 0;
	a->websocket = a->transport != NULL
	    && strcmp(a->transport, "websocket") == 0;
	a->get = strcmp(q->method, "GET") == 0;
}

static void
asked_release(struct asked *a)
{
	free(a->transport);
	free(a->version);
	free(a->sid);
}

/* The reason to refuse it, in the order in which clients know them; -1. */
static int
find_fault(const struct asked *a, const struct http_req *q)
{
	if (!a->polling && !a->websocket)
		return REFUSE_TRANSPORT;
	if (a->sid != NULL && a->session == NULL)
		return REFUSE_SESSION;
	if (a->sid == NULL && !a->get)
		return REFUSE_METHOD;
	if (a->version == NULL || strcmp(a->version, "4") != 0)
		return REFUSE_VERSION;
	if (a->websocket && (!a->get || http_header(q, "Upgrade") == NULL))
		return REFUSE_REQUEST;
	return -1;
}

void
engineio_refuse(struct engineio *e, struct http_req *q,
    enum engineio_refusal why)
{
	static const struct {
		int		 status;
		const char	*words;
	} table[REFUSE_SIZE] = {
		[REFUSE_TRANSPORT] = { 400, "Transport unknown" },
		[REFUSE_SESSION] = { 400, "Session ID unknown" },
		[REFUSE_METHOD] = { 400, "Bad handshake method" },
		[REFUSE_REQUEST] = { 400, "Bad request" },
		[REFUSE_FORBIDDEN] = { 403, "Forbidden" },
		[REFUSE_VERSION] = { 400, "Unsupported protocol version" },
		[REFUSE_BUSY] = { 503, "Too many sessions" }
	};
	char	text[80];
	int	n;

	if (why == REFUSE_BUSY)
		http_set(q, "Retry-After", "5");
	n = snprintf(text, sizeof(text), "{\"code\":%d,\"message\":\"%s\"}",
	    why == REFUSE_BUSY ? REFUSE_REQUEST : (int)why, table[why].words);
	polling_reply(e, q, table[why].status, "application/json", text,
	    (size_t)n);
}

/* What browsers ask before a request from another origin. */
static void
answer_options(struct engineio *e, struct http_req *q)
{
	http_set(q, "Allow", "GET, POST, OPTIONS");
	if (e->options.cors_origin != NULL) {
		http_set(q, "Access-Control-Allow-Methods", "GET, POST");
		http_set(q, "Access-Control-Allow-Headers",
		    "Authorization, Content-Type");
		http_set(q, "Access-Control-Max-Age", "600");
	}
	polling_reply(e, q, 204, NULL, "", 0);
}

void
engineio_handle(struct engineio *e, struct http_req *q)
{
	struct asked	a;
	int		fault;

	if (strcmp(q->method, "OPTIONS") == 0) {
		answer_options(e, q);
		return;
	}
	asked_read(&a, e, q);
	fault = find_fault(&a, q);
	if (e->stopping)
		engineio_refuse(e, q, REFUSE_BUSY);
	else if (fault >= 0)
		engineio_refuse(e, q, (enum engineio_refusal)fault);
	else if (a.session == NULL && a.polling)
		polling_begin(e, q);
	else if (a.session == NULL)
		wire_begin(e, q);
	else if (a.polling)
		polling_handle(a.session, q);
	else
		wire_probe(a.session, q);
	asked_release(&a);
}
