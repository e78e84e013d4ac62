/* By zstd's streaming decoder, a chunk at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>
#include <zstd.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "patch.h"

enum { PATCH_CHUNK = 128 * 1024 };

struct patch {
	ZSTD_DCtx	*ctx;
	int		 in, out;
	char		*from, *to;	/* chunks */
	uint64_t	 made, length;
	const char	*why;
};

static int
bad(struct patch *p, const char *why)
{
	p->why = why;
	return -EBADMSG;
}

/* No larger a window than two such files can need. */
static int
window_for(uint64_t bytes)
{
	int	log = 10;		/* zstd's least */

	while (log < PATCH_WINDOW && (UINT64_C(1) << log) < bytes)
		log++;
	return log;
}

/* All that one chunk of the patch gives; *left is 0 at the frame's end. */
static int
feed(struct patch *p, size_t n, size_t *left)
{
	ZSTD_inBuffer	in = { p->from, n, 0 };
	ZSTD_outBuffer	out;
	int		rc;

	do {
		out = (ZSTD_outBuffer){ p->to, PATCH_CHUNK, 0 };
		*left = ZSTD_decompressStream(p->ctx, &out, &in);
		if (ZSTD_isError(*left))
			return bad(p, ZSTD_getErrorName(*left));
		if ((p->made += out.pos) > p->length)
			return bad(p, "makes more than it should");
		if ((rc = file_put(p->out, p->to, out.pos)) < 0) {
			p->why = errstr(rc);
			return rc;
		}
	} while (*left != 0 && (in.pos < in.size || out.pos == out.size));
	return in.pos < in.size ? bad(p, "has more behind its end") : 0;
}

static int
run(struct patch *p)
{
	size_t	left = 1, n;
	int	rc;

	while ((rc = file_get(p->in, p->from, PATCH_CHUNK, &n)) == 0 &&
	    n > 0) {
		if (left == 0)
			return bad(p, "has more behind its end");
		if ((rc = feed(p, n, &left)) < 0)
			return rc;
	}
	if (rc < 0) {
		p->why = errstr(rc);
		return rc;
	}
	if (left != 0)
		return bad(p, "ends too early");
	return p->made == p->length ? 0 : bad(p, "makes less than it should");
}

int
patch_apply(const void *base, size_t n, const char *patch, const char *to,
    uint64_t length, const char **why)
{
	struct patch	p = { .in = -1, .out = -1, .length = length,
		.why = "" };
	int		rc;

	p.ctx = ZSTD_createDCtx();
	p.from = xmalloc(PATCH_CHUNK);
	p.to = xmalloc(PATCH_CHUNK);
	if ((rc = p.in = file_open(patch, UV_FS_O_RDONLY, 0)) < 0 ||
	    (rc = p.out = file_open(to, UV_FS_O_WRONLY | UV_FS_O_CREAT |
	    UV_FS_O_EXCL, 0600)) < 0)
		p.why = errstr(rc);
	else if (p.ctx == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(p.ctx,
	    ZSTD_d_windowLogMax, window_for(n + length))) ||
	    ZSTD_isError(ZSTD_DCtx_refPrefix(p.ctx, base, n)))
		rc = bad(&p, "the base cannot be used");
	else if ((rc = run(&p)) == 0 && (rc = file_sync(p.out)) < 0)
		p.why = errstr(rc);
	ZSTD_freeDCtx(p.ctx);
	free(p.from);
	free(p.to);
	if (p.in >= 0)
		file_close(p.in);
	if (p.out >= 0) {
		file_close(p.out);
		if (rc < 0)
			remove(to);
	}
	*why = p.why;
	return rc;
}
