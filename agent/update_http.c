/*
 * Requests to the server about updates, as the registered agent: with what
 * the registration gave or, of document 004, with what is made of the link's
 * secret.  They go the way of the link: through its proxy, if it has one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "crypto.h"
#include "hmaclink.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "settings.h"
#include "update.h"

static int
is_known(const struct agent *a)
{
	if (a->config.hmac)
		return a->secret != NULL;
	return a->registration.agent_uid != NULL &&
	    a->registration.bootstrap_token != NULL &&
	    registration_is_for(&a->registration, a->config.url);
}

/* The link's URL without its path, which stands at the end: a host can be
 * called agent, too. */
char *
update_base(const struct agent *a)
{
	static const char *const	paths[] = { "/ws/agent", "/agent" };
	const char			*url = a->config.url;
	size_t				 n, m, i;

	if (url == NULL || !is_known(a))
		return NULL;
	url += 2;			/* "ws": "http" and "https" go on alike */
	n = strlen(url);
	for (i = 0; i < nitems(paths); i++) {
		m = strlen(paths[i]);
		if (n > m && strcmp(url + n - m, paths[i]) == 0)
			return xasprintf("http%.*s", (int)(n - m), url);
	}
	return NULL;
}

const char *
update_id(const struct agent *a)
{
	if (a->config.hmac)
		return a->config.instance_id;
	return a->registration.agent_uid != NULL ? a->registration.agent_uid :
	    "";
}

/* "Authorization: Basic ...", which only our own server gets to see. */
static char *
head_lines(const struct agent *a, const char *url, const char *more)
{
	char		*base = update_base(a), *pair, *coded, *lines;
	char		 made[HMACLINK_TOKEN_SIZE];
	const char	*token = a->registration.bootstrap_token;
	size_t		 n = base != NULL ? strlen(base) : 0;
	int		 ours = base != NULL && strncmp(url, base, n) == 0 &&
			    url[n] == '/';

	free(base);
	if (!ours)
		return xstrdup(more != NULL ? more : "");
	if (a->config.hmac)
		token = hmaclink_token(a->secret, a->config.instance_id, made);
	pair = xasprintf("%s:%s", update_id(a), token);
	coded = xmalloc(BASE64_SIZE(strlen(pair)));
	base64_encode(pair, strlen(pair), coded);
	lines = xasprintf("Authorization: Basic %s\r\n%s", coded,
	    more != NULL ? more : "");
	crypto_wipe(made, sizeof(made));
	crypto_wipe(pair, strlen(pair));
	crypto_wipe(coded, strlen(coded));
	free(pair);
	free(coded);
	return lines;
}

/* Fills in who asks, and by what way. */
static struct httpc *
begin(struct update *u, const char *url, struct httpc_options *o,
    const char *more, void (*done)(const struct httpc_answer *, void *))
{
	char		*lines = head_lines(u->agent, url, more);
	char		*proxy = agent_proxy(u->agent, url);
	struct httpc	*c;

	o->headers = lines;
	o->proxy = proxy;
	o->tls = u->agent->tls;
	c = httpc_start(&u->agent->loop, url, o, done, u);
	crypto_wipe(lines, strlen(lines));
	free(lines);
	free(proxy);
	return c;
}

struct httpc *
update_get(struct update *u, const char *url, const char *more, size_t max,
    int (*sink)(const char *, size_t, void *),
    void (*head)(const struct httpc_answer *, void *),
    void (*done)(const struct httpc_answer *, void *))
{
	struct httpc_options	o = { .max_body = max, .sink = sink,
		.head = head };

	return begin(u, url, &o, more, done);
}

struct httpc *
update_post(struct update *u, const char *url, const json_t *body,
    void (*done)(const struct httpc_answer *, void *))
{
	char			*text = json_text(body);
	struct httpc_options	 o = { .method = "POST",
		.type = "application/json", .body = text,
		.body_len = strlen(text) };
	struct httpc		*c = begin(u, url, &o, NULL, done);

	free(text);
	return c;
}
