/* jobs, job, why, cancel, delete: looking at builds and ending them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"

/* -- jobs -- */

static const struct setting jobs_table[] = {
	CLIENT_SETTINGS,
	{ "status", 0, NULL, SETTING_STR, NULL, 0, 0, "STATUS",
	    "pending, running, completed, failed or cancelled",
	    SETTING_FLAG, NULL },
	{ "name", 0, NULL, SETTING_STR, NULL, 0, 0, "NAME",
	    "of agents with this name", SETTING_FLAG, NULL },
	{ "limit", 'n', NULL, SETTING_INT, "50", 1, MAX_ROWS, "N",
	    "the newest N", SETTING_FLAG, NULL },
	{ "after", 0, NULL, SETTING_STR, NULL, 0, 0, "CURSOR",
	    "go on where a shorter list ended", SETTING_FLAG, NULL },
	{ "all", 'a', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "everybody's (administrators)", SETTING_FLAG, NULL },
};

static const struct settings_spec jobs_spec = {
	.tool = "muster jobs", .synopsis = "[--status STATUS] [--name NAME] "
	    "[-n N] [-a] [--after CURSOR]\n\t[--json]",
	.about = "Lists builds, newest first.",
	.table = jobs_table, .n = nitems(jobs_table),
};

static const struct column job_columns[] = {
	{ "ID", 0 }, { "STATUS", 0 }, { "OS", 0 }, { "ARCH", 0 },
	{ "NAME", COL_SHRINK }, { "USER", COL_SHRINK | COL_DROP },
	{ "CREATED", COL_DROP }, { "TOOK", COL_RIGHT | COL_DROP }
};

static void
add_job(struct table *t, const json_t *j)
{
	char	took[CELL], created[CELL];
	int	wide = at_terminal(STDOUT_FILENO);

	table_add(t, (const char *const[]){ json_str(j, "id", ""),
	    json_str(j, "status", ""), json_str(j, "platform", ""),
	    json_str(j, "architecture", ""), json_str(j, "customName", ""),
	    json_str(j, "user", ""),
	    cell_time(j, "createdAt", wide, created),
	    cell_ms(j, "totalMs", wide, took) });
}

/* One page, at most so many; NULL cursor: the first. */
static json_t *
jobs_page(const struct client *c, const struct settings *s,
    const char *cursor, int64_t limit)
{
	struct buf	 path = BUF_INIT;
	json_t		*page;

	buf_adds(&path, "/api/agents/build/jobs");
	query_add_int(&path, "limit", limit < PAGE_JOBS ? limit : PAGE_JOBS);
	if (settings_has(s, "status"))
		query_add(&path, "status", settings_str(s, "status"));
	if (settings_has(s, "name"))
		query_add(&path, "name", settings_str(s, "name"));
	if (settings_bool(s, "all"))
		query_add(&path, "all", "1");
	if (cursor != NULL)
		query_add(&path, "cursor", cursor);
	page = client_call(c, "GET", buf_str(&path), NULL);
	buf_release(&path);
	return page;
}

/* The pages that it takes, a row at a time into t or into the list; the
 * cursor behind them, freed by the caller, or NULL at the end. */
static char *
walk_pages(const struct client *c, const struct settings *s,
    struct table *t, json_t *list)
{
	const char	*next = settings_str(s, "after");
	char		*cursor = next != NULL ? xstrdup(next) : NULL;
	int64_t		 left = settings_int(s, "limit");
	json_t		*page, *job;
	size_t		 i;

	do {
		page = jobs_page(c, s, cursor, left);
		json_array_foreach(json_object_get(page, "jobs"), i, job) {
			if (t != NULL)
				add_job(t, job);
			else
				json_array_append(list, job);
			left--;
		}
		next = json_str(page, "nextCursor", NULL);
		free(cursor);
		cursor = next != NULL ? xstrdup(next) : NULL;
		json_decref(page);
		out_flush();
	} while (cursor != NULL && left > 0);
	return cursor;
}

