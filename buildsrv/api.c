/*
 * The HTTP API: a request finds its route, its caller is known by the key it
 * shows, and the route's handler answers.  What a caller may not see is
 * answered like what does not exist.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "platform.h"

enum access { OPEN, USER, ADMIN, LOCAL };

struct route {
	const char	*method;
	const char	*pattern;	/* one ":" stands for one segment */
	enum access	 access;
	void		(*handle)(struct call *);
};

static const struct route routes[] = {
	{ "GET",    "/healthz", OPEN, health },
	{ "GET",    "/ws/agent", OPEN, agent_link },
	{ "GET",    "/agents", USER, agent_list },
	{ "POST",   "/api/agents/build", USER, build_post },
	{ "GET",    "/api/agents/build/jobs", USER, build_list },
	{ "GET",    "/api/agents/build/jobs/:", USER, build_get },
	{ "GET",    "/api/agents/build/jobs/:/log", USER, build_log },
	{ "POST",   "/api/agents/build/jobs/:/cancel", USER, build_cancel },
	{ "GET",    "/api/agents/build/stats", ADMIN, build_stats },
	{ "GET",    "/api/artifacts/download/:", OPEN, artifact_download },
	{ "HEAD",   "/api/artifacts/download/:", OPEN, artifact_download },
	{ "GET",    "/api/artifacts/downloads", USER, artifact_list },
	{ "DELETE", "/api/artifacts/downloads/:", USER, artifact_revoke },
	{ "GET",    "/api/artifacts/stats", ADMIN, artifact_stats },
	{ "GET",    "/api/accounts", ADMIN, account_list },
	{ "POST",   "/api/accounts", LOCAL, account_post },
};

/* -- the end of a call -- */

void
call_free(struct call *c)
{
	list_remove(&c->link);
	json_decref(c->account);
	json_decref(c->body);
	json_decref(c->job);
	free(c->param);
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
	http_reply_error(c->req, status, field, "%s", buf_str(&b));
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

struct entry {			/* a call whose caller is being looked up */
	struct call		*call;
	const struct route	*route;
};

static void
unauthorized(struct entry *e)
{
	struct call	*c = e->call;

	http_set(c->req, "WWW-Authenticate", "Bearer realm=\"muster\"");
	call_error(c, 401, "Authorization",
	    "a valid API key is needed (Authorization: Bearer KEY)");
	free(e);
}

static void
enter(struct entry *e)
{
	struct call		*c = e->call;
	const struct route	*r = e->route;

	free(e);
	if ((r->access == ADMIN && !c->admin) ||
	    (r->access == LOCAL && !c->local)) {
		call_error(c, 403, NULL, r->access == LOCAL ?
		    "only over the server's own socket" :
		    "only for administrators");
		return;
	}
	r->handle(c);
}

static void
on_account(int rc, const json_t *account, void *arg)
{
	struct entry	*e = arg;
	struct call	*c = e->call;

	if (rc < 0 || json_bool(account, "disabled", 0)) {
		unauthorized(e);
		return;
	}
	c->account = json_deep_copy(account);
	c->user = json_str(c->account, "name", "");
	c->admin = strcmp(json_str(c->account, "role", ""), "admin") == 0;
	enter(e);
}

static void
on_key(int rc, const json_t *key, void *arg)
{
	struct entry	*e = arg;

	if (rc < 0)
		unauthorized(e);
	else
		store_get(e->call->server->store, "account",
		    json_str(key, "account", ""), on_account, e);
}

/* The key is looked up by its hash, so the time tells nothing of it. */
static void
authenticate(struct entry *e)
{
	struct call	*c = e->call;
	const char	*h = http_header(c->req, "authorization");
	char		 hash[2 * SHA256_SIZE + 1];

	if (h == NULL && c->req->uid >= 0 &&
	    (c->req->uid == 0 || c->req->uid == platform_uid())) {
		c->user = "local";
		c->admin = c->local = 1;
		enter(e);
		return;
	}
	if (h == NULL || strncasecmp(h, "Bearer ", 7) != 0) {
		unauthorized(e);
		return;
	}
	for (h += 7; *h == ' '; h++)
		continue;
	store_get(c->server->store, "key", secret_hash(h, hash), on_key, e);
}

void
api_handle(struct http_req *req, void *arg)
{
	struct buf	 allow = BUF_INIT;
	struct entry	*e = xcalloc(1, sizeof(*e));
	struct call	*c = xcalloc(1, sizeof(*c));

	c->server = arg;
	c->req = req;
	list_init(&c->link);
	e->call = c;
	e->route = route_find(req, &allow, &c->param);
	if (e->route == NULL) {
		free(e);
		if (allow.len > 0) {
			http_set(req, "Allow", buf_str(&allow));
			call_error(c, 405, NULL, "%s allows %s", req->path,
			    buf_str(&allow));
		} else
			call_error(c, 404, NULL, "no such resource");
	} else if (e->route->access == OPEN)
		enter(e);
	else
		authenticate(e);
	buf_release(&allow);
}
