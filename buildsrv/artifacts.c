/*
 * GET /api/artifacts/download/:token: artifacts, handed out under tokens.  A
 * token's record ("token", under USER/JOB) holds what may be done with it;
 * "token-hash" leads there from the hash of its text, which is all that is
 * kept of it.
 *
 * Who shows a token that was given out is told why it is not honoured: 403
 * its account is disabled, 410 revoked or expired, 429 used up.  All others
 * hear 404.  The record is looked at when a request begins, not later.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact.h"
#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "file.h"
#include "metrics.h"
#include "transfers.h"

enum { COPY_RETRY = 5000 };	/* ms: when others' transfers may be over */

int
artifact_live(const json_t *token, int64_t now)
{
	int64_t	max = json_int(token, "maxDownloads", 0);

	return !json_bool(token, "revoked", 0) &&
	    json_int(token, "expires", 0) > now &&
	    (max == 0 || json_int(token, "downloads", 0) < max);
}

/* -- a file that is being sent -- */

struct sending {
	struct server	*server;
	struct transfer	*transfer;
	char		*key;		/* of the token's record */
};

static void
sending_free(struct sending *s)
{
	free(s->key);
	free(s);
}

/* -ENOENT: the job was deleted while its file was being sent. */
static void
on_recorded(int rc, const json_t *unused, void *arg)
{
	struct sending	*s = arg;

	(void)unused;
	if (rc < 0 && rc != -ENOENT)
		log_warn("artifact", "a download was not counted: %s",
		    errstr(rc));
	transfers_recorded(s->server->transfers, s->key);
	sending_free(s);
}

static void
on_sent(void *arg, uint64_t sent, int whole)
{
	struct sending	*s = arg;
	int		 n = transfer_end(s->transfer, sent);
	json_t		*by, *at;

	(void)whole;
	metrics_download(s->server->metrics, sent, n);
	if (n == 0) {
		sending_free(s);
		return;
	}
	by = json_pack("{si}", "downloads", n);
	at = json_pack("{sI}", "lastDownload", (json_int_t)clock_wall_ms());
	store_write(s->server->store, (struct store_op[]){
	    { STORE_BUMP, "token", s->key, by },
	    { STORE_MERGE, "token", s->key, at } }, 2, on_recorded, s);
	json_decref(by);
	json_decref(at);
}

/* -- the file -- */

