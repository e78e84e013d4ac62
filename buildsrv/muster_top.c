/* top: the queue, the builds and the agents, live. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "muster.h"

enum {
	TOP_EVERY	= 1000,	/* ms; steps and progress make no events */
	RECENT		= 30,	/* ended builds that are asked for */
	BAR		= 14,	/* columns of a progress bar */
	HEAD_LINES	= 4	/* above the builds */
};

/* The answers of one picture, in this order. */
enum { HEALTH, STATS, RUNNING, PENDING, NEWEST, AGENTS, N_PATHS };

/* An administrator's; and everybody's own, where figures of all are not to
 * be had. */
static const char *const	paths[2][N_PATHS] = { {
	[HEALTH] = "/healthz",
	[STATS] = "/api/agents/build/stats",
	[RUNNING] = "/api/agents/build/jobs?status=running&limit=50&all=1",
	[PENDING] = "/api/agents/build/jobs?status=pending&limit=50&all=1",
	[NEWEST] = "/api/agents/build/jobs?limit=100&all=1",
	[AGENTS] = "/agents"
}, {
	[HEALTH] = "/healthz",
	[STATS] = "/api/agents/build/stats",
	[RUNNING] = "/api/agents/build/jobs?status=running&limit=50",
	[PENDING] = "/api/agents/build/jobs?status=pending&limit=50",
	[NEWEST] = "/api/agents/build/jobs?limit=100",
	[AGENTS] = "/agents"
} };

static const struct column columns[] = {
	{ "ID", COL_SHRINK }, { "STATUS", 0 }, { "TARGET", 0 },
	{ "NAME", COL_SHRINK },
	{ "USER", COL_SHRINK | COL_DROP }, { "TIME", COL_RIGHT },
	{ "", COL_SHRINK }
};

/* -- the head -- */

