/*
 * account: who may use the server.  Accounts are made and changed over the
 * server's own socket, by root or the server's user; an account looks at
 * itself and changes its own key with that key, from anywhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

static const struct setting account_table[] = {
	SOCKET_SETTING,
	CLIENT_SETTINGS,
	{ "role", 0, NULL, SETTING_STR, "user", 0, 0, "ROLE",
	    "admin or user", SETTING_FLAG, NULL },
	{ "type", 0, NULL, SETTING_STR, "user", 0, 0, "TYPE",
	    "user, service or action", SETTING_FLAG, NULL },
	{ "workspace", 'w', NULL, SETTING_LIST, NULL, 0, 0, "NAME",
	    "the account may use it (repeatable)", SETTING_FLAG, NULL },
	{ "grace", 0, NULL, SETTING_DURATION, NULL, 0, 0, "TIME",
	    "rotate: the old key serves so long still", SETTING_FLAG, NULL },
};

static const struct settings_spec account_spec = {
	.tool = "muster account",
	.synopsis = "add NAME [--role ROLE] [--type TYPE] [-w WORKSPACE]..."
	    "\n\tlist | show [NAME] | rotate [NAME] [--grace TIME]"
	    "\n\tdisable NAME... | enable NAME..."
	    " | workspaces NAME [WORKSPACE...]",
	.about = "Makes accounts, whose keys it prints once; lists and "
	    "changes them.",
	.table = account_table, .n = nitems(account_table),
	.groups = SETTINGS_DIRS | SETTINGS_OPERANDS,
};

struct account {
	const struct settings	*s;
	struct client		 c;
	int			 n;		/* operands behind the verb */
	char			**operand;
};

static char *
account_path(const char *name, const char *tail)
{
	struct buf	b = BUF_INIT;

	buf_adds(&b, "/api/accounts");
	path_add(&b, name);
	buf_adds(&b, tail);
	return buf_take(&b);
}

static json_t *
names(char **item, int n)
{
	json_t	*list = json_array();
	int	 i;

	for (i = 0; i < n; i++)
		json_array_append_new(list, json_string(item[i]));
	return list;
}

/* The key alone on stdout, for $(...). */
static void
print_key(const struct account *a, json_t *answer)
{
	if (a->c.json)
		print_json(answer);
	else
		printf("%s\n", json_str(answer, "key", ""));
	if (at_terminal(STDOUT_FILENO))
		fprintf(stderr, "keep it: it is shown once (its variable is "
		    "MUSTER_API_KEY)\n");
	json_decref(answer);
}

static void
account_add(struct account *a)
{
	json_t		*body = json_pack("{ss ss ss}",
			    "name", a->operand[0],
			    "role", settings_str(a->s, "role"),
			    "type", settings_str(a->s, "type"));
	json_t		*list = json_array();
	const char	*name;
	size_t		 i;

	for (i = 0; (name = settings_item(a->s, "workspace", i)) != NULL; i++)
		json_array_append_new(list, json_string(name));
	if (json_array_size(list) > 0)
		json_object_set(body, "workspaces", list);
	json_decref(list);
	client_open_local(&a->c, a->s);
	print_key(a, client_call(&a->c, "POST", "/api/accounts", body));
}

/* -- looking -- */

static const struct column columns[] = {
	{ "NAME", 0 }, { "ROLE", 0 }, { "TYPE", 0 }, { "STATE", 0 },
	{ "CREATED", COL_DROP }, { "WORKSPACES", COL_SHRINK | COL_DROP }
};

static void
add_account(struct table *t, const json_t *a)
{
	char	*spaces = words_joined(json_object_get(a, "workspaces"));
	char	 created[CELL];

	table_add(t, (const char *const[]){ json_str(a, "name", ""),
	    json_str(a, "role", ""), json_str(a, "type", ""),
	    json_bool(a, "disabled", 0) ? "disabled" : "enabled",
	    cell_time(a, "createdAt", at_terminal(STDOUT_FILENO), created),
	    spaces });
	free(spaces);
}

/* All accounts, of all pages. */
static json_t *
all_accounts(const struct account *a)
{
	json_t		*list = json_array(), *page;
	char		*cursor = NULL;
	const char	*next;
	struct buf	 path = BUF_INIT;

	do {
		buf_clear(&path);
		buf_adds(&path, "/api/accounts");
		if (cursor != NULL)
			query_add(&path, "cursor", cursor);
		page = client_call(&a->c, "GET", buf_str(&path), NULL);
		json_array_extend(list, json_object_get(page, "accounts"));
		next = json_str(page, "next", json_str(page, "nextCursor",
		    NULL));
		free(cursor);
		cursor = next != NULL ? xstrdup(next) : NULL;
		json_decref(page);
	} while (cursor != NULL);
	buf_release(&path);
	return list;
}

