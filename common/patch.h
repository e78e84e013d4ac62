/*
 * A patch between two files: a zstd frame that was made with the old file as
 * its prefix (zstd --patch-from).  Applying needs the old file in memory and
 * a window no larger than both files together, and at most PATCH_WINDOW.
 */
#ifndef MUSTER_PATCH_H
#define MUSTER_PATCH_H

#include <stddef.h>
#include <stdint.h>

enum { PATCH_WINDOW = 27 };	/* log2: 128 MB, as muster-update(7) has it */

/*
 * Makes the new file at to, which must not be there (mode 0600, on the disk
 * when this returns).  0; -EBADMSG for what is no patch for this base, or
 * makes more or less than length bytes; or -errno.  *why in words.
 */
int	patch_apply(const void *base, size_t n, const char *patch,
	    const char *to, uint64_t length, const char **why);

#endif
