/* /api/rollouts: begun, looked at and changed by administrators. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "release.h"
#include "rollout_private.h"
#include "tufrepo.h"

static const struct json_field post_fields[] = {
	{ .name = "version", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = 31 },
	{ .name = "channel", .kind = JSON_K_STR, .min = 1, .max = 31 },
	{ .name = "percent", .kind = JSON_K_INT, .min = 0, .max = 100 },
	{ .name = "stages", .kind = JSON_K_ARR, .element = JSON_K_INT,
	    .max = ROLLOUT_STAGES },
	{ .name = "hold", .kind = JSON_K_INT, .min = 0, .max = 30 * 86400 },
	{ .name = "maxFailures", .kind = JSON_K_INT, .min = 1,
	    .max = 1000000 },
	{ .name = "maxFailureRate", .kind = JSON_K_INT, .min = 0,
	    .max = 100 },
};

static const struct json_field change_fields[] = {
	{ .name = "action", .kind = JSON_K_STR, .required = 1,
	    .words = "pause|resume|end|percent" },
	{ .name = "percent", .kind = JSON_K_INT, .min = 0, .max = 100 },
};

enum { MAX_FAULTS = 100 };	/* failed agents in one answer */

/* Whether any platform has this version in this channel. */
static int
is_released(const struct server *s, const char *version, const char *channel)
{
	const char	*path;
	json_t		*entry, *custom;

	json_object_foreach((json_t *)(uintptr_t)tufrepo_targets(s->tufrepo),
	    path, entry) {
		custom = json_object_get(entry, "custom");
		if (strcmp(json_str(custom, "version", ""), version) == 0 &&
		    strcmp(json_str(custom, "channel", ""), channel) == 0 &&
		    release_file(s, release_sha256(entry), NULL))
			return 1;
	}
	return 0;
}

/* Percentages, each above the one before. */
static int
stages_ok(const json_t *list)
{
	int64_t	 last = 0;
	json_t	*v;
	size_t	 i;

	json_array_foreach(list, i, v) {
		if (json_integer_value(v) <= last ||
		    json_integer_value(v) > 100)
			return 0;
		last = json_integer_value(v);
	}
	return 1;
}

static json_t *
new_rollout(const struct call *c, const char *channel)
{
	const json_t	*stages = json_object_get(c->body, "stages");
	int64_t		 now = clock_wall_ms();
	int64_t		 first = json_integer_value(json_array_get(stages, 0));
	char		 id[UUID_SIZE];
	json_t		*o;

	crypto_uuid(id);
	o = json_pack("{ss ss ss sI sI sI sI ss ss sI sI ss}", "id", id,
	    "version", json_str(c->body, "version", ""), "channel", channel,
	    "percent", (json_int_t)json_int(c->body, "percent",
	    stages != NULL ? first : 100), "hold",
	    (json_int_t)json_int(c->body, "hold", stages != NULL ? 3600 : 0),
	    "maxFailures", (json_int_t)json_int(c->body, "maxFailures", 3),
	    "maxFailureRate",
	    (json_int_t)json_int(c->body, "maxFailureRate", 20), "state",
	    "running", "reason", "", "created", (json_int_t)now,
	    "stageStarted", (json_int_t)now, "by", c->user);
	json_object_set_new(o, "stages", stages != NULL ?
	    json_deep_copy(stages) : json_array());
	return o;
}

/* -- answers, once what they tell is on the disk -- */

static void
on_saved(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)unused;
	if (rc < 0)
		call_failed(c, rc);
	else
		call_json(c, (int)c->number, json_pack("{sb sO}", "success",
		    1, "rollout", c->record));
}

/* One that could not be written does not begin. */
static void
on_begun(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	if (rc == 0 && c->server->gateway != NULL)	/* else we stop */
		json_array_append(c->server->rollouts->list, c->job);
	on_saved(rc, unused, c);
}

static void
answer_saved(struct call *c, int status, json_t *rollout, const char *event,
    store_done saved)
{
	struct rollouts	*r = c->server->rollouts;

	c->number = status;
	c->record = rollout_view(r, rollout);
	rollout_save(r, rollout, event, saved, c);
}

void
rollout_post(struct call *c)
{
	struct rollouts	*r = c->server->rollouts;
	const char	*channel, *version;

	if (call_body(c, post_fields, nitems(post_fields)) < 0)
		return;
	version = json_str(c->body, "version", "");
	channel = json_str(c->body, "channel", "stable");
	if (!stages_ok(json_object_get(c->body, "stages"))) {
		call_error(c, 400, "stages",
		    "must be percentages, each above the one before");
		return;
	}
	if (!is_released(c->server, version, channel)) {
		call_error(c, 409, "version", "%.31s is not released in %.31s:"
		    " its file and its signed metadata must be there",
		    version, channel);
		return;
	}
	if (json_array_size(r->list) >= ROLLOUTS_MAX) {
		call_error(c, 409, NULL, "there are %d rollouts already",
		    ROLLOUTS_MAX);
		return;
	}
	c->job = new_rollout(c, channel);
	audit_note(c, "rollout.start", json_str(c->job, "id", ""), "ok");
	answer_saved(c, 201, c->job, "rolloutStarted", on_begun);
}

