/*
 * POST /api/agents/command, and the lines that come back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "json.h"
#include "muster_order.h"

enum { MAX_LINE = 16 * 1024 * 1024 };	/* of one part; agents send less */

struct order {
	json_t		*body;		/* whom, and the time-out */
	int		 single;
};

struct exchange {
	const struct client *client;
	const struct order *order;
	order_show	 show;
	void		*arg;
	struct buf	 in;
	struct answer	 answer;
	enum exit_code	 code;
	int		 done, ended;
};

struct order *
order_new(const struct settings *s, int argc, char **argv, int *first)
{
	struct order	*o = xcalloc(1, sizeof(*o));
	json_t		*labels = json_array();
	const char	*word;
	size_t		 i;

	for (i = 0; (word = settings_item(s, "label", i)) != NULL; i++)
		json_array_append_new(labels, json_string(word));
	o->body = json_pack("{sI}", "timeout",
	    (json_int_t)settings_int(s, "timeout") / 1000);
	if (settings_bool(s, "all"))
		json_object_set_new(o->body, "all", json_true());
	if (i > 0)
		json_object_set(o->body, "labels", labels);
	json_decref(labels);
	o->single = i == 0 && !settings_bool(s, "all");
	if (!o->single)
		return o;
	if (*first >= argc)
		settings_usage(s, "say which agent, --label or --all");
	json_object_set_new(o->body, "agents", json_pack("[s]",
	    argv[(*first)++]));
	return o;
}

void
order_free(struct order *o)
{
	json_decref(o->body);
	free(o);
}

int
order_is_single(const struct order *o)
{
	return o->single;
}

json_t *
order_args(const struct settings *s, int argc, char **argv)
{
	json_t	*args = json_object(), *value;
	char	*name;
	size_t	 n;
	int	 i;

	for (i = 0; i < argc; i++) {
		n = strcspn(argv[i], "=");
		if (n == 0 || argv[i][n] == '\0')
			settings_usage(s, "'%s': must be NAME=VALUE", argv[i]);
		value = json_loads(argv[i] + n + 1, JSON_DECODE_ANY, NULL);
		if (value == NULL)
			value = json_string(argv[i] + n + 1);
		name = xstrndup(argv[i], n);
		if (json_object_set_new(args, name, value) < 0)
			settings_usage(s, "'%s': must be UTF-8", argv[i]);
		free(name);
	}
	return args;
}

void
order_print(const char *host, const json_t *value, void *arg)
{
	const struct order	*o = arg;
	char			*text = NULL;

	if (!o->single) {
		text = clean_text(host);
		printf("%s\t", text);
		free(text);
	}
	if (json_is_string(value)) {
		text = clean_text(json_string_value(value));
		puts(text);
		free(text);
	} else if (o->single)
		print_json(value);
	else
		print_json_line(value);
}

/* The worst counts. */
static void
note_code(struct exchange *x, enum exit_code code)
{
	if (x->code == EXIT_YES || code == EXIT_SYSTEM)
		x->code = code;
}

static void
show_fault(struct exchange *x, const char *host, const json_t *line)
{
	const char	*code = json_str(line, "code", "");
	char		*why = clean_text(json_str(line, "error", ""));
	char		*who = clean_text(host);

	progress_clear();
	log_error(NULL, "%s: %s", who, why);
	free(why);
	free(who);
	note_code(x, *code == '\0' ? EXIT_NO : strcmp(code, "timeout") == 0 ?
	    EXIT_TIMEOUT : EXIT_SYSTEM);
}

static void
take_line(struct exchange *x, const json_t *line)
{
	const char	*host = json_str(line, "host_id", json_str(line,
			    "agent", "?"));
	const json_t	*part = json_object_get(line, "part");
	const json_t	*result = json_object_get(line, "result");

	if (json_bool(line, "end", 0)) {
		x->ended = 1;
		if (json_int(line, "agents", 0) == 0) {
			log_error(NULL, "no agent has these labels");
			note_code(x, EXIT_NO);
		}
	}
	if (x->client->json)
		print_json_line(line);
	if (json_str(line, "error", "")[0] != '\0')
		show_fault(x, host, line);
	else if (part != NULL && !x->client->json)
		x->show(host, part, x->arg);
	else if (result != NULL && !json_is_null(result) && !x->client->json)
		x->show(host, result, x->arg);
	out_flush();
}

static int
on_data(const char *p, size_t n, void *arg)
{
	struct exchange	*x = arg;
	struct json_err	 err;
	char		*end;
	json_t		*line;
	size_t		 len;

	buf_add(&x->in, p, n);
	while ((end = memchr(x->in.p, '\n', x->in.len)) != NULL) {
		len = (size_t)(end - x->in.p);
		line = json_read(x->in.p, len, &err);
		if (line != NULL)
			take_line(x, line);
		json_decref(line);
		buf_drop(&x->in, len + 1);
	}
	return x->in.len < MAX_LINE ? 0 : UV_EMSGSIZE;
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
exchange(struct exchange *x, const char *body)
{
	const struct client	*c = x->client;
	char			*url = client_url(c, "/api/agents/command");
	struct httpc_options	 o = {
		.method = "POST", .bearer = c->key, .tls = c->tls,
		.type = "application/json", .body = body,
		.body_len = strlen(body), .sink = on_data,
		.timeout_ms = c->silence_ms != 0 ? c->silence_ms :
		    FOLLOW_SILENCE
	};

	httpc_start(c->loop, url, &o, on_done, x);
	while (!x->done)
		uv_run(c->loop, UV_RUN_ONCE);
	if (x->answer.status < 0 || x->answer.status >= 300)
		die(answer_code(&x->answer), "%s",
		    answer_words(c, &x->answer));
	if (!x->ended)
		die(EXIT_SYSTEM, "%s: the server stopped before all agents "
		    "had answered", c->name);
	free(url);
}

enum exit_code
order_run(const struct client *c, const struct order *o, const char *command,
    json_t *args, order_show show, void *arg)
{
	struct exchange	 x = { .client = c, .order = o, .show = show,
			    .arg = arg };
	json_t		*body = json_deep_copy(o->body);
	char		*text;

	if (show == NULL) {
		x.show = order_print;
		x.arg = (void *)(uintptr_t)o;
	}
	json_object_set_new(body, "command", json_string(command));
	json_object_set_new(body, "args", args != NULL ? args :
	    json_object());
	text = json_text(body);
	exchange(&x, text);
	free(text);
	json_decref(body);
	buf_release(&x.in);
	return x.code;
}

enum exit_code
order_module(const struct client *c, const struct order *o,
    const char *module, const char *verb, json_t *args, order_show show,
    void *arg)
{
	return order_run(c, o, "modules", json_pack("{ss ss ss so}", "action",
	    "command", "module", module, "verb", verb, "args",
	    args != NULL ? args : json_object()), show, arg);
}
