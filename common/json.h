/* JSON from outside: parsed within limits, checked by a table, errors that
 * name the path.  Values are jansson's. */
#ifndef MUSTER_JSON_H
#define MUSTER_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* Limits.  Nesting: no message of ours goes past 8, people's files a bit. */
#define JSON_MAX_DEPTH	64

struct json_err {
	char	path[96];	/* "capabilities.fileSystemMonitoring", or "" */
	char	text[160];	/* "must be true or false" */
	int	line;		/* of a syntax error, from 1; else 0 */
};

/*
 * One JSON value and nothing after it; duplicate keys, NUL in strings and
 * more than JSON_MAX_DEPTH levels are errors.  NULL with *e (never NULL)
 * filled in.  The caller owns the result.
 */
json_t	*json_read(const char *text, size_t len, struct json_err *e);
/* The same with further flags of jansson's decoder and another depth. */
json_t	*json_read_as(const char *text, size_t len, size_t flags,
	    int max_depth, struct json_err *e);
/* The same from a file of at most max bytes.  *rc is 0, -errno, or -EINVAL
 * with *e filled in. */
json_t	*json_read_file(const char *path, size_t max, struct json_err *e,
	    int *rc);

enum json_kind { JSON_K_STR, JSON_K_INT, JSON_K_BOOL, JSON_K_OBJ, JSON_K_ARR,
	JSON_K_NUM, JSON_K_ANY };

struct json_field {
	const char		*name;
	enum json_kind		 kind;
	int			 required;
	int64_t			 min, max;	/* length or value; max 0: none */
	const char		*words;	/* "linux|windows": the only values */
	const struct json_field	*fields;	/* of a JSON_K_OBJ; may be NULL */
	size_t			 n_fields;
	/* The kind of an array's elements; meaningless otherwise. */
	enum json_kind		 element;
};

/*
 * Checks an object against a table: unknown members, missing ones, types,
 * sizes.  0, or -EINVAL with the first fault in *e.
 */
int	json_check(const json_t *, const struct json_field *, size_t n,
	    struct json_err *e);
/* "path: text", or "line 3: text"; writes at most n bytes, returns out. */
char	*json_err_str(const struct json_err *, char *out, size_t n);

/* Members with a value for absent (or of another type). */
const char *json_str(const json_t *, const char *key, const char *absent);
int64_t	json_int(const json_t *, const char *key, int64_t absent);
int	json_bool(const json_t *, const char *key, int absent);
/* Compact text, in the number forms of esjson.h but for integers, whose
 * digits all stay; the caller frees. */
char	*json_text(const json_t *);

#endif
