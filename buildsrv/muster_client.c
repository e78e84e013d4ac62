/* The client's side of the API: where the server is, and a request to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto.h"
#include "file.h"
#include "http.h"
#include "json.h"
#include "muster.h"
#include "tls.h"

/* -- where the server is -- */

void
client_open_at(struct client *c, const struct settings *s, const char *url)
{
	const char	*why;
	struct url	 u;
	char		*words = NULL;
	size_t		 n = strlen(url);

	if (url_parse(url, &u, &why) < 0)
		settings_usage(s, "server '%s': %s", url, why);
	*c = (struct client){ .loop = uv_default_loop() };
	c->server = xstrndup(url, url[n - 1] == '/' ? n - 1 : n);
	c->name = xstrdup(c->server);
	c->key = settings_str(s, "api-key");
	c->json = settings_bool(s, "json");
	c->silence_ms = settings_int(s, "silence");
	if (u.tls && tls_client(&c->tls, settings_str(s, "ca-file"), NULL, 1,
	    &words) < 0)
		die(EXIT_USAGE, "%s", words);
}

void
client_open(struct client *c, const struct settings *s)
{
	client_open_at(c, s, settings_str(s, "server"));
}

static void
add_encoded(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		    (*s >= '0' && *s <= '9') || strchr("-._~", *s) != NULL)
			buf_addc(b, *s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
}

/* Freed by the caller. */
static char *
socket_path(const struct settings *s)
{
	return settings_has(s, "socket") ? xstrdup(settings_str(s, "socket")) :
	    file_join(settings_run_dir(s), "buildsrv.sock");
}

void
client_open_local(struct client *c, const struct settings *s)
{
	struct buf	 b = BUF_INIT;
	char		*path = socket_path(s);

	buf_adds(&b, "http+unix://");
	add_encoded(&b, path);
	*c = (struct client){ .loop = uv_default_loop() };
	c->server = buf_take(&b);
	c->name = path;
	c->json = settings_bool(s, "json");
	c->silence_ms = settings_int(s, "silence");
}

void
client_open_either(struct client *c, const struct settings *s)
{
	const char	*origin = settings_origin(s, "server");
	char		*path = socket_path(s);
	int		 net;

	if (strcmp(origin, "flag") == 0)
		net = 1;
	else if (settings_has(s, "socket"))
		net = 0;
	else
		net = strcmp(origin, "default") != 0 ||
		    access(path, W_OK) < 0;
	if (net)
		client_open(c, s);
	else
		client_open_local(c, s);
	free(path);
}

void
client_close(struct client *c)
{
	tls_free(c->tls);
	free(c->server);
	free(c->name);
	uv_loop_close(c->loop);
}

char *
client_url(const struct client *c, const char *path)
{
	return xasprintf("%s%s", c->server, path);
}

void
query_add(struct buf *path, const char *name, const char *value)
{
	buf_addc(path, strchr(buf_str(path), '?') != NULL ? '&' : '?');
	buf_printf(path, "%s=", name);
	add_encoded(path, value);
}

void
query_add_int(struct buf *path, const char *name, int64_t value)
{
	char	text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	query_add(path, name, text);
}

void
path_add(struct buf *path, const char *segment)
{
	buf_addc(path, '/');
	add_encoded(path, segment);
}

char *
job_path(const char *id, const char *tail)
{
	if (id[0] == '\0' || strspn(id, "0123456789abcdef-") != strlen(id))
		die(EXIT_USAGE, "'%s' is not a job's id", id);
	return xasprintf("/api/agents/build/jobs/%s%s", id, tail);
}

const char *
one_operand(const struct settings *s, int argc, char **argv, const char *what)
{
	int	first = settings_first(s);

	if (argc - first != 1)
		settings_usage(s, "needs %s", what);
	return argv[first];
}

/* -- a request -- */

struct call {
	void	(*done)(struct answer *, void *);
	void	*arg;
};

static void
on_answer(const struct httpc_answer *h, void *arg)
{
	struct call	*call = arg;
	struct json_err	 e;
	struct answer	 a = answer_of(h, &e);

	if (h->rc == 0 && a.body == NULL)
		a.why = xasprintf("the answer is no JSON: %s",
		    h->body_len > 0 ? e.text : "it is empty");
	call->done(&a, call->arg);
	free(call);
}

void
client_start(const struct client *c, struct request r,
    void (*done)(struct answer *, void *), void *arg)
{
	char			*url = client_url(c, r.path);
	char			*sent = r.body != NULL ? json_text(r.body) : NULL;
	struct httpc_options	 o = {
		.method = r.method, .bearer = c->key, .tls = c->tls,
		.headers = r.headers,
		.timeout_ms = r.timeout_ms != 0 ? r.timeout_ms :
		    c->silence_ms != 0 ? c->silence_ms : CLIENT_SILENCE
	};
	struct call		*call = xcalloc(1, sizeof(*call));

	if (sent != NULL) {
		o.type = "application/json";
		o.body = sent;
		o.body_len = strlen(sent);
	}
	call->done = done;
	call->arg = arg;
	httpc_start(c->loop, url, &o, on_answer, call);
	json_decref(r.body);
	free(sent);
	free(url);
}

struct plain {
	struct answer	*answer;
	int		 done;
};

static void
on_plain(struct answer *a, void *arg)
{
	struct plain	*p = arg;

	*p->answer = *a;
	p->done = 1;
}

void
client_ask(const struct client *c, struct request r, struct answer *a)
{
	struct plain	p = { .answer = a };

	client_start(c, r, on_plain, &p);
	while (!p.done)
		uv_run(c->loop, UV_RUN_ONCE);
}
