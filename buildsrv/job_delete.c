/*
 * A job's end as a record.  With it go its log, its token and the token's
 * hash, so that its file is nobody's any more, and its registration key:
 * agents that registered with it have a key of their own and stay, further
 * ones cannot.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"

/* The key under which the hash of a secret of the job is kept. */
static const char *
hash_key(const struct server *s, const char *use, const char *id,
    char hash[2 * SHA256_SIZE + 1])
{
	char	text[BASE64_SIZE(TOKEN_BYTES)];

	secret_token(s, use, id, text);
	secret_hash(text, hash);
	crypto_wipe(text, sizeof(text));
	return hash;
}

void
token_delete(struct server *s, const char *key, const json_t *token,
    store_done done, void *arg)
{
	char	hash[2 * SHA256_SIZE + 1];

	hash_key(s, "download", json_str(token, "job", ""), hash);
	store_write(s->store, (struct store_op[]){
	    { STORE_DROP, "token", key, NULL },
	    { STORE_DROP, "token-hash", hash, NULL } }, 2, done, arg);
}

void
job_delete(struct server *s, const json_t *job, const json_t *note,
    store_done done, void *arg)
{
	const char	*id = json_str(job, "id", "");
	char		 hash[2][2 * SHA256_SIZE + 1];
	char		*key = xasprintf("%s/%s", json_str(job, "user", ""),
			    id);

	store_job_delete(s->store, id, (struct store_op[]){
	    { STORE_DROP, "token", key, NULL },
	    { STORE_DROP, "token-hash", hash_key(s, "download", id, hash[0]),
	    NULL },
	    { STORE_DROP, "regkey", hash_key(s, "register", id, hash[1]),
	    NULL },
	    { STORE_APPEND, "audit", NULL, note } }, note != NULL ? 4 : 3,
	    done, arg);
	free(key);
}

/* -- DELETE /api/agents/build/jobs/:id -- */

static void
on_deleted(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)unused;
	if (rc == -ENOENT)		/* another was faster */
		call_error(c, 404, NULL, "no such job");
	else if (rc == -EBUSY)
		call_error(c, 409, NULL, "the job has not ended: cancel it "
		    "first");
	else if (rc < 0)
		call_failed(c, rc);
	else
		call_json(c, 200, json_pack("{sb ss ss}", "success", 1,
		    "message", "Build job deleted", "jobId", c->param));
}

static void
on_job(int rc, const json_t *job, void *arg)
{
	struct call	*c = arg;
	json_t		*note;

	if (rc < 0 && rc != -ENOENT && rc != -EINVAL)
		call_failed(c, rc);
	else if (rc < 0 || !call_may_see(c, json_str(job, "user", "")))
		call_error(c, 404, NULL, "no such job");
	else {
		note = audit_record(c, "build.delete", c->param, "ok");
		job_delete(c->server, job, note, on_deleted, c);
		json_decref(note);
	}
}

void
build_delete(struct call *c)
{
	if (call_query(c, "") == 0)
		store_job_get(c->server->store, c->param, on_job, c);
}
