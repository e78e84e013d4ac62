/* agents: who is connected, and what they last measured; their labels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

enum { WATCH_EVERY = 2000 };	/* ms between two looks */

static const struct column columns[] = {
	{ "UID", COL_SHRINK }, { "HOST", COL_SHRINK },
	{ "USER", COL_SHRINK | COL_DROP }, { "CONNECTED", 0 }, { "SEEN", 0 },
	{ "VERSION", COL_DROP }, { "OS", COL_DROP }, { "CPU", COL_RIGHT },
	{ "MEM", COL_RIGHT }, { "DISK", COL_RIGHT },
	{ "LABELS", COL_SHRINK | COL_DROP }, { "MARK", 0 }
};

/* A percentage, or "" where the agent does not have it. */
static const char *
number(const json_t *o, const char *key, char out[CELL])
{
	const json_t	*v = json_object_get(o, key);

	if (!json_is_number(v))
		return "";
	snprintf(out, CELL, "%.1f", json_number_value(v));
	return out;
}

/* "site=a,rack=7", freed by the caller. */
static char *
label_words(const json_t *a)
{
	struct buf	 b = BUF_INIT;
	const char	*key;
	json_t		*v;

	json_object_foreach(json_object_get(a, "labels"), key, v)
		buf_printf(&b, "%s%s=%s", b.len > 0 ? "," : "", key,
		    json_string_value(v));
	return buf_take(&b);
}

static void
add_agents(struct table *t, const json_t *answer, int wide)
{
	const json_t	*a, *m;
	char		 cpu[CELL], mem[CELL], disk[CELL], seen[CELL], *labels;
	size_t		 i;

	json_array_foreach(json_object_get(answer, "agents"), i, a) {
		labels = label_words(a);
		m = json_object_get(a, "metrics");
		table_add(t, (const char *const[]){ json_str(a, "uid", ""),
		    json_str(a, "host_id", ""), json_str(a, "user", ""),
		    json_bool(a, "connected", 0) ? "yes" : "no",
		    cell_time(a, "last_seen", wide, seen),
		    json_str(a, "version", ""), json_str(a, "os", ""),
		    number(m, "cpuPercent", cpu), number(m, "memPercent", mem),
		    number(m, "diskUsage", disk), labels,
		    json_object_get(a, "duplicate") != NULL ? "duplicate" :
		    "" });
		free(labels);
	}
}

static void
draw(struct buf *out, json_t *const *answers, int width, int lines,
    void *arg)
{
	struct table	*t = table_screen(columns, nitems(columns));

	(void)arg;
	add_agents(t, answers[0], 1);
	table_render(t, out, width, lines);
}

static const struct setting agents_table[] = {
	CLIENT_SETTINGS,
	{ "watch", 'w', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "at a terminal: again and again, until q", SETTING_FLAG, NULL },
	{ "label", 'l', NULL, SETTING_LIST, NULL, 0, 0, "NAME=VALUE",
	    "only those with this label, or with any value of NAME",
	    SETTING_FLAG, NULL },
};

static const struct settings_spec agents_spec = {
	.tool = "muster agents",
	.synopsis = "[-w] [-l NAME=VALUE ...] [--json] | label AGENT "
	    "NAME=VALUE|NAME- ... | clear AGENT",
	.about = "Lists agents: who is connected, and the newest metrics in "
	    "percent; or labels them.",
	.table = agents_table, .n = nitems(agents_table),
	.groups = SETTINGS_OPERANDS,
};

static char *
list_path(const struct settings *s)
{
	struct buf	 b = BUF_INIT;
	struct buf	 labels = BUF_INIT;
	const char	*word;
	size_t		 i;

	buf_adds(&b, "/agents");
	for (i = 0; (word = settings_item(s, "label", i)) != NULL; i++)
		buf_printf(&labels, "%s%s", i > 0 ? "," : "", word);
	if (i > 0)
		query_add(&b, "label", buf_str(&labels));
	buf_release(&labels);
	return buf_take(&b);
}

static void
agents_list(const struct client *c, const struct settings *s)
{
	char		*path = list_path(s);
	struct live	 live = {
		.client = c, .paths = { path }, .n = 1,
		.every_ms = WATCH_EVERY, .draw = draw
	};
	struct table	*t;
	json_t		*answer;

	if (settings_bool(s, "watch") && at_terminal(STDOUT_FILENO) &&
	    !c->json) {
		live_run(&live);
		free(path);
		return;
	}
	answer = client_call(c, "GET", path, NULL);
	if (c->json)
		print_json(json_object_get(answer, "agents"));
	else {
		t = table_new(columns, nitems(columns));
		add_agents(t, answer, at_terminal(STDOUT_FILENO));
		table_print(t);
	}
	json_decref(answer);
	free(path);
}

/* The path of something of an agent's, which the caller frees. */
static char *
agent_path(const struct client *c, const char *word, const char *tail)
{
	struct buf	 b = BUF_INIT;
	char		*uid = agent_uid(c, word);

	buf_adds(&b, "/api/agents");
	path_add(&b, uid);
	buf_adds(&b, tail);
	free(uid);
	return buf_take(&b);
}

/* NAME=VALUE sets, NAME- takes away. */
static void
agents_label(const struct client *c, const struct settings *s, int n,
    char **word)
{
	json_t	*labels = json_object(), *answer;
	char	*path, *name;
	size_t	 len;
	int	 i;

	for (i = 1; i < n; i++) {
		len = strcspn(word[i], "=");
		if (word[i][len] == '\0' && (len < 2 ||
		    word[i][--len] != '-'))
			settings_usage(s, "'%s': must be NAME=VALUE or NAME-",
			    word[i]);
		name = xstrndup(word[i], len);
		json_object_set_new(labels, name, word[i][len] == '=' ?
		    json_string(word[i] + len + 1) : json_null());
		free(name);
	}
	path = agent_path(c, word[0], "/labels");
	answer = client_call(c, "PATCH", path, json_pack("{so}", "labels",
	    labels));
	if (c->json)
		print_json(json_object_get(answer, "labels"));
	else
		print_members(json_object_get(answer, "labels"), "");
	json_decref(answer);
	free(path);
}

static void
agents_clear(const struct client *c, const char *word)
{
	char	*path = agent_path(c, word, "/duplicate");

	json_decref(client_call(c, "DELETE", path, NULL));
	free(path);
}

int
agents_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&agents_spec, argc, argv);
	int		 at = settings_first(s), n = argc - at - 1;
	const char	*verb = at < argc ? argv[at] : "";
	struct client	 c;

	client_open(&c, s);
	if (*verb == '\0')
		agents_list(&c, s);
	else if (strcmp(verb, "label") == 0 && n >= 2)
		agents_label(&c, s, n, argv + at + 1);
	else if (strcmp(verb, "clear") == 0 && n == 1)
		agents_clear(&c, argv[at + 1]);
	else
		settings_usage(s, "say nothing, label AGENT NAME=VALUE ..., or "
		    "clear AGENT");
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
