#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"

static void
set_time(json_t *view, const char *name, int64_t ms)
{
	char	text[CLOCK_RFC3339_SIZE];

	if (ms > 0)
		json_object_set_new(view, name,
		    json_string(clock_rfc3339(ms, text)));
}

/* Members that are shown as they stand, where the job has them. */
static const char *const plain[] = {
	"agentId", "status", "architecture", "customName", "capabilities",
	"step", "steps", "progress", "priority", "attempts",
	"maxDownloads", "fileName", "size",
	"checksum", "signature", "publicKey", "configSignature",
	"gpgSignature", "template", "templateCached", "selfTest", "unsigned",
	"error"
};

json_t *
jobview(const struct server *s, const json_t *job)
{
	const char	*id = json_str(job, "id", "");
	int64_t		 created = json_int(job, "created", 0);
	int64_t		 started = json_int(job, "started", 0);
	int64_t		 ended = json_int(job, "ended", 0);
	char		 token[BASE64_SIZE(TOKEN_BYTES)];
	json_t		*v = json_pack("{ss ss}", "id", id, "jobId", id);
	json_t		*m;
	size_t		 i;

	json_object_set_new(v, "platform",
	    json_string(json_str(job, "os", "")));
	json_object_set_new(v, "user", json_string(json_str(job, "user", "")));
	for (i = 0; i < nitems(plain); i++)
		if ((m = json_object_get(job, plain[i])) != NULL)
			json_object_set(v, plain[i], m);
	set_time(v, "createdAt", created);
	set_time(v, "startedAt", started);
	set_time(v, "completedAt", ended);
	if (ended > 0)
		json_object_set_new(v, "totalMs", json_integer(ended - created));
	if (ended > 0 && started > 0)
		json_object_set_new(v, "buildMs",
		    json_integer(ended - started));
	if (json_bool(job, "cancel", 0) && ended == 0)
		json_object_set_new(v, "cancelling", json_true());
	if (strcmp(json_str(job, "status", ""), "completed") == 0) {
		secret_token(s, "download", id, token);
		json_object_set_new(v, "downloadUrl", json_sprintf(
		    "%s/api/artifacts/download/%s", s->url, token));
		set_time(v, "expiresAt", json_int(job, "tokenExpires", 0));
	}
	return v;
}
