/* api: any request to the server, and its answer as it comes: what has no
 * command of its own is within reach of a script, too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"
#include "json.h"
#include "muster.h"

enum { MAX_BODY = 1024 * 1024 };	/* what the server takes at most */

static const struct setting api_table[] = {
	SOCKET_SETTING,
	CLIENT_SETTINGS,
	{ "method", 'X', NULL, SETTING_STR, NULL, 0, 0, "METHOD",
	    "GET, or POST where there is data", SETTING_FLAG, NULL },
	{ "data", 'd', NULL, SETTING_STR, NULL, 0, 0, "JSON",
	    "the request's body; - reads it from stdin", SETTING_FLAG, NULL },
	{ "accept", 0, NULL, SETTING_STR, NULL, 0, 0, "TYPE",
	    "as text/event-stream", SETTING_FLAG, NULL },
};

static const struct settings_spec api_spec = {
	.tool = "muster api",
	.synopsis = "[-X METHOD] [-d JSON|-] [--accept TYPE] PATH",
	.about = "Sends any request of muster-api(7), and prints the answer "
	    "as it comes.",
	.table = api_table, .n = nitems(api_table),
	.groups = SETTINGS_DIRS | SETTINGS_OPERANDS,
};

struct exchange {
	struct answer	answer;
	int		done;
};

static int
on_data(const char *p, size_t n, void *arg)
{
	(void)arg;
	fwrite(p, 1, n, stdout);
	out_flush();
	return 0;
}

static void
on_done(const struct httpc_answer *a, void *arg)
{
	struct exchange	*x = arg;
	struct json_err	 e;

	x->done = 1;
	x->answer = answer_of(a, &e);
}

static void
read_body(const char *data, struct buf *b)
{
	char	p[16384];
	ssize_t	n;

	if (strcmp(data, "-") != 0) {
		buf_adds(b, data);
		return;
	}
	while ((n = read(STDIN_FILENO, p, sizeof(p))) > 0 ||
	    (n < 0 && errno == EINTR)) {
		if (n > 0)
			buf_add(b, p, (size_t)n);
		if (b->len > MAX_BODY)
			die(EXIT_USAGE, "stdin: more than a request may have");
	}
	if (n < 0)
		die(EXIT_SYSTEM, "stdin: %s", strerror(errno));
}

/* A word or a path that cannot make another line or request of ours. */
static void
check_word(const struct settings *s, const char *what, const char *word)
{
	const char	*p;

	for (p = word; *p > 0x20 && *p < 0x7f; p++)
		continue;
	if (*p != '\0' || p == word)
		settings_usage(s, "%s: must be printable, without spaces",
		    what);
}

static void
exchange(const struct client *c, const struct settings *s, const char *path)
{
	const char		*data = settings_str(s, "data");
	const char		*accept = settings_str(s, "accept");
	const char		*method = settings_str(s, "method");
	char			*url = client_url(c, path), *header = NULL;
	struct buf		 body = BUF_INIT;
	struct exchange		 x = { .done = 0 };
	struct httpc_options	 o = {
		.bearer = c->key, .tls = c->tls, .sink = on_data,
		.method = method != NULL ? method : data != NULL ? "POST" :
		    "GET",
		.timeout_ms = c->silence_ms != 0 ? c->silence_ms :
		    FOLLOW_SILENCE
	};

	if (data != NULL) {
		read_body(data, &body);
		o.type = "application/json";
		o.body = buf_str(&body);
		o.body_len = body.len;
	}
	if (accept != NULL)
		o.headers = header = xasprintf("Accept: %s\r\n", accept);
	httpc_start(c->loop, url, &o, on_done, &x);
	while (!x.done)
		uv_run(c->loop, UV_RUN_ONCE);
	if (x.answer.status < 0 || x.answer.status >= 300)
		die(answer_code(&x.answer), "%s",
		    answer_words(c, &x.answer));
	buf_release(&body);
	free(header);
	free(url);
}

int
api_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&api_spec, argc, argv);
	const char	*path = one_operand(s, argc, argv, "a path");
	struct client	 c;

	if (path[0] != '/')
		settings_usage(s, "'%s': a path begins with /", path);
	check_word(s, path, path);
	if (settings_has(s, "method"))
		check_word(s, "--method", settings_str(s, "method"));
	if (settings_has(s, "accept"))
		check_word(s, "--accept", settings_str(s, "accept"));
	client_open_either(&c, s);
	exchange(&c, s, path);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
