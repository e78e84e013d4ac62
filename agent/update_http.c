/* Requests to the server about updates, as the registered agent. */
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "crypto.h"
#include "http.h"
#include "json.h"
#include "settings.h"
#include "update.h"

char *
update_base(const struct agent *a)
{
	const char	*url = a->config.url, *end;

	if (url == NULL || a->registration.agent_uid == NULL ||
	    a->registration.bootstrap_token == NULL ||
	    !registration_is_for(&a->registration, url))
		return NULL;
	url += 2;			/* "ws": "http" and "https" go on alike */
	if ((end = strstr(url, "/ws/agent")) == NULL &&
	    (end = strstr(url, "/agent")) == NULL)
		return NULL;
	return xasprintf("http%.*s", (int)(end - url), url);
}

/* "Authorization: Basic ...", which only our own server gets to see. */
static char *
head_lines(const struct agent *a, const char *url, const char *more)
{
	char	*base = update_base(a), *pair, *coded, *lines;
	size_t	 n = base != NULL ? strlen(base) : 0;
	int	 ours = base != NULL && strncmp(url, base, n) == 0 &&
		    url[n] == '/';

	free(base);
	if (!ours)
		return xstrdup(more != NULL ? more : "");
	pair = xasprintf("%s:%s", a->registration.agent_uid,
	    a->registration.bootstrap_token);
	coded = xmalloc(BASE64_SIZE(strlen(pair)));
	base64_encode(pair, strlen(pair), coded);
	lines = xasprintf("Authorization: Basic %s\r\n%s", coded,
	    more != NULL ? more : "");
	crypto_wipe(pair, strlen(pair));
	crypto_wipe(coded, strlen(coded));
	free(pair);
	free(coded);
	return lines;
}

struct httpc *
update_get(struct update *u, const char *url, const char *more, size_t max,
    int (*sink)(const char *, size_t, void *),
    void (*head)(const struct httpc_answer *, void *),
    void (*done)(const struct httpc_answer *, void *))
{
	char			*lines = head_lines(u->agent, url, more);
	struct httpc_options	 o = { .headers = lines, .max_body = max,
		.tls = u->agent->tls, .sink = sink, .head = head };
	struct httpc		*c = httpc_start(&u->agent->loop, url, &o, done,
				    u);

	crypto_wipe(lines, strlen(lines));
	free(lines);
	return c;
}

struct httpc *
update_post(struct update *u, const char *url, const json_t *body,
    void (*done)(const struct httpc_answer *, void *))
{
	char			*lines = head_lines(u->agent, url, NULL);
	char			*text = json_text(body);
	struct httpc_options	 o = { .method = "POST", .headers = lines,
		.type = "application/json", .body = text,
		.body_len = strlen(text), .tls = u->agent->tls };
	struct httpc		*c = httpc_start(&u->agent->loop, url, &o, done,
				    u);

	crypto_wipe(lines, strlen(lines));
	free(lines);
	free(text);
	return c;
}
