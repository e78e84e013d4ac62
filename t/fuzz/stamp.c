/*
 * stamp_find and stamp_seal over any bytes; and the input's second half as
 * a block, so that stamp_check sees more than refused magics.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "stamp.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
fuzz_image(const uint8_t *p, size_t size)
{
	size_t		 at[STAMP_MAX_SLICES], n, i;
	const char	*why;
	uint8_t		*copy = malloc(size + 1);

	if (copy == NULL)
		return;
	memcpy(copy, p, size);
	if (stamp_find(copy, size, at, STAMP_MAX_SLICES, &n, &why) == 0)
		for (i = 0; i < n; i++)
			memset(copy + at[i] + STAMP_HEAD, 'x', STAMP_MAX);
	stamp_seal(copy, size, &why);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t size)
{
	static struct stamp_block	b;
	const char			*config, *why;
	size_t				 len;

	fuzz_image(p, size);
	stamp_fill(&b, "{}", 2, NULL, NULL);
	memcpy((char *)&b + STAMP_MAGIC_SIZE, p, size < 1024 ? size : 1024);
	stamp_check(&b, &config, &len, &why);
	return 0;
}
