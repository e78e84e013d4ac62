/* Between the agent and its modules: one JSON object a line, capped. */
#ifndef MUSTER_MODULE_LINES_H
#define MUSTER_MODULE_LINES_H

#include <stddef.h>

#include <jansson.h>

#include "buf.h"

/* Appends the object and its line's end. */
void	lines_put(struct buf *, const json_t *);
/*
 * Takes n more bytes: each whole line goes to line(), without its end.  What
 * is left waits in b.  0, or -EMSGSIZE for a line of more than max bytes.
 */
int	lines_feed(struct buf *b, const char *, size_t n, size_t max,
	    void (*line)(const char *, size_t, void *), void *arg);

#endif
