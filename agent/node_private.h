/* What the files of node_linux.c share. */
#ifndef MUSTER_NODE_PRIVATE_H
#define MUSTER_NODE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum {
	NODE_MAX_COLUMNS = 20,	/* of numbers in a row: diskstats has 17 */
	NODE_LABELS	= 640	/* a mount point of 255, escaped, and its
				 * device; longer ones are left out */
};

/* A file of /proc that stays open: fd is 0 before the first try, -1 where
 * there is none. */
struct node_file {
	const char	*path;
	int		 fd;
};

/* node_linux.c.  All of the file, ended by a NUL, in a room that the next
 * call takes again; NULL: not here. */
char	*node_read(struct node_file *);
/* The next line, its end cut off, or NULL; *at moves on. */
char	*node_line(char **at);
/* The numbers that follow, at most max: how many. */
int	 node_numbers(const char *, uint64_t *, int max);

/* Each appends its families, and counts in *left_out the rows that did not
 * fit. */
/* node_table_linux.c */
void	 node_disks(struct buf *, uint64_t *left_out);
void	 node_network(struct buf *, uint64_t *left_out);
/* node_fs_linux.c */
void	 node_filesystems(struct buf *, uint64_t *left_out);
/* node_cpu_linux.c */
void	 node_cpu(struct buf *, uint64_t *left_out);

#endif