void
rollout_list(struct call *c)
{
	struct rollouts	*r = c->server->rollouts;
	json_t		*list;
	size_t		 i;

	if (call_query(c, "") < 0)
		return;
	list = json_array();
	for (i = json_array_size(r->list); i > 0 &&
	    json_array_size(list) < MAX_PAGE; i--)
		json_array_append_new(list, rollout_view(r,
		    json_array_get(r->list, i - 1)));
	call_json(c, 200, json_pack("{sb so}", "success", 1, "rollouts",
	    list));
}

/* What the agents that failed said. */
static json_t *
faults(const struct rollouts *r, const json_t *rollout)
{
	json_t		*list = json_array(), *doc;
	const char	*uid;

	json_object_foreach(r->agents, uid, doc)
		if (rollout_has_failed(r, rollout, uid) &&
		    json_array_size(list) < MAX_FAULTS) {
			doc = json_deep_copy(doc);
			json_object_set_new(doc, "uid", json_string(uid));
			json_array_append_new(list, doc);
		}
	return list;
}

void
rollout_get(struct call *c)
{
	struct rollouts	*r = c->server->rollouts;
	json_t		*o = rollout_find(r, c->param);

	if (o == NULL)
		call_error(c, 404, NULL, "no such rollout");
	else if (call_query(c, "") == 0)
		call_json(c, 200, json_pack("{sb so so}", "success", 1,
		    "rollout", rollout_view(r, o), "failures", faults(r, o)));
}

/* -- changes -- */

/* Those that failed may try again. */
static void
forget_failures(struct rollouts *r, const json_t *rollout)
{
	const char	*uid;
	json_t		*doc;

	json_object_foreach(r->agents, uid, doc)
		if (rollout_has_failed(r, rollout, uid)) {
			json_object_set_new(doc, "state", json_string(""));
			rollout_agent_save(r, uid, doc);
		}
	rollout_tell_anew(r, rollout);
}

static void
set(json_t *o, const char *state)
{
	json_object_set_new(o, "state", json_string(state));
	json_object_set_new(o, "reason", json_string(""));
}

/* 0, or it is answered. */
static int
change(struct call *c, json_t *o, const char *action)
{
	const char	*state = json_str(o, "state", "");
	const json_t	*percent = json_object_get(c->body, "percent");
	int		 runs = strcmp(state, "running") == 0;

	if (strcmp(state, "ended") == 0) {
		call_error(c, 409, NULL, "it has ended");
		return -1;
	}
	if (strcmp(action, "percent") == 0 && percent == NULL) {
		call_error(c, 400, "percent", "is needed");
		return -1;
	}
	if ((strcmp(action, "pause") == 0 && !runs) ||
	    (strcmp(action, "resume") == 0 && runs)) {
		call_error(c, 409, NULL, "it is %s", state);
		return -1;
	}
	if (strcmp(action, "pause") == 0)
		set(o, "paused");
	else if (strcmp(action, "end") == 0)
		set(o, "ended");
	else if (strcmp(action, "resume") == 0) {
		set(o, "running");
		forget_failures(c->server->rollouts, o);
	}
	if (percent != NULL) {
		json_object_set_new(o, "percent",
		    json_integer(json_integer_value(percent)));
		json_object_set_new(o, "stageStarted",
		    json_integer(clock_wall_ms()));
	}
	return 0;
}

static const char *
event_of(const char *action)
{
	return strcmp(action, "pause") == 0 ? "rolloutPaused" :
	    strcmp(action, "resume") == 0 ? "rolloutResumed" :
	    strcmp(action, "end") == 0 ? "rolloutEnded" : "rolloutAdvanced";
}

void
rollout_change(struct call *c)
{
	struct rollouts	*r = c->server->rollouts;
	json_t		*o = rollout_find(r, c->param);
	const char	*action;
	char		*what;

	if (o == NULL) {
		call_error(c, 404, NULL, "no such rollout");
		return;
	}
	if (call_body(c, change_fields, nitems(change_fields)) < 0)
		return;
	action = json_str(c->body, "action", "");
	if (change(c, o, action) < 0)
		return;
	what = xasprintf("rollout.%s", action);
	audit_note(c, what, c->param, "ok");
	free(what);
	answer_saved(c, 200, o, event_of(action), on_saved);
}
