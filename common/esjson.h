/*
 * JSON as ECMAScript's JSON.stringify writes it, byte for byte: signatures
 * are made over that text (hmaclink.h).  Pure, and the same in every locale.
 */
#ifndef MUSTER_ESJSON_H
#define MUSTER_ESJSON_H

#include <stddef.h>

#include <jansson.h>

struct buf;
struct json_err;

enum {
	ESJSON_NUMBER	= 48,	/* the longest is 25, and NUL */
	ESJSON_MAX_DEPTH = 512,	/* reader and writer call themselves; this
				 * takes some 100 KB of stack */
	/* Flags. */
	ESJSON_SORT	= 1,	/* keys in order, at every level: encoders of
				 * maps elsewhere sort them */
	ESJSON_INTEGERS	= 2	/* integers keep all their digits, also past
				 * 2^53: not what JSON.stringify would do */
};

/* The number's text; "null" for what is not finite.  Returns out. */
char	*esjson_number(double, char out[ESJSON_NUMBER]);
/* Appends a quoted string of UTF-8. */
void	esjson_string(struct buf *, const char *, size_t);
/* Appends any value at most ESJSON_MAX_DEPTH deep; past that, null. */
void	esjson_write(struct buf *, const json_t *, unsigned flags);

/*
 * Reads as JSON.parse does: one value of any kind, integers of any size,
 * NUL in strings.  Stricter on purpose: duplicate keys, lone surrogates,
 * numbers past a double, NUL in keys, and more than ESJSON_MAX_DEPTH levels
 * are errors.  NULL with *e filled in; the caller owns the result.
 */
json_t	*esjson_read(const char *, size_t, struct json_err *e);

#endif
