/* Systems without capabilities, seccomp and landlock. */
#include <stddef.h>

#include "confine.h"

int
confine(uint64_t caps, const char *dir, unsigned flags, char **without,
    char **why)
{
	(void)caps;
	(void)dir;
	(void)flags;
	*without = *why = NULL;
	return 0;
}

int
confine_agent(uint64_t caps, char **without, char **why)
{
	(void)caps;
	*without = *why = NULL;
	return 0;
}

void
confine_memlock(void)
{
}

int
confine_memlock_counts(void)
{
	return 0;
}

json_t *
confine_lacks(uint64_t caps)
{
	(void)caps;
	return json_array();
}

uint64_t
confine_has(void)
{
	return 0;
}

const char *
confine_cap_name(int number)
{
	(void)number;
	return "none";
}
