/* For the tests of Engine.IO and what stands on it: Engine.IO itself, a server
 * on a free port, requests and WebSockets to it from the same loop, and a
 * server for others.  Include it behind the other files under test. */
#ifndef MUSTER_T_SIO_H
#define MUSTER_T_SIO_H

#include "../../buildsrv/engineio.c"
#include "../../buildsrv/engineio_deadline.c"
#include "../../buildsrv/engineio_packet.c"
#include "../../buildsrv/engineio_polling.c"
#include "../../buildsrv/engineio_request.c"
#include "../../buildsrv/engineio_session.c"
#include "../../buildsrv/engineio_wire.c"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "tap.h"
#include "ws.h"

static struct httpd	*web;
static char		*web_url;	/* "http://127.0.0.1:PORT" */
static int		 web_stopped;

static void
sio_pause(int ms)
{
	int64_t	end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end) {
		uv_timer_t	t;

		uv_timer_init(&loop, &t);
		uv_timer_start(&t, loop_wake, 1, 0);
		uv_run(&loop, UV_RUN_ONCE);
		uv_close((uv_handle_t *)&t, NULL);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
}

static void
web_start(http_handler handle)
{
	int	code;

	web = httpd_new(&loop, handle, NULL);
	httpd_set_max_body(web, 4 * 1024 * 1024);
	code = httpd_listen(web, "127.0.0.1:0", NULL, &web_url);
	if (code < 0) {
		printf("Bail out! no loopback socket: %s\n", errstr(code));
		exit(1);
	}
}

static void
on_web_stopped(void *flag)
{
	*(int *)flag = 1;
}

static void
web_stop(void)
{
	web_stopped = 0;
	httpd_stop(web, 200, on_web_stopped, &web_stopped);
	loop_run(&web_stopped, 1);
	free(web_url);
}

/* -- a server for others -- */

static void	(*web_on_term)(void);

static void
on_web_term(uv_signal_t *h, int signum)
{
	(void)signum;
	uv_close((uv_handle_t *)h, NULL);
	web_on_term();
	httpd_stop(web, 1000, NULL, NULL);
}

/* Runs web at these places, whose URLs it prints, until SIGTERM ends it and
 * what on_term stops; -1 where it cannot have a place. */
static int
web_serve(char **where, void (*on_term)(void))
{
	uv_signal_t	term;
	char		*url;

	signal(SIGPIPE, SIG_IGN);
	for (; *where != NULL; where++) {
		if (httpd_listen(web, *where, NULL, &url) < 0)
			return -1;
		puts(url);
		free(url);
	}
	fflush(stdout);
	web_on_term = on_term;
	uv_signal_init(&loop, &term);
	uv_signal_start(&term, on_web_term, SIGTERM);
	uv_run(&loop, UV_RUN_DEFAULT);
	return 0;
}

/* -- requests -- */

struct got {
	int	 done, status;
	char	*body;
	struct httpc *call;
	char	 origin[80];	/* Access-Control-Allow-Origin */
	char	 cache[40];
};

static void
on_got(const struct httpc_answer *a, void *arg)
{
	struct got	*g = arg;
	const char	*origin = NULL, *cache = NULL;

	g->done = 1;
	g->status = a->rc == 0 ? a->status : a->rc;
	g->body = a->rc == 0 ? xstrndup(a->body, a->body_len) : xstrdup("");
	if (a->rc == 0) {
		origin = httpc_header(a->req, "Access-Control-Allow-Origin");
		cache = httpc_header(a->req, "Cache-Control");
	}
	snprintf(g->origin, sizeof(g->origin), "%s", origin ? origin : "");
	snprintf(g->cache, sizeof(g->cache), "%s", cache ? cache : "");
}

/* Begins a request; the answer comes to *g, released by got_clear(). */
static void
ask(struct got *g, const char *method, const char *path, const void *body,
    size_t n)
{
	struct httpc_options	o = { .method = method, .body = body,
				    .body_len = n };
	char			*url = xasprintf("%s%s", web_url, path);

	memset(g, 0, sizeof(*g));
	g->call = httpc_start(&loop, url, &o, on_got, g);
	free(url);
}

static void
got_clear(struct got *g)
{
	free(g->body);
	memset(g, 0, sizeof(*g));
}

