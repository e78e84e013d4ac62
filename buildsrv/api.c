/*
 * The HTTP API: a request finds its route, its caller is known by the key it
 * shows, and the route's handler answers.  What a caller may not see is
 * answered like what does not exist.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "sockets.h"

/*
 * FREE: anybody, at any rate; OPEN: anybody, but who asks for what is not
 * there is slowed down; USER: any account; ADMIN: an administrator's; LOCAL:
 * over the server's own socket; SCRAPE: as ADMIN, and with --metrics-open
 * anybody on this host; AGENT: as USER, and agents.
 */
enum access { FREE, OPEN, USER, ADMIN, LOCAL, SCRAPE, AGENT };

struct route {
	const char	*method;
	const char	*pattern;	/* one ":" stands for one segment */
	enum access	 access;
	void		(*handle)(struct call *);
};

static const struct route routes[] = {
	{ "GET",    "/healthz", FREE, health },
	{ "GET",    "/api/openapi.json", OPEN, openapi_get },
	{ "GET",    "/ws/agent", FREE, agent_link },
	{ "GET",    "/agent", FREE, link_accept_004 },
	{ "GET",    "/agents", USER, agent_list },
	{ "POST",   "/api/agents/secrets", ADMIN, link_secret_post },
	{ "DELETE", "/api/agents/secrets/:", ADMIN, link_secret_delete },
	{ "POST",   "/api/agents/command", USER, agents_command },
	{ "POST",   "/api/agents/:/command", USER, agent_command },
	{ "GET",    "/api/agents/:/events", USER, agent_events },
	{ "DELETE", "/api/agents/:/duplicate", USER, agent_clear },
	{ "PATCH",  "/api/agents/:/labels", USER, agent_label },
	{ "GET",    "/api/agents/update", AGENT, update_get },
	{ "POST",   "/api/agents/update/report", AGENT, update_report },
	{ "PUT",    "/api/agents/:/channel", ADMIN, agent_channel },
	{ "GET",    "/api/releases", USER, release_list },
	{ "PUT",    "/api/releases/files/:", ADMIN, release_upload },
	{ "GET",    "/api/releases/metadata/:", AGENT, release_metadata },
	{ "PUT",    "/api/releases/metadata/:", ADMIN, release_publish },
	{ "GET",    "/api/releases/targets/:", AGENT, release_target },
	{ "HEAD",   "/api/releases/targets/:", AGENT, release_target },
	{ "GET",    "/api/rollouts", ADMIN, rollout_list },
	{ "POST",   "/api/rollouts", ADMIN, rollout_post },
	{ "GET",    "/api/rollouts/:", ADMIN, rollout_get },
	{ "POST",   "/api/rollouts/:/change", ADMIN, rollout_change },
	{ "POST",   "/api/agents/build", USER, build_post },
	{ "GET",    "/api/agents/build/jobs", USER, build_list },
	{ "GET",    "/api/agents/build/jobs/:", USER, build_get },
	{ "GET",    "/api/agents/build/jobs/:/log", USER, build_log },
	{ "GET",    "/api/agents/build/jobs/:/why", USER, build_why },
	{ "POST",   "/api/agents/build/jobs/:/cancel", USER, build_cancel },
	{ "DELETE", "/api/agents/build/jobs/:", USER, build_delete },
	{ "GET",    "/api/agents/build/stats", ADMIN, build_stats },
	{ "GET",    "/api/artifacts/download/:", OPEN, artifact_download },
	{ "HEAD",   "/api/artifacts/download/:", OPEN, artifact_download },
	{ "GET",    "/api/artifacts/downloads", USER, artifact_list },
	{ "DELETE", "/api/artifacts/downloads/:", USER, artifact_revoke },
	{ "GET",    "/api/artifacts/stats", ADMIN, artifact_stats },
	{ "POST",   "/api/cleanup", ADMIN, cleanup_post },
	{ "GET",    "/api/accounts", ADMIN, account_list },
	{ "POST",   "/api/accounts", LOCAL, account_post },
	{ "GET",    "/api/account", USER, account_own },
	{ "POST",   "/api/accounts/:/rotate", USER, account_rotate },
	{ "POST",   "/api/accounts/:/disable", LOCAL, account_disable },
	{ "POST",   "/api/accounts/:/enable", LOCAL, account_enable },
	{ "PUT",    "/api/accounts/:/workspaces", LOCAL, account_workspaces },
	{ "GET",    "/api/events", USER, event_list },
	{ "GET",    "/api/webhooks", USER, webhook_list },
	{ "POST",   "/api/webhooks", USER, webhook_post },
	{ "GET",    "/api/webhooks/:", USER, webhook_get },
	{ "DELETE", "/api/webhooks/:", USER, webhook_delete },
	{ "GET",    "/metrics", SCRAPE, metrics_get },
	{ "GET",    "/api/audit", ADMIN, audit_list },
};