int
jobs_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&jobs_spec, argc, argv);
	struct client	 c;
	struct table	*t = NULL;
	json_t		*list = json_array(), *whole;
	char		*cursor;

	client_open(&c, s);
	if (!c.json)
		t = table_new(job_columns, nitems(job_columns));
	cursor = walk_pages(&c, s, t, list);
	if (c.json) {
		whole = json_pack("{sb sO ss?}", "success", 1, "jobs", list,
		    "nextCursor", cursor);
		print_json(whole);
		json_decref(whole);
	} else
		table_print(t);
	if (!c.json && cursor != NULL && at_terminal(STDOUT_FILENO))
		fprintf(stderr, "there are more: -n N, or --after %s\n",
		    cursor);
	json_decref(list);
	free(cursor);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}

/* -- job, why -- */

static const struct setting job_table[] = {
	CLIENT_SETTINGS,
	{ "wait", 'w', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "until the build has ended; exit 1 unless it is completed",
	    SETTING_FLAG, NULL },
	{ "timeout", 't', NULL, SETTING_DURATION, NULL, 1, 0, "TIME",
	    "wait no longer (exit 99)", SETTING_FLAG, NULL },
};

static const struct settings_spec job_spec = {
	.tool = "muster job", .synopsis = "[-w] [-t TIME] [--json] ID",
	.about = "Shows one build: name and value, a line each.",
	.table = job_table, .n = nitems(job_table),
	.groups = SETTINGS_OPERANDS,
};

int
job_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&job_spec, argc, argv);
	const char	*id = one_operand(s, argc, argv, "a job's id");
	char		*path = job_path(id, "");
	struct client	 c;
	json_t		*answer, *job;

	client_open(&c, s);
	if (settings_bool(s, "wait"))
		json_decref(job_wait(&c, id, settings_int(s, "timeout")));
	answer = client_call(&c, "GET", path, NULL);
	job = json_object_get(answer, "job");
	if (c.json)
		print_json(job);
	else
		print_members(job, "log");
	out_flush();
	if (settings_bool(s, "wait"))
		job_must_be_good(job);
	json_decref(answer);
	free(path);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}

int
why_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster why", .synopsis = "[--json] ID",
		.about = "Says why a build waits, and how long it may take.",
		.table = table, .n = nitems(table),
		.groups = SETTINGS_OPERANDS,
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	char		*path = job_path(one_operand(s, argc, argv,
			    "a job's id"), "/why");
	struct client	 c;
	json_t		*answer;

	client_open(&c, s);
	answer = client_call(&c, "GET", path, NULL);
	if (c.json)
		print_json(answer);
	else
		print_members(answer, "success");
	json_decref(answer);
	free(path);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}

/* -- cancel, delete: several at once -- */

/* Each job is asked for, whatever became of the one before; the first
 * fault's code is the last word. */
static int
for_each_job(const struct settings_spec *spec, int argc, char **argv,
    const char *method, const char *tail)
{
	struct settings	*s = settings_load(spec, argc, argv);
	int		 i, code = EXIT_YES;
	struct client	 c;
	char		*path;

	if (settings_first(s) == argc)
		settings_usage(s, "needs a job's id, or several");
	for (i = settings_first(s); i < argc; i++)
		free(job_path(argv[i], ""));	/* all are ids, or none goes */
	client_open(&c, s);
	for (i = settings_first(s); i < argc; i++) {
		path = job_path(argv[i], tail);
		client_act(&c, spec->tool, (struct request){
		    .method = method, .path = path }, argv[i], &code);
		free(path);
	}
	client_close(&c);
	settings_free(s);
	return code;
}

int
cancel_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster cancel", .synopsis = "[--json] ID...",
		.about = "Cancels builds, waiting or running.",
		.table = table, .n = nitems(table),
		.groups = SETTINGS_OPERANDS,
	};

	return for_each_job(&spec, argc, argv, "POST", "/cancel");
}

int
delete_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster delete", .synopsis = "[--json] ID...",
		.about = "Deletes builds that have ended, with their logs "
		    "and downloads.",
		.table = table, .n = nitems(table),
		.groups = SETTINGS_OPERANDS,
	};

	return for_each_job(&spec, argc, argv, "DELETE", "");
}
