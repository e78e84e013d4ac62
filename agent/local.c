/*
 * The local endpoint: HTTP on the loopback for who is on this host, and on a
 * Unix socket in the state directory, whose peer's uid is known.  A request
 * must name this endpoint as its Host, so that no web page can reach it under
 * a name of its own (DNS rebinding).  What changes something needs the local
 * secret, a file that root and our user alone can read, or a peer of theirs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "aws.h"
#include "buf.h"
#include "crypto.h"
#include "esjson.h"
#include "file.h"
#include "http.h"
#include "json.h"
#include "json_digits.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "spool.h"
#include "telemetry.h"

enum {
	MAX_BODY	= 16 * 1024,	/* credentials, or a log line */
	MAX_CONNS	= 64,		/* people and a scraper */
	MAX_SHOWN	= 40,		/* digits of a number in an error */
	SECRET_BYTES	= 32,
	STOP_MS		= 1000		/* for answers under way */
};

struct local {
	struct agent	*agent;
	struct httpd	*httpd;
	struct telemetry *telemetry;	/* of the scrapes */
	struct buf	 metrics;	/* likewise */
	char		 secret[BASE64_SIZE(SECRET_BYTES)];
	struct httpc	*asking;	/* S3, for a request that waits */
};

/* -- what is told -- */

static void
get_health(struct local *l, struct http_req *q)
{
	(void)l;
	http_reply_json(q, 200, json_pack("{ss ss}", "status", "ok",
	    "version", MUSTER_VERSION));
}

/* Document 004's members, and why, missing and next_retry_ms where there is
 * something to say. */
static void
get_status(struct local *l, struct http_req *q)
{
	const struct agent	*a = l->agent;
	const struct agent_config *c = &a->config;
	const char		*missing = agent_missing(a);
	struct link_status	 s = { 0, NULL, -1 };
	int			 secret = a->secret != NULL || !c->hmac;
	json_t			*o;

	if (a->link != NULL)
		link_status(a->link, &s);
	o = json_pack("{sb sb sb ss ss sb sb sb sb}", "started",
	    a->link != NULL, "hasClient", a->link != NULL, "hasContext",
	    a->link != NULL, "apiURL", c->url != NULL ? c->url : "",
	    "agentID", c->hmac ? c->instance_id : a->identity.host_id,
	    "hasSecret", secret, "hasConnection", s.connected,
	    "credentialsAvailable", secret, "canStart", missing == NULL);
	if (missing != NULL)
		json_object_set_new(o, "missing", json_string(missing));
	if (s.why != NULL)
		json_object_set_new(o, "why", json_string(s.why));
	if (s.retry_ms >= 0)
		json_object_set_new(o, "next_retry_ms",
		    json_integer(s.retry_ms));
	http_reply_json(q, 200, o);
}

/* The room is kept: a scrape needs as much as the one before it. */
static void
get_metrics(struct local *l, struct http_req *q)
{
	buf_clear(&l->metrics);
	local_metrics(l->agent, l->telemetry, &l->metrics);
	http_reply(q, 200, "text/plain; version=0.0.4; charset=utf-8",
	    l->metrics.p, l->metrics.len);
}

/* -- S3 -- */

struct asked {
	struct local	*local;
	struct http_req	*req;
};

static void
on_validated(json_t *o, void *arg)
{
	struct asked	*x = arg;

	x->local->asking = NULL;
	http_reply_json(x->req, 200, o);
	free(x);
}

static void
get_s3(struct local *l, struct http_req *q)
{
	struct agent	*a = l->agent;
	struct asked	*x;
	struct aws	 w;
	char		*why;

	if (l->asking != NULL) {
		http_reply_error(q, 409, NULL, "S3 is being asked already");
		return;
	}
	if (aws_load(&w, settings_state_dir(a->config.settings), &why) < 0) {
		http_reply_error(q, 500, NULL, "%s", why);
		free(why);
	} else if (w.access_key == NULL || w.secret_key == NULL) {
		http_reply_json(q, 200, json_pack("{sb ss}", "valid", 0,
		    "missing", w.access_key == NULL ? "accessKeyId" :
		    "secretAccessKey"));
	} else {
		x = xcalloc(1, sizeof(*x));
		x->local = l;
		x->req = q;
		l->asking = aws_validate(&w, &a->loop, a->tls, on_validated, x);
	}
	aws_release(&w);
}

