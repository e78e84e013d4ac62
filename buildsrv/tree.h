/* A directory and all in it. */
#ifndef MUSTER_TREE_H
#define MUSTER_TREE_H

/* Removes it, not crossing into other file systems.  0 or -errno.  Blocks. */
int	tree_remove(const char *);

#endif
