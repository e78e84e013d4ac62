/*
 * The download: into SHA256.part or SHA256.patch, from where it was left,
 * with Range and If-Range; with a rate limit it comes in pieces of a second
 * each.  One that breaks off is taken up again, a few times; a patch that
 * cannot be had is no failure, the whole follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "http.h"
#include "log.h"
#include "settings.h"
#include "update.h"

enum { MIN_PIECE = 64 * 1024 };		/* of a slow download */

static char *
part_path(const struct update *u)
{
	return xasprintf("%s.%s", u->file, u->at == UPDATE_PATCH ? "patch" :
	    "part");
}

static int64_t
whole_length(const struct update *u)
{
	return u->at == UPDATE_PATCH ? u->offer.patch_length : u->length;
}

/* -- room -- */

struct room {
	uint64_t	device, free;
};

static int
look_at(const char *dir, struct room *r)
{
	uv_fs_t		 req;
	uv_statfs_t	*s;
	int		 rc;

	if ((rc = uv_fs_stat(NULL, &req, dir, NULL)) == 0)
		r->device = req.statbuf.st_dev;
	uv_fs_req_cleanup(&req);
	if (rc == 0 && (rc = uv_fs_statfs(NULL, &req, dir, NULL)) == 0) {
		s = req.ptr;
		r->free = s->f_bavail * s->f_bsize;
	}
	uv_fs_req_cleanup(&req);
	return rc;
}

static int
has_room(struct update *u, const char *dir, uint64_t need, uint64_t have)
{
	if (need + UPDATE_ROOM <= have)
		return 0;
	update_fail(u, "no_space", "%s: %llu KB free, %llu needed with the"
	    " copy that is kept", dir, (unsigned long long)have / 1024,
	    (unsigned long long)(need + UPDATE_ROOM) / 1024);
	return -1;
}

/* A package counts for four times what it is once it is unpacked. */
int
update_room(struct update *u)
{
	const char	*state = settings_state_dir(u->agent->config.settings);
	uint64_t	 one = (uint64_t)u->length * (u->package ? 4 : 1);
	uint64_t	 here = (uint64_t)u->length + one +
			    (uint64_t)u->offer.patch_length;
	uint64_t	 there = 2 * one;	/* the new one, and .old */
	char		*bin = update_beside("");
	struct room	 a = { 0 }, b = { 0 };
	int		 rc;

	if ((rc = bin != NULL ? look_at(bin, &b) : -ENOENT) < 0 ||
	    (rc = look_at(state, &a)) < 0)
		update_fail(u, "no_space", "%s: %s", state, errstr(rc));
	else if (a.device == b.device)
		rc = has_room(u, state, here + there, a.free);
	else if ((rc = has_room(u, state, here, a.free)) == 0)
		rc = has_room(u, bin, there, b.free);
	free(bin);
	return rc;
}

/* -- one request -- */

static void	begin(struct update *);

static void
close_part(struct update *u)
{
	if (u->fd >= 0)
		file_close(u->fd);
	u->fd = -1;
}

/* Nothing comes of this one: the whole, where it was a patch. */
static void
give_up(struct update *u, const char *code, const char *why)
{
	close_part(u);
	if (u->at != UPDATE_PATCH) {
		update_fail(u, code, "%s: %s", u->offer.url, why);
		return;
	}
	log_warn("update", "%s: %s; taking the whole file",
	    u->offer.patch_url, why);
	u->at = UPDATE_WHOLE;
	update_fetch_whole(u);
}

static void
on_wait(uv_timer_t *t)
{
	begin(t->data);
}

