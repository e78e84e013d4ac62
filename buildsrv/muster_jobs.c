/* jobs, job, logs, cancel: looking at builds and ending them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "muster.h"

/* The only operand of a subcommand, or the usage line. */
static const char *
one_operand(const struct settings *s, int argc, char **argv, const char *what)
{
	int	first = settings_first(s);

	if (argc - first != 1)
		settings_usage(s, "needs %s", what);
	return argv[first];
}

static void
add_job(struct table *t, const json_t *j)
{
	char	ms[24];

	snprintf(ms, sizeof(ms), "%lld",
	    (long long)json_int(j, "totalMs", 0));
	table_add(t, (const char *const[]){ json_str(j, "id", ""),
	    json_str(j, "status", ""), json_str(j, "platform", ""),
	    json_str(j, "architecture", ""), json_str(j, "customName", ""),
	    json_str(j, "user", ""), json_str(j, "createdAt", ""),
	    json_object_get(j, "totalMs") != NULL ? ms : "" });
}

int
jobs_main(int argc, char **argv)
{
	static const struct setting table[] = {
		CLIENT_SETTINGS,
		{ "status", 0, NULL, SETTING_STR, NULL, 0, 0, "STATUS",
		    "pending, running, completed, failed or cancelled",
		    SETTING_FLAG, NULL },
		{ "limit", 'n', NULL, SETTING_INT, "50", 1, 200, "N",
		    "the newest N", SETTING_FLAG, NULL },
		{ "all", 'a', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
		    "everybody's (administrators)", SETTING_FLAG, NULL },
	};
	static const struct settings_spec spec = {
		.tool = "muster jobs", .synopsis = "[--status STATUS] [-n N] "
		    "[-a] [--json]",
		.about = "Lists builds, newest first.",
		.table = table, .n = nitems(table),
	};
	static const char *const heads[] = { "ID", "STATUS", "OS", "ARCH",
	    "NAME", "USER", "CREATED", "MS" };
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	struct table	*t;
	char		*path;
	json_t		*answer, *job;
	size_t		 i;

	client_open(&c, s);
	path = xasprintf("/api/agents/build/jobs?limit=%lld%s%s%s",
	    (long long)settings_int(s, "limit"),
	    settings_has(s, "status") ? "&status=" : "",
	    settings_has(s, "status") ? settings_str(s, "status") : "",
	    settings_bool(s, "all") ? "&all=1" : "");
	answer = client_call(&c, "GET", path, NULL);
	if (c.json)
		print_json(answer);
	else {
		t = table_new(heads, nitems(heads));
		json_array_foreach(json_object_get(answer, "jobs"), i, job)
			add_job(t, job);
		table_print(t);
	}
	json_decref(answer);
	free(path);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}

static void
print_member(const char *name, const json_t *v)
{
	char	*text;

	if (json_is_string(v))
		printf("%s\t%s\n", name, json_string_value(v));
	else {
		text = json_text(v);
		printf("%s\t%s\n", name, text);
		free(text);
	}
}

int
job_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster job", .synopsis = "[--json] ID",
		.about = "Shows one build: name and value, a line each.",
		.table = table, .n = nitems(table),
		.groups = SETTINGS_OPERANDS,
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	const char	*name;
	char		*path;
	json_t		*answer, *job, *v;

	path = job_path(one_operand(s, argc, argv, "a job's id"), "");
	client_open(&c, s);
	answer = client_call(&c, "GET", path, NULL);
	job = json_object_get(answer, "job");
	if (c.json)
		print_json(job);
	else
		json_object_foreach(job, name, v)
			if (strcmp(name, "log") != 0)
				print_member(name, v);
	json_decref(answer);
	free(path);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}

/* -- logs -- */

static void
print_line(const json_t *line)
{
	char	when[CLOCK_RFC3339_SIZE];

	printf("%s\t%s\t%s\n", clock_rfc3339(json_int(line, "t", 0), when),
	    json_str(line, "step", ""), json_str(line, "text", ""));
}

static int
job_has_ended(const struct client *c, const char *id)
{
	char		*path = job_path(id, "");
	json_t		*answer = client_call(c, "GET", path, NULL);
	const char	*status = json_str(json_object_get(answer, "job"),
			    "status", "");
	int		 ended = strcmp(status, "pending") != 0 &&
			    strcmp(status, "running") != 0;

	json_decref(answer);
	free(path);
	return ended;
}

int
logs_main(int argc, char **argv)
{
	static const struct setting table[] = {
		CLIENT_SETTINGS,
		{ "follow", 'f', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
		    "go on until the build has ended", SETTING_FLAG, NULL },
	};
	static const struct settings_spec spec = {
		.tool = "muster logs", .synopsis = "[-f] ID",
		.about = "Prints a build's log: time, step and text.",
		.table = table, .n = nitems(table),
		.groups = SETTINGS_OPERANDS,
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	const char	*id = one_operand(s, argc, argv, "a job's id");
	char		 tail[48], *path;
	int64_t		 next = 0, was;
	json_t		*answer, *line;
	size_t		 i;
	int		 last = !settings_bool(s, "follow");

	client_open(&c, s);
	for (;;) {
		if (!last)	/* asked before the lines: none is missed */
			last = job_has_ended(&c, id);
		do {
			was = next;
			snprintf(tail, sizeof(tail), "/log?from=%lld",
			    (long long)next);
			path = job_path(id, tail);
			answer = client_call(&c, "GET", path, NULL);
			json_array_foreach(json_object_get(answer, "lines"), i,
			    line)
				print_line(line);
			next = json_int(answer, "next", next);
			json_decref(answer);
			free(path);
		} while (next > was);
		fflush(stdout);
		if (last)
			break;
		uv_sleep(200);
	}
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}

int
cancel_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster cancel", .synopsis = "ID",
		.about = "Cancels a build, waiting or running.",
		.table = table, .n = nitems(table),
		.groups = SETTINGS_OPERANDS,
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	char		*path;
	json_t		*answer;

	path = job_path(one_operand(s, argc, argv, "a job's id"), "/cancel");
	client_open(&c, s);
	answer = client_call(&c, "POST", path, NULL);
	if (c.json)
		print_json(answer);
	else
		fprintf(stderr, "%s\n", json_str(answer, "message", ""));
	json_decref(answer);
	free(path);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
