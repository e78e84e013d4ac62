/* The caller's tokens: listed, revoked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "artifact.h"
#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "transfers.h"

/* -- GET /api/artifacts/downloads -- */

static json_t *
token_view(const struct server *s, const char *key, const json_t *t)
{
	const char	*job = json_str(t, "job", "");
	int64_t		 last = json_int(t, "lastDownload", 0);
	char		 token[BASE64_SIZE(TOKEN_BYTES)];
	char		 made[CLOCK_RFC3339_SIZE], ends[CLOCK_RFC3339_SIZE];
	json_t		*v;

	secret_token(s, "download", job, token);
	v = json_pack("{ss ss ss ss ss ss ss sI sI sI sb sb sb ss}",
	    "token", token, "jobId", job, "user", json_str(t, "user", ""),
	    "fileName", json_str(t, "fileName", ""),
	    "createdAt", clock_rfc3339(json_int(t, "created", 0), made),
	    "expiresAt", clock_rfc3339(json_int(t, "expires", 0), ends),
	    "checksum", json_str(t, "sha256", ""),
	    "size", (json_int_t)json_int(t, "size", 0),
	    "downloads", (json_int_t)transfers_counted(s->transfers, key,
	    json_int(t, "downloads", 0)),
	    "maxDownloads", (json_int_t)json_int(t, "maxDownloads", 0),
	    "expired", json_int(t, "expires", 0) <= clock_wall_ms(),
	    "revoked", json_bool(t, "revoked", 0),
	    "usable", artifact_live(t, clock_wall_ms()), "downloadUrl", "");
	json_object_set_new(v, "downloadUrl", json_sprintf(
	    "%s/api/artifacts/download/%s", s->url, token));
	if (last > 0)
		json_object_set_new(v, "lastDownloadAt",
		    json_string(clock_rfc3339(last, made)));
	return v;
}

static void
on_my_tokens(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;
	json_t		*list, *item;
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
	json_array_foreach(json_object_get(page, "items"), i, item)
		json_array_append_new(list, token_view(c->server,
		    json_str(item, "key", ""),
		    json_object_get(item, "value")));
	call_json(c, 200, json_pack("{sb so sO}", "success", 1, "downloads",
	    list, "nextCursor", json_object_get(page, "next")));
}

void
artifact_list(struct call *c)
{
	char	*cursor, *prefix, *all;
	int64_t	 limit;

	if (call_query(c, "cursor|limit|all") < 0 ||
	    (limit = call_limit(c, MAX_PAGE)) < 0)
		return;
	cursor = http_query(c->req, "cursor");
	all = http_query(c->req, "all");
	prefix = c->admin && all != NULL ? xstrdup("") :
	    xasprintf("%s/", c->user);
	store_list(c->server->store, "token", prefix, cursor, (size_t)limit,
	    0, on_my_tokens, c);
	free(cursor);
	free(prefix);
	free(all);
}

/* -- DELETE /api/artifacts/downloads/:token -- */

static void
on_revoked(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)unused;
	if (rc == -ENOENT)		/* the clean-up was faster */
		call_error(c, 404, NULL, "no such download");
	else if (rc < 0)
		call_failed(c, rc);
	else
		call_json(c, 200, json_pack("{sb ss}", "success", 1,
		    "message", "Download revoked"));
}

static void
on_ref(int rc, const json_t *ref, void *arg)
{
	struct call	*c = arg;
	const char	*key = json_str(ref, "token", "");
	const char	*slash = strrchr(key, '/');
	char		*owner;
	json_t		*mark, *note;

	if (rc < 0 && rc != -ENOENT) {
		call_failed(c, rc);
		return;
	}
	owner = slash != NULL ? xstrndup(key, (size_t)(slash - key)) : NULL;
	if (rc < 0 || !call_may_see(c, owner))
		call_error(c, 404, NULL, "no such download");
	else {
		mark = json_pack("{sb sI}", "revoked", 1, "revokedAt",
		    (json_int_t)clock_wall_ms());
		note = audit_record(c, "artifact.revoke", key, "ok");
		store_write(c->server->store, (struct store_op[]){
		    { STORE_MERGE, "token", key, mark },
		    { STORE_APPEND, "audit", NULL, note } }, 2, on_revoked,
		    c);
		json_decref(mark);
		json_decref(note);
	}
	free(owner);
}

void
artifact_revoke(struct call *c)
{
	char	hash[2 * SHA256_SIZE + 1];

	store_get(c->server->store, "token-hash",
	    secret_hash(c->param, hash), on_ref, c);
}
