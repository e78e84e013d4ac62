/*
 * Artifacts, handed out under tokens.  A token's record ("token", under
 * USER/JOB) holds what may be done with it; "token-hash" leads there from
 * the hash of its text, which is all that is kept of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "file.h"

/* -- GET /api/artifacts/download/:token -- */

struct transfer {		/* a file that is being sent */
	struct server	*server;
	char		*key;		/* of the token's record */
};

static void
on_counted(int rc, const json_t *unused, void *arg)
{
	(void)unused;
	(void)arg;
	if (rc < 0)
		log_warn("artifact", "a download was not counted: %s",
		    errstr(rc));
}

static void
on_sent(void *arg, uint64_t sent, int whole)
{
	struct transfer	*t = arg;
	json_t		*one;

	if (whole && sent > 0) {
		one = json_pack("{si}", "downloads", 1);
		store_write(t->server->store, &(struct store_op){ STORE_BUMP,
		    "token", t->key, one }, 1, on_counted, NULL);
		json_decref(one);
	}
	free(t->key);
	free(t);
}

/* The artifact's file opened for reading, or -1. */
static int
artifact_open(const struct server *s, const char *sha256, struct stat *st)
{
	char	*path = file_join(s->artifact_dir, sha256);
	int	 fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
		log_error("artifact", "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

static void
send_artifact(struct call *c, const json_t *token)
{
	const char	*sum = json_str(token, "sha256", "");
	struct transfer	*t;
	struct stat	 st;
	char		*head;
	int		 fd = artifact_open(c->server, sum, &st);

	if (fd < 0) {
		call_failed(c, -ENOENT);
		return;
	}
	t = xcalloc(1, sizeof(*t));
	t->server = c->server;
	t->key = xasprintf("%s/%s", json_str(token, "user", ""),
	    json_str(token, "job", ""));
	head = xasprintf("attachment; filename=\"%s\"",
	    json_str(token, "fileName", "muster-agent.tar.gz"));
	http_set(c->req, "Content-Disposition", head);
	free(head);
	http_set(c->req, "X-Checksum-SHA256", sum);
	http_set(c->req, "X-Signature-Ed25519",
	    json_str(token, "signature", ""));
	http_set(c->req, "Cache-Control", "private, no-store");
	head = xasprintf("\"%s\"", sum);
	http_reply_file(c->req, fd, (uint64_t)st.st_size, "application/gzip",
	    head, on_sent, t);
	free(head);
	call_free(c);
}

static void
on_token(int rc, const json_t *token, void *arg)
{
	struct call	*c = arg;
	int64_t		 max = json_int(token, "maxDownloads", 0);

	if (rc < 0 && rc != -ENOENT)
		call_failed(c, rc);
	else if (rc < 0)
		call_error(c, 404, NULL, "no such download");
	else if (json_bool(token, "revoked", 0))
		call_error(c, 410, NULL, "this download was revoked");
	else if (json_int(token, "expires", 0) <= clock_wall_ms())
		call_error(c, 410, NULL, "this download has expired");
	else if (max > 0 && json_int(token, "downloads", 0) >= max)
		call_error(c, 429, NULL, "this download was used up");
	else
		send_artifact(c, token);
}

static void
on_hash(int rc, const json_t *ref, void *arg)
{
	struct call	*c = arg;

	if (rc < 0)
		on_token(rc, NULL, c);
	else
		store_get(c->server->store, "token", json_str(ref, "token",
		    ""), on_token, c);
}

void
artifact_download(struct call *c)
{
	char	hash[2 * SHA256_SIZE + 1];

	store_get(c->server->store, "token-hash",
	    secret_hash(c->param, hash), on_hash, c);
}

/* -- GET /api/artifacts/downloads -- */

static json_t *
token_view(const struct server *s, const json_t *t)
{
	const char	*job = json_str(t, "job", "");
	char		 token[BASE64_SIZE(TOKEN_BYTES)];
	char		 made[CLOCK_RFC3339_SIZE], ends[CLOCK_RFC3339_SIZE];

	secret_token(s, "download", job, token);
	return json_pack("{ss ss ss ss ss ss sI sI sI sb sb ss}", "token", token,
	    "jobId", job, "user", json_str(t, "user", ""),
	    "fileName", json_str(t, "fileName", ""),
	    "createdAt", clock_rfc3339(json_int(t, "created", 0), made),
	    "expiresAt", clock_rfc3339(json_int(t, "expires", 0), ends),
	    "size", (json_int_t)json_int(t, "size", 0),
	    "downloads", (json_int_t)json_int(t, "downloads", 0),
	    "maxDownloads", (json_int_t)json_int(t, "maxDownloads", 0),
	    "expired", json_int(t, "expires", 0) <= clock_wall_ms(),
	    "revoked", json_bool(t, "revoked", 0),
	    "checksum", json_str(t, "sha256", ""));
}

static void
on_my_tokens(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;
	json_t		*list, *item;
	size_t		 i;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	list = json_array();
	json_array_foreach(json_object_get(page, "items"), i, item)
		json_array_append_new(list, token_view(c->server,
		    json_object_get(item, "value")));
	call_json(c, 200, json_pack("{sb so sO}", "success", 1, "downloads",
	    list, "nextCursor", json_object_get(page, "next")));
}

void
artifact_list(struct call *c)
{
	char	*cursor, *prefix;

	if (call_query(c, "cursor") < 0)
		return;
	cursor = http_query(c->req, "cursor");
	prefix = xasprintf("%s/", c->user);
	store_list(c->server->store, "token", prefix, cursor, MAX_PAGE, 0,
	    on_my_tokens, c);
	free(cursor);
	free(prefix);
}

/* -- DELETE /api/artifacts/downloads/:token -- */

static void
on_revoked(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)unused;
	if (rc < 0)
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
	json_t		*mark;

	if (rc < 0 && rc != -ENOENT) {
		call_failed(c, rc);
		return;
	}
	owner = slash != NULL ? xstrndup(key, (size_t)(slash - key)) : NULL;
	if (rc < 0 || !call_may_see(c, owner))
		call_error(c, 404, NULL, "no such download");
	else {
		mark = json_pack("{sb}", "revoked", 1);
		store_write(c->server->store, &(struct store_op){ STORE_MERGE,
		    "token", key, mark }, 1, on_revoked, c);
		json_decref(mark);
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

/* -- GET /api/artifacts/stats -- */

struct walk {			/* through all tokens, a page at a time */
	struct call	*call;
	json_t		*contents;	/* sha256 of files that were counted */
	int64_t		 bytes, tokens, live, downloads;
};

static void	walk_on(int, const json_t *, void *);

static void
walk_count(struct walk *w, const json_t *t)
{
	const char	*sum = json_str(t, "sha256", "");

	w->tokens++;
	w->downloads += json_int(t, "downloads", 0);
	w->live += json_int(t, "expires", 0) > clock_wall_ms() &&
	    !json_bool(t, "revoked", 0);
	if (json_object_get(w->contents, sum) == NULL) {
		json_object_set_new(w->contents, sum, json_true());
		w->bytes += json_int(t, "size", 0);
	}
}

static void
walk_end(struct walk *w, int rc)
{
	if (rc < 0)
		call_failed(w->call, rc);
	else
		call_json(w->call, 200, json_pack("{sb sI sI sI sI sI}",
		    "success", 1,
		    "files", (json_int_t)json_object_size(w->contents),
		    "bytes", (json_int_t)w->bytes,
		    "tokens", (json_int_t)w->tokens,
		    "liveTokens", (json_int_t)w->live,
		    "downloads", (json_int_t)w->downloads));
	json_decref(w->contents);
	free(w);
}

static void
walk_on(int rc, const json_t *page, void *arg)
{
	struct walk	*w = arg;
	const char	*next = json_str(page, "next", NULL);
	json_t		*item;
	size_t		 i;

	json_array_foreach(json_object_get(page, "items"), i, item)
		walk_count(w, json_object_get(item, "value"));
	if (rc < 0 || next == NULL)
		walk_end(w, rc);
	else
		store_list(w->call->server->store, "token", "", next,
		    MAX_PAGE, 0, walk_on, w);
}

void
artifact_stats(struct call *c)
{
	struct walk	*w;

	if (call_query(c, "") < 0)
		return;
	w = xcalloc(1, sizeof(*w));
	w->call = c;
	w->contents = json_object();
	store_list(c->server->store, "token", "", NULL, MAX_PAGE, 0, walk_on,
	    w);
}