/* -- what changes something -- */

/* As the server will read it: numbers of any size, unless their digits would
 * be lost; NUL in strings; and so deep that the envelope around it is not too
 * deep. */
static json_t *
read_body(struct http_req *q)
{
	struct json_err	 e = { .path = "" };
	char		 words[300];
	json_t		*o = json_read_as(q->body, q->body_len,
	    JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, ESJSON_MAX_DEPTH - 2,
	    &e);
	const char	*lost;
	size_t		 len;

	if (!json_is_object(o))
		http_reply_error(q, 400, NULL, "bad JSON: %s", o != NULL ?
		    "must be an object" : json_err_str(&e, words,
		    sizeof(words)));
	else if ((lost = json_lost_integer(q->body, q->body_len, &len)) ==
	    NULL)
		return o;
	else
		http_reply_error(q, 400, NULL, "bad JSON: %.*s%s: no number"
		    " that is kept has these digits; send it as a text",
		    len > MAX_SHOWN ? MAX_SHOWN : (int)len, lost, len >
		    MAX_SHOWN ? "..." : "");
	json_decref(o);
	return NULL;
}

static void
post_aws(struct local *l, struct http_req *q)
{
	struct agent	*a = l->agent;
	json_t		*o = read_body(q);
	char		*why;
	int		 rc;

	if (o == NULL)
		return;
	rc = aws_save(o, settings_state_dir(a->config.settings), &why);
	json_decref(o);
	if (rc < 0) {
		http_reply_error(q, rc == -EINVAL ? 400 : 500, NULL, "%s",
		    why);
		free(why);
		return;
	}
	log_info(NULL, "AWS credentials were set");
	agent_look(a);
	http_reply_json(q, 200, json_pack("{sb sb}", "success", 1,
	    "canStart", agent_missing(a) == NULL));
}

static const struct json_field log_fields[] = {
	{ .name = "level", .kind = JSON_K_STR,
	    .words = "debug|info|warn|error" },
	{ .name = "message", .kind = JSON_K_STR, .required = 1 },
	{ .name = "source", .kind = JSON_K_STR },
	{ .name = "data", .kind = JSON_K_ANY },
};

/* A line for the server, as document 004 has it; data is our addition. */
static void
post_log(struct local *l, struct http_req *q)
{
	struct json_err	 e;
	char		 words[300];
	json_t		*o = read_body(q), *record;
	int		 rc;

	if (o == NULL)
		return;
	if (json_check(o, log_fields, nitems(log_fields), &e) < 0) {
		http_reply_error(q, 400, e.path, "%s", json_err_str(&e,
		    words, sizeof(words)));
	} else {
		if (json_object_get(o, "level") == NULL)
			json_object_set_new(o, "level", json_string("info"));
		record = json_pack("{sO ss ss}", "data", o, "module",
		    "local", "type", "log");
		rc = spool_add(l->agent->spool, SPOOL_LOG, record);
		json_decref(record);
		if (rc < 0)
			http_reply_error(q, 503, NULL, "it cannot be kept:"
			    " %s", errstr(rc));
		else
			http_reply_json(q, 202, json_pack("{sb}", "success",
			    1));
	}
	json_decref(o);
}

/* -- the whole -- */

static const struct {
	const char	*method, *path;
	int		 changes;
	void		(*handle)(struct local *, struct http_req *);
} routes[] = {
	{ "GET",  "/healthz", 0, get_health },
	{ "GET",  "/metrics", 0, get_metrics },
	{ "GET",  "/internal/ws-status", 0, get_status },
	{ "GET",  "/internal/s3-validate", 0, get_s3 },
	{ "POST", "/internal/set-aws-config", 1, post_aws },
	{ "POST", "/internal/log", 1, post_log },
};

