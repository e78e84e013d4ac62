/* Jobs as the API has them: made, listed, shown, cancelled (document 000). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "queue.h"

/* -- POST /api/agents/build -- */

/*
 * What an agent can be asked to do, in document 000's names, and whether
 * this version's agent has it.  The telemetry module is in every agent.
 */
static const struct capability {
	const char	*name;
	int		 built;
} capabilities[] = {
	{ "telemetry", 1 },
	{ "fileSystemMonitoring", 0 },
	{ "processMonitoring", 0 },
	{ "networkMonitoring", 0 },
	{ "policy", 0 },
	{ "analysis", 0 },
	{ "threatIntelligence", 0 },
};

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
wanted(const json_t *body, json_t *warnings)
{
	const json_t	*asked = json_object_get(body, "capabilities");
	json_t		*list = json_array();
	size_t		 i;

	for (i = 0; i < nitems(capabilities); i++) {
		if (i > 0 && !json_bool(asked, capabilities[i].name, 0))
			continue;
		json_array_append_new(list, json_string(capabilities[i].name));
		if (!capabilities[i].built)
			json_array_append_new(warnings, json_sprintf("%s is "
			    "not part of this version's agent; it will say "
			    "so in its log", capabilities[i].name));
	}
	return list;
}

static json_t *
job_new(const struct call *c, const char *target)
{
	char	 id[UUID_SIZE], agent[13];
	uint8_t	 r[6];
	json_t	*warnings = json_array(), *list = wanted(c->body, warnings);
	json_t	*job;

	crypto_uuid(id);
	crypto_random(r, sizeof(r));
	job = json_pack("{ss ss ss ss ss ss ss so so}", "id", id,
	    "user", c->user, "agentId", hex_encode(r, sizeof(r), agent),
	    "os", json_str(c->body, "os", ""),
	    "architecture", json_str(c->body, "architecture", ""),
	    "customName", json_str(c->body, "customName", "muster-agent"),
	    "target", target, "capabilities", list, "warnings", warnings);
	return job;
}

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

static void
on_added(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;
	struct server	*s = c->server;
	char		*words;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	json_decref(c->job);
	c->job = json_deep_copy(job);
	if (!json_bool(c->body, "useQueue", 1)) {
		list_append(&s->waiting, &c->link);	/* build_watch */
		return;
	}
	words = estimate_text(s, json_str(job, "target", ""),
	    queue_running(s->queue));
	call_json(c, 202, build_answer(c, job, words));
	free(words);
}

