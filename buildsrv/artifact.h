/* What the files of the artifacts' room share. */
#ifndef MUSTER_ARTIFACT_H
#define MUSTER_ARTIFACT_H

#include <stdint.h>

#include <jansson.h>

struct server;

enum {
	/* For so long after its end a token still gives a client the rest of
	 * what it has begun to fetch. */
	ARTIFACT_LATE	= 3600 * 1000	/* ms */
};

/* Where orphans wait for their end, in the artifacts' directory: a file that
 * is referenced after all goes back to its place when it is asked for. */
#define ARTIFACT_TRASH	"trash"

/* Whether a token's record still gives out its file. */
int	artifact_live(const json_t *token, int64_t now);

#endif
