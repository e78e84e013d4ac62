/*
 * logs: the lines that are there, and with -f those that come.  Where the
 * server gives no stream of events it is asked again and again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "muster.h"
#include "muster_sse.h"

enum { POLL = 500 };		/* ms between questions for more lines */

static const struct setting logs_table[] = {
	CLIENT_SETTINGS,
	{ "follow", 'f', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "go on until the build has ended", SETTING_FLAG, NULL },
};

static const struct settings_spec logs_spec = {
	.tool = "muster logs", .synopsis = "[-f] [--json] ID",
	.about = "Prints a build's log: time, step and text.",
	.table = logs_table, .n = nitems(logs_table),
	.groups = SETTINGS_OPERANDS,
};

struct logs {
	const struct client	*client;
	const char		*id;
	int64_t			 next;		/* the next line's number */
};

static void
print_line(const struct logs *l, const json_t *line)
{
	char	*step = clean_text(json_str(line, "step", ""));
	char	*text = clean_text(json_str(line, "text", ""));
	char	 when[CLOCK_RFC3339_SIZE], local[CELL];
	int64_t	 ms = json_int(line, "t", 0);

	if (l->client->json)
		print_json_line(line);
	else if (at_terminal(STDOUT_FILENO))
		printf("%s  %-13s  %s\n", clock_text(ms, local), step, text);
	else
		printf("%s\t%s\t%s\n", clock_rfc3339(ms, when), step, text);
	free(step);
	free(text);
}

/* -- asking -- */

static int
job_has_ended(const struct logs *l)
{
	char		*path = job_path(l->id, "");
	json_t		*answer = client_call(l->client, "GET", path, NULL);
	const char	*status = json_str(json_object_get(answer, "job"),
			    "status", "");
	int		 ended = strcmp(status, "pending") != 0 &&
			    strcmp(status, "running") != 0;

	json_decref(answer);
	free(path);
	return ended;
}

/* All lines that are there now. */
static void
read_lines(struct logs *l)
{
	char	 tail[48], *path;
	int64_t	 was;
	json_t	*answer, *line;
	size_t	 i;

	do {
		was = l->next;
		snprintf(tail, sizeof(tail), "/log?from=%lld",
		    (long long)l->next);
		path = job_path(l->id, tail);
		answer = client_call(l->client, "GET", path, NULL);
		json_array_foreach(json_object_get(answer, "lines"), i, line)
			print_line(l, line);
		l->next = json_int(answer, "next", l->next);
		json_decref(answer);
		free(path);
		out_flush();
	} while (l->next > was);
}

static void
poll_lines(struct logs *l)
{
	int	last = 0;

	while (!last) {
		last = job_has_ended(l);	/* before: none is missed */
		read_lines(l);
		if (!last)
			uv_sleep(POLL);
	}
}

/* -- being told -- */

static int
on_event(const struct sse_event *e, void *arg)
{
	struct logs	*l = arg;
	struct json_err	 err;
	json_t		*line;

	if (strcmp(e->type, "end") == 0)
		return 1;
	if ((line = json_read(e->data, e->len, &err)) != NULL)
		print_line(l, line);
	json_decref(line);
	return 0;
}

static void
follow_lines(struct logs *l)
{
	char	*path = job_path(l->id, "/log?from=0");

	if (follow_run(l->client, path, on_event, l) == FOLLOW_PLAIN)
		poll_lines(l);
	free(path);
}

int
logs_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&logs_spec, argc, argv);
	struct client	 c;
	struct logs	 l = {
		.client = &c, .id = one_operand(s, argc, argv, "a job's id")
	};

	free(job_path(l.id, ""));	/* it is an id */
	client_open(&c, s);
	if (settings_bool(s, "follow"))
		follow_lines(&l);
	else
		read_lines(&l);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
