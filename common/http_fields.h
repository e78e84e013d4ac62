/* The header fields of an answer, as http-parser hands them over in pieces:
 * for httpc.c and ws_connect.c. */
#ifndef MUSTER_HTTP_FIELDS_H
#define MUSTER_HTTP_FIELDS_H

#include <stddef.h>

#include "buf.h"

struct fields {
	struct buf	 text;		/* "name\0value\0" each */
	int		 n;
	int		 in_value;
};

/* A piece of a name, of a value.  0, or -errno with *why a fixed text where
 * HTTP_MAX_HEAD or HTTP_MAX_HEADERS is passed. */
int	fields_name(struct fields *, const char *, size_t, const char **why);
int	fields_value(struct fields *, const char *, size_t, const char **why);
void	fields_end(struct fields *);		/* the last one is whole */
void	fields_clear(struct fields *);
void	fields_release(struct fields *);
/* By its name in any case; NULL where absent. */
const char *fields_get(const struct fields *, const char *name);
/* Whether a list like Connection's has this word, in any case. */
int	fields_has_token(const struct fields *, const char *name,
	    const char *word);

#endif
