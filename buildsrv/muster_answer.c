/* What an answer means: to people, to scripts, and whether to ask again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "json.h"
#include "muster.h"

struct answer
answer_of(const struct httpc_answer *h, struct json_err *e)
{
	struct answer	 a = { .status = h->rc < 0 ? h->rc : h->status };
	const char	*retry;

	*e = (struct json_err){ .path = "" };
	if (h->rc < 0) {
		a.why = xstrdup(h->why);
		return a;
	}
	if (h->body_len > 0)
		a.body = json_read(h->body, h->body_len, e);
	if ((retry = httpc_header(h->req, "retry-after")) != NULL &&
	    strspn(retry, "0123456789") == strlen(retry))
		a.retry_s = strtoll(retry, NULL, 10);
	return a;
}

void
answer_release(struct answer *a)
{
	free(a->why);
	json_decref(a->body);
	*a = (struct answer){ .status = 0 };
}

int
answer_good(const struct answer *a)
{
	return a->status >= 200 && a->status < 300 && a->body != NULL;
}

int
answer_passes(const struct answer *a)
{
	return (a->status < 0 && a->status != UV_EINVAL) ||
	    (a->status == 429 && a->retry_s > 0) || a->status == 408 ||
	    (a->status >= 502 && a->status <= 504);
}

enum exit_code
answer_code(const struct answer *a)
{
	switch (a->status) {
	case UV_ETIMEDOUT:
		return EXIT_TIMEOUT;
	case 400: case 401: case 405: case 413: case 415: case 422:
		return EXIT_USAGE;
	case 403: case 404: case 409: case 410:
		return EXIT_NO;
	}
	return a->status >= 400 && a->status < 500 && !answer_passes(a) ?
	    EXIT_NO : EXIT_SYSTEM;
}

static void
add_refusal(struct buf *b, const struct client *c, const struct answer *a)
{
	const char	*field = json_str(a->body, "field", NULL);
	const char	*text = json_str(a->body, "error",
			    http_status_text(a->status));
	const json_t	*can = json_object_get(a->body, "supported");
	char		*list;

	if (a->status == 401)
		text = c->key == NULL ? "no API key is set (MUSTER_API_KEY)" :
		    "the server does not take this API key (MUSTER_API_KEY)";
	else if (field != NULL &&
	    strncmp(text, field, strlen(field)) != 0)
		buf_printf(b, "%s: ", field);
	buf_adds(b, text);
	if (can != NULL) {
		list = json_text(can);
		buf_printf(b, "; this server can build %s", list);
		free(list);
	}
	if (a->retry_s > 0)
		buf_printf(b, "; again in %lld s", (long long)a->retry_s);
}

char *
answer_words(const struct client *c, const struct answer *a)
{
	struct buf	 b = BUF_INIT;
	char		*clean;

	if (a->status < 0 || (a->status < 300 && a->body == NULL))
		buf_printf(&b, "%s: %s", c->name, a->why != NULL ? a->why :
		    errstr(a->status < 0 ? a->status : UV_EPROTO));
	else
		add_refusal(&b, c, a);
	clean = clean_text(buf_str(&b));
	buf_release(&b);
	return clean;
}

json_t *
client_call(const struct client *c, const char *method, const char *path,
    json_t *body)
{
	struct answer	a;

	client_ask(c, (struct request){ .method = method, .path = path,
	    .body = body }, &a);
	if (!answer_good(&a))
		die(answer_code(&a), "%s", answer_words(c, &a));
	free(a.why);
	return a.body;
}

void
client_act(const struct client *c, const char *tool, struct request r,
    const char *what, int *code)
{
	struct answer	a;
	char		*words;

	client_ask(c, r, &a);
	words = answer_good(&a) ? clean_text(json_str(a.body, "message",
	    "done")) : answer_words(c, &a);
	if (!answer_good(&a) && *code == EXIT_YES)
		*code = (int)answer_code(&a);
	if (answer_good(&a) && c->json)
		print_json_line(a.body);
	else
		fprintf(stderr, "%s: %s: %s\n", tool, what, words);
	out_flush();
	answer_release(&a);
	free(words);
}
