/* events: what happened to builds and rollouts, and with -f what happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "muster.h"
#include "muster_sse.h"

enum { POLL = 1000 };		/* ms between questions for more events */

static const struct setting events_table[] = {
	CLIENT_SETTINGS,
	{ "follow", 'f', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "go on with what happens", SETTING_FLAG, NULL },
	{ "after", 0, NULL, SETTING_INT, NULL, 0, INT64_MAX, "N",
	    "those behind number N; with -f the default is from now on",
	    SETTING_FLAG, NULL },
	{ "all", 'a', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "everybody's (administrators)", SETTING_FLAG, NULL },
};

static const struct settings_spec events_spec = {
	.tool = "muster events", .synopsis = "[-f] [--after N] [-a] [--json]",
	.about = "Prints events: number, time, type, job or rollout, status, "
	    "name or version, and user.",
	.table = events_table, .n = nitems(events_table),
};

struct events {
	const struct client	*client;
	const struct settings	*settings;
	int64_t			 after;		/* the newest number; -1: none */
	int			 wide;
};

/* -- one event is one line, at once -- */

/* The short word for people: "buildJobAdded" is "added". */
static const char *
event_word(const char *type, char out[CELL])
{
	if (strncmp(type, "buildJob", 8) != 0 || type[8] == '\0')
		return type;
	snprintf(out, CELL, "%s", type + 8);
	if (out[0] >= 'A' && out[0] <= 'Z')
		out[0] = (char)(out[0] - 'A' + 'a');
	return out;
}

/* Of a job or a rollout: its id, status, name and user. */
struct cells {
	const char	*id;
	char		*status, *name, *user;
};

static void
read_cells(struct cells *c, const json_t *e)
{
	const json_t	*job = json_object_get(e, "job");
	const json_t	*rollout = json_object_get(e, "rollout");

	if (job != NULL)
		*c = (struct cells){ json_str(job, "id", "-"),
			clean_text(json_str(job, "status", "-")),
			clean_text(json_str(job, "customName", "-")),
			clean_text(json_str(job, "user", "-")) };
	else
		*c = (struct cells){ json_str(rollout, "id", "-"),
			clean_text(json_str(rollout, "state", "-")),
			clean_text(json_str(rollout, "version", "-")),
			clean_text(json_str(rollout, "by", "-")) };
}

static void
print_wide(const json_t *e, const struct cells *c)
{
	char	when[CELL], word[CELL];

	printf("%8lld  %s  %-10.20s  %-36.36s  %s  %s\n",
	    (long long)json_int(e, "seq", 0),
	    clock_text(json_int(e, "t", 0), when),
	    event_word(json_str(e, "type", "-"), word), c->id, c->user,
	    c->name);
}

static void
print_narrow(const json_t *e, const struct cells *c)
{
	char	 when[CELL], *type, *id;

	type = clean_text(json_str(e, "type", "-"));
	id = clean_text(c->id);
	cell_time(e, "t", 0, when);
	printf("%lld\t%s\t%s\t%s\t%s\t%s\t%s\n",
	    (long long)json_int(e, "seq", 0), when[0] != '\0' ? when : "-",
	    type, id, c->status, c->name, c->user);
	free(id);
	free(type);
}

static void
print_event(struct events *v, const json_t *e)
{
	struct cells	c;

	v->after = json_int(e, "seq", v->after);
	if (v->client->json) {
		print_json_line(e);
		return;
	}
	read_cells(&c, e);
	if (v->wide)
		print_wide(e, &c);
	else
		print_narrow(e, &c);
	free(c.status);
	free(c.name);
	free(c.user);
}

/* -- those that there are -- */

static char *
events_path(const struct events *v)
{
	struct buf	b = BUF_INIT;

	buf_adds(&b, "/api/events");
	if (v->after >= 0)
		query_add_int(&b, "after", v->after);
	if (settings_bool(v->settings, "all"))
		query_add(&b, "all", "1");
	return buf_take(&b);
}

/* Events are not kept for ever. */
static void
tell_gap(void)
{
	log_warn(NULL, "older events are no longer kept");
}

/* The pages behind v->after, to the end. */
static void
read_events(struct events *v, int print)
{
	int64_t	 was;
	json_t	*page, *e;
	char	*path;
	size_t	 i;

	if (v->after < 0)
		v->after = 0;
	do {
		was = v->after;
		path = events_path(v);
		page = client_call(v->client, "GET", path, NULL);
		if (print)
			json_array_foreach(json_object_get(page, "events"), i,
			    e)
				print_event(v, e);
		if (print && json_bool(page, "gap", 0))
			tell_gap();
		v->after = json_int(page, "next", v->after);
		json_decref(page);
		free(path);
		out_flush();
	} while (v->after > was);
}

/* -- those that come -- */

static int
on_event(const struct sse_event *s, void *arg)
{
	struct events	*v = arg;
	struct json_err	 err;
	json_t		*e = json_read(s->data, s->len, &err);

	if (strcmp(s->type, "gap") == 0)
		tell_gap();
	else if (json_is_object(e))
		print_event(v, e);
	json_decref(e);
	return 0;
}

static void
follow_events(struct events *v)
{
	char	*path = events_path(v);

	if (follow_run(v->client, path, on_event, v) == FOLLOW_PLAIN) {
		if (v->after < 0)		/* from now on */
			read_events(v, 0);
		for (;;) {
			read_events(v, 1);
			uv_sleep(POLL);
		}
	}
	free(path);
}

int
events_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&events_spec, argc, argv);
	struct client	 c;
	struct events	 v = {
		.client = &c, .settings = s, .after = -1,
		.wide = at_terminal(STDOUT_FILENO)
	};

	client_open(&c, s);
	if (settings_has(s, "after"))
		v.after = settings_int(s, "after");
	if (v.wide && !c.json)
		printf("%8s  %-12s  %-10s  %-36s  %s  %s\n", "SEQ", "TIME",
		    "EVENT", "ID", "USER", "NAME");
	out_flush();
	if (settings_bool(s, "follow"))
		follow_events(&v);
	else
		read_events(&v, 1);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
