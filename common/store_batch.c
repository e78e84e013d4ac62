/*
 * Writes, in batches.
 *
 * A write becomes a request in `queued`.  In the loop's next turn (an idle
 * handle) the requests move to `batch`, and a worker applies them in
 * order in one transaction, each nested in its own, so that one that is
 * refused undoes only itself; one commit, one fdatasync.  Back on the loop
 * each hears its outcome, in order.  Meanwhile the next batch gathers.
 *
 * Failures: the map too small: it grows, the batch runs again.  Anything
 * else LMDB says (a full disk): nothing of the batch is in the file; its
 * requests run again one by one, so that a large one does not take small
 * ones with it, and who fails alone is told so.
 *
 * Only the worker writes, only the loop reads, and never inside a callback's
 * caller: a read is over before its done() is called.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "json.h"
#include "store_lmdb.h"

static void	batch_start(uv_idle_t *);

struct store_req *
req_new(int (*apply)(struct store_txn *, struct store_req *), store_done done,
    void *arg)
{
	struct store_req	*r = xcalloc(1, sizeof(*r));

	r->apply = apply;
	r->done = done;
	r->arg = arg;
	return r;
}

static void
req_free(struct store_req *r)
{
	ops_free(r->ops, r->n_ops);
	json_decref(r->result);
	json_decref(r->value);
	free(r->id);
	free(r->word);
	free(r);
}

static int
apply_refusal(struct store_txn *t, struct store_req *r)
{
	(void)t;
	return (int)r->fence;
}

void
req_submit(struct store *s, struct store_req *r, int rc)
{
	if (rc < 0) {
		r->apply = apply_refusal;
		r->fence = rc;
	}
	list_append(&s->queued, &r->link);
	if (!s->busy)
		uv_idle_start(&s->turn, batch_start);
}

/* -- the worker -- */

static void
req_apply(struct store_txn *parent, struct store_req *r)
{
	struct store_txn	t = *parent;
	int			rc;

	r->say = r->logged = 0;
	parent->store->since_trim++;
	json_decref(r->result);
	r->result = NULL;
	rc = lmdb_error(mdb_txn_begin(t.store->env, parent->mdb, 0, &t.mdb));
	if (rc < 0) {
		parent->broken = rc;
		return;
	}
	r->rc = r->apply(&t, r);
	if (r->rc == 0 && t.broken == 0)
		t.broken = lmdb_error(mdb_txn_commit(t.mdb));
	else
		mdb_txn_abort(t.mdb);
	parent->broken = t.broken;
}

/*
 * LMDB says EIO for a short write, which means a full disk as well as a bad
 * one.  To tell: could the file grow?  Only the worker comes here, so nobody
 * else changes its size.
 */
static int
room_error(struct store *s, int rc)
{
	enum { ROOM = 4 << 20 };
	struct stat	st;
	int		fd, code;

	if (rc != -EIO || mdb_env_get_fd(s->env, &fd) != 0
	    || fstat(fd, &st) < 0)
		return rc;
	if ((code = posix_fallocate(fd, st.st_size, ROOM)) != 0)
		rc = lmdb_error(code);
	if (ftruncate(fd, st.st_size) < 0)
		return rc;		/* longer than need be, no harm */
	return rc;
}

static int
batch_apply(struct store *s)
{
	struct store_txn	 t = { .store = s, .now = clock_wall_ms() };
	struct link		*l, *n;
	int			 rc;

	rc = lmdb_error(mdb_txn_begin(s->env, NULL, 0, &t.mdb));
	if (rc < 0)
		return rc;
	LIST_EACH(l, n, &s->batch) {
		req_apply(&t, LIST_ITEM(l, struct store_req, link));
		if (t.broken < 0)
			break;
	}
	if (t.broken == 0)
		meta_add(&t, "event", 0, &s->batch_event);
	if (t.broken == 0)
		meta_add(&t, "trimmed", 0, &s->batch_trimmed);
	if (t.broken == 0)
		return room_error(s, lmdb_error(mdb_txn_commit(t.mdb)));
	mdb_txn_abort(t.mdb);
	return room_error(s, t.broken);
}

/* The bounds of the mapping that holds p, by Linux's own account. */
static int
map_find(const void *p, char **start, size_t *len)
{
	unsigned long	from = 0, to = 0, at = (unsigned long)(uintptr_t)p;
	char		line[512];
	FILE		*f;
	int		rc = -ENOENT;

	if ((f = fopen("/proc/self/maps", "re")) == NULL)
		return -errno;
	while (rc < 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2
		    && from <= at && at < to)
			rc = 0;
	fclose(f);
	*start = (char *)(uintptr_t)from;
	*len = to - from;
	return rc;
}

