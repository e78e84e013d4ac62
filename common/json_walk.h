/*
 * Large JSON documents, of which only the elements of certain arrays matter:
 * read one element at a time, so that memory stays that of the largest.
 */
#ifndef MUSTER_JSON_WALK_H
#define MUSTER_JSON_WALK_H

#include <stddef.h>

#include "json.h"

/*
 * Calls f for each element of every array that is the value of a member with
 * this name, at whatever depth (at most JSON_MAX_DEPTH), and of the document
 * itself where that is an array.  The element is borrowed; a return that is
 * not 0 ends the walk with it.  0, or -EINVAL with *e: what is behind a fault
 * is not read, what was before it has been told.  An element of more than
 * max bytes, or one that is no JSON in itself, is a fault too.
 */
int	json_walk(const char *text, size_t len, const char *name, size_t max,
	    int (*f)(const json_t *, void *), void *arg, struct json_err *e);

#endif
