/* agents: who is connected, and what they last measured. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

enum { WATCH_EVERY = 2000 };	/* ms between two looks */

static const struct column columns[] = {
	{ "UID", COL_SHRINK }, { "HOST", COL_SHRINK },
	{ "USER", COL_SHRINK | COL_DROP }, { "CONNECTED", 0 }, { "SEEN", 0 },
	{ "VERSION", COL_DROP }, { "OS", COL_DROP }, { "CPU", COL_RIGHT },
	{ "MEM", COL_RIGHT }, { "DISK", COL_RIGHT }
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

static void
add_agents(struct table *t, const json_t *answer, int wide)
{
	const json_t	*a, *m;
	char		 cpu[CELL], mem[CELL], disk[CELL], seen[CELL];
	size_t		 i;

	json_array_foreach(json_object_get(answer, "agents"), i, a) {
		m = json_object_get(a, "metrics");
		table_add(t, (const char *const[]){ json_str(a, "uid", ""),
		    json_str(a, "host_id", ""), json_str(a, "user", ""),
		    json_bool(a, "connected", 0) ? "yes" : "no",
		    cell_time(a, "last_seen", wide, seen),
		    json_str(a, "version", ""), json_str(a, "os", ""),
		    number(m, "cpuPercent", cpu), number(m, "memPercent", mem),
		    number(m, "diskUsage", disk) });
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

int
agents_main(int argc, char **argv)
{
	static const struct setting table[] = {
		CLIENT_SETTINGS,
		{ "watch", 'w', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
		    "at a terminal: again and again, until q", SETTING_FLAG,
		    NULL },
	};
	static const struct settings_spec spec = {
		.tool = "muster agents", .synopsis = "[-w] [--json]",
		.about = "Lists agents: who is connected, and the newest "
		    "metrics in percent.",
		.table = table, .n = nitems(table),
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	struct live	 live = {
		.client = &c, .paths = { "/agents" }, .n = 1,
		.every_ms = WATCH_EVERY, .draw = draw
	};
	struct table	*t;
	json_t		*answer;

	client_open(&c, s);
	if (settings_bool(s, "watch") && at_terminal(STDOUT_FILENO) &&
	    !c.json)
		live_run(&live);
	else {
		answer = client_call(&c, "GET", "/agents", NULL);
		if (c.json)
			print_json(json_object_get(answer, "agents"));
		else {
			t = table_new(columns, nitems(columns));
			add_agents(t, answer, at_terminal(STDOUT_FILENO));
			table_print(t);
		}
		json_decref(answer);
	}
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
