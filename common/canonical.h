/*
 * Canonical JSON (OLPC's): one text for one value, which is what signatures
 * of update metadata are made over.
 */
#ifndef MUSTER_CANONICAL_H
#define MUSTER_CANONICAL_H

#include <jansson.h>

struct buf;

/* Appends the value's text: keys in order, no space, strings with \" and \\
 * alone escaped.  0, or -EINVAL for a number that is no integer. */
int	canonical_json(const json_t *, struct buf *);

#endif