/* -- the end of a call -- */

void
call_free(struct call *c)
{
	list_remove(&c->link);
	json_decref(c->account);
	json_decref(c->body);
	json_decref(c->job);
	json_decref(c->record);
	idem_free(c->idem);
	free(c->param);
	free(c->agent);
	free(c->text);
	free(c);
}

void
call_json(struct call *c, int status, json_t *take)
{
	http_reply_json(c->req, status, take);
	call_free(c);
}

void
call_error(struct call *c, int status, const char *field, const char *fmt,
    ...)
{
	struct buf	b = BUF_INIT;
	va_list		ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (c->stranger && status >= 400 && status < 500)
		auth_charge(c);
	http_reply_error(c->req, status, field, "%s", buf_str(&b));
	buf_release(&b);
	call_free(c);
}

void
call_retry(struct call *c, int64_t ms, const char *field, const char *fmt,
    ...)
{
	struct buf	b = BUF_INIT;
	char		after[24];
	va_list		ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	snprintf(after, sizeof(after), "%lld", (long long)(ms + 999) / 1000);
	http_set(c->req, "Retry-After", after);
	http_reply_error(c->req, 429, field, "%s", buf_str(&b));
	buf_release(&b);
	call_free(c);
}

void
call_failed(struct call *c, int rc)
{
	log_error("api", "%s %s: %s request=%s", c->req->method, c->req->path,
	    errstr(rc), c->req->id);
	call_error(c, rc == -ENOSPC ? 507 : 500, NULL,
	    "the server failed; request %s is in its log", c->req->id);
}

/* -- what a request brings -- */

int
call_body(struct call *c, const struct json_field *fields, size_t n)
{
	struct json_err	e = { .path = "" };
	const char	*type = http_header(c->req, "content-type");
	char		 words[320];

	if (type != NULL && strncmp(type, "application/json", 16) != 0) {
		call_error(c, 415, "Content-Type", "must be application/json");
		return -EINVAL;
	}
	c->body = json_read(c->req->body, c->req->body_len, &e);
	if (c->body == NULL) {
		call_error(c, 400, NULL, "bad JSON: %s",
		    json_err_str(&e, words, sizeof(words)));
		return -EINVAL;
	}
	if (json_check(c->body, fields, n, &e) < 0) {
		call_error(c, 400, e.path[0] != '\0' ? e.path : NULL, "%s",
		    json_err_str(&e, words, sizeof(words)));
		return -EINVAL;
	}
	return 0;
}

/* Whether the n bytes at s are one of "a|b|c". */
static int
is_word(const char *s, size_t n, const char *words)
{
	while (words != NULL) {
		if (strncmp(words, s, n) == 0 &&
		    (words[n] == '|' || words[n] == '\0') && n > 0)
			return 1;
		words = strchr(words, '|');
		words += words != NULL;
	}
	return 0;
}

int
call_query(struct call *c, const char *words)
{
	const char	*p = c->req->query;
	char		*name;
	size_t		 n;

	while (*p != '\0') {
		n = strcspn(p, "=&");
		if (!is_word(p, n, words)) {
			name = xstrndup(p, n < 64 ? n : 64);
			call_error(c, 400, name,
			    "query parameter %s is not known here", name);
			free(name);
			return -EINVAL;
		}
		p += strcspn(p, "&");
		p += *p == '&';
	}
	return 0;
}