static void
add_head(struct buf *out, const struct client *c, const json_t *health,
    int live)
{
	time_t		t = time(NULL);
	struct tm	tm;
	char		clock[CELL], *version;

	localtime_r(&t, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	version = clean_text(json_str(health, "version", "?"));
	buf_printf(out, "muster top  %s  %s  version %s%s\n", clock, c->name,
	    version, live ? "  (q ends it)" : "");
	free(version);
}

static void
add_queue(struct buf *out, json_t *const *answers)
{
	static const char *const states[] = {
		"pending", "running", "completed", "failed", "cancelled"
	};
	const json_t	*stats = json_object_get(answers[STATS], "stats");
	size_t		 i;

	buf_adds(out, "builds ");
	if (stats == NULL)	/* not for us: what we have asked for */
		buf_printf(out, " %zu pending  %zu running (your own)",
		    json_array_size(json_object_get(answers[PENDING],
		    "jobs")), json_array_size(json_object_get(
		    answers[RUNNING], "jobs")));
	for (i = 0; stats != NULL && i < nitems(states); i++)
		buf_printf(out, " %lld %s%s",
		    (long long)json_int(stats, states[i], 0), states[i],
		    i + 1 < nitems(states) ? " " : "");
	buf_addc(out, '\n');
}

static void
add_agents(struct buf *out, const json_t *answer)
{
	const json_t	*agents = json_object_get(answer, "agents"), *a;
	size_t		 i, connected = 0;

	json_array_foreach(agents, i, a)
		connected += json_bool(a, "connected", 0) != 0;
	buf_printf(out, "agents  %zu connected of %zu\n", connected,
	    json_array_size(agents));
}

/* -- the builds -- */

/* What a build says for itself: its step, its fault. */
static void
remark(const json_t *j, const char *status, char *out, size_t n)
{
	char	bar[CELL];

	if (strcmp(status, "running") == 0)
		snprintf(out, n, "%s %3lld %% %s", progress_bar(json_int(j,
		    "progress", 0), 100, BAR, bar),
		    (long long)json_int(j, "progress", 0),
		    json_str(j, "step", ""));
	else
		snprintf(out, n, "%s", json_str(j, "error", " "));
}

/* How long it has waited or run, or ran. */
static char *
duration(const json_t *j, const char *status, char out[CELL])
{
	int64_t	from = member_time(j, strcmp(status, "running") == 0 ?
		    "startedAt" : "createdAt"), ms;

	if (json_object_get(j, "totalMs") != NULL)
		return human_ms(json_int(j, "totalMs", 0), out);
	ms = from > 0 ? clock_wall_ms() - from : 0;
	return human_ms(ms > 0 ? ms : 0, out);
}

static void
add_job(struct table *t, const json_t *j)
{
	const char	*status = json_str(j, "status", "");
	char		 target[CELL], took[CELL], text[200];

	snprintf(target, sizeof(target), "%.20s/%.20s",
	    json_str(j, "platform", ""), json_str(j, "architecture", ""));
	remark(j, status, text, sizeof(text));
	table_add(t, (const char *const[]){ json_str(j, "id", ""), status,
	    target, json_str(j, "customName", ""), json_str(j, "user", ""),
	    duration(j, status, took), text });
}

/* Those that run first, then those that wait in the order they came, then
 * those that ended last. */
static void
add_jobs(struct buf *out, json_t *const *answers, int width, int lines)
{
	struct table	*t = table_screen(columns, nitems(columns));
	const json_t	*list, *j;
	size_t		 i, n;

	json_array_foreach(json_object_get(answers[RUNNING], "jobs"), i, j)
		add_job(t, j);
	list = json_object_get(answers[PENDING], "jobs");
	for (n = json_array_size(list); n-- > 0; )
		add_job(t, json_array_get(list, n));
	n = 0;
	json_array_foreach(json_object_get(answers[NEWEST], "jobs"), i, j)
		if (json_object_get(j, "completedAt") != NULL && n++ < RECENT)
			add_job(t, j);
	table_render(t, out, width, lines);
}

static void
draw(struct buf *out, json_t *const *answers, int width, int lines,
    void *arg)
{
	add_head(out, arg, answers[HEALTH], width > 0);
	add_queue(out, answers);
	add_agents(out, answers[AGENTS]);
	buf_addc(out, '\n');
	add_jobs(out, answers, width, lines == 0 ? 0 :
	    lines > HEAD_LINES ? lines - HEAD_LINES : 1);
}

/* -- without a screen -- */

static void
print_all(const struct client *c, const char *const *path)
{
	static const char *const names[N_PATHS] = {
		"health", "stats", "running", "pending", "newest", "agents"
	};
	json_t		*all = json_object(), *part;
	struct answer	 a;
	size_t		 i;

	for (i = 0; i < N_PATHS; i++) {
		client_ask(c, (struct request){ .path = path[i] }, &a);
		if (!answer_good(&a) && a.status != 403)
			die(answer_code(&a), "%s", answer_words(c, &a));
		part = json_object_get(a.body, i == AGENTS ? "agents" :
		    i == STATS ? "stats" : "jobs");
		json_object_set(all, names[i], i == HEALTH ? a.body :
		    part != NULL ? part : json_null());
		answer_release(&a);
	}
	print_json(all);
	json_decref(all);
}

/* Whether the key is an administrator's.  Ends the process where there is no
 * telling. */
static int
is_admin(const struct client *c)
{
	struct answer	a;
	int		yes;

	client_ask(c, (struct request){ .path = paths[0][STATS] }, &a);
	if (!answer_good(&a) && a.status != 403)
		die(answer_code(&a), "%s", answer_words(c, &a));
	yes = answer_good(&a);
	answer_release(&a);
	return yes;
}

int
top_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster top", .synopsis = "[--json]",
		.about = "Shows queue, builds and agents live; q ends it.  "
		    "In a pipe, once.",
		.table = table, .n = nitems(table),
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	struct live	 live = {
		.client = &c, .n = N_PATHS, .every_ms = TOP_EVERY,
		.draw = draw, .arg = &c
	};
	int		 admin;

	client_open(&c, s);
	admin = is_admin(&c);
	live.events = admin ? "/api/events?all=1" : "/api/events";
	memcpy(live.paths, paths[!admin], sizeof(paths[0]));
	if (c.json)
		print_all(&c, paths[!admin]);
	else
		live_run(&live);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