static void
account_list(struct account *a)
{
	json_t		*list, *item;
	struct table	*t;
	size_t		 i;

	client_open_either(&a->c, a->s);
	list = all_accounts(a);
	if (a->c.json)
		print_json(list);
	else {
		t = table_new(columns, nitems(columns));
		json_array_foreach(list, i, item)
			add_account(t, item);
		table_print(t);
	}
	json_decref(list);
}

/* The account of that name, borrowed from the list, or NULL. */
static json_t *
by_name(const json_t *list, const char *name)
{
	json_t	*item;
	size_t	 i;

	json_array_foreach(list, i, item)
		if (strcmp(json_str(item, "name", ""), name) == 0)
			return item;
	return NULL;
}

static void
account_show(struct account *a)
{
	json_t	*answer, *account;

	if (a->n > 0) {
		client_open_either(&a->c, a->s);
		answer = all_accounts(a);
		account = by_name(answer, a->operand[0]);
		if (account == NULL)
			die(EXIT_NO, "no such account: %s", a->operand[0]);
	} else {
		client_open(&a->c, a->s);
		answer = client_call(&a->c, "GET", "/api/account", NULL);
		account = json_object_get(answer, "account");
		if (account == NULL)
			account = answer;
	}
	if (a->c.json)
		print_json(account);
	else
		print_members(account, "success");
	json_decref(answer);
}

/* -- changing -- */

/* The own key, over the network; another's, over the socket. */
static void
account_rotate(struct account *a)
{
	json_t	*own = NULL, *account, *body = NULL;
	char	*path;

	if (a->n > 0) {
		client_open_local(&a->c, a->s);
		path = account_path(a->operand[0], "/rotate");
	} else {
		client_open(&a->c, a->s);
		own = client_call(&a->c, "GET", "/api/account", NULL);
		account = json_object_get(own, "account");
		path = account_path(json_str(account != NULL ? account : own,
		    "name", ""), "/rotate");
	}
	if (settings_has(a->s, "grace"))
		body = json_pack("{sI}", "grace",
		    (json_int_t)(settings_int(a->s, "grace") / 1000));
	print_key(a, client_call(&a->c, "POST", path, body));
	json_decref(own);
	free(path);
}

static int
for_each(struct account *a, const char *tail)
{
	int	 i, code = EXIT_YES;
	char	*path;

	client_open_local(&a->c, a->s);
	for (i = 0; i < a->n; i++) {
		path = account_path(a->operand[i], tail);
		client_act(&a->c, account_spec.tool, (struct request){
		    .method = "POST", .path = path }, a->operand[i], &code);
		free(path);
	}
	return code;
}

static int
account_workspaces(struct account *a)
{
	int	 code = EXIT_YES;
	char	*path = account_path(a->operand[0], "/workspaces");

	client_open_local(&a->c, a->s);
	client_act(&a->c, account_spec.tool, (struct request){
	    .method = "PUT", .path = path, .body = json_pack("{so}",
	    "workspaces", names(a->operand + 1, a->n - 1)) },
	    a->operand[0], &code);
	free(path);
	return code;
}

/* -- the verbs -- */

static int
run(struct account *a, const char *verb)
{
	if (strcmp(verb, "add") == 0 && a->n == 1)
		account_add(a);
	else if (strcmp(verb, "list") == 0 && a->n == 0)
		account_list(a);
	else if (strcmp(verb, "show") == 0 && a->n <= 1)
		account_show(a);
	else if (strcmp(verb, "rotate") == 0 && a->n <= 1)
		account_rotate(a);
	else if (strcmp(verb, "disable") == 0 && a->n > 0)
		return for_each(a, "/disable");
	else if (strcmp(verb, "enable") == 0 && a->n > 0)
		return for_each(a, "/enable");
	else if (strcmp(verb, "workspaces") == 0 && a->n > 0)
		return account_workspaces(a);
	else
		settings_usage(a->s, "say add, list, show, rotate, disable, "
		    "enable or workspaces, with a name where it needs one");
	return EXIT_YES;
}

int
account_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&account_spec, argc, argv);
	int		 first = settings_first(s), code;
	struct account	 a = {
		.s = s, .n = argc - first - 1, .operand = argv + first + 1
	};

	if (first == argc)
		settings_usage(s, "say add, list, show, rotate, disable, "
		    "enable or workspaces");
	code = run(&a, argv[first]);
	client_close(&a.c);
	settings_free(s);
	return code;
}
