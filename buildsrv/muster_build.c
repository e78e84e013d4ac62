/* build: asks for an agent, and on request waits for it and fetches it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "muster.h"

enum {
	POLL_FIRST	= 20,	/* ms; a cached build takes less than 100 */
	POLL_MAX	= 500	/* ms; each wait is half as long again */
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
	{ "public-key", 'k', "MUSTER_PUBLIC_KEY", SETTING_STR, NULL, 0, 0,
	    "BASE64", "insist that this key signed it", 0, NULL },
};

static const struct settings_spec build_spec = {
	.tool = "muster build",
	.synopsis = "--os OS --arch ARCH [-n NAME] [-c CAPABILITY]... [-w] "
	    "[-o FILE]",
	.about = "Builds an agent.  Prints the job's id; with --wait the "
	    "download's URL; with -o the file's name.",
	.table = build_table, .n = nitems(build_table),
};

static json_t *
request(const struct settings *s)
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
	return o;
}

static void
show_progress(const json_t *job, int terminal)
{
	const char	*status = json_str(job, "status", "");

	if (!terminal)
		return;
	fprintf(stderr, "\r\033[K%s %3lld %% %s", status,
	    (long long)json_int(job, "progress", 0),
	    json_str(job, "step", ""));
	fflush(stderr);
}

/* Waits for the end; the answer that tells it is the caller's. */
static json_t *
wait_for_job(const struct client *c, const char *id, int64_t timeout_ms)
{
	char		*path = job_path(id, "");
	const char	*status;
	int64_t		 until = clock_mono_ms() + timeout_ms;
	unsigned	 pause = POLL_FIRST;
	int		 terminal = at_terminal(STDERR_FILENO);
	json_t		*answer;

	for (;;) {
		answer = client_call(c, "GET", path, NULL);
		status = json_str(json_object_get(answer, "job"), "status",
		    "");
		show_progress(json_object_get(answer, "job"), terminal);
		if (strcmp(status, "pending") != 0 &&
		    strcmp(status, "running") != 0)
			break;
		json_decref(answer);
		if (timeout_ms > 0 && clock_mono_ms() >= until)
			die(EXIT_TIMEOUT, "job %s goes on; its time is up",
			    id);
		uv_sleep(pause);
		if ((pause += pause / 2) > POLL_MAX)
			pause = POLL_MAX;
	}
	if (terminal)
		fputs("\r\033[K", stderr);
	free(path);
	return answer;
}

static void
finish(const struct client *c, const struct settings *s, const json_t *job)
{
	const char	*status = json_str(job, "status", "");
	const char	*id = json_str(job, "id", "");

	if (strcmp(status, "completed") != 0)
		die(EXIT_NO, "job %s %s: %s (muster logs %s tells more)", id,
		    status, json_str(job, "error", "no reason is recorded"),
		    id);
	if (settings_has(s, "output"))
		download_job(c, job, settings_str(s, "output"),
		    settings_str(s, "public-key"));
	if (c->json)
		print_json(job);
	else if (!settings_has(s, "output"))
		printf("%s\n", json_str(job, "downloadUrl", ""));
	else if (strcmp(settings_str(s, "output"), "-") != 0)
		printf("%s\n", settings_str(s, "output"));
}

int
build_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&build_spec, argc, argv);
	struct client	 c;
	const char	*id;
	json_t		*answer, *ended, *warning;
	size_t		 i;

	client_open(&c, s);
	answer = client_call(&c, "POST", "/api/agents/build", request(s));
	id = json_str(answer, "jobId", "");
	json_array_foreach(json_object_get(answer, "warnings"), i, warning)
		fprintf(stderr, "muster build: note: %s\n",
		    json_string_value(warning));
	if (settings_bool(s, "wait") || settings_has(s, "output")) {
		ended = wait_for_job(&c, id, settings_int(s, "timeout"));
		finish(&c, s, json_object_get(ended, "job"));
		json_decref(ended);
	} else if (c.json)
		print_json(answer);
	else {
		fprintf(stderr, "muster build: %s; time: %s\n",
		    json_str(answer, "message", ""),
		    json_str(answer, "estimatedTime", ""));
		printf("%s\n", id);
	}
	json_decref(answer);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
