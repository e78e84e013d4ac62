/*
 * POST /api/agents/build (document 000).  A request becomes a job; the answer
 * comes at once, or with useQueue:false when the job has ended.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "queue.h"
#include "settings.h"

enum {
	MAX_PRIORITY	= 10,
	MAX_DOWNLOADS	= 1000,		/* of one token, if they are limited */
	RETRY_LEAST	= 1000,		/* ms told to whose line is full */
	RETRY_MOST	= 60000
};

/*
 * What an agent can be asked to do, in document 000's names, and the module
 * that does it.  The telemetry module is in every agent.
 */
static const struct capability {
	const char	*name, *module;
} capabilities[] = {
	{ "telemetry", "telemetry" },
	{ "fileSystemMonitoring", "fs-monitor" },
	{ "processMonitoring", "process-monitor" },
	{ "networkMonitoring", "network-monitor" },
	{ "policy", "policy" },
	{ "analysis", "analysis" },
	{ "threatIntelligence", "threat-intel" },
};

const char *
capability_module(const char *name)
{
	size_t	i;

	for (i = 0; i < nitems(capabilities); i++)
		if (strcmp(capabilities[i].name, name) == 0)
			return capabilities[i].module;
	return name;
}

static const struct json_field capability_fields[] = {
	{ "telemetry", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
	{ "fileSystemMonitoring", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
	{ "processMonitoring", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
	{ "networkMonitoring", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
	{ "policy", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
	{ "analysis", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
	{ "threatIntelligence", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
};

static const struct json_field build_fields[] = {
	{ "os", JSON_K_STR, 1, 0, 0, "linux|windows|macos", NULL, 0, 0 },
	{ "architecture", JSON_K_STR, 1, 0, 0, "x64|arm64|universal", NULL,
	    0, 0 },
	{ "customName", JSON_K_STR, 0, 1, MAX_NAME, NULL, NULL, 0, 0 },
	{ "capabilities", JSON_K_OBJ, 0, 0, 0, NULL, capability_fields,
	    nitems(capability_fields), 0 },
	{ "useQueue", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
	{ "priority", JSON_K_INT, 0, -MAX_PRIORITY, MAX_PRIORITY, NULL, NULL,
	    0, 0 },
	{ "maxDownloads", JSON_K_INT, 0, 0, MAX_DOWNLOADS, NULL, NULL, 0, 0 },
};

/* File names, unit names and shell scripts carry it without quoting. */
static int
name_is_good(const char *s)
{
	return s[0] != '-' && s[0] != '.' && s[0] != '_' &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._-") == strlen(s);
}

/* The capabilities asked for, in the table's order; telemetry always. */
static json_t *
wanted(const json_t *body)
{
	const json_t	*asked = json_object_get(body, "capabilities");
	json_t		*list = json_array();
	size_t		 i;

	for (i = 0; i < nitems(capabilities); i++)
		if (i == 0 || json_bool(asked, capabilities[i].name, 0))
			json_array_append_new(list, json_string(
			    capabilities[i].name));
	return list;
}

static json_t *
job_new(const struct call *c, const char *target)
{
	char	 id[UUID_SIZE], agent[13];
	uint8_t	 r[6];
	json_t	*job;

	crypto_uuid(id);
	crypto_random(r, sizeof(r));
	job = json_pack("{ss ss ss ss ss ss ss so so sI}", "id", id,
	    "user", c->user, "agentId", hex_encode(r, sizeof(r), agent),
	    "os", json_str(c->body, "os", ""),
	    "architecture", json_str(c->body, "architecture", ""),
	    "customName", json_str(c->body, "customName", "muster-agent"),
	    "target", target, "capabilities", wanted(c->body), "warnings", json_array(),
	    "priority", (json_int_t)json_int(c->body, "priority", 0));
	if (json_int(c->body, "maxDownloads", 0) > 0)
		json_object_set(job, "maxDownloads",
		    json_object_get(c->body, "maxDownloads"));
	return job;
}

/* -- the answer -- */

static json_t *
build_answer(const struct call *c, const json_t *job, const char *estimate)
{
	const struct server	*s = c->server;
	char			 key[BASE64_SIZE(TOKEN_BYTES)];
	char			 when[CLOCK_RFC3339_SIZE];
	int			 queued = json_bool(c->body, "useQueue", 1);

	secret_token(s, "register", json_str(job, "id", ""), key);
	return json_pack("{sb ss sO ss ss ss sO s{ss ss ss sb}}",
	    "success", 1, "jobId", json_str(job, "id", ""),
	    "agentId", json_object_get(job, "agentId"),
	    "message", queued ? "Build job queued successfully" :
	    "Build finished", "estimatedTime", estimate,
	    "registrationKey", key,
	    "warnings", json_object_get(job, "warnings"),
	    "buildInfo", "platform", json_str(job, "os", ""),
	    "architecture", json_str(job, "architecture", ""),
	    "timestamp", clock_rfc3339(json_int(job, "created",
	    clock_wall_ms()), when), "queued", queued);
}

/* Whatever the store says now: the job was added. */
static void
answer_queued(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)rc;
	(void)unused;
	call_json(c, 202, build_answer(c, c->job, c->text));
}

static void
on_placed(int rc, const json_t *place, void *arg)
{
	struct call	*c = arg;
	const char	*target = json_str(c->job, "target", "");

	free(c->text);
	c->text = estimate_words(target, estimate_ms(c->server, target,
	    rc == 0 ? json_int(place, "ahead", 0) : 0,
	    rc == 0 ? json_int(place, "running", 0) : 0));
	idem_keep(c, c->text, answer_queued);
}

/* -- builds that a caller waits for -- */

static void
on_waited(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;
	const char	*status = json_str(job, "status", "");
	json_t		*answer;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	if (strcmp(status, "pending") == 0 || strcmp(status, "running") == 0)
		return;
	if (strcmp(status, "completed") != 0) {
		call_error(c, strcmp(status, "cancelled") == 0 ? 409 : 500,
		    NULL, "build %s %s: %s", json_str(job, "id", ""), status,
		    json_str(job, "error", "no reason is recorded"));
		return;
	}
	answer = build_answer(c, job, "none: it is built");
	json_object_set_new(answer, "job", jobview(c->server, job));
	json_object_set(answer, "downloadUrl", json_object_get(
	    json_object_get(answer, "job"), "downloadUrl"));
	call_json(c, 200, answer);
}

void
build_watch(int64_t seq, const char *job, void *arg)
{
	struct server	*s = arg;
	struct link	*l, *next;
	struct call	*c;

	(void)seq;
	if (job != NULL)		/* log lines, no change of status */
		return;
	LIST_EACH(l, next, &s->waiting) {
		c = LIST_ITEM(l, struct call, link);
		store_job_get(s->store, json_str(c->job, "id", ""), on_waited,
		    c);
	}
}

/* -- the request -- */

static void
line_is_full(struct call *c)
{
	int64_t	ms = estimate_ms(c->server, json_str(c->job, "target", ""),
		    0, 0) / settings_int(c->server->settings,
		    "max-concurrent-builds");

	ms = ms < RETRY_LEAST ? RETRY_LEAST : ms > RETRY_MOST ? RETRY_MOST : ms;
	call_retry(c, ms, NULL, "%lld builds of yours wait already: as many "
	    "as may", (long long)settings_int(c->server->settings,
	    "max-queued-per-user"));
}

static void
on_added(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;
	struct server	*s = c->server;

	if (rc == -EDQUOT) {
		line_is_full(c);
		return;
	}
	if (rc == -EEXIST && c->idem != NULL) {	/* the same, just before us */
		idem_look(c);
		return;
	}
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	json_decref(c->job);
	c->job = json_deep_copy(job);
	if (json_bool(c->body, "useQueue", 1))
		store_job_place(s->store, json_str(job, "id", ""), on_placed,
		    c);
	else
		list_append(&s->waiting, &c->link);	/* build_watch */
}

/* The job, the note of who wanted it, and what keeps it from being made
 * twice are written together. */
static void
build_add(struct call *c)
{
	const char	*os = json_str(c->body, "os", "");
	const char	*arch = json_str(c->body, "architecture", "");
	struct server	*s = c->server;
	struct store_op	 ops[2];
	const char	*id;
	json_t		*note;
	size_t		 n;

	json_decref(c->job);
	c->job = job_new(c, target_find(s, os, arch));
	id = json_str(c->job, "id", "");
	n = idem_op(c, id, &ops[0]);
	note = audit_record(c, "build.submit", id, "ok");
	ops[n] = (struct store_op){ STORE_APPEND, "audit", NULL, note };
	store_job_submit(s->store, c->job, (size_t)settings_int(s->settings,
	    "max-queued-per-user"), ops, n + 1, on_added, c);
	queue_wake(s->queue);	/* now: the claim shares the commit */
	json_decref(note);
	if (n > 0)
		idem_op_release(&ops[0]);
}

static void
on_again(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;

	if (rc == -ENOENT) {
		call_error(c, 410, "Idempotency-Key",
		    "the job that was made under this key was deleted");
		return;
	}
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	json_decref(c->job);
	c->job = json_deep_copy(job);
	if (json_bool(c->body, "useQueue", 1))
		answer_queued(0, NULL, c);
	else if (json_int(job, "ended", 0) > 0)
		on_waited(0, job, c);
	else
		list_append(&c->server->waiting, &c->link);
}

/* The same request as before: its answer, once more. */
static void
build_again(struct call *c, const json_t *record)
{
	free(c->text);
	c->text = xstrdup(json_str(record, "said",
	    "unknown: the server was interrupted when it said so"));
	store_job_get(c->server->store, json_str(record, "job", ""), on_again,
	    c);
}

/* Answers what no server of this kind could build. */
static void
refuse_target(struct call *c)
{
	http_reply_json(c->req, 400, json_pack("{sb ss++ ss so}", "success",
	    0, "error", json_str(c->body, "os", ""), "/",
	    json_str(c->body, "architecture", ""), "field", "architecture",
	    "supported", target_list(c->server)));
	call_free(c);
}

void
build_post(struct call *c)
{
	if (call_body(c, build_fields, nitems(build_fields)) < 0)
		return;
	if (!name_is_good(json_str(c->body, "customName", "x")))
		call_error(c, 400, "customName", "may have letters, digits "
		    "and . _ -, and begins with a letter or a digit");
	else if (json_int(c->body, "priority", 0) > 0 && !c->admin)
		call_error(c, 403, "priority",
		    "above 0 is for administrators");
	else if (target_find(c->server, json_str(c->body, "os", ""),
	    json_str(c->body, "architecture", "")) == NULL)
		refuse_target(c);
	else
		idem_begin(c, build_add, build_again);
}
