/*
 * From what was fetched to what will run: a patch applied to our own binary,
 * the hash of the metadata, and our own configuration stamped into a binary.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "log.h"
#include "patch.h"
#include "platform.h"
#include "stamp.h"
#include "tuf.h"
#include "update.h"

/* Into each block of an image: ours, or an empty one. */
static int
put_blocks(struct buf *image, const struct stamp_block *ours,
    const char **why)
{
	size_t			 at[STAMP_MAX_SLICES], n, i;
	struct stamp_block	*block;
	int			 rc;

	rc = stamp_find((uint8_t *)image->p, image->len, at, nitems(at), &n,
	    why);
	for (i = 0; rc == 0 && i < n; i++) {
		block = (struct stamp_block *)(void *)(image->p + at[i]);
		if (ours != NULL)
			memcpy(block, ours, sizeof(*block));
		else
			memset(block->length, 0, sizeof(*block) -
			    offsetof(struct stamp_block, length));
	}
	return rc < 0 ? rc : stamp_seal((uint8_t *)image->p, image->len, why);
}

/* Our own binary as the release has it. */
static int
read_own(struct buf *b)
{
	char		*exe = platform_program();
	const char	*why;
	int		 rc = exe != NULL ? file_read(exe, UPDATE_MAX_BASE, b)
			    : -ENOENT;

	free(exe);
	return rc < 0 ? rc : put_blocks(b, NULL, &why);
}

int
update_own_hash(char out[65])
{
	struct buf	b = BUF_INIT;
	uint8_t		sum[SHA256_SIZE];
	int		rc = read_own(&b);

	if (rc == 0) {
		crypto_sha256(b.p, b.len, sum);
		hex_encode(sum, sizeof(sum), out);
	}
	buf_release(&b);
	return rc;
}

static int
has_hash(const struct update *u, const char *path)
{
	uint8_t	sum[SHA256_SIZE];

	return file_sha256(path, sum, NULL) == 0 &&
	    crypto_equal(sum, u->sha256, sizeof(sum));
}

int
update_apply(struct update *u)
{
	char		*patch = xasprintf("%s.patch", u->file);
	char		*made = xasprintf("%s.part", u->file);
	const char	*why = "our own binary cannot be read";
	struct buf	 base = BUF_INIT;
	int		 rc;

	remove(made);
	if ((rc = read_own(&base)) == 0)
		rc = patch_apply(base.p, base.len, patch, made,
		    (uint64_t)u->length, &why);
	if (rc == 0 && !has_hash(u, made)) {
		rc = -EBADMSG;
		why = "makes another file";
	}
	if (rc == 0 && (rc = file_move(made, u->file)) < 0)
		why = errstr(rc);
	if (rc < 0) {
		log_warn("update", "the patch: %s; taking the whole file",
		    why);
		remove(made);
	} else
		log_info("update", "the patch makes the file");
	remove(patch);
	buf_release(&base);
	free(made);
	free(patch);
	return rc;
}

/* Our configuration goes over to the new binary. */
static int
stamp(struct update *u)
{
	struct buf	 image = BUF_INIT;
	const char	*why = NULL;
	int		 rc;

	u->ready = update_path(u, "muster-agent");
	if ((rc = file_read(u->file, UPDATE_MAX_FILE, &image)) < 0 ||
	    (rc = put_blocks(&image, stamp_self(), &why)) < 0 ||
	    (rc = file_write(u->ready, image.p, image.len, 0700)) < 0)
		update_fail(u, rc == -ENOEXEC || rc == -EPERM ?
		    "wrong_target" : "no_space", "our configuration cannot be"
		    " put into it: %s", why != NULL ? why : errstr(rc));
	buf_release(&image);
	return rc;
}

int
update_make(struct update *u)
{
	struct tuf_failure	 f = { .fault = TUF_OK };
	const char		*config, *why;
	size_t			 n;
	int			 rc;

	if ((rc = tuf_check_file(tuf_target(u->tuf), u->file, &f)) < 0) {
		remove(u->file);
		update_fail(u, rc == -EBADMSG ? tuf_fault_name(f.fault) :
		    "no_space", "%s", rc == -EBADMSG ? f.text : errstr(rc));
		return -1;
	}
	if (!u->package && stamp_check(stamp_self(), &config, &n, &why) == 0)
		return stamp(u);
	u->ready = xstrdup(u->file);
	return 0;
}
