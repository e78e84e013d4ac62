#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "tree.h"

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	remove(path);		/* one that stays keeps its directory: below */
	return 0;
}

int
tree_remove(const char *dir)
{
	enum { DESCRIPTORS = 16 };

	nftw(dir, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return access(dir, F_OK) < 0 ? 0 : -ENOTEMPTY;
}
