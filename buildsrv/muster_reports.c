/* reports: what an agent reported, and with -f what it reports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"
#include "muster_sse.h"

static const struct setting reports_table[] = {
	CLIENT_SETTINGS,
	{ "follow", 'f', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "go on with what comes", SETTING_FLAG, NULL },
	{ "after", 0, NULL, SETTING_INT, NULL, 0, INT64_MAX / 4, "N",
	    "all behind number N", SETTING_FLAG, NULL },
	{ "last", 'n', NULL, SETTING_INT, "20", 1, 200, "N",
	    "the newest N", SETTING_FLAG, NULL },
	{ "class", 'c', NULL, SETTING_LIST, NULL, 0, 0, "CLASS",
	    "only metric, log, event or alert", SETTING_FLAG, NULL },
};

static const struct settings_spec reports_spec = {
	.tool = "muster reports",
	.synopsis = "[-f] [-n N|--after N] [-c CLASS ...] [--json] AGENT",
	.about = "Prints what an agent reported: number, time, class, module, "
	    "type, data.",
	.table = reports_table, .n = nitems(reports_table),
	.groups = SETTINGS_OPERANDS,
};

struct reports {
	const struct client	*client;
	const struct settings	*settings;
	const char		*agent;
	int64_t			 after;		/* -1: the newest */
};

static int
is_wanted(const struct settings *s, const char *class)
{
	const char	*word;
	size_t		 i;

	for (i = 0; (word = settings_item(s, "class", i)) != NULL; i++)
		if (strcmp(word, class) == 0)
			return 1;
	return i == 0;
}

static void
print_report(struct reports *v, const json_t *e)
{
	static const char *const words[] = { "class", "module", "type" };
	const json_t	*data = json_object_get(e, "data");
	char		 when[CELL], *text;
	size_t		 i;

	v->after = json_int(e, "n", v->after);
	if (!is_wanted(v->settings, json_str(e, "class", "event")))
		return;
	if (v->client->json) {
		print_json_line(e);
		return;
	}
	cell_time(e, "t", at_terminal(STDOUT_FILENO), when);
	printf("%lld\t%s", (long long)v->after, when);
	for (i = 0; i < nitems(words); i++) {
		text = clean_text(json_str(e, words[i], i == 0 ? "event" :
		    "-"));
		printf("\t%s", text);
		free(text);
	}
	putchar('\t');
	if (data != NULL)
		print_json_line(data);
	else
		puts("-");
}

static char *
reports_path(const struct reports *v)
{
	struct buf	b = BUF_INIT;

	buf_adds(&b, "/api/agents");
	path_add(&b, v->agent);
	buf_adds(&b, "/events");
	if (v->after >= 0)
		query_add_int(&b, "after", v->after);
	else
		query_add_int(&b, "last", settings_int(v->settings, "last"));
	return buf_take(&b);
}

static void
tell_gap(void)
{
	log_warn(NULL, "older reports are no longer kept");
}

static void
read_reports(struct reports *v)
{
	int64_t	 was;
	json_t	*page, *e;
	char	*path;
	size_t	 i;

	do {
		was = v->after;
		path = reports_path(v);
		page = client_call(v->client, "GET", path, NULL);
		json_array_foreach(json_object_get(page, "events"), i, e)
			print_report(v, e);
		if (json_bool(page, "gap", 0))
			tell_gap();
		v->after = json_int(page, "next", v->after);
		json_decref(page);
		free(path);
		out_flush();
	} while (v->after > was);
}

static int
on_report(const struct sse_event *s, void *arg)
{
	struct reports	*v = arg;
	struct json_err	 err;
	json_t		*e = json_read(s->data, s->len, &err);

	if (strcmp(s->type, "gap") == 0)
		tell_gap();
	else if (json_is_object(e))
		print_report(v, e);
	json_decref(e);
	out_flush();
	return 0;
}

/* An agent may be called by its host's name, where that is only one. */
char *
agent_uid(const struct client *c, const char *word)
{
	json_t	*answer = client_call(c, "GET", "/agents", NULL), *a;
	char	*uid = NULL;
	size_t	 i;

	json_array_foreach(json_object_get(answer, "agents"), i, a) {
		if (strcmp(json_str(a, "uid", ""), word) != 0 &&
		    strcmp(json_str(a, "host_id", ""), word) != 0 &&
		    strcmp(json_str(a, "name", ""), word) != 0)
			continue;
		if (uid != NULL)
			die(EXIT_NO, "%s: several agents have this name; say "
			    "which by its uid", word);
		uid = xstrdup(json_str(a, "uid", ""));
	}
	json_decref(answer);
	if (uid == NULL)
		die(EXIT_NO, "%s: no such agent", word);
	return uid;
}

int
reports_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&reports_spec, argc, argv);
	const char	*word = one_operand(s, argc, argv, "an agent");
	struct client	 c;
	struct reports	 v = { .client = &c, .settings = s, .after = -1 };
	char		*uid, *path;

	client_open(&c, s);
	v.agent = uid = agent_uid(&c, word);
	if (settings_has(s, "after"))
		v.after = settings_int(s, "after");
	if (settings_bool(s, "follow")) {
		path = reports_path(&v);
		follow_run(&c, path, on_report, &v);
		free(path);
	} else
		read_reports(&v);
	free(uid);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
