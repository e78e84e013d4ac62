/* audit: who did what, for administrators. */
#include <stdio.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

enum { PAGE = 200 };		/* the server's limit for one answer */

static const struct setting audit_table[] = {
	CLIENT_SETTINGS,
	{ "after", 0, NULL, SETTING_INT, "0", 0, INT64_MAX, "N",
	    "those behind number N", SETTING_FLAG, NULL },
	{ "limit", 'n', NULL, SETTING_INT, NULL, 1, MAX_ROWS, "N",
	    "at most N, the oldest first", SETTING_FLAG, NULL },
};

static const struct settings_spec audit_spec = {
	.tool = "muster audit", .synopsis = "[--after N] [-n N] [--json]",
	.about = "Prints the audit log: number, time, who, action, object, "
	    "result, address and request.",
	.table = audit_table, .n = nitems(audit_table),
};

static const struct column columns[] = {
	{ "SEQ", COL_RIGHT }, { "TIME", 0 }, { "WHO", 0 }, { "ACTION", 0 },
	{ "OBJECT", COL_SHRINK }, { "RESULT", 0 }, { "ADDRESS", COL_DROP },
	{ "REQUEST", COL_DROP }
};

/* A member that may be text or a number. */
static const char *
text_or_int(const json_t *o, const char *key, char out[CELL])
{
	const char	*s = json_str(o, key, NULL);

	return s != NULL ? s : cell_int(o, key, out);
}

static void
add_entry(struct table *t, const json_t *e)
{
	char	seq[CELL], when[CELL], result[CELL];

	table_add(t, (const char *const[]){ cell_int(e, "seq", seq),
	    cell_time(e, "t", at_terminal(STDOUT_FILENO), when),
	    json_str(e, "who", ""), json_str(e, "action", ""),
	    json_str(e, "object", ""), text_or_int(e, "result", result),
	    json_str(e, "address", ""), json_str(e, "request", "") });
}

/* A page behind *after, which goes on to its end; how many entries. */
static int64_t
print_page(const struct client *c, struct table *t, int64_t limit,
    int64_t *after)
{
	struct buf	 path = BUF_INIT;
	json_t		*page, *list, *e;
	int64_t		 n;
	size_t		 i;

	buf_adds(&path, "/api/audit");
	query_add_int(&path, "after", *after);
	query_add_int(&path, "limit", limit < PAGE ? limit : PAGE);
	page = client_call(c, "GET", buf_str(&path), NULL);
	list = json_object_get(page, "entries");
	json_array_foreach(list, i, e) {
		if (t != NULL)
			add_entry(t, e);
		else
			print_json_line(e);
		*after = json_int(e, "seq", *after);
	}
	n = (int64_t)json_array_size(list);
	json_decref(page);
	buf_release(&path);
	out_flush();
	return n;
}

int
audit_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&audit_spec, argc, argv);
	struct table	*t = NULL;
	struct client	 c;
	int64_t		 after = settings_int(s, "after"), n;
	int64_t		 left = settings_has(s, "limit") ?
			    settings_int(s, "limit") : INT64_MAX;

	client_open(&c, s);
	if (!c.json)
		t = table_new(columns, nitems(columns));
	while (left > 0 && (n = print_page(&c, t, left, &after)) > 0)
		left -= n;
	if (t != NULL)
		table_print(t);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
