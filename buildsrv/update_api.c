/* What agents call about their updates: muster-update(7). */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "gateway.h"
#include "release.h"
#include "rollout.h"

static const struct json_field report_fields[] = {
	{ .name = "agent_id", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = 256 },
	{ .name = "version", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = 31 },
	{ .name = "state", .kind = JSON_K_STR, .required = 1,
	    .words = "downloading|verifying|installing|failed|rolled_back" },
	{ .name = "rollout", .kind = JSON_K_STR, .max = 64 },
	{ .name = "from", .kind = JSON_K_STR, .max = 31 },
	{ .name = "step", .kind = JSON_K_STR, .max = 64 },
	{ .name = "code", .kind = JSON_K_STR, .max = 64 },
	{ .name = "error", .kind = JSON_K_STR, .max = 1000 },
	{ .name = "log", .kind = JSON_K_ARR, .element = JSON_K_STR,
	    .max = 64 },
};

static const struct json_field channel_fields[] = {
	{ .name = "channel", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = 31 },
};

enum { MAX_LINE = 400 };	/* of a report's log */

/* The agent that is meant, and that the caller may see: 1, or answered. */
static int
whose(struct call *c, const char *id, struct gateway_view *v)
{
	const struct gateway	*g = c->server->gateway;

	if (g != NULL && id != NULL && gateway_look(g, id, v) &&
	    (c->agent != NULL ? strcmp(c->agent, v->uid) == 0 :
	    call_may_see(c, v->user)))
		return 1;
	call_error(c, 404, NULL, "no such agent");
	return 0;
}

/* The platform: what was given, else what the link told. */
static char *
platform_of(const struct gateway_view *v, char *given_take)
{
	if (given_take != NULL)
		return given_take;
	if (v->os == NULL || v->arch == NULL)
		return NULL;
	return xasprintf("%s-%s", v->os, v->arch);
}

void
update_get(struct call *c)
{
	char			*id, *version, *target, *base;
	struct gateway_view	 v;

	if (call_query(c, "agent_id|version|target|base") < 0)
		return;
	id = http_query(c->req, "agent_id");
	version = http_query(c->req, "version");
	target = http_query(c->req, "target");
	base = http_query(c->req, "base");
	if (id == NULL || version == NULL)
		call_error(c, 400, id == NULL ? "agent_id" : "version",
		    "agent_id and version are needed");
	else if (whose(c, id, &v)) {
		target = platform_of(&v, target);
		if (!release_word_ok(version))
			call_error(c, 400, "version",
			    "must be letters, digits, '.', '+' and '-'");
		else if (target == NULL || !release_word_ok(target))
			call_error(c, 400, "target", "the agent's platform is "
			    "not known yet: it must be given, as linux-x64");
		else
			call_json(c, 200, rollouts_answer(c->server->rollouts,
			    &v, target, version, base, c->agent != NULL));
	}
	free(id);
	free(version);
	free(target);
	free(base);
}

static int
lines_ok(const json_t *log)
{
	json_t	*v;
	size_t	 i;

	json_array_foreach(log, i, v)
		if (json_string_length(v) > MAX_LINE)
			return 0;
	return 1;
}

void
update_report(struct call *c)
{
	struct gateway_view	v;

	if (c->req->body_len == 0 && c->agent == NULL) {
		/* Nobody's report: as one of an agent that is not there. */
		call_error(c, 400, NULL, "a report is needed");
		return;
	}
	if (call_body(c, report_fields, nitems(report_fields)) < 0)
		return;
	if (!lines_ok(json_object_get(c->body, "log"))) {
		call_error(c, 400, "log", "a line has more than %d bytes",
		    MAX_LINE);
		return;
	}
	if (!whose(c, json_str(c->body, "agent_id", ""), &v))
		return;
	if (c->agent == NULL) {
		call_error(c, 403, NULL, "only the agent itself reports");
		return;
	}
	rollouts_report(c->server->rollouts, v.uid, c->body);
	call_json(c, 200, json_pack("{sb}", "success", 1));
}

void
agent_channel(struct call *c)
{
	struct gateway_view	 v;
	const char		*channel;
	char			*what;

	if (call_body(c, channel_fields, nitems(channel_fields)) < 0)
		return;
	channel = json_str(c->body, "channel", "");
	if (!release_word_ok(channel))
		call_error(c, 400, "channel",
		    "must be letters, digits, '.', '+' and '-'");
	else if (whose(c, c->param, &v)) {
		rollouts_set_channel(c->server->rollouts, v.uid, channel);
		what = xasprintf("%s %s", v.uid, channel);
		audit_note(c, "agent.channel", what, "ok");
		free(what);
		call_json(c, 200, json_pack("{sb ss}", "success", 1, "channel",
		    channel));
	}
}
