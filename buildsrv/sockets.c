/*
 * Socket.IO at /socket.io/: the event log's dialect of document 000's own
 * clients; or, with --test-echo, what the protocols' test suites expect.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "events.h"
#include "notify.h"
#include "settings.h"
#include "sockets.h"
#include "testecho.h"

static const char	path[] = "/socket.io/";

struct asking {
	notify_identified	 done;
	void			*ctx;
};

static void
on_key(int rc, const json_t *account, int64_t wait_ms, void *arg)
{
	struct asking	*a = arg;

	(void)wait_ms;
	a->done(a->ctx, rc == 0 ? json_str(account, "name", NULL) : NULL,
	    strcmp(json_str(account, "role", ""), "admin") == 0);
	free(a);
}

static void
identify(void *server, const char *key, const char *peer,
    notify_identified done, void *ctx)
{
	struct asking	*a = xmalloc(sizeof(*a));

	a->done = done;
	a->ctx = ctx;
	auth_key(server, key, peer, on_key, a);
}

static json_t *
view(void *server, const json_t *event)
{
	return event_subject(server, event);
}

void
sockets_start(struct server *s)
{
	struct notify_options	o = {
		.store = s->store, .view = view, .identify = identify,
		.arg = s,
	};

	s->notify = notify_new(s->loop, &o);
	if (!settings_bool(s->settings, "test-echo"))
		return;
	log_warn(NULL, "--test-echo: this server is for tests alone");
	s->echo = testecho_new(s->loop, 200);
}

int
sockets_handle(struct server *s, struct http_req *req)
{
	if (s->echo != NULL && testecho_handle(s->echo, req))
		return 1;
	if (strncmp(req->path, path, sizeof(path) - 1) != 0)
		return 0;
	req->tag = SOCKETS_TAG;
	if (s->notify != NULL)
		notify_handle(s->notify, req);
	else
		http_reply_error(req, 503, NULL, "the server stops");
	return 1;
}
