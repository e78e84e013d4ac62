/* graph: who depends on whom on a host, drawn for dot(1) or as JSON; what is
 * installed there, and what must be restarted. */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "muster_order.h"

static const struct setting graph_table[] = {
	ORDER_SETTINGS,
	{ "diff", 'd', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "what has changed since the graph before", SETTING_FLAG, NULL },
	{ "restart", 'r', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "what runs on with libraries that were replaced", SETTING_FLAG,
	    NULL },
	{ "packages", 'p', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "packages that are installed", SETTING_FLAG, NULL },
	{ "cyclonedx", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "the same as a CycloneDX document", SETTING_FLAG, NULL }
};

static const struct settings_spec graph_spec = {
	.tool = "muster graph",
	.synopsis = "[-t TIME] [--json] [-d|-r|-p|--cyclonedx] AGENT",
	.about = "Draws who depends on whom on a host: muster graph AGENT | "
	    "dot -Tsvg.",
	.table = graph_table, .n = nitems(graph_table),
	.groups = SETTINGS_OPERANDS,
};

static void
show_dot(const char *host, const json_t *value, void *arg)
{
	(void)host;
	(void)arg;
	fputs(json_str(value, "dot", ""), stdout);
}

/* -- differences: a line each, '+' or '-', what, id -- */

static void
show_ids(const char *sign, const char *what, const json_t *ids)
{
	const json_t	*id;
	const char	*p;
	size_t		 i;

	json_array_foreach(ids, i, id) {
		printf("%s\t%s\t", sign, what);
		/* an edge's parts are apart by tabs, which stay */
		for (p = json_string_value(id); *p != '\0'; p++)
			putchar(*p == '\n' ? ' ' : *p);
		putchar('\n');
	}
}

static void
show_diff(const char *host, const json_t *value, void *arg)
{
	const json_t	*added = json_object_get(value, "added");
	const json_t	*removed = json_object_get(value, "removed");

	(void)host;
	(void)arg;
	show_ids("+", "node", json_object_get(added, "nodes"));
	show_ids("+", "edge", json_object_get(added, "edges"));
	show_ids("-", "node", json_object_get(removed, "nodes"));
	show_ids("-", "edge", json_object_get(removed, "edges"));
}

/* -- tables -- */

static const struct column restart_columns[] = {
	{ "SERVICE", 0 }, { "PROGRAM", COL_SHRINK }, { "LIBRARY", COL_SHRINK },
	{ "IS", 0 }
};

static void
show_restart(const char *host, const json_t *value, void *arg)
{
	const json_t	*list = json_object_get(value, "restartNeeded"), *o;
	const json_t	*names;
	size_t		 i, k;

	(void)host;
	json_array_foreach(list, i, o) {
		names = json_object_get(o, "libraries");
		for (k = 0; k < json_array_size(names); k++)
			table_add(arg, (const char *const[]){
			    json_str(o, "service", "-"),
			    json_str(o, "program", ""),
			    json_string_value(json_array_get(names, k)),
			    json_string_value(json_array_get(
			    json_object_get(o, "why"), k)) });
	}
}

static const struct column package_columns[] = {
	{ "PACKAGE", 0 }, { "VERSION", COL_SHRINK }, { "ARCH", 0 },
	{ "SOURCE", COL_SHRINK | COL_DROP }, { "SECTION", COL_DROP }
};

static void
show_packages(const char *host, const json_t *value, void *arg)
{
	const json_t	*list = json_object_get(value, "packages"), *o;
	size_t		 i;

	(void)host;
	json_array_foreach(list, i, o)
		table_add(arg, (const char *const[]){ json_str(o, "name", ""),
		    json_str(o, "version", ""), json_str(o, "architecture",
		    ""), json_str(o, "source", ""), json_str(o, "section",
		    "") });
}

static enum exit_code
table_of(const struct client *c, const struct order *o, const char *verb,
    const struct column *columns, size_t n, order_show show)
{
	struct table	*t = table_new(columns, n);
	enum exit_code	 code = order_module(c, o, "analysis", verb, NULL,
			    show, t);

	table_print(t);
	return code;
}

/* -- CycloneDX: its components come in parts, the rest at the end -- */

static void
gather(const char *host, const json_t *value, void *arg)
{
	json_t	*doc = arg;
	json_t	*list = json_object_get(value, "components");

	(void)host;
	if (list != NULL)
		json_array_extend(json_object_get(doc, "components"), list);
	else
		json_object_update(doc, (json_t *)(uintptr_t)value);
}

static enum exit_code
cyclonedx(const struct client *c, const struct order *o)
{
	json_t		*doc = json_pack("{s[]}", "components");
	enum exit_code	 code = order_module(c, o, "analysis", "cyclonedx",
			    NULL, gather, doc);

	if (code == EXIT_YES) {
		json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
	}
	json_decref(doc);
	return code;
}

int
graph_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&graph_spec, argc, argv);
	int		 at = settings_first(s), code;
	struct order	*o = order_new(s, argc, argv, &at);
	struct client	 c;

	if (at < argc || !order_is_single(o))
		settings_usage(s, "say one AGENT");
	if (settings_bool(s, "diff") + settings_bool(s, "restart") +
	    settings_bool(s, "packages") + settings_bool(s, "cyclonedx") > 1)
		settings_usage(s, "-d, -r, -p and --cyclonedx exclude each "
		    "other");
	client_open(&c, s);
	if (settings_bool(s, "diff"))
		code = order_module(&c, o, "analysis", "diff", NULL,
		    show_diff, NULL);
	else if (settings_bool(s, "restart"))
		code = table_of(&c, o, "restart", restart_columns,
		    nitems(restart_columns), show_restart);
	else if (settings_bool(s, "packages"))
		code = table_of(&c, o, "packages", package_columns,
		    nitems(package_columns), show_packages);
	else if (settings_bool(s, "cyclonedx"))
		code = cyclonedx(&c, o);
	else if (settings_bool(s, "json"))
		code = order_module(&c, o, "analysis", "graph", NULL, NULL,
		    NULL);
	else
		code = order_module(&c, o, "analysis", "dot", NULL, show_dot,
		    NULL);
	order_free(o);
	client_close(&c);
	settings_free(s);
	return code;
}
