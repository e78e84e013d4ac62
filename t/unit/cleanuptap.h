/* For tests of the clean-up: a server without a network, whose builds are
 * made by hand. */
#ifndef MUSTER_CLEANUPTAP_H
#define MUSTER_CLEANUPTAP_H

#include "../../buildsrv/artifacts.c"
#include "../../buildsrv/cleanup.c"
#include "../../buildsrv/cleanup_dirs.c"
#include "../../buildsrv/cleanup_files.c"
#include "../../buildsrv/cleanup_records.c"
#include "../../buildsrv/cleanup_releases.c"
#include "../../buildsrv/cleanup_reports.c"
#include "../../buildsrv/docwalk.c"
#include "../../buildsrv/job_delete.c"
#include "../../buildsrv/parts.c"
#include "../../buildsrv/secret.c"
#include "../../buildsrv/transfers.c"
#include "../../buildsrv/tree.c"

#include "storetap.h"

/* Nothing is released here: t/3400-releases.t cleans up after that. */
const json_t *
tufrepo_targets(const struct tufrepo *t)
{
	(void)t;
	return NULL;
}

const char *
release_sha256(const json_t *entry)
{
	(void)entry;
	return "";
}

/* No agents here: t/4260-gateway-bounds.t has them. */
void
gateway_each(const struct gateway *g,
    void (*each)(const struct gateway_view *, void *), void *arg)
{
	(void)g;
	(void)each;
	(void)arg;
}

static struct server	server;
static json_t		*passed;	/* the answer of the last pass */
static int		 pass_ended;

/* -- what api.c and audit.c give -- */

void
call_free(struct call *c)
{
	free(c);
}

void
call_json(struct call *c, int status, json_t *take)
{
	(void)status;
	json_decref(passed);
	passed = take;
	pass_ended = 1;
	call_free(c);
}

void
call_error(struct call *c, int status, const char *field, const char *fmt,
    ...)
{
	(void)field;
	(void)fmt;
	call_json(c, status, NULL);
}

void
call_retry(struct call *c, int64_t ms, const char *field, const char *fmt,
    ...)
{
	(void)ms;
	call_error(c, 429, field, "%s", fmt);
}

void
call_failed(struct call *c, int code)
{
	printf("# the pass failed: %s\n", errstr(code));
	call_json(c, 500, NULL);
}

int
call_may_see(const struct call *c, const char *user)
{
	(void)c;
	(void)user;
	return 1;
}

int
call_query(struct call *c, const char *words)
{
	(void)c;
	(void)words;
	return 0;
}

int
call_body(struct call *c, const struct json_field *f, size_t n)
{
	(void)c;
	(void)f;
	(void)n;
	return 0;
}

void
metrics_download(struct metrics *m, uint64_t sent, int n)
{
	(void)m;
	(void)sent;
	(void)n;
}

json_t *
audit_record(const struct call *c, const char *action, const char *object,
    const char *result)
{
	(void)c;
	return json_pack("{ss ss ss}", "action", action, "object", object,
	    "result", result);
}

void
audit_note(const struct call *c, const char *action, const char *object,
    const char *result)
{
	(void)c;
	(void)action;
	(void)object;
	(void)result;
}

/* -- passes -- */

/* One pass, which somebody waits for; then look at passed. */
static void
pass(int dry)
{
	pass_ended = 0;
	pass_start(server.cleanup, xcalloc(1, sizeof(struct call)), dry);
	while (!pass_ended || server.cleanup->pass != NULL)
		uv_run(&loop, UV_RUN_ONCE);
}

static long long
passed_int(const char *name)
{
	return (long long)json_int(passed, name, -1);
}

static void
begin_cleanup(void)
{
	char	*work = file_join(store_dir, "work");
	char	*templates_dir = file_join(store_dir, "templates");

	cleanup_clock = 20;
	server.loop = &loop;
	server.store = store;
	server.transfers = transfers_new();
	server.artifact_dir = file_join(store_dir, "artifacts");
	list_init(&server.walks);
	server.no_walks = 0;
	file_mkdirs(server.artifact_dir, 0700);
	file_mkdirs(work, 0700);
	file_mkdirs(templates_dir, 0700);
	cleanup_start(&server, &(struct cleanup_options){
	    .state_dir = store_dir, .work_dir = work,
	    .template_dir = templates_dir });
	free(work);
	free(templates_dir);
}

static int	cleanup_stopped;

static void
on_cleanup_stopped(void *arg)
{
	(void)arg;
	cleanup_stopped = 1;
}

static void
end_cleanup(void)
{
	cleanup_stopped = 0;
	cleanup_stop(&server, on_cleanup_stopped, NULL);
	while (!cleanup_stopped)
		uv_run(&loop, UV_RUN_ONCE);
	transfers_free(server.transfers);
	free(server.artifact_dir);
	json_decref(passed);
	passed = NULL;
}

/* -- artifacts -- */

static char *
content_name(const char *content, char out[2 * SHA256_SIZE + 1])
{
	uint8_t	sum[SHA256_SIZE];

	crypto_sha256(content, strlen(content), sum);
	return hex_encode(sum, sizeof(sum), out);
}

/* As queue_publish.c does it. */
static void
publish_content(const char *content)
{
	char	 name[2 * SHA256_SIZE + 1];
	char	*to = file_join(server.artifact_dir,
		    content_name(content, name));
	char	*from = file_join(store_dir, "work/out");

	unlink(from);
	if (file_create(from, content, strlen(content), 0600) < 0
	    || rename(from, to) < 0)
		printf("# cannot publish %s\n", to);
	free(from);
	free(to);
}

/* A completed job's token, as jobfiles.c records it. */
static json_t *
token_for(const char *job, const char *content, int64_t expires)
{
	char	name[2 * SHA256_SIZE + 1];

	return json_pack("{ss ss ss si sI si}", "job", job, "user", "anna",
	    "sha256", content_name(content, name), "size",
	    (int)strlen(content), "expires", (json_int_t)expires,
	    "downloads", 0);
}

enum { NOWHERE, IN_PLACE, IN_TRASH, IN_BOTH };

static int
where_is(const char *content)
{
	char	 name[2 * SHA256_SIZE + 1];
	char	*place = file_join(server.artifact_dir,
		    content_name(content, name));
	char	*trash = xasprintf("%s/" ARTIFACT_TRASH "/%s",
		    server.artifact_dir, name);
	int	 at_place = file_exists(place), at_trash = file_exists(trash);

	free(place);
	free(trash);
	return at_place + 2 * at_trash;
}

#endif
