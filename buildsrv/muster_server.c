/* stats, cleanup, version: the server itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

/* -- stats -- */

/* "prefix.name" and each value that is no object. */
static void
add_figures(struct table *t, const char *prefix, const json_t *o)
{
	const char	*name;
	char		*path, *text;
	json_t		*v;

	json_object_foreach((json_t *)(uintptr_t)o, name, v) {
		if (strcmp(name, "success") == 0)
			continue;
		path = xasprintf("%s.%s", prefix, name);
		if (json_is_object(v))
			add_figures(t, path, v);
		else {
			text = json_is_string(v) ?
			    xstrdup(json_string_value(v)) : json_text(v);
			table_add(t, (const char *const[]){ path, text });
			free(text);
		}
		free(path);
	}
}

int
stats_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster stats", .synopsis = "[--json]",
		.about = "Figures of the queue and the artifacts, for "
		    "administrators.",
		.table = table, .n = nitems(table),
	};
	static const struct column columns[] = {
		{ "FIGURE", 0 }, { "VALUE", 0 }
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	struct table	*t;
	json_t		*builds, *artifacts, *all;

	client_open(&c, s);
	builds = client_call(&c, "GET", "/api/agents/build/stats", NULL);
	artifacts = client_call(&c, "GET", "/api/artifacts/stats", NULL);
	if (c.json) {
		all = json_pack("{sO sO}", "builds", builds, "artifacts",
		    artifacts);
		print_json(all);
		json_decref(all);
	} else {
		t = table_new(columns, nitems(columns));
		add_figures(t, "builds", json_object_get(builds, "stats"));
		add_figures(t, "measured", json_object_get(builds,
		    "measured"));
		add_figures(t, "artifacts", artifacts);
		table_print(t);
	}
	json_decref(builds);
	json_decref(artifacts);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}

/* -- cleanup -- */

enum { CLEANUP_SILENCE = 600000 };	/* ms; it answers when all is done */

static const struct setting cleanup_table[] = {
	SOCKET_SETTING,
	CLIENT_SETTINGS,
	{ "dry-run", 'n', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "only say what would go", SETTING_FLAG, NULL },
};

static const struct settings_spec cleanup_spec = {
	.tool = "muster cleanup", .synopsis = "[-n] [--json]",
	.about = "Removes old jobs, expired links and files that no record "
	    "leads to; prints what goes.",
	.table = cleanup_table, .n = nitems(cleanup_table),
	.groups = SETTINGS_DIRS,
};

/* What went, a line each; the counts as words. */
static void
print_cleaned(const json_t *answer)
{
	static const char *const counts[] = {
		"jobs", "tokens", "events", "reports", "orphans", "restored", "files",
		"directories", "temporary"
	};
	static const struct column columns[] = { { "WHAT", 0 }, { "NAME", 0 } };
	struct table	*t = table_new(columns, nitems(columns));
	struct buf	 b = BUF_INIT;
	const json_t	*item;
	char		 bytes[CELL];
	size_t		 i;

	json_array_foreach(json_object_get(answer, "items"), i, item)
		table_add(t, (const char *const[]){
		    json_string_value(json_array_get(item, 0)),
		    json_string_value(json_array_get(item, 1)) });
	table_print(t);
	for (i = 0; i < nitems(counts); i++)
		if (json_int(answer, counts[i], 0) > 0)
			buf_printf(&b, "%s%s %lld", b.len > 0 ? ", " : "",
			    counts[i],
			    (long long)json_int(answer, counts[i], 0));
	fprintf(stderr, "muster cleanup: %s%s (%s)%s\n",
	    json_bool(answer, "dryRun", 0) ? "would go: " : "gone: ",
	    b.len > 0 ? buf_str(&b) : "nothing",
	    human_bytes(json_int(answer, "bytes", 0), bytes),
	    json_bool(answer, "truncated", 0) ? "; not all are listed" : "");
	buf_release(&b);
}

int
cleanup_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&cleanup_spec, argc, argv);
	struct client	 c;
	struct answer	 a;

	client_open_either(&c, s);
	progress_show("cleaning up");
	client_ask(&c, (struct request){ .method = "POST",
	    .path = settings_bool(s, "dry-run") ? "/api/cleanup?dryRun=1" :
	    "/api/cleanup", .timeout_ms = c.silence_ms != 0 ? 0 :
	    CLEANUP_SILENCE }, &a);
	progress_clear();
	if (!answer_good(&a))
		die(answer_code(&a), "%s", answer_words(&c, &a));
	if (c.json)
		print_json(a.body);
	else
		print_cleaned(a.body);
	answer_release(&a);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}

/* -- version -- */

int
version_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster version", .synopsis = "[--json]",
		.about = "This tool's version, the server's, and whether it "
		    "is well.",
		.table = table, .n = nitems(table),
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	json_t		*answer;
	char		*status, *version;

	client_open(&c, s);
	answer = client_call(&c, "GET", "/healthz", NULL);
	if (c.json) {
		json_object_set_new(answer, "client",
		    json_string(MUSTER_VERSION));
		print_json(answer);
	} else {
		status = clean_text(json_str(answer, "status", "?"));
		version = clean_text(json_str(answer, "version", "?"));
		printf("muster\t%s\nserver\t%s\t%s\t%s\n", MUSTER_VERSION,
		    version, status, c.name);
		free(status);
		free(version);
	}
	json_decref(answer);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
