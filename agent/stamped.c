/*
 * This binary's own configuration block.  It is volatile because the file is
 * patched after the compiler has seen it empty.
 */
#include "stamp.h"

#if defined(__APPLE__)
#define SECTION	"__DATA,__agentcfg"
#elif defined(_WIN32)
#define SECTION	".agcfg"
#else
#define SECTION	".agentcfg"
#endif

__attribute__((used, section(SECTION), aligned(4096)))
static const volatile struct stamp_block	block = STAMP_BLOCK_INIT;

const struct stamp_block *
stamp_self(void)
{
	return (const struct stamp_block *)(uintptr_t)&block;
}
