/* build: asks for an agent, and on request waits for it and fetches it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "muster.h"

enum {
	NO_QUEUE_SILENCE = 1200000,	/* ms; the server ends a build after 15
					 * minutes, and says nothing before */
	MAX_IDEMPOTENCY_KEY = 128	/* the server's limit */
};

static const struct setting build_table[] = {
	CLIENT_SETTINGS,
	{ "os", 0, NULL, SETTING_STR, NULL, 0, 0, "OS",
	    "linux, windows or macos", SETTING_FLAG | SETTING_REQUIRED, NULL },
	{ "arch", 0, NULL, SETTING_STR, NULL, 0, 0, "ARCH",
	    "x64, arm64 or universal", SETTING_FLAG | SETTING_REQUIRED, NULL },
	{ "name", 'n', NULL, SETTING_STR, NULL, 0, 0, "NAME",
	    "the agent's name", SETTING_FLAG, NULL },
	{ "cap", 'c', NULL, SETTING_LIST, NULL, 0, 0, "CAPABILITY",
	    "fileSystemMonitoring ... (repeatable)", SETTING_FLAG, NULL },
	{ "wait", 'w', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "until the build has ended", SETTING_FLAG, NULL },
	{ "output", 'o', NULL, SETTING_PATH, NULL, 0, 0, "FILE",
	    "fetch the package there (implies --wait)", SETTING_FLAG, NULL },
	{ "timeout", 't', NULL, SETTING_DURATION, NULL, 1, 0, "TIME",
	    "wait no longer (exit 99)", SETTING_FLAG, NULL },
	{ "priority", 'p', NULL, SETTING_INT, NULL, -10, 10, "N",
	    "-10 to 10; above 0 for administrators", SETTING_FLAG, NULL },
	{ "max-downloads", 0, NULL, SETTING_INT, NULL, 0, 1000, "N",
	    "fetched so often it is used up; 0: no limit", SETTING_FLAG, NULL },
	{ "idempotency-key", 0, NULL, SETTING_STR, NULL, 0, 0, "KEY",
	    "asked again with it, the answer is the same", SETTING_FLAG,
	    NULL },
	{ "no-queue", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "one request that is answered when it is built", SETTING_FLAG,
	    NULL },
	{ "public-key", 'k', "MUSTER_PUBLIC_KEY", SETTING_STR, NULL, 0, 0,
	    "BASE64", "insist that this key signed it", 0, NULL },
};

static const struct settings_spec build_spec = {
	.tool = "muster build",
	.synopsis = "--os OS --arch ARCH [-n NAME] [-c CAPABILITY]... [-w] "
	    "[-o FILE]\n\t[-t TIME] [-k BASE64] [-p N] [--max-downloads N]"
	    "\n\t[--idempotency-key KEY] [--no-queue] [--json]",
	.about = "Builds an agent.  Prints the job's id; with --wait the "
	    "download's URL; with -o the file's name.",
	.table = build_table, .n = nitems(build_table),
};

static json_t *
build_body(const struct settings *s)
{
	json_t		*caps = json_object();
	const char	*cap;
	json_t		*o;
	size_t		 i;

	for (i = 0; (cap = settings_item(s, "cap", i)) != NULL; i++)
		json_object_set_new(caps, cap, json_true());
	o = json_pack("{ss ss so}", "os", settings_str(s, "os"),
	    "architecture", settings_str(s, "arch"), "capabilities", caps);
	if (settings_has(s, "name"))
		json_object_set_new(o, "customName",
		    json_string(settings_str(s, "name")));
	if (settings_has(s, "priority"))
		json_object_set_new(o, "priority",
		    json_integer(settings_int(s, "priority")));
	if (settings_has(s, "max-downloads"))
		json_object_set_new(o, "maxDownloads",
		    json_integer(settings_int(s, "max-downloads")));
	if (settings_bool(s, "no-queue"))
		json_object_set_new(o, "useQueue", json_false());
	return o;
}

/* The header's line, or NULL; freed by the caller. */
static char *
idempotency(const struct settings *s)
{
	const char	*key = settings_str(s, "idempotency-key"), *p;

	if (key == NULL)
		return NULL;
	for (p = key; *p > 0x20 && *p < 0x7f; p++)
		continue;
	if (*p != '\0' || p == key || p - key > MAX_IDEMPOTENCY_KEY)
		settings_usage(s, "--idempotency-key: must be 1 to %d "
		    "printable characters without spaces",
		    MAX_IDEMPOTENCY_KEY);
	return xasprintf("Idempotency-Key: %s\r\n", key);
}

static json_t *
ask(const struct client *c, const struct settings *s)
{
	char		*key = idempotency(s);
	struct request	 r = {
		.method = "POST", .path = "/api/agents/build",
		.body = build_body(s), .headers = key
	};
	struct answer	 a;

	if (settings_bool(s, "no-queue")) {
		r.timeout_ms = settings_has(s, "timeout") ?
		    settings_int(s, "timeout") : NO_QUEUE_SILENCE;
		progress_show("building");
	}
	client_ask(c, r, &a);
	progress_clear();
	if (!answer_good(&a))
		die(answer_code(&a), "%s%s", answer_words(c, &a),
		    a.status == UV_ETIMEDOUT && settings_bool(s, "no-queue") ?
		    " (muster jobs shows the build, which goes on)" : "");
	free(a.why);
	free(key);
	return a.body;
}

/* The build is good: what was wished of it. */
static void
hand_over(const struct client *c, const struct settings *s, const json_t *job)
{
	const char	*file = settings_str(s, "output");

	if (file != NULL)
		download_job(c, job, file, settings_str(s, "public-key"));
	if (file != NULL && strcmp(file, "-") == 0)
		return;			/* stdout is the package's */
	if (c->json)
		print_json(job);
	else
		printf("%s\n", file != NULL ? file :
		    json_str(job, "downloadUrl", ""));
}

static void
queued(const struct client *c, const json_t *answer)
{
	char	*message, *estimate;

	if (c->json) {
		print_json(answer);
		return;
	}
	message = clean_text(json_str(answer, "message", ""));
	estimate = clean_text(json_str(answer, "estimatedTime", ""));
	fprintf(stderr, "muster build: %s; time: %s\n", message, estimate);
	printf("%s\n", json_str(answer, "jobId", ""));
	free(message);
	free(estimate);
}

int
build_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&build_spec, argc, argv);
	struct client	 c;
	json_t		*answer, *job = NULL, *warning;
	size_t		 i;

	client_open(&c, s);
	answer = ask(&c, s);
	json_array_foreach(json_object_get(answer, "warnings"), i, warning)
		log_warn(NULL, "note: %s", json_string_value(warning));
	if (settings_bool(s, "no-queue"))
		job = json_incref(json_object_get(answer, "job"));
	else if (settings_bool(s, "wait") || settings_has(s, "output"))
		job = job_wait(&c, json_str(answer, "jobId", ""),
		    settings_int(s, "timeout"));
	if (job != NULL) {
		job_must_be_good(job);
		hand_over(&c, s, job);
	} else
		queued(&c, answer);
	json_decref(job);
	json_decref(answer);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
