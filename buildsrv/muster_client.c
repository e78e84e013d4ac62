/* The client's side of the API: one call, one answer, or the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "muster.h"
#include "tls.h"

void
client_open(struct client *c, const struct settings *s)
{
	const char	*url = settings_str(s, "server"), *why;
	struct url	 u;
	char		*words = NULL;
	size_t		 n = strlen(url);

	if (url_parse(url, &u, &why) < 0)
		settings_usage(s, "server '%s': %s", url, why);
	*c = (struct client){ .loop = uv_default_loop() };
	c->server = xstrndup(url, url[n - 1] == '/' ? n - 1 : n);
	c->key = settings_str(s, "api-key");
	c->json = settings_bool(s, "json");
	if (u.tls && tls_client(&c->tls, settings_str(s, "ca-file"), NULL, 1,
	    &words) < 0)
		die(EXIT_USAGE, "%s", words);
}

void
client_open_local(struct client *c, const char *socket)
{
	struct buf	b = BUF_INIT;

	buf_adds(&b, "http+unix://");
	for (; *socket != '\0'; socket++)
		if (strchr("/%?#:@ ", *socket) != NULL)
			buf_printf(&b, "%%%02X", (unsigned char)*socket);
		else
			buf_addc(&b, *socket);
	*c = (struct client){ .loop = uv_default_loop() };
	c->server = buf_take(&b);
}

void
client_close(struct client *c)
{
	tls_free(c->tls);
	free(c->server);
	uv_loop_close(c->loop);
}

char *
client_url(const struct client *c, const char *path)
{
	return xasprintf("%s%s", c->server, path);
}

/* What a status means to a script. */
static enum exit_code
code_of(int status)
{
	if (status == 400 || status == 401 || status == 413 || status == 415)
		return EXIT_USAGE;
	return status >= 500 || status == 429 || status == 408 ?
	    EXIT_SYSTEM : EXIT_NO;
}

static _Noreturn void
refused(const struct client *c, int status, const json_t *answer)
{
	const char	*field = json_str(answer, "field", NULL);
	const char	*text = json_str(answer, "error",
			    http_status_text(status));
	const json_t	*can = json_object_get(answer, "supported");
	char		*list = can != NULL ? json_text(can) : NULL;

	if (status == 401 && c->key == NULL)
		text = "no API key is set (MUSTER_API_KEY)";
	die(code_of(status), "%s%s%s%s%s", field != NULL &&
	    strncmp(text, field, strlen(field)) != 0 ? field : "",
	    field != NULL && strncmp(text, field, strlen(field)) != 0 ?
	    " " : "", text, list != NULL ? "; this server can build " : "",
	    list != NULL ? list : "");
}

json_t *
client_call(const struct client *c, const char *method, const char *path,
    json_t *body)
{
	struct httpc_options	 o = { .method = method, .bearer = c->key,
				    .tls = c->tls };
	struct json_err		 e;
	char			*url = client_url(c, path), *text, *why = NULL;
	char			*sent = body != NULL ? json_text(body) : NULL;
	size_t			 n = 0;
	json_t			*answer;
	int			 status;

	if (sent != NULL) {
		o.type = "application/json";
		o.body = sent;
		o.body_len = strlen(sent);
	}
	status = httpc_fetch(c->loop, url, &o, &text, &n, &why);
	if (status < 0)
		die(status == UV_ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM,
		    "%s: %s", c->server, why != NULL ? why : errstr(status));
	answer = json_read(text, n, &e);
	if (status >= 300)
		refused(c, status, answer);
	if (answer == NULL)
		die(EXIT_SYSTEM, "%s: the answer is no JSON: %s", url, e.text);
	free(text);
	free(sent);
	free(url);
	json_decref(body);
	return answer;
}

char *
job_path(const char *id, const char *tail)
{
	if (id[0] == '\0' || strspn(id, "0123456789abcdef-") != strlen(id))
		die(EXIT_USAGE, "'%s' is not a job's id", id);
	return xasprintf("/api/agents/build/jobs/%s%s", id, tail);
}
