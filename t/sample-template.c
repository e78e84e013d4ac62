/*
 * A small program with a stamp, for the tests of muster-stamp and
 * muster-pipeline where the agent itself would be too much:
 *   --self-test		exit 0 when stamped, 1 with words when not
 *   --show-stamp		the configuration, as the running program sees it
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stamp.h"

__attribute__((section(STAMP_SECTION), used, aligned(4096)))
static volatile const struct stamp_block	stamp = STAMP_BLOCK_INIT;

int
main(int argc, char **argv)
{
	size_t	i, n = stamp.length[0] | (size_t)stamp.length[1] << 8;

	if (argc != 2)
		return pause();
	if (strcmp(argv[1], "--self-test") == 0) {
		if (n == 0)
			fputs("self-test: not stamped\n", stderr);
		return n == 0;
	}
	for (i = 0; i < n; i++)
		putchar(stamp.config[i]);
	return 0;
}
