/* downloads, revoke: the links to packages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

static const struct column columns[] = {
	{ "TOKEN", 0 }, { "JOB", COL_DROP }, { "STATE", 0 },
	{ "EXPIRES", 0 }, { "FETCHED", COL_RIGHT }, { "MAX", COL_RIGHT },
	{ "SIZE", COL_RIGHT | COL_DROP }, { "FILE", COL_SHRINK | COL_DROP }
};

static void
add_download(struct table *t, const json_t *d)
{
	char		 expires[CELL], size[CELL], count[CELL], most[CELL];
	int		 wide = at_terminal(STDOUT_FILENO);
	int64_t		 n = json_int(d, "downloads", 0);
	int64_t		 max = json_int(d, "maxDownloads", 0);
	const char	*state = json_bool(d, "revoked", 0) ? "revoked" :
			    json_bool(d, "expired", 0) ? "expired" :
			    max > 0 && n >= max ? "used" : "valid";

	table_add(t, (const char *const[]){ json_str(d, "token", ""),
	    json_str(d, "jobId", ""), state,
	    cell_time(d, "expiresAt", wide, expires),
	    cell_int(d, "downloads", count),
	    max > 0 ? cell_int(d, "maxDownloads", most) : "",
	    cell_bytes(d, "size", wide, size), json_str(d, "fileName", "") });
}

/* All pages' downloads, a row at a time into t or into the list. */
static void
walk_pages(const struct client *c, struct table *t, json_t *list)
{
	char		*cursor = NULL;
	const char	*next;
	struct buf	 path = BUF_INIT;
	json_t		*page, *d;
	size_t		 i;

	do {
		buf_clear(&path);
		buf_adds(&path, "/api/artifacts/downloads");
		if (cursor != NULL)
			query_add(&path, "cursor", cursor);
		page = client_call(c, "GET", buf_str(&path), NULL);
		json_array_foreach(json_object_get(page, "downloads"), i, d)
			if (t != NULL)
				add_download(t, d);
			else
				json_array_append(list, d);
		next = json_str(page, "nextCursor", NULL);
		free(cursor);
		cursor = next != NULL ? xstrdup(next) : NULL;
		json_decref(page);
		out_flush();
	} while (cursor != NULL);
	buf_release(&path);
}

int
downloads_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster downloads", .synopsis = "[--json]",
		.about = "Lists your download links.",
		.table = table, .n = nitems(table),
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	json_t		*list = json_array();
	struct table	*t = NULL;
	struct client	 c;

	client_open(&c, s);
	if (!c.json)
		t = table_new(columns, nitems(columns));
	walk_pages(&c, t, list);
	if (c.json)
		print_json(list);
	else
		table_print(t);
	json_decref(list);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}

int
revoke_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster revoke", .synopsis = "[--json] TOKEN|URL...",
		.about = "Makes download links invalid.",
		.table = table, .n = nitems(table),
		.groups = SETTINGS_OPERANDS,
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	int		 i, code = EXIT_YES;
	const char	*token;
	struct client	 c;
	struct buf	 path = BUF_INIT;

	if (settings_first(s) == argc)
		settings_usage(s, "needs a token, or several");
	client_open(&c, s);
	for (i = settings_first(s); i < argc; i++) {
		token = strrchr(argv[i], '/');	/* a whole URL serves too */
		buf_clear(&path);
		buf_adds(&path, "/api/artifacts/downloads");
		path_add(&path, token != NULL ? token + 1 : argv[i]);
		client_act(&c, spec.tool, (struct request){
		    .method = "DELETE", .path = buf_str(&path) }, argv[i],
		    &code);
	}
	buf_release(&path);
	client_close(&c);
	settings_free(s);
	return code;
}
