/*
 * Between the queue and the pipeline: what a job's directory holds before
 * the build, and what is recorded after it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "file.h"
#include "queue.h"
#include "settings.h"
#include "tufrepo.h"

/*
 * What is stamped into the agent: flat, each member named as the setting of
 * muster-agent(8) that it is the start of.
 */
static json_t *
agent_config(const struct server *s, const json_t *job)
{
	const char	*id = json_str(job, "id", "");
	char		 key[BASE64_SIZE(TOKEN_BYTES)];
	char		 pin[BASE64_SIZE(ED25519_PUBLIC)];
	char		 when[CLOCK_RFC3339_SIZE];
	json_t		*o;

	secret_token(s, "register", id, key);
	base64_encode(s->identity_public, ED25519_PUBLIC, pin);
	o = json_pack("{ss ss ss ss ss sO ss s{ss ss ss ss}}",
	    "server", s->url, "name", json_str(job, "customName", ""),
	    "agent_id", json_str(job, "agentId", ""), "build_id", id,
	    "registration_key", key, "capabilities",
	    json_object_get(job, "capabilities"), "backend_key", pin,
	    "build", "timestamp", clock_rfc3339(json_int(job, "created", 0),
	    when), "platform", json_str(job, "os", ""),
	    "architecture", json_str(job, "architecture", ""),
	    "version", MUSTER_VERSION);
	if (s->update_key[0] != '\0')
		json_object_set_new(o, "update_key",
		    json_string(s->update_key));
	if (tufrepo_root(s->tufrepo) != NULL)
		json_object_set_new(o, "update_root",
		    json_string(tufrepo_root(s->tufrepo)));
	if (settings_bool(s->settings, "agents-plaintext"))
		json_object_set_new(o, "plaintext", json_true());
	return o;
}

static int
write_in(const char *dir, const char *name, const char *text)
{
	char	*path = file_join(dir, name);
	int	 rc = file_create(path, text, strlen(text), 0600);

	free(path);
	return rc;
}

/* Shell assignments; every value is made of [A-Za-z0-9._,-], see builds.c. */
static char *
job_variables(const json_t *job)
{
	struct buf	 b = BUF_INIT;
	json_t		*cap;
	size_t		 i;

	buf_printf(&b, "MUSTER_JOB_ID=%s\nMUSTER_OS=%s\nMUSTER_ARCH=%s\n"
	    "MUSTER_NAME=%s\nMUSTER_CAPS=", json_str(job, "id", ""),
	    json_str(job, "os", ""), json_str(job, "architecture", ""),
	    json_str(job, "customName", ""));
	json_array_foreach(json_object_get(job, "capabilities"), i, cap)
		buf_printf(&b, "%s%s", i > 0 ? "," : "",
		    capability_module(json_string_value(cap)));
	buf_addc(&b, '\n');
	return buf_take(&b);
}

int
job_prepare(const json_t *job, const char *dir, void *arg)
{
	json_t	*config = agent_config(arg, job);
	char	*text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
	char	*env = job_variables(job);
	int	 rc;

	if ((rc = write_in(dir, "config.json", text)) == 0)
		rc = write_in(dir, "job.env", env);
	crypto_wipe(text, strlen(text));
	free(text);
	free(env);
	json_decref(config);
	return rc;
}

char *
job_secret(const json_t *job, void *arg)
{
	char	key[BASE64_SIZE(TOKEN_BYTES)];

	secret_token(arg, "register", json_str(job, "id", ""), key);
	return xstrdup(key);
}

/*
 * The build is done and its file published: the token under which it is
 * handed out, the registration key that it carries, and the measure of its
 * time go into the transaction that ends the job.
 */
int
job_finish(const json_t *job, const json_t *result, json_t *patch,
    struct queue_ops *ops, void *arg)
{
	struct server	*s = arg;
	const char	*id = json_str(job, "id", "");
	const char	*user = json_str(job, "user", "");
	int64_t		 now = clock_wall_ms(), expires = now + s->token_ms;
	char		 text[BASE64_SIZE(TOKEN_BYTES)];
	char		 hash[2 * SHA256_SIZE + 1];
	char		*key = xasprintf("%s/%s", user, id);
	json_t		*token;

	json_object_set_new(patch, "tokenExpires", json_integer(expires));
	token = json_pack(
	    "{ss ss ss ss ss sI sI sI sI}", "job", id, "user", user,
	    "sha256", json_str(result, "checksum", ""),
	    "fileName", json_str(result, "fileName", ""),
	    "signature", json_str(result, "signature", ""),
	    "size", (json_int_t)json_int(result, "size", 0),
	    "created", (json_int_t)now, "expires", (json_int_t)expires,
	    "downloads", (json_int_t)0);
	json_object_set_new(token, "maxDownloads",
	    json_integer(json_int(job, "maxDownloads", 0)));
	queue_ops_add(ops, STORE_PUT, "token", key, token);
	secret_token(s, "download", id, text);
	queue_ops_add(ops, STORE_PUT, "token-hash", secret_hash(text, hash),
	    json_pack("{ss}", "token", key));
	secret_token(s, "register", id, text);
	queue_ops_add(ops, STORE_PUT, "regkey", secret_hash(text, hash),
	    json_pack("{ss ss sO sI}", "job", id, "user", user, "agentId",
	    json_object_get(job, "agentId"), "expires", (json_int_t)0));
	queue_ops_add(ops, STORE_PUT, "measure", json_str(job, "target", ""),
	    json_deep_copy(estimate_add(s, json_str(job, "target", ""),
	    json_bool(result, "templateCached", 0),
	    now - json_int(job, "started", now))));
	free(key);
	return 0;
}
