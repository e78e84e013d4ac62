/* Which systems this server can build for: the native one always, others
 * where their toolchain stands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "file.h"
#include "platform.h"

static const struct target {
	const char	*os, *arch, *name;
} targets[] = {
	{ "linux", "x64", "linux-x64" },
	{ "linux", "arm64", "linux-arm64" },
};

static int
is_ready(const struct server *s, const struct target *t)
{
	char	*path;
	int	 there;

	if (strcmp(t->os, platform_os) == 0 &&
	    strcmp(t->arch, platform_arch) == 0)
		return 1;
	path = xasprintf("%s/%s/flags.mk", s->toolchain_dir, t->name);
	there = file_exists(path);
	free(path);
	return there;
}

const char *
target_find(const struct server *s, const char *os, const char *arch)
{
	size_t	i;

	for (i = 0; i < nitems(targets); i++)
		if (strcmp(targets[i].os, os) == 0 &&
		    strcmp(targets[i].arch, arch) == 0 &&
		    is_ready(s, &targets[i]))
			return targets[i].name;
	return NULL;
}

json_t *
target_list(const struct server *s)
{
	json_t	*list = json_array();
	size_t	 i;

	for (i = 0; i < nitems(targets); i++)
		if (is_ready(s, &targets[i]))
			json_array_append_new(list, json_sprintf("%s/%s",
			    targets[i].os, targets[i].arch));
	return list;
}