/* Whether the answer comes with this status and, unless NULL, this body. */
static int
gets(struct got *g, int status, const char *body)
{
	int	good = loop_run(&g->done, 1) && g->status == status
		    && (body == NULL || strcmp(g->body, body) == 0);

	if (!good)
		printf("# got %d '%s', wanted %d '%s'\n", g->status,
		    g->body ? g->body : "(nothing)", status,
		    body ? body : "(any)");
	got_clear(g);
	return good;
}

/* The same at once, with a text body or none. */
static int
asks(const char *method, const char *path, const char *body, int status,
    const char *want)
{
	struct got	g;

	ask(&g, method, path, body, body != NULL ? strlen(body) : 0);
	return gets(&g, status, want);
}

/* -- WebSockets -- */

enum { PEER_MAX = 4096 };

struct peer {
	struct ws	*ws;
	int		 open, closed, code;
	char		 why[124];	/* the close frame's words */
	int		 n, seen;	/* messages that came, were looked at */
	char		*text[PEER_MAX];
	int		 is_text[PEER_MAX];
	size_t		 len[PEER_MAX];
};

static void
on_peer_open(struct ws *w, void *arg)
{
	(void)w;
	((struct peer *)arg)->open = 1;
}

static void
on_peer_message(struct ws *w, const char *p, size_t n, int text, void *arg)
{
	struct peer	*e = arg;

	(void)w;
	if (e->n >= PEER_MAX)
		return;
	e->text[e->n] = xstrndup(p, n);
	e->len[e->n] = n;
	e->is_text[e->n++] = text;
}

static void
on_peer_closed(struct ws *w, int code, const char *why, void *arg)
{
	struct peer	*e = arg;

	(void)w;
	e->ws = NULL;
	e->closed = 1;
	e->code = code;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

static const struct ws_events	peer_events = {
	on_peer_open, on_peer_message, NULL, NULL, on_peer_closed
};

static void
peer_start(struct peer *e, const char *path, const char *headers)
{
	struct ws_options	o = { .headers = headers,
				    .max_message = 4 * 1024 * 1024 };
	const char		*why;
	char			*url = xasprintf("ws%s%s", web_url + 4, path);

	memset(e, 0, sizeof(*e));
	e->ws = ws_connect(&loop, url, &o, &peer_events, e, &why);
	free(url);
	while (!e->open && !e->closed)
		uv_run(&loop, UV_RUN_ONCE);
}

static void
peer_say(struct peer *e, const char *text)
{
	if (e->ws != NULL)
		ws_text(e->ws, text, strlen(text));
}

/* The next message, or NULL when none came or the WebSocket closed. */
static const char *
peer_next(struct peer *e)
{
	int64_t	end = clock_mono_ms() + LOOP_LIMIT;

	while (e->seen == e->n && !e->closed && clock_mono_ms() < end)
		sio_pause(1);
	return e->seen < e->n ? e->text[e->seen++] : NULL;
}

static int
hears(struct peer *e, const char *want)
{
	const char	*got = peer_next(e);

	if (got != NULL && strcmp(got, want) == 0)
		return 1;
	printf("# heard '%s', wanted '%s'\n", got ? got : "(nothing)", want);
	return 0;
}

/* The next message begins so. */
static int
hears_begin(struct peer *e, const char *want)
{
	const char	*got = peer_next(e);

	if (got != NULL && strncmp(got, want, strlen(want)) == 0)
		return 1;
	printf("# heard '%s', wanted '%s...'\n", got ? got : "(nothing)",
	    want);
	return 0;
}

static int
peer_is_closed(struct peer *e)
{
	return loop_run(&e->closed, 1);
}

/* By the server, with these words. */
static int
peer_is_told(struct peer *e, const char *why)
{
	if (peer_is_closed(e) && strcmp(e->why, why) == 0)
		return 1;
	printf("# told '%s', wanted '%s'\n", e->why, why);
	return 0;
}

static void
peer_end(struct peer *e)
{
	int	i;

	if (e->ws != NULL)
		ws_close(e->ws, 1000, "");
	loop_run(&e->closed, 1);
	for (i = 0; i < e->n; i++)
		free(e->text[i]);
	memset(e, 0, sizeof(*e));
}

#endif
