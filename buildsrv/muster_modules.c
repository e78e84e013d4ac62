/* modules: the parts of an agent, listed, started, stopped, switched on and
 * off for good, and spoken to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster_order.h"

static const struct setting modules_table[] = { ORDER_SETTINGS };

static const struct settings_spec modules_spec = {
	.tool = "muster modules",
	.synopsis = "[-t TIME] [--json] AGENT|-l NAME=VALUE|-a "
	    "[list|start|stop|enable|disable MODULE|command MODULE VERB "
	    "[NAME=VALUE ...]]",
	.about = "Lists and controls the modules of agents.",
	.table = modules_table, .n = nitems(modules_table),
	.groups = SETTINGS_OPERANDS,
};

static const struct column columns[] = {
	{ "HOST", COL_SHRINK }, { "MODULE", 0 }, { "STATE", 0 },
	{ "ENABLED", 0 }, { "EVENTS", COL_RIGHT },
	{ "WHY", COL_SHRINK | COL_DROP }
};

/* A line for each module; what is no list is shown as it is. */
static void
show_list(const char *host, const json_t *value, void *arg)
{
	const json_t	*list = json_object_get(value, "modules"), *m;
	struct table	*t = arg;
	char		 events[CELL];
	const json_t	*counters;
	size_t		 i;

	json_array_foreach(list != NULL ? list : value, i, m) {
		counters = json_object_get(m, "counters");
		table_add(t, (const char *const[]){ host,
		    json_str(m, "name", json_str(m, "module", "")),
		    json_str(m, "state", ""),
		    json_bool(m, "enabled", 0) ? "yes" : "no",
		    cell_int(counters != NULL ? counters : m, "events",
		    events), json_str(m, "error", json_str(m, "why", "")) });
	}
}

static enum exit_code
list(const struct client *c, const struct order *o)
{
	struct table	*t = table_new(columns, nitems(columns));
	enum exit_code	 code;

	code = order_run(c, o, "modules", json_pack("{ss}", "action", "list"),
	    show_list, t);
	table_print(t);
	return code;
}

/* How far a long one is, at a terminal; else what it answers. */
static void
show_answer(const char *host, const json_t *value, void *arg)
{
	const json_t	*p = json_object_get(value, "progress"), *n;
	struct buf	 b = BUF_INIT;
	const char	*key;

	if (p == NULL) {
		progress_clear();
		order_print(host, value, arg);
		return;
	}
	/* The const is jansson's lack: nothing is written through it. */
	json_object_foreach((json_t *)(uintptr_t)p, key, n)
		buf_printf(&b, " %lld %s", (long long)json_integer_value(n),
		    key);
	progress_show("%s:%s", host, buf_str(&b));
	buf_release(&b);
}

static int
is_switch(const char *word)
{
	static const char *const words[] = {
		"start", "stop", "enable", "disable"
	};
	size_t	i;

	for (i = 0; i < nitems(words); i++)
		if (strcmp(words[i], word) == 0)
			return 1;
	return 0;
}

int
modules_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&modules_spec, argc, argv);
	int		 at = settings_first(s), code = EXIT_YES, n;
	struct order	*o = order_new(s, argc, argv, &at);
	const char	*action = at < argc ? argv[at] : "list";
	struct client	 c;

	n = argc - at - 1;
	client_open(&c, s);
	if (strcmp(action, "list") == 0 && n <= 0)
		code = list(&c, o);
	else if (is_switch(action) && n == 1)
		code = order_run(&c, o, "modules", json_pack("{ss ss}",
		    "action", action, "module", argv[at + 1]), NULL, NULL);
	else if (strcmp(action, "command") == 0 && n >= 2)
		code = order_module(&c, o, argv[at + 1], argv[at + 2],
		    order_args(s, n - 2, argv + at + 3), show_answer, o);
	else
		settings_usage(s, "say list, start, stop, enable or disable "
		    "MODULE, or command MODULE VERB");
	order_free(o);
	client_close(&c);
	settings_free(s);
	return code;
}
