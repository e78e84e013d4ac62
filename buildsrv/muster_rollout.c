/* rollout: a release reaches agents, a share of them after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

enum { LOOK_MS = 1000 };	/* between two looks of watch */

static const struct setting rollout_table[] = {
	CLIENT_SETTINGS,
	SOCKET_SETTING,
	{ "channel", 'c', NULL, SETTING_STR, "stable", 1, 31, "NAME",
	    "agents of this channel", SETTING_FLAG, NULL },
	{ "percent", 'p', NULL, SETTING_INT, NULL, 0, 100, "N",
	    "share of the agents; all, or the first stage", SETTING_FLAG,
	    NULL },
	{ "stages", 0, NULL, SETTING_STR, NULL, 0, 0, "N,N,...",
	    "percentages to go through by itself", SETTING_FLAG, NULL },
	{ "hold", 0, NULL, SETTING_DURATION, "1h", 0, 2592000000, "TIME",
	    "how long each stage must last", SETTING_FLAG, NULL },
	{ "max-failures", 0, NULL, SETTING_INT, "3", 1, 1000000, "N",
	    "stop when so many agents failed", SETTING_FLAG, NULL },
	{ "max-failure-rate", 0, NULL, SETTING_INT, "20", 0, 100, "N",
	    "or more than N percent of those that are through",
	    SETTING_FLAG, NULL },
	{ "wait", 'w', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "watch it until it is done or stops", SETTING_FLAG, NULL },
};

static const struct settings_spec rollout_spec = {
	.tool = "muster rollout",
	.synopsis = "start VERSION [-c NAME] [-p N | --stages N,N,... "
	    "--hold TIME] [-w]"
	    "\n\tlist | show ID | watch ID | percent ID N"
	    "\n\tpause ID | resume ID | end ID",
	.about = "Lets agents have a release, and stops when updates fail.",
	.table = rollout_table, .n = nitems(rollout_table),
	.groups = SETTINGS_OPERANDS,
};

static char *
rollout_path(const char *id, const char *tail)
{
	struct buf	b = BUF_INIT;

	buf_adds(&b, "/api/rollouts");
	path_add(&b, id);
	buf_adds(&b, tail);
	return buf_take(&b);
}

/* -- start -- */

static json_t *
read_stages(const struct settings *s)
{
	const char	*p = settings_str(s, "stages");
	json_t		*list = json_array();
	char		*end;
	long		 n;

	for (;;) {
		n = strtol(p, &end, 10);
		if (end == p || (*end != ',' && *end != '\0'))
			settings_usage(s, "--stages: must be numbers and "
			    "commas");
		json_array_append_new(list, json_integer(n));
		if (*end == '\0')
			return list;
		p = end + 1;
	}
}

static json_t *
start_body(const struct settings *s, const char *version)
{
	json_t	*o = json_pack("{ss ss sI sI}", "version", version, "channel",
		    settings_str(s, "channel"), "maxFailures",
		    (json_int_t)settings_int(s, "max-failures"),
		    "maxFailureRate",
		    (json_int_t)settings_int(s, "max-failure-rate"));

	if (settings_has(s, "percent"))
		json_object_set_new(o, "percent",
		    json_integer(settings_int(s, "percent")));
	if (settings_has(s, "stages")) {
		json_object_set_new(o, "stages", read_stages(s));
		json_object_set_new(o, "hold",
		    json_integer(settings_int(s, "hold") / 1000));
	}
	return o;
}

/* -- show -- */

static int64_t
count(const json_t *rollout, const char *name)
{
	return json_int(json_object_get(rollout, "counts"), name, 0);
}

static void
add_row(struct table *t, const json_t *r)
{
	const json_t	*c = json_object_get(r, "counts");
	char		 percent[CELL], agents[CELL], updated[CELL];
	char		 busy[CELL], failed[CELL], when[CELL];

	table_add(t, (const char *const[]){ json_str(r, "id", ""),
	    json_str(r, "version", ""), json_str(r, "channel", ""),
	    json_str(r, "state", ""), cell_int(r, "percent", percent),
	    cell_int(c, "agents", agents), cell_int(c, "updated", updated),
	    cell_int(c, "busy", busy), cell_int(c, "failed", failed),
	    cell_time(r, "created", at_terminal(STDOUT_FILENO), when),
	    json_str(r, "reason", "") });
}

static const struct column columns[] = {
	{ "ID", 0 }, { "VERSION", 0 }, { "CHANNEL", 0 }, { "STATE", 0 },
	{ "%", COL_RIGHT }, { "AGENTS", COL_RIGHT },
	{ "UPDATED", COL_RIGHT }, { "BUSY", COL_RIGHT },
	{ "FAILED", COL_RIGHT }, { "STARTED", COL_DROP },
	{ "REASON", COL_SHRINK }
};

static void
rollout_list(const struct client *c)
{
	json_t		*answer = client_call(c, "GET", "/api/rollouts", NULL);
	json_t		*list = json_object_get(answer, "rollouts"), *r;
	struct table	*t;
	size_t		 i;

	if (c->json)
		print_json(list);
	else {
		t = table_new(columns, nitems(columns));
		json_array_foreach(list, i, r)
			add_row(t, r);
		table_print(t);
	}
	json_decref(answer);
}

