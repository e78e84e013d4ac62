/*
 * Releases come in as two things: files, in parts, under their own hash; and
 * metadata that was signed elsewhere.  What both have is released.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "buildsrv.h"
#include "file.h"
#include "rollout.h"
#include "tuf_impl.h"
#include "tufrepo.h"

enum {
	MAX_RELEASE	= 256 * 1024 * 1024	/* bytes; an agent has 2 MB */
};

/* -- files in -- */

static int
is_hash(const char *s)
{
	return strspn(s, "0123456789abcdef") == 2 * SHA256_SIZE &&
	    s[2 * SHA256_SIZE] == '\0';
}

/* The file is whole: 0 where it is what its name says. */
static int
take_file(const char *part, const char *path, const char *want)
{
	uint8_t	sum[SHA256_SIZE];
	char	hex[2 * SHA256_SIZE + 1];
	int	rc = file_sha256(part, sum, NULL);

	if (rc == 0 && strcmp(hex_encode(sum, sizeof(sum), hex), want) != 0)
		rc = -EBADMSG;
	if (rc == 0 && rename(part, path) < 0)
		rc = -errno;
	if (rc == 0)
		rc = file_sync_dir_of(path);
	else
		unlink(part);
	return rc;
}

/* Writes a part at its place; *have is how long the file is then. */
static int
write_part(const char *path, const struct call *c, int64_t at, int64_t *have)
{
	int		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC |
			    O_NOFOLLOW, 0600), rc = 0;
	struct stat	st;
	size_t		n = c->req->body_len;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (at > st.st_size)
		rc = -ERANGE;
	else if ((at == 0 && ftruncate(fd, 0) < 0) || pwrite(fd, c->req->body,
	    n, at) != (ssize_t)n || fsync(fd) < 0)
		rc = errno != 0 ? -errno : -EIO;
	*have = at + (int64_t)n;
	close(fd);
	return rc;
}

static void
upload_answer(struct call *c, int rc, int64_t have, int whole)
{
	if (rc == -ERANGE)
		call_error(c, 409, "offset", "the part before is missing");
	else if (rc == -EBADMSG)
		call_error(c, 422, NULL, "the file's SHA-256 is another");
	else if (rc < 0)
		call_failed(c, rc);
	else {
		if (whole)
			audit_note(c, "release.file", c->param, "ok");
		call_json(c, 200, json_pack("{sb sI sb}", "success", 1,
		    "received", (json_int_t)have, "complete", whole));
	}
}

void
release_upload(struct call *c)
{
	int64_t	 at, size, have = 0;
	char	*path, *part;
	int	 rc = 0, whole;

	if (!is_hash(c->param)) {
		call_error(c, 404, NULL, "files are named by their SHA-256");
		return;
	}
	if (call_query(c, "offset|size") < 0 ||
	    (at = call_number(c, "offset", 0, MAX_RELEASE)) < 0 ||
	    (size = call_number(c, "size", 0, MAX_RELEASE)) < 0)
		return;
	if (size == 0 || at + (int64_t)c->req->body_len > size) {
		call_error(c, 400, "size", "the whole file's size is needed, "
		    "up to %d", MAX_RELEASE);
		return;
	}
	path = file_join(c->server->release_dir, c->param);
	part = xasprintf("%s.part", path);
	whole = file_exists(path);
	if (!whole) {
		rc = write_part(part, c, at, &have);
		whole = rc == 0 && have == size;
		if (whole)
			rc = take_file(part, path, c->param);
	} else
		have = size;
	upload_answer(c, rc, have, whole);
	free(part);
	free(path);
}

/* -- metadata in -- */

static void
on_published(int rc, const char *why, void *arg)
{
	struct call	*c = arg;

	if (rc == 0) {
		audit_note(c, "release.publish", c->param, "ok");
		call_json(c, 200, json_pack("{sb}", "success", 1));
	} else if (rc == -EBADMSG)
		call_error(c, 422, NULL, "%s", why);
	else if (rc == -EINVAL || rc == -ENOENT)
		call_error(c, rc == -EINVAL ? 400 : 409, NULL, "%s", why);
	else if (rc == -EEXIST || rc == -EBUSY)
		call_error(c, rc == -EBUSY ? 503 : 409, NULL, "%s", why);
	else {
		log_error("tuf", "%s", why);
		call_failed(c, rc);
	}
}

void
release_publish(struct call *c)
{
	if (strlen(c->req->body) != c->req->body_len ||
	    c->req->body_len == 0)
		call_error(c, 400, NULL, "a file of metadata is needed");
	else
		tufrepo_publish(c->server->tufrepo, c->param, c->req->body,
		    c->req->body_len, on_published, c);
}

/* -- out -- */

static void
send_file(struct call *c, const char *path, const char *type,
    const char *etag)
{
	int		fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC |
			    O_NOFOLLOW) : -1;
	struct stat	st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		call_error(c, 404, NULL, "no such file");
		return;
	}
	http_set(c->req, "Cache-Control", "private, no-cache");
	http_reply_file(c->req, fd, (uint64_t)st.st_size, type, etag, NULL,
	    NULL);
	call_free(c);
}

void
release_metadata(struct call *c)
{
	char	*path = tufrepo_path(c->server->tufrepo, c->param);

	send_file(c, path, "application/json", NULL);
	free(path);
}

/* "SHA256.NAME": the name is for people and for clients that want one. */
void
release_target(struct call *c)
{
	char	*sum = xstrndup(c->param, strcspn(c->param, "."));
	char	*path = NULL, *etag = xasprintf("\"%s\"", sum);

	if (is_hash(sum))
		path = file_join(c->server->release_dir, sum);
	send_file(c, path, "application/octet-stream", etag);
	free(path);
	free(etag);
	free(sum);
}

/* -- what there is -- */

static json_t *
view(const struct server *s, const char *path, const json_t *entry)
{
	const json_t	*custom = json_object_get(entry, "custom");
	const char	*sum = release_sha256(entry);
	int64_t		 size = -1;

	return json_pack("{ss ss ss ss ss sI sb}", "path", path, "version",
	    json_str(custom, "version", ""), "target", json_str(custom,
	    "target", ""), "channel", json_str(custom, "channel", ""),
	    "sha256", sum, "length",
	    (json_int_t)json_int(entry, "length", 0), "file",
	    release_file(s, sum, &size) && size == json_int(entry, "length",
	    0));
}

void
release_list(struct call *c)
{
	const struct tufrepo_role	*roles;
	json_t				*list = json_array(), *entry;
	json_t				*meta = json_array();
	const char			*path;
	char				 text[32];
	size_t				 i, n;

	if (call_query(c, "") < 0) {
		json_decref(list);
		json_decref(meta);
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)tufrepo_targets(
	    c->server->tufrepo), path, entry)
		json_array_append_new(list, view(c->server, path, entry));
	roles = tufrepo_roles(c->server->tufrepo, &n);
	for (i = 0; i < n; i++)
		json_array_append_new(meta, json_pack("{ss sI ss}", "role",
		    roles[i].role, "version", (json_int_t)roles[i].version,
		    "expires", tuf_time_text(roles[i].expires, text)));
	call_json(c, 200, json_pack("{sb so so}", "success", 1, "releases",
	    list, "metadata", meta));
}