static int
open_file(const char *path, uint64_t *size)
{
	int		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int		rc = 0;
	struct stat	st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

/* The descriptor, or -errno. */
static int
artifact_open(const struct server *s, const char *sha256, uint64_t *size)
{
	char	*path = file_join(s->artifact_dir, sha256);
	char	*trash = xasprintf("%s/" ARTIFACT_TRASH "/%s",
		    s->artifact_dir, sha256);
	int	 fd = open_file(path, size);

	if (fd == -ENOENT && rename(trash, path) == 0) {
		log_info("artifact", "%s: taken out of the trash", path);
		fd = open_file(path, size);
	}
	if (fd < 0)
		log_error("artifact", "%s: %s", path, errstr(fd));
	free(path);
	free(trash);
	return fd;
}

/* -- the answer -- */

static const char *
type_of(const char *name)
{
	static const struct {
		const char	*end, *type;
	} types[] = {
		{ ".gz", "application/gzip" },
		{ ".zip", "application/zip" },
		{ ".deb", "application/vnd.debian.binary-package" },
		{ ".rpm", "application/x-rpm" },
		{ ".exe", "application/vnd.microsoft.portable-executable" },
	};
	size_t	i, n = strlen(name), len;

	for (i = 0; i < nitems(types); i++) {
		len = strlen(types[i].end);
		if (n > len && strcmp(name + n - len, types[i].end) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

/* Names are made of harmless characters; one from elsewhere is made so. */
static void
set_disposition(struct http_req *q, const char *name)
{
	char	*text = xasprintf("attachment; filename=\"%s\"", name);
	char	*p = strchr(text, '"') + 1, *end = strrchr(text, '"');

	for (; p < end; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e ||
		    strchr("\"\\/", *p) != NULL)
			*p = '_';
	http_set(q, "Content-Disposition", text);
	free(text);
}

/* NULL where the token's limit is reached by those under way. */
static struct sending *
sending_begin(const struct call *c, uint64_t size, uint64_t from, uint64_t n)
{
	const json_t	*token = c->job;
	struct sending	*s = xcalloc(1, sizeof(*s));

	s->server = c->server;
	s->key = xasprintf("%s/%s", json_str(token, "user", ""),
	    json_str(token, "job", ""));
	s->transfer = transfer_begin(c->server->transfers,
	    &(struct transfer_want){ .token = s->key, .client = c->req->peer,
	    .sha256 = json_str(token, "sha256", ""), .size = size,
	    .from = from, .n = n,
	    .counted = json_int(token, "downloads", 0),
	    .max = json_int(token, "maxDownloads", 0) });
	if (s->transfer != NULL)
		return s;
	sending_free(s);
	return NULL;
}

static void
send_file(struct call *c, int fd, uint64_t size, const char *etag)
{
	const json_t	*token = c->job;
	const char	*name = json_str(token, "fileName", "muster-agent");
	struct sending	*s = NULL;
	uint64_t	 from, n;
	int		 status = http_file_part(c->req, size, etag, &from,
			    &n);

	if (strcmp(c->req->method, "GET") == 0 && n > 0 &&
	    (status == 200 || status == 206) &&
	    (s = sending_begin(c, size, from, n)) == NULL) {
		close(fd);
		call_retry(c, COPY_RETRY, NULL, "as many of this download "
		    "as may still be had are under way");
		return;
	}
	set_disposition(c->req, name);
	http_set(c->req, "X-Checksum-SHA256", json_str(token, "sha256", ""));
	http_set(c->req, "X-Signature-Ed25519",
	    json_str(token, "signature", ""));
	http_set(c->req, "Cache-Control", "private, no-store");
	http_reply_file(c->req, fd, size, type_of(name), etag,
	    s != NULL ? on_sent : NULL, s);
	call_free(c);
}

static void
send_artifact(struct call *c)
{
	const char	*sum = json_str(c->job, "sha256", "");
	uint64_t	 want = (uint64_t)json_int(c->job, "size", 0), size = 0;
	int		 fd = artifact_open(c->server, sum, &size);
	char		*etag;

	if (fd < 0) {
		call_failed(c, fd);
		return;
	}
	if (size != want) {
		log_error("artifact", "%s: has %llu bytes, not %llu", sum,
		    (unsigned long long)size, (unsigned long long)want);
		close(fd);
		call_failed(c, -EBADMSG);
		return;
	}
	etag = xasprintf("\"%s\"", sum);
	send_file(c, fd, size, etag);
	free(etag);
}

/* -- whether it is honoured -- */

/* Whether this asks for the rest of what began before the token's end. */
static int
is_late_part(const struct call *c)
{
	const json_t	*t = c->job;
	char		*key = xasprintf("%s/%s", json_str(t, "user", ""),
			    json_str(t, "job", ""));
	int		 late;

	late = http_header(c->req, "range") != NULL &&
	    json_int(t, "expires", 0) + ARTIFACT_LATE > clock_wall_ms() &&
	    transfers_resumes(c->server->transfers, key, c->req->peer);
	free(key);
	return late;
}

static int
is_used_up(const struct call *c)
{
	int64_t	max = json_int(c->job, "maxDownloads", 0), n;
	char	*key;

	if (max == 0)
		return 0;
	key = xasprintf("%s/%s", json_str(c->job, "user", ""),
	    json_str(c->job, "job", ""));
	n = transfers_counted(c->server->transfers, key,
	    json_int(c->job, "downloads", 0));
	free(key);
	return n >= max;
}

static void
on_owner(int rc, const json_t *account, void *arg)
{
	struct call	*c = arg;

	if (rc < 0 && rc != -ENOENT)	/* made over the socket: no account */
		call_failed(c, rc);
	else if (json_bool(account, "disabled", 0))
		call_error(c, 403, NULL, "the account that this download "
		    "belongs to is disabled");
	else if (json_bool(c->job, "revoked", 0))
		call_error(c, 410, NULL, "this download was revoked");
	else if (json_int(c->job, "expires", 0) <= clock_wall_ms() &&
	    !is_late_part(c))
		call_error(c, 410, NULL, "this download has expired");
	else if (is_used_up(c))
		call_error(c, 429, NULL, "this download was used up");
	else
		send_artifact(c);
}

static void
on_token(int rc, const json_t *token, void *arg)
{
	struct call	*c = arg;

	if (rc == -ENOENT) {
		call_error(c, 404, NULL, "no such download");
		return;
	}
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	c->job = json_deep_copy(token);
	store_get(c->server->store, "account", json_str(token, "user", "-"),
	    on_owner, c);
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