static void
print_rollout(const struct client *c, const json_t *answer)
{
	const json_t	*r = json_object_get(answer, "rollout");
	json_t		*f;
	size_t		 i;

	if (c->json) {
		print_json(answer);
		return;
	}
	print_members(r, "counts|stages");
	print_members(json_object_get(r, "counts"), "");
	json_array_foreach(json_object_get(answer, "failures"), i, f)
		printf("failure\t%s\t%s\t%s\t%s\n", json_str(f, "uid", ""),
		    json_str(f, "step", "-"), json_str(f, "code", "-"),
		    json_str(f, "error", "-"));
}

static void
rollout_show(const struct client *c, const char *id)
{
	char	*path = rollout_path(id, "");
	json_t	*answer = client_call(c, "GET", path, NULL);

	print_rollout(c, answer);
	json_decref(answer);
	free(path);
}

/* -- watch -- */

/* A line when something has changed, for pipes; the bar at a terminal. */
static void
print_change(const struct client *c, const json_t *r, char **last)
{
	char	 bar[CELL], *line;

	line = xasprintf("%s\t%lld\t%lld\t%lld\t%lld\t%lld\t%s",
	    json_str(r, "state", ""), (long long)json_int(r, "percent", 0),
	    (long long)count(r, "agents"), (long long)count(r, "updated"),
	    (long long)(count(r, "busy") + count(r, "offered")),
	    (long long)count(r, "failed"), json_str(r, "reason", ""));
	progress_show("%s %s %s %lld %%, %lld of %lld updated, %lld busy, "
	    "%lld failed", json_str(r, "version", ""),
	    progress_bar(count(r, "updated"), count(r, "agents"), 24, bar),
	    json_str(r, "state", ""), (long long)json_int(r, "percent", 0),
	    (long long)count(r, "updated"), (long long)count(r, "agents"),
	    (long long)(count(r, "busy") + count(r, "offered")),
	    (long long)count(r, "failed"));
	if (!at_terminal(STDERR_FILENO) &&
	    (*last == NULL || strcmp(line, *last) != 0)) {
		if (c->json)
			print_json_line(r);
		else
			puts(line);
		fflush(stdout);
	}
	free(*last);
	*last = line;
}

static int
rollout_watch(const struct client *c, const char *id)
{
	char		*path = rollout_path(id, ""), *last = NULL;
	json_t		*answer;
	const json_t	*r;
	int		 code = -1;

	while (code < 0) {
		answer = client_call(c, "GET", path, NULL);
		r = json_object_get(answer, "rollout");
		print_change(c, r, &last);
		if (strcmp(json_str(r, "state", ""), "done") == 0)
			code = EXIT_YES;
		else if (strcmp(json_str(r, "state", ""), "running") != 0)
			code = EXIT_NO;
		else
			uv_sleep(LOOK_MS);
		if (code >= 0) {
			progress_clear();
			if (at_terminal(STDERR_FILENO))
				print_rollout(c, answer);
		}
		json_decref(answer);
	}
	free(last);
	free(path);
	return code;
}

static int
rollout_start(const struct client *c, const struct settings *s,
    const char *version)
{
	json_t		*answer = client_call(c, "POST", "/api/rollouts",
			    start_body(s, version));
	const char	*id = json_str(json_object_get(answer, "rollout"),
			    "id", "");
	int		 code = EXIT_YES;

	if (c->json)
		print_json(answer);
	else
		puts(id);
	if (settings_bool(s, "wait"))
		code = rollout_watch(c, id);
	json_decref(answer);
	return code;
}

/* -- changes -- */

static void
rollout_change(const struct client *c, const char *id, const char *action,
    int64_t percent)
{
	char	*path = rollout_path(id, "/change");
	json_t	*body = json_pack("{ss}", "action", action), *answer;

	if (percent >= 0)
		json_object_set_new(body, "percent", json_integer(percent));
	answer = client_call(c, "POST", path, body);
	if (c->json)
		print_json(answer);
	json_decref(answer);
	free(path);
}

static int64_t
read_percent(const struct settings *s, const char *word)
{
	char	*end;
	long	 n = strtol(word, &end, 10);

	if (end == word || *end != '\0' || n < 0 || n > 100)
		settings_usage(s, "%s: must be from 0 to 100", word);
	return n;
}

static int
is_change(const char *verb)
{
	return strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0 ||
	    strcmp(verb, "end") == 0;
}

int
rollout_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&rollout_spec, argc, argv);
	char		**word = argv + settings_first(s);
	int		 n = argc - settings_first(s) - 1, code = EXIT_YES;
	const char	*verb = n >= 0 ? word[0] : "";
	struct client	 c;

	client_open_either(&c, s);
	if (strcmp(verb, "list") == 0 && n == 0)
		rollout_list(&c);
	else if (strcmp(verb, "start") == 0 && n == 1)
		code = rollout_start(&c, s, word[1]);
	else if (strcmp(verb, "show") == 0 && n == 1)
		rollout_show(&c, word[1]);
	else if (strcmp(verb, "watch") == 0 && n == 1)
		code = rollout_watch(&c, word[1]);
	else if (strcmp(verb, "percent") == 0 && n == 2)
		rollout_change(&c, word[1], verb, read_percent(s, word[2]));
	else if (is_change(verb) && n == 1)
		rollout_change(&c, word[1], verb, -1);
	else
		settings_usage(s, "say start VERSION, list, show ID, watch "
		    "ID, percent ID N, pause ID, resume ID or end ID");
	client_close(&c);
	settings_free(s);
	return code;
}
