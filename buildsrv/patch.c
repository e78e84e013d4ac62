/*
 * Patches between released files: zstd with the old file as prefix.  One is
 * made when it is first asked for, in a worker, and kept by its content; who
 * asked gets the whole file meanwhile.  What such a patch says is worth
 * nothing by itself: agents check what they made of it against the signed
 * hash.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "buf.h"
#include "buildsrv.h"
#include "file.h"
#include "rollout.h"

/* Limits, with their reasons. */
enum {
	PATCH_LEVEL	= 19,		/* the smallest that needs no --ultra */
	PATCH_MAX_LOG	= 27,		/* window: what every zstd will read */
	PATCH_MAX_FILE	= 60 * 1024 * 1024, /* old and new fit the window */
	PATCH_USEFUL	= 80		/* percent of the whole; above, none */
};

struct making {
	uv_work_t	 work;
	struct server	*server;
	char		*from, *to;	/* hashes */
	char		*dir;
	int		 rc;
	char		 sum[2 * SHA256_SIZE + 1];
	int64_t		 length;
};

/* -- in a worker -- */

static int
window_log(size_t n)
{
	int	log = 10;

	while (log < PATCH_MAX_LOG && ((size_t)1 << log) < n)
		log++;
	return log;
}

static int
compress(const struct buf *old, const struct buf *new, struct buf *out)
{
	ZSTD_CCtx	*z = ZSTD_createCCtx();
	size_t		 n = ZSTD_compressBound(new->len);

	ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, PATCH_LEVEL);
	ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog,
	    window_log(old->len + new->len));
	ZSTD_CCtx_setParameter(z, ZSTD_c_enableLongDistanceMatching, 1);
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_refPrefix(z, old->p, old->len);
	buf_reserve(out, n);
	n = ZSTD_compress2(z, out->p, n, new->p, new->len);
	ZSTD_freeCCtx(z);
	if (ZSTD_isError(n))
		return -EIO;
	out->len = n;
	return 0;
}

static int
read_file(const struct making *m, const char *sum, struct buf *b)
{
	char	*path = file_join(m->dir, sum);
	int	 rc = file_read(path, PATCH_MAX_FILE, b);

	free(path);
	return rc;
}

static void
in_worker(uv_work_t *w)
{
	struct making	*m = w->data;
	struct buf	 old = BUF_INIT, new = BUF_INIT, out = BUF_INIT;
	uint8_t		 sum[SHA256_SIZE];
	char		*path;

	if ((m->rc = read_file(m, m->from, &old)) < 0 ||
	    (m->rc = read_file(m, m->to, &new)) < 0 ||
	    (m->rc = compress(&old, &new, &out)) < 0)
		goto out;
	m->length = (int64_t)out.len;
	crypto_sha256(out.p, out.len, sum);
	hex_encode(sum, sizeof(sum), m->sum);
	if (out.len * 100 <= new.len * PATCH_USEFUL) {
		path = file_join(m->dir, m->sum);
		m->rc = file_write(path, out.p, out.len, 0600);
		free(path);
	} else
		m->sum[0] = '\0';
out:
	buf_release(&old);
	buf_release(&new);
	buf_release(&out);
}

/* -- on the loop -- */

static void
on_kept(int rc, const json_t *unused, void *arg)
{
	(void)unused;
	(void)arg;
	if (rc < 0)
		log_warn("patch", "a record was not written: %s", errstr(rc));
}

static void
on_made(uv_work_t *w, int status)
{
	struct making	*m = w->data;
	struct server	*s = m->server;
	char		*key = xasprintf("%s.%s", m->from, m->to);
	json_t		*o;

	(void)status;
	s->patches_busy = 0;
	if (m->rc < 0)
		log_warn("patch", "%.16s... to %.16s...: %s", m->from, m->to,
		    errstr(m->rc));
	else
		log_info("patch", "%.16s... to %.16s...: %lld bytes", m->from,
		    m->to, (long long)m->length);
	o = json_pack("{ss sI}", "sha256", m->rc == 0 ? m->sum : "", "length",
	    (json_int_t)m->length);
	json_object_set(s->patches, key, o);
	if (m->rc == 0 && s->httpd != NULL)
		store_write(s->store, &(struct store_op){ STORE_PUT, "patch",
		    key, o }, 1, on_kept, NULL);
	json_decref(o);
	free(key);
	free(m->from);
	free(m->to);
	free(m->dir);
	free(m);
}

static void
make(struct server *s, const char *from, const char *to)
{
	struct making	*m;

	if (s->patches_busy || s->httpd == NULL)
		return;			/* the next one that asks */
	m = xcalloc(1, sizeof(*m));
	m->work.data = m;
	m->server = s;
	m->from = xstrdup(from);
	m->to = xstrdup(to);
	m->dir = xstrdup(s->release_dir);
	s->patches_busy = 1;
	uv_queue_work(s->loop, &m->work, in_worker, on_made);
}

json_t *
patch_find(struct server *s, const char *from, const char *to, int64_t whole)
{
	int64_t		 n_from = 0;
	const json_t	*o;
	char		*key;

	if (strcmp(from, to) == 0 || !release_file(s, from, &n_from) ||
	    n_from > PATCH_MAX_FILE || whole > PATCH_MAX_FILE)
		return NULL;
	key = xasprintf("%s.%s", from, to);
	o = json_object_get(s->patches, key);
	free(key);
	if (o == NULL || (json_str(o, "sha256", "")[0] != '\0' &&
	    !release_file(s, json_str(o, "sha256", ""), NULL))) {
		make(s, from, to);
		return NULL;
	}
	if (json_str(o, "sha256", "")[0] == '\0')
		return NULL;		/* no smaller than the whole */
	return json_pack("{ss ss sO sO}", "format", "zstd-patch-from",
	    "from_sha256", from, "sha256", json_object_get(o, "sha256"),
	    "length", json_object_get(o, "length"));
}

static void
on_page(int rc, const json_t *page, void *arg)
{
	struct server	*s = arg;
	json_t		*item;
	size_t		 i;

	if (rc < 0)
		return;
	json_array_foreach(json_object_get(page, "items"), i, item)
		json_object_set_new(s->patches, json_str(item, "key", ""),
		    json_deep_copy(json_object_get(item, "value")));
}

void
patch_load(struct server *s)
{
	s->patches = json_object();
	store_list(s->store, "patch", "", NULL, STORE_MAX_LIST, 0, on_page, s);
}

void
patch_free(struct server *s)
{
	json_decref(s->patches);
}
