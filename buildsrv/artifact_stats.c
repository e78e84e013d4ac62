/*
 * GET /api/artifacts/stats: what the records say, counted by a walk over all
 * tokens, and what the disk holds, counted by a worker.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <uthash.h>

#include "artifact.h"
#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "docwalk.h"
#include "file.h"
#include "transfers.h"

struct content {		/* a file that some token names */
	uint8_t		sum[SHA256_SIZE];
	UT_hash_handle	hh;
};

struct held {			/* by a directory */
	int64_t	files, bytes;
};

struct stats {
	struct call	*call;
	uv_work_t	 work;
	struct content	*contents;
	char		*dir, *trash;
	struct held	 stored, trashed;
	int64_t		 files, bytes, tokens, live, revoked, downloads;
	int		 rc;
};

/* -- the disk -- */

static void
held_count(const char *path, struct held *h)
{
	DIR		*d = opendir(path);
	struct dirent	*e;
	struct stat	 st;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (fstatat(dirfd(d), e->d_name, &st,
		    AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
			h->files++;
			h->bytes += st.st_size;
		}
	if (d != NULL)
		closedir(d);
}

static void
count_work(uv_work_t *w)
{
	struct stats	*s = w->data;

	held_count(s->dir, &s->stored);
	held_count(s->trash, &s->trashed);
}

/* -- the answer -- */

static json_t *
stats_view(const struct stats *s)
{
	struct transfers_stats	t;
	json_t			*v;

	transfers_get(s->call->server->transfers, &t);
	v = json_pack("{sb sI sI sI sI sI sI}", "success", 1,
	    "files", (json_int_t)s->files, "bytes", (json_int_t)s->bytes,
	    "tokens", (json_int_t)s->tokens,
	    "liveTokens", (json_int_t)s->live,
	    "revokedTokens", (json_int_t)s->revoked,
	    "downloads", (json_int_t)s->downloads);
	json_object_set_new(v, "transfers", json_pack("{sI sI sI}",
	    "open", (json_int_t)t.open, "resumable", (json_int_t)t.clients,
	    "bytesSent", (json_int_t)t.sent));
	json_object_set_new(v, "stored", json_pack("{sI sI}",
	    "files", (json_int_t)s->stored.files,
	    "bytes", (json_int_t)s->stored.bytes));
	json_object_set_new(v, "trash", json_pack("{sI sI}",
	    "files", (json_int_t)s->trashed.files,
	    "bytes", (json_int_t)s->trashed.bytes));
	return v;
}

static void
stats_end(struct stats *s)
{
	struct content	*c, *next = s->contents;

	if (s->rc == UV_ECANCELED)
		call_error(s->call, 503, NULL, "the server stops");
	else if (s->rc < 0)
		call_failed(s->call, s->rc);
	else
		call_json(s->call, 200, stats_view(s));
	HASH_CLEAR(hh, s->contents);
	while ((c = next) != NULL) {
		next = c->hh.next;
		free(c);
	}
	free(s->dir);
	free(s->trash);
	free(s);
}

static void
count_after(uv_work_t *w, int status)
{
	(void)status;
	stats_end(w->data);
}

/* -- the records -- */

static void
content_count(struct stats *s, const json_t *token)
{
	struct content	*c = NULL;
	uint8_t		 sum[SHA256_SIZE];

	if (hex_decode(json_str(token, "sha256", ""), sum, sizeof(sum)) < 0)
		return;
	HASH_FIND(hh, s->contents, sum, sizeof(sum), c);
	if (c != NULL)
		return;
	c = xcalloc(1, sizeof(*c));
	memcpy(c->sum, sum, sizeof(sum));
	HASH_ADD(hh, s->contents, sum, sizeof(c->sum), c);
	s->files++;
	s->bytes += json_int(token, "size", 0);
}

static void
on_each(const char *key, const json_t *token, void *arg)
{
	struct stats	*s = arg;

	(void)key;
	s->tokens++;
	s->downloads += json_int(token, "downloads", 0);
	s->revoked += json_bool(token, "revoked", 0);
	s->live += artifact_live(token, clock_wall_ms());
	content_count(s, token);
}

static void
on_end(int rc, void *arg)
{
	struct stats	*s = arg;

	if ((s->rc = rc) < 0)
		stats_end(s);
	else
		uv_queue_work(s->call->server->loop, &s->work, count_work,
		    count_after);
}

void
artifact_stats(struct call *c)
{
	struct stats	*s;

	if (call_query(c, "") < 0)
		return;
	s = xcalloc(1, sizeof(*s));
	s->call = c;
	s->work.data = s;
	s->dir = xstrdup(c->server->artifact_dir);
	s->trash = file_join(s->dir, ARTIFACT_TRASH);
	docwalk(c->server, "token", on_each, on_end, s);
}
