/* account: made over the server's own socket, by root or the server's user. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "muster.h"

static const struct setting table[] = {
	{ "socket", 0, "MUSTER_SOCKET", SETTING_PATH, NULL, 0, 0, "PATH",
	    "the server's own socket", 0, NULL },
	{ "role", 0, NULL, SETTING_STR, "user", 0, 0, "ROLE",
	    "admin or user", SETTING_FLAG, NULL },
	{ "type", 0, NULL, SETTING_STR, "user", 0, 0, "TYPE",
	    "user, service or action", SETTING_FLAG, NULL },
	{ "json", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "print the server's JSON", SETTING_FLAG, NULL },
};

static const struct settings_spec spec = {
	.tool = "muster account",
	.synopsis = "add NAME [--role ROLE] [--type TYPE] | list",
	.about = "Makes an account and prints its key, once; or lists the "
	    "accounts.",
	.table = table, .n = nitems(table),
	.groups = SETTINGS_DIRS | SETTINGS_OPERANDS,
};

static void
add(const struct client *c, const struct settings *s, const char *name)
{
	json_t	*answer = client_call(c, "POST", "/api/accounts", json_pack(
		    "{ss ss ss}", "name", name,
		    "role", settings_str(s, "role"),
		    "type", settings_str(s, "type")));

	if (settings_bool(s, "json"))
		print_json(answer);
	else
		printf("%s\n", json_str(answer, "key", ""));
	json_decref(answer);
}

static void
list(const struct client *c, const struct settings *s)
{
	static const char *const heads[] = { "NAME", "ROLE", "TYPE" };
	json_t		*answer = client_call(c, "GET", "/api/accounts", NULL);
	struct table	*t;
	json_t		*a;
	size_t		 i;

	if (settings_bool(s, "json"))
		print_json(json_object_get(answer, "accounts"));
	else {
		t = table_new(heads, nitems(heads));
		json_array_foreach(json_object_get(answer, "accounts"), i, a)
			table_add(t, (const char *const[]){
			    json_str(a, "name", ""), json_str(a, "role", ""),
			    json_str(a, "type", "") });
		table_print(t);
	}
	json_decref(answer);
}

int
account_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&spec, argc, argv);
	char		*socket = settings_has(s, "socket") ?
			    xstrdup(settings_str(s, "socket")) :
			    file_join(settings_run_dir(s), "buildsrv.sock");
	int		 first = settings_first(s);
	struct client	 c;

	client_open_local(&c, socket);
	if (argc - first == 2 && strcmp(argv[first], "add") == 0)
		add(&c, s, argv[first + 1]);
	else if (argc - first == 1 && strcmp(argv[first], "list") == 0)
		list(&c, s);
	else
		settings_usage(s, "say add NAME or list");
	client_close(&c);
	free(socket);
	settings_free(s);
	return EXIT_YES;
}