void
build_post(struct call *c)
{
	const char	*os, *arch, *target;
	json_t		*can;
	char		*words;

	if (call_body(c, build_fields, nitems(build_fields)) < 0)
		return;
	if (!name_is_good(json_str(c->body, "customName", "x"))) {
		call_error(c, 400, "customName", "may have letters, digits "
		    "and . _ -, and begins with a letter or a digit");
		return;
	}
	os = json_str(c->body, "os", "");
	arch = json_str(c->body, "architecture", "");
	if ((target = target_find(c->server, os, arch)) == NULL) {
		can = target_list(c->server);
		words = json_text(can);
		http_reply_json(c->req, 400, json_pack(
		    "{sb ss++ ss so}", "success", 0, "error", os, "/", arch,
		    "field", "architecture", "supported", can));
		free(words);
		call_free(c);
		return;
	}
	c->job = job_new(c, target);
	store_job_add(c->server->store, c->job, on_added, c);
	queue_wake(c->server->queue);	/* now: the claim shares the commit */
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

/* -- GET .../jobs -- */

static void
on_jobs(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;
	json_t		*list, *job;
	size_t		 i;

	if (rc == -EINVAL) {
		call_error(c, 400, "cursor", "is not one that was given out");
		return;
	}
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	list = json_array();
	json_array_foreach(json_object_get(page, "items"), i, job)
		json_array_append_new(list, jobview(c->server, job));
	call_json(c, 200, json_pack("{sb so sO}", "success", 1, "jobs", list,
	    "nextCursor", json_object_get(page, "next")));
}

void
build_list(struct call *c)
{
	static const char	 words[] =
	    "pending|running|completed|failed|cancelled";
	char			*status, *cursor, *user, *all;
	int64_t			 limit;

	if (call_query(c, "status|limit|cursor|all") < 0 ||
	    (limit = call_number(c, "limit", 50, MAX_PAGE)) < 0)
		return;
	status = http_query(c->req, "status");
	cursor = http_query(c->req, "cursor");
	all = http_query(c->req, "all");
	user = c->admin && all != NULL ? NULL : xstrdup(c->user);
	if (status != NULL && (strchr(status, '|') != NULL ||
	    status[0] == '\0' || strstr(words, status) == NULL))
		call_error(c, 400, "status", "status must be one of %s", words);
	else
		store_job_list(c->server->store, user, status, cursor,
		    (size_t)limit, on_jobs, c);
	free(status);
	free(cursor);
	free(user);
	free(all);
}

/* -- one job -- */

/* 1 when the job is there and the caller's to see; else it is answered. */
static int
visible(struct call *c, int rc, const json_t *job)
{
	if (rc < 0 && rc != -ENOENT)
		call_failed(c, rc);
	else if (rc < 0 || !call_may_see(c, json_str(job, "user", "")))
		call_error(c, 404, NULL, "no such job");
	else
		return 1;
	return 0;
}

static void
on_log(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	if (c->job != NULL) {		/* the detail carries the log's end */
		json_object_set(c->job, "log", json_object_get(page, "items"));
		call_json(c, 200, json_pack("{sb sO}", "success", 1, "job",
		    c->job));
	} else
		call_json(c, 200, json_pack("{sb sO sO}", "success", 1,
		    "lines", json_object_get(page, "items"),
		    "next", json_object_get(page, "next")));
}

static void
on_job(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;

	if (!visible(c, rc, job))
		return;
	c->job = jobview(c->server, job);
	store_log_read(c->server->store, c->param, 0, MAX_LOG_LINES, on_log,
	    c);
}

void
build_get(struct call *c)
{
	if (call_query(c, "") == 0)
		store_job_get(c->server->store, c->param, on_job, c);
}

static void
on_job_log(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;
	int64_t		 from;

	if (visible(c, rc, job) &&
	    (from = call_number(c, "from", 0, INT64_MAX / 2)) >= 0)
		store_log_read(c->server->store, c->param, from,
		    MAX_LOG_LINES, on_log, c);
}

void
build_log(struct call *c)
{
	if (call_query(c, "from") == 0)
		store_job_get(c->server->store, c->param, on_job_log, c);
}

static void
on_cancelled(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;

	if (rc == -EALREADY) {
		call_error(c, 409, NULL, "the job has ended: %s",
		    json_str(job, "status", "ended"));
		return;
	}
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	queue_cancel(c->server->queue, c->param);
	call_json(c, 200, json_pack("{sb ss so}", "success", 1, "message",
	    json_bool(job, "cancel", 0) ? "Build job is being stopped" :
	    "Build job cancelled", "job", jobview(c->server, job)));
}

static void
on_job_cancel(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;

	if (visible(c, rc, job))
		store_job_cancel(c->server->store, c->param, on_cancelled, c);
}

void
build_cancel(struct call *c)
{
	if (c->req->body_len > 0 && call_body(c, NULL, 0) < 0)
		return;
	store_job_get(c->server->store, c->param, on_job_cancel, c);
}

static void
on_stats(int rc, const json_t *stats, void *arg)
{
	struct call	*c = arg;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	call_json(c, 200, json_pack("{sb sO sO so}", "success", 1, "stats",
	    stats, "measured", c->server->measured, "targets",
	    target_list(c->server)));
}

void
build_stats(struct call *c)
{
	if (call_query(c, "") == 0)
		store_job_stats(c->server->store, on_stats, c);
}
