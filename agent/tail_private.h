/* Shared by tail.c, which has the set, and tail_file.c, which reads one. */
#ifndef MUSTER_TAIL_PRIVATE_H
#define MUSTER_TAIL_PRIVATE_H

#include "buf.h"
#include "list.h"
#include "tail.h"

enum { TAIL_CHUNK = 64 * 1024 };	/* read at once; a line fits well */

struct tail_file {
	struct link	 link;
	struct tail_position at;	/* offset: of the first unread line */
	int		 fd;
	long		 mtime_s, mtime_ns;	/* when it was looked at */
	int		 matched;	/* by the patterns, this time */
	int		 skipping;	/* the rest of a line that was cut */
	int		 gone;		/* its path is another file's now */
	uint64_t	 dropped;	/* lines not told yet */
	int		 dropping;	/* until it is near the end again */
};

/* Opens what is at path now.  NULL: it cannot be read now. */
struct tail_file *tail_file_open(const char *path);
void	tail_file_free(struct tail_file *);
/* Goes where it was left, if it is that file still: 1, else 0. */
int	tail_file_resume(struct tail_file *, const struct tail_position *);
void	tail_file_to_end(struct tail_file *);
/*
 * Reads lines, at most *budget, which it lowers, and about TAIL_CHUNK bytes.
 * 1 where there may be more at once, 0 at the end for now; -errno.
 */
int	tail_file_read(struct tail_file *, const struct tail_options *,
	    char chunk[TAIL_CHUNK], int64_t *budget);
/* Whether its path leads to another file by now. */
int	tail_file_replaced(const struct tail_file *);

#endif
