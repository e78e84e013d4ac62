/* webhook: events sent to a URL of the caller's choice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

static const struct setting webhook_table[] = {
	CLIENT_SETTINGS,
	{ "all", 'a', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "everybody's events (administrators)", SETTING_FLAG, NULL },
	{ "after", 0, NULL, SETTING_INT, NULL, 0, INT64_MAX / 2, "N",
	    "begin behind event N; from now on", SETTING_FLAG, NULL },
	{ "event", 'e', NULL, SETTING_LIST, NULL, 0, 0, "TYPE",
	    "buildJobCompleted ... (repeatable); all", SETTING_FLAG, NULL },
};

static const struct settings_spec webhook_spec = {
	.tool = "muster webhook",
	.synopsis = "add URL [-e TYPE]... [-a] [--after N]"
	    "\n\tlist | show ID | remove ID...",
	.about = "Has events sent to a URL.  add prints the hook's id and "
	    "its secret, once.",
	.table = webhook_table, .n = nitems(webhook_table),
	.groups = SETTINGS_OPERANDS,
};

static char *
webhook_path(const char *id)
{
	struct buf	b = BUF_INIT;

	buf_adds(&b, "/api/webhooks");
	path_add(&b, id);
	return buf_take(&b);
}

static void
webhook_add(const struct client *c, const struct settings *s, const char *url)
{
	json_t		*body = json_pack("{ss}", "url", url);
	json_t		*list = json_array(), *answer, *hook;
	const char	*type;
	size_t		 i;

	for (i = 0; (type = settings_item(s, "event", i)) != NULL; i++)
		json_array_append_new(list, json_string(type));
	if (json_array_size(list) > 0)
		json_object_set(body, "events", list);
	json_decref(list);
	if (settings_bool(s, "all"))
		json_object_set_new(body, "all", json_true());
	if (settings_has(s, "after"))
		json_object_set_new(body, "after",
		    json_integer(settings_int(s, "after")));
	answer = client_call(c, "POST", "/api/webhooks", body);
	hook = json_object_get(answer, "webhook");
	if (hook == NULL)
		hook = answer;
	if (c->json)
		print_json(answer);
	else
		printf("%s\t%s\n", json_str(hook, "id", ""), json_str(hook,
		    "secret", json_str(answer, "secret", "")));
	if (at_terminal(STDOUT_FILENO))
		fprintf(stderr, "id and secret: keep the secret, it is shown "
		    "once\n");
	json_decref(answer);
}

static void
webhook_list(const struct client *c)
{
	static const struct column columns[] = {
		{ "ID", 0 }, { "STATE", 0 }, { "FAILURES", COL_RIGHT },
		{ "CREATED", COL_DROP }, { "URL", COL_SHRINK },
		{ "EVENTS", COL_SHRINK | COL_DROP }
	};
	json_t		*answer = client_call(c, "GET", "/api/webhooks", NULL);
	json_t		*list = json_object_get(answer, "webhooks"), *h;
	struct table	*t;
	char		 when[CELL], failures[CELL], *events;
	size_t		 i;

	if (c->json)
		print_json(list);
	else {
		t = table_new(columns, nitems(columns));
		json_array_foreach(list, i, h) {
			events = words_joined(json_object_get(h, "events"));
			table_add(t, (const char *const[]){
			    json_str(h, "id", ""),
			    json_bool(h, "disabled", 0) ? "disabled" :
			    "enabled", cell_int(h, "failures", failures),
			    cell_time(h, "createdAt",
			    at_terminal(STDOUT_FILENO), when),
			    json_str(h, "url", ""),
			    events[0] != '\0' ? events : "all" });
			free(events);
		}
		table_print(t);
	}
	json_decref(answer);
}

static void
webhook_show(const struct client *c, const char *id)
{
	char	*path = webhook_path(id);
	json_t	*answer = client_call(c, "GET", path, NULL);
	json_t	*hook = json_object_get(answer, "webhook");

	if (hook == NULL)
		hook = answer;
	if (c->json)
		print_json(hook);
	else
		print_members(hook, "success");
	json_decref(answer);
	free(path);
}

static int
webhook_remove(const struct client *c, int n, char **id)
{
	int	 i, code = EXIT_YES;
	char	*path;

	for (i = 0; i < n; i++) {
		path = webhook_path(id[i]);
		client_act(c, webhook_spec.tool, (struct request){
		    .method = "DELETE", .path = path }, id[i], &code);
		free(path);
	}
	return code;
}

int
webhook_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&webhook_spec, argc, argv);
	int		 first = settings_first(s), code = EXIT_YES;
	const char	*verb = first < argc ? argv[first] : "";
	int		 n = argc - first - 1;
	struct client	 c;

	client_open(&c, s);
	if (strcmp(verb, "add") == 0 && n == 1)
		webhook_add(&c, s, argv[first + 1]);
	else if (strcmp(verb, "list") == 0 && n == 0)
		webhook_list(&c);
	else if (strcmp(verb, "show") == 0 && n == 1)
		webhook_show(&c, argv[first + 1]);
	else if (strcmp(verb, "remove") == 0 && n > 0)
		code = webhook_remove(&c, n, argv + first + 1);
	else
		settings_usage(s, "say add URL, list, show ID or remove ID");
	client_close(&c);
	settings_free(s);
	return code;
}
