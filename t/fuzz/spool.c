/* A segment of the spool as it may be found on a disk. */
#include <assert.h>
#include <string.h>

#include "spool_private.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct segment_record	r;
	enum spool_class	class;
	uint8_t			head[RECORD_HEAD];
	uint64_t		nth;
	size_t			at, used;
	int			rc;

	segment_head_read(p, n, &class, &nth);
	for (at = 0; at < n; at += used) {
		rc = segment_parse(p + at, n - at, &r, &used);
		if (rc == 0)
			break;		/* all that is left is too little */
		assert(used > 0 && used <= n - at);
		if (rc < 0)
			continue;
		/* what was taken for a record is one, byte for byte */
		assert(used == RECORD_HEAD + r.len);
		segment_record_head(head, &r);
		assert(memcmp(head, p + at, sizeof(head)) == 0);
	}
	return 0;
}