int64_t
call_number(struct call *c, const char *name, int64_t absent, int64_t max)
{
	char	*text = http_query(c->req, name), *end;
	int64_t	 n = absent;

	if (text == NULL)
		return n;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' ||
	    n > max) {
		n = -1;
		call_error(c, 400, name, "%s must be from 0 to %lld", name,
		    (long long)max);
	}
	free(text);
	return n;
}

int64_t
call_limit(struct call *c, int64_t absent)
{
	int64_t	n = call_number(c, "limit", absent, MAX_PAGE);

	if (n == 0) {
		call_error(c, 400, "limit", "limit must be from 1 to %d",
		    MAX_PAGE);
		n = -1;
	}
	return n;
}

int
call_may_see(const struct call *c, const char *user)
{
	return c->admin || (user != NULL && c->user != NULL &&
	    strcmp(user, c->user) == 0);
}

/* -- routes -- */

/* Whether path fits pattern; *param gets what the ':' stood for. */
static int
route_match(const char *pattern, const char *path, const char **param,
    size_t *len)
{
	const char	*colon = strchr(pattern, ':');
	size_t		 head;

	if (colon == NULL)
		return strcmp(pattern, path) == 0;
	head = (size_t)(colon - pattern);
	if (strncmp(pattern, path, head) != 0)
		return 0;
	*param = path + head;
	*len = strcspn(*param, "/");
	return *len > 0 && strcmp(colon + 1, *param + *len) == 0;
}

/* The route, or NULL; *allow lists the methods of a path that is known. */
static const struct route *
route_find(const struct http_req *req, struct buf *allow, char **param)
{
	const char	*p = NULL;
	size_t		 i, len = 0;

	for (i = 0; i < nitems(routes); i++) {
		if (!route_match(routes[i].pattern, req->path, &p, &len))
			continue;
		if (strcmp(routes[i].method, req->method) == 0) {
			*param = p != NULL ? xstrndup(p, len) : NULL;
			return &routes[i];
		}
		buf_printf(allow, "%s%s", allow->len > 0 ? ", " : "",
		    routes[i].method);
	}
	return NULL;
}

/* -- who calls -- */

/* The caller is known, where the route wants that. */
static void
enter(struct call *c)
{
	const struct route	*r = c->route;

	if (((r->access == ADMIN || r->access == SCRAPE) && !c->admin) ||
	    (r->access == LOCAL && !c->local)) {
		if (strcmp(r->method, "GET") != 0)
			audit_refused(c);
		call_error(c, 403, NULL, r->access == LOCAL ?
		    "only over the server's own socket" :
		    "only for administrators");
		return;
	}
	r->handle(c);
}

static void
no_route(struct call *c, const char *allow)
{
	if (!auth_stranger(c))
		return;
	if (allow[0] == '\0') {
		call_error(c, 404, NULL, "no such resource");
		return;
	}
	http_set(c->req, "Allow", allow);
	call_error(c, 405, NULL, "%s allows %s", c->req->path, allow);
}

void
api_route(int tag, const char **method, const char **path)
{
	int	known = tag > 0 && (size_t)tag <= nitems(routes);

	*method = known ? routes[tag - 1].method : "any";
	*path = known ? routes[tag - 1].pattern :
	    tag == SOCKETS_TAG ? "/socket.io/" : "other";
}

void
api_handle(struct http_req *req, void *arg)
{
	struct buf	 allow = BUF_INIT;
	struct call	*c;

	if (sockets_handle(arg, req))
		return;
	c = xcalloc(1, sizeof(*c));
	c->server = arg;
	c->req = req;
	list_init(&c->link);
	c->route = route_find(req, &allow, &c->param);
	if (c->route != NULL)
		req->tag = (int)(c->route - routes) + 1;
	if (c->route == NULL)
		no_route(c, buf_str(&allow));
	else if (c->route->access == FREE)
		enter(c);
	else if (c->route->access == SCRAPE && metrics_open(c))
		c->route->handle(c);
	else if (c->route->access == AGENT)
		agent_auth(c, enter);
	else if (c->route->access != OPEN)
		auth_call(c, enter);
	else if (auth_stranger(c))
		enter(c);
	buf_release(&allow);
}