/* 127.0.0.1, localhost or [::1], with or without a port. */
static int
host_is_ours(const struct http_req *q)
{
	static const char *const	names[] = {
		"127.0.0.1", "localhost", "[::1]"
	};
	const char			*h = http_header(q, "host");
	size_t				 i, n;

	for (i = 0; i < nitems(names) && h != NULL; i++) {
		n = strlen(names[i]);
		if (strncmp(h, names[i], n) == 0 && (h[n] == '\0' ||
		    (h[n] == ':' && h[n + 1] != '\0' &&
		    h[n + 1 + strspn(h + n + 1, "0123456789")] == '\0')))
			return 1;
	}
	return 0;
}

static int
may_change(const struct local *l, const struct http_req *q)
{
	const char	*h = http_header(q, "authorization");

	if (q->uid >= 0 && (q->uid == 0 || q->uid == platform_uid()))
		return 1;
	return h != NULL && strncmp(h, "Bearer ", 7) == 0 &&
	    l->secret[0] != '\0' && crypto_equal_str(h + 7, l->secret);
}

static void
on_request(struct http_req *q, void *arg)
{
	struct local	*l = arg;
	size_t		 i;
	int		 known = 0;

	if (strcmp(q->peer, "unix") != 0 && !host_is_ours(q)) {
		http_reply_error(q, 403, "Host", "this endpoint is"
		    " 127.0.0.1 or localhost");
		return;
	}
	for (i = 0; i < nitems(routes); i++) {
		if (strcmp(routes[i].path, q->path) != 0)
			continue;
		known = 1;
		if (strcmp(routes[i].method, q->method) != 0)
			continue;
		if (routes[i].changes && !may_change(l, q))
			http_reply_error(q, 403, "Authorization", "needs"
			    " \"Bearer\" and what is in local.secret in the"
			    " state directory");
		else
			routes[i].handle(l, q);
		return;
	}
	http_reply_error(q, known ? 405 : 404, NULL, known ?
	    "not by this method" : "no such resource");
}

/* Another one at each start; without it nothing can be changed by TCP. */
static void
make_secret(struct local *l, const char *dir)
{
	char	*path = file_join(dir, "local.secret");
	uint8_t	 bytes[SECRET_BYTES];
	int	 rc;

	crypto_random(bytes, sizeof(bytes));
	base64url_encode(bytes, sizeof(bytes), l->secret);
	crypto_wipe(bytes, sizeof(bytes));
	rc = file_write(path, l->secret, strlen(l->secret), 0600);
	if (rc < 0) {
		log_warn("local", "%s: cannot be written: %s", path,
		    errstr(rc));
		l->secret[0] = '\0';
	}
	free(path);
}

static int
listen_at(struct local *l, const char *where)
{
	char	*url = NULL;
	int	 rc = httpd_listen(l->httpd, where, NULL, &url);

	if (rc < 0)
		log_warn("local", "%s: cannot listen: %s", where,
		    errstr(rc));
	else
		log_info("local", "listening at %s", url != NULL ? url :
		    where);
	free(url);
	return rc;
}

struct local *
local_start(struct agent *a)
{
	const char	*where = settings_str(a->config.settings,
	    "web-listen");
	const char	*dir = settings_state_dir(a->config.settings);
	struct local	*l;
	char		*own;

	if (strcmp(where, "none") == 0)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->agent = a;
	l->telemetry = telemetry_new();
	l->httpd = httpd_new(&a->loop, on_request, l);
	httpd_set_max_body(l->httpd, MAX_BODY);
	httpd_set_max_peer(l->httpd, MAX_CONNS);
	make_secret(l, dir);
	listen_at(l, where);
	if (platform_uid() >= 0) {
		own = xasprintf("unix:%s/local.sock", dir);
		listen_at(l, own);
		free(own);
	}
	return l;
}

static void
on_stopped(void *arg)
{
	struct local	*l = arg;

	telemetry_free(l->telemetry);
	buf_release(&l->metrics);
	crypto_wipe(l, sizeof(*l));
	free(l);
}

void
local_stop(struct local *l)
{
	if (l == NULL)
		return;
	if (l->asking != NULL)
		httpc_cancel(l->asking);	/* on_validated() follows */
	httpd_stop(l->httpd, STOP_MS, on_stopped, l);
}
