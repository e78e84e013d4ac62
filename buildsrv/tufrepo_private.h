/* Shared by tufrepo*.c alone. */
#ifndef MUSTER_TUFREPO_PRIVATE_H
#define MUSTER_TUFREPO_PRIVATE_H

#include <jansson.h>

#include "tuf_make.h"
#include "tufrepo.h"

enum { TUFREPO_ROLES = 4 };

/* What a worker does to the directory, and what it finds there afterwards. */
struct tufrepo_job {
	char		*dir, *socket;		/* as the repository has them */
	int64_t		 now, snapshot_life, timestamp_life;	/* s */
	char		*name, *text;		/* of a file to take in; NULL */
	int		 rc;
	char		*why;
	/* afterwards */
	json_t		*targets;
	char		*root;
	struct tufrepo_role roles[TUFREPO_ROLES];
	size_t		 n_roles;
};

/* tufrepo_work.c: in a worker of the loop; touches nothing else */
void	tufrepo_work(struct tufrepo_job *);

/* tufrepo_read.c */
void	tufrepo_read(struct tufrepo_job *);
/* When it was signed: it says so, else when it came (s). */
int64_t	tufrepo_issued(const struct tuf_meta *, const char *path);

/*
 * tufrepo_check.c: what a client says of the directory with these files
 * ({NAME: TEXT}) in it: 0, -EBADMSG and *f, or -errno.  name is the file that
 * is new.
 */
int	tufrepo_check(const char *dir, const json_t *overlay,
	    const char *name, struct tuf_failure *f);

#endif