static void
later(struct update *u, int64_t ms)
{
	uv_timer_start(&u->wait, on_wait, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* A server that sends all of it, though we asked for the rest. */
static int
start_over(struct update *u)
{
	uv_fs_t	req;
	int	rc = uv_fs_ftruncate(NULL, &req, u->fd, 0, NULL);

	uv_fs_req_cleanup(&req);
	u->have = 0;
	return rc;
}

static void
on_head(const struct httpc_answer *a, void *arg)
{
	struct update	*u = arg;
	const char	*range = httpc_header(a->req, "content-range");
	char		 want[48];

	snprintf(want, sizeof(want), "bytes %lld-", (long long)u->have);
	if (a->status == 206 && (range == NULL || strncmp(range, want,
	    strlen(want)) != 0))
		httpc_cancel(u->request);	/* another part than asked */
	else if (a->status == 200 && u->have > 0 && start_over(u) < 0)
		httpc_cancel(u->request);
}

static int
on_bytes(const char *p, size_t n, void *arg)
{
	struct update	*u = arg;
	int		 rc;

	if (u->have + (int64_t)n > whole_length(u))
		return UV_EFBIG;
	if ((rc = file_put(u->fd, p, n)) < 0)
		return rc;
	u->have += (int64_t)n;
	u->got += (int64_t)n;
	return 0;
}

static void
finish(struct update *u)
{
	char	*part = part_path(u);
	int	 rc = file_sync(u->fd);

	close_part(u);
	if (rc == 0 && u->at == UPDATE_WHOLE)
		rc = file_move(part, u->file);
	free(part);
	if (rc < 0) {
		give_up(u, "no_space", errstr(rc));
		return;
	}
	u->tries = 0;
	update_step(u);
}

static void
on_done(const struct httpc_answer *a, void *arg)
{
	struct update	*u = arg;
	int64_t		 rate = settings_int(u->agent->config.settings,
			    "update-rate");

	u->request = NULL;
	if (u->closing)
		return;
	if (u->got > 0)
		u->tries = 0;
	if (a->rc == UV_ENOSPC || a->rc == UV_EIO)
		give_up(u, "no_space", a->why);
	else if (a->rc == UV_EFBIG)
		give_up(u, "too_large", "is longer than the metadata says");
	else if (a->rc == 0 && a->status == 416 && start_over(u) == 0 &&
	    u->tries++ < UPDATE_TRIES)
		later(u, 0);
	else if (a->rc == 0 && a->status / 100 == 4)
		give_up(u, "download", http_status_text(a->status));
	else if (a->rc == 0 && a->status / 100 == 2 &&
	    u->have == whole_length(u))
		finish(u);
	else if (a->rc == 0 && a->status / 100 == 2 && rate > 0 && u->got > 0)
		later(u, u->got * 1000 / rate - (clock_mono_ms() - u->began));
	else if (u->tries++ < UPDATE_TRIES)
		later(u, (int64_t)UPDATE_RETRY_MS << (u->tries - 1));
	else
		give_up(u, "download", a->rc < 0 ? a->why :
		    http_status_text(a->status));
}

static void
begin(struct update *u)
{
	int64_t	rate = settings_int(u->agent->config.settings, "update-rate");
	int64_t	piece = rate > MIN_PIECE ? rate : MIN_PIECE;
	char	range[160] = "", end[24] = "", hex[65];

	if (rate > 0)
		snprintf(end, sizeof(end), "%lld",
		    (long long)(u->have + piece - 1));
	hex_encode(u->sha256, sizeof(u->sha256), hex);
	if (u->have > 0 && u->at == UPDATE_WHOLE)
		snprintf(range, sizeof(range), "Range: bytes=%lld-%s\r\n"
		    "If-Range: \"%s\"\r\n", (long long)u->have, end, hex);
	else if (u->have > 0 || rate > 0)
		snprintf(range, sizeof(range), "Range: bytes=%lld-%s\r\n",
		    (long long)u->have, end);
	u->began = clock_mono_ms();
	u->got = 0;
	u->request = update_get(u, u->at == UPDATE_PATCH ?
	    u->offer.patch_url : u->offer.url, range, 0, on_bytes, on_head,
	    on_done);
}

/* -- the beginning -- */

/* What an earlier time left is gone on with: of a patch nothing tells
 * whether it is the same one, so it begins anew. */
static void
fetch(struct update *u)
{
	char	*part = part_path(u), *dir = update_path(u, "");
	int	 anew = u->at == UPDATE_PATCH ? UV_FS_O_TRUNC : 0;
	uv_fs_t	 req;
	int	 rc = file_mkdirs(dir, 0700);

	if (rc == 0)
		rc = u->fd = file_open(part, UV_FS_O_WRONLY | UV_FS_O_CREAT |
		    UV_FS_O_APPEND | anew, 0600);
	u->have = 0;
	u->tries = 0;
	if (rc >= 0 && (rc = uv_fs_fstat(NULL, &req, u->fd, NULL)) == 0) {
		u->have = (int64_t)req.statbuf.st_size;
		uv_fs_req_cleanup(&req);
	}
	if (rc == 0 && u->have > whole_length(u))
		rc = start_over(u);
	if (rc == 0 && u->have > 0)
		log_info("update", "going on at byte %lld",
		    (long long)u->have);
	free(dir);
	free(part);
	if (rc < 0)
		give_up(u, "no_space", errstr(rc));
	else if (u->have == whole_length(u))
		finish(u);
	else
		begin(u);
}

void
update_fetch_patch(struct update *u)
{
	log_info("update", "fetching a patch of %lld bytes, for %lld",
	    (long long)u->offer.patch_length, (long long)u->length);
	fetch(u);
}

void
update_fetch_whole(struct update *u)
{
	fetch(u);
}