/* Resident pages of files, by Linux's own account; 0 where it keeps none. */
static size_t
mapped_bytes(void)
{
	unsigned long	all, resident, shared = 0;
	char		line[128];
	ssize_t		n = -1;
	int		fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, line, sizeof(line) - 1);
		close(fd);
	}
	line[n > 0 ? n : 0] = '\0';
	if (sscanf(line, "%lu %lu %lu", &all, &resident, &shared) != 3)
		return 0;
	return shared * (size_t)sysconf(_SC_PAGESIZE);
}

/*
 * Pages of the file that were looked at stay in our address space, sixteen
 * for each that was, and count as memory in use.  When there are many all of
 * them go; the system has them in its cache, and those in use are back at the
 * first look.  LMDB does not tell where its map is, but a value that it gives
 * out lies in it.
 */
static void
map_trim(struct store *s)
{
	struct store_key	k;
	struct store_txn	t = { .store = s };
	char			*start = NULL;
	size_t			 len = 0;
	MDB_val			 v;

	if (s->since_trim < STORE_TRIM)
		return;
	s->since_trim = 0;
	if (mapped_bytes() < STORE_MAPPED
	    || mdb_txn_begin(s->env, NULL, MDB_RDONLY, &t.mdb) != 0)
		return;
	if (kv_get(&t, DB_META, key_text(key_start(&k), "version"), &v) == 0
	    && map_find(v.mv_data, &start, &len) == 0)
		madvise(start, len, MADV_DONTNEED);
	mdb_txn_abort(t.mdb);
}

static void
batch_work(uv_work_t *w)
{
	struct store	*s = w->data;

	s->batch_rc = batch_apply(s);
	map_trim(s);
}

/* -- the loop: batches -- */

static void
watch_tell(struct store *s, int64_t seq, const char *job)
{
	struct link		*l, *n;
	struct store_watch	*w;

	LIST_EACH(l, n, &s->watches) {
		w = LIST_ITEM(l, struct store_watch, link);
		w->call(seq, job, w->arg);
	}
}

static void
req_finish(struct store *s, struct store_req *r)
{
	int	rc = s->batch_rc < 0 ? s->batch_rc : r->rc;

	if (rc == 0)
		rc = r->say;
	if (r->done != NULL)
		r->done(rc, rc == 0 || rc == -EALREADY ? r->result : NULL,
		    r->arg);
	if (rc == 0 && r->logged)
		watch_tell(s, s->last_event, r->id);
	req_free(r);
}

static void
batch_finish(struct store *s)
{
	int64_t		 seq = s->batch_rc == 0 ? s->batch_event :
			    s->last_event;
	int		 news = seq > s->last_event;
	struct link	*l, *n;

	s->last_event = seq;
	s->commits += s->batch_rc == 0;
	if (s->batch_rc == 0)
		s->trimmed = s->batch_trimmed;
	cache_forget(s);
	LIST_EACH(l, n, &s->batch)
		req_finish(s, LIST_ITEM(l, struct store_req, link));
	list_init(&s->batch);
	if (news)
		watch_tell(s, seq, NULL);
}

/* Puts the batch back before the others, to go one by one. */
static void
batch_split(struct store *s)
{
	struct link	*l;

	while (!list_empty(&s->batch)) {
		l = s->batch.prev;
		list_remove(l);
		list_append(s->queued.next, l);	/* before the first */
		s->alone++;
	}
}

static void
batch_after(uv_work_t *w, int status)
{
	struct store	*s = w->data;
	int		 many = s->batch.next != s->batch.prev;

	assert(status == 0);		/* nobody cancels it */
	if (s->batch_rc == -EFBIG)
		s->batch_rc = map_grow(s) == 0 ? -EFBIG : -ENOSPC;
	if (s->batch_rc == -EFBIG) {
		uv_queue_work(s->loop, &s->work, batch_work, batch_after);
		return;
	}
	if (s->batch_rc < 0 && many)
		batch_split(s);
	else
		batch_finish(s);
	s->busy = 0;
	if (!list_empty(&s->queued))
		uv_idle_start(&s->turn, batch_start);
	else if (s->closed != NULL)
		uv_close((uv_handle_t *)&s->turn, store_free);
}

static void
batch_start(uv_idle_t *i)
{
	struct store	*s = LIST_ITEM(i, struct store, turn);
	size_t		 n = s->alone > 0 ? 1 : STORE_MAX_BATCH;
	struct link	*l;

	uv_idle_stop(i);
	if (s->alone > 0)
		s->alone--;
	while (n-- > 0 && !list_empty(&s->queued)) {
		l = s->queued.next;
		list_remove(l);
		list_append(&s->batch, l);
	}
	s->busy = 1;
	uv_queue_work(s->loop, &s->work, batch_work, batch_after);
}

void
store_close(struct store *s, void (*done)(void *), void *arg)
{
	s->closed = done;
	s->closed_arg = arg;
	if (!s->busy && list_empty(&s->queued))
		uv_close((uv_handle_t *)&s->turn, store_free);
}
