#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "esjson.h"
#include "file.h"
#include "json.h"
#include "log.h"

static int
fault(struct json_err *e, const char *path, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static int
fault(struct json_err *e, const char *path, const char *fmt, ...)
{
	va_list	ap;

	snprintf(e->path, sizeof(e->path), "%s", path);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	e->line = 0;
	return -EINVAL;
}

/*
 * Nesting, counted before the parser recurses: jansson's own limit of 2048
 * is more than any message needs and more stack than some thread has.
 */
static int
too_deep(const char *s, size_t n, int max)
{
	int	depth = 0, quoted = 0;
	size_t	i;

	for (i = 0; i < n; i++) {
		if (quoted) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				quoted = 0;
		} else if (s[i] == '"')
			quoted = 1;
		else if (s[i] == '{' || s[i] == '[') {
			if (++depth > max)
				return 1;
		} else if (s[i] == '}' || s[i] == ']')
			depth--;
	}
	return 0;
}

json_t *
json_read_as(const char *text, size_t len, size_t flags, int max_depth,
    struct json_err *e)
{
	json_error_t	 je;
	json_t		*v;

	if (too_deep(text, len, max_depth)) {
		fault(e, "", "nested deeper than %d levels", max_depth);
		return NULL;
	}
	v = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
	    flags, &je);
	if (v == NULL) {
		fault(e, "", "%.140s", je.text);
		e->line = je.line;
	}
	return v;
}

json_t *
json_read(const char *text, size_t len, struct json_err *e)
{
	return json_read_as(text, len, 0, JSON_MAX_DEPTH, e);
}

json_t *
json_read_file(const char *path, size_t max, struct json_err *e, int *rc)
{
	struct buf	 b = BUF_INIT;
	json_t		*v = NULL;

	memset(e, 0, sizeof(*e));
	if ((*rc = file_read(path, max, &b)) == 0 &&
	    (v = json_read(buf_str(&b), b.len, e)) == NULL)
		*rc = -EINVAL;
	buf_release(&b);
	return v;
}

static const char *const kind_words[] = {
	[JSON_K_STR] = "a string",
	[JSON_K_INT] = "a whole number",
	[JSON_K_BOOL] = "true or false",
	[JSON_K_OBJ] = "an object",
	[JSON_K_ARR] = "an array",
	[JSON_K_NUM] = "a number",
	[JSON_K_ANY] = "anything"
};

static int
is_kind(const json_t *v, enum json_kind kind)
{
	switch (kind) {
	case JSON_K_STR:	return json_is_string(v);
	case JSON_K_INT:	return json_is_integer(v);
	case JSON_K_BOOL:	return json_is_boolean(v);
	case JSON_K_OBJ:	return json_is_object(v);
	case JSON_K_ARR:	return json_is_array(v);
	case JSON_K_NUM:	return json_is_number(v);
	case JSON_K_ANY:	return 1;
	}
	return 0;
}

/* Whether s is one of "a|b|c". */
static int
in_words(const char *s, const char *words)
{
	size_t	n = strlen(s);

	for (;;) {
		if (strncmp(words, s, n) == 0 &&
		    (words[n] == '|' || words[n] == '\0'))
			return 1;
		if ((words = strchr(words, '|')) == NULL)
			return 0;
		words++;
	}
}

static int
check_string(const json_t *v, const struct json_field *f, const char *path,
    struct json_err *e)
{
	int64_t	len = (int64_t)json_string_length(v);

	if (f->words != NULL && !in_words(json_string_value(v), f->words))
		return fault(e, path, "must be one of %s", f->words);
	if (len < f->min)
		return fault(e, path, len == 0 ? "must not be empty" :
		    "must have at least %lld bytes", (long long)f->min);
	if (f->max > 0 && len > f->max)
		return fault(e, path, "must have at most %lld bytes",
		    (long long)f->max);
	return 0;
}

static int	check_object(const json_t *, const struct json_field *,
		    size_t, const char *, struct json_err *);

static int
check_array(const json_t *v, const struct json_field *f, const char *path,
    struct json_err *e)
{
	size_t	 i;
	char	 at[96];
	json_t	*item;

	if (f->max > 0 && json_array_size(v) > (size_t)f->max)
		return fault(e, path, "must have at most %lld items",
		    (long long)f->max);
	json_array_foreach(v, i, item) {
		snprintf(at, sizeof(at), "%.70s[%zu]", path, i);
		if (!is_kind(item, f->element))
			return fault(e, at, "must be %s",
			    kind_words[f->element]);
		if (f->words != NULL && json_is_string(item) &&
		    !in_words(json_string_value(item), f->words))
			return fault(e, at, "must be one of %s", f->words);
	}
	return 0;
}

static int
check_value(const json_t *v, const struct json_field *f, const char *path,
    struct json_err *e)
{
	int64_t	n;

	if (!is_kind(v, f->kind))
		return fault(e, path, "must be %s", kind_words[f->kind]);
	switch (f->kind) {
	case JSON_K_STR:
		return check_string(v, f, path, e);
	case JSON_K_ARR:
		return check_array(v, f, path, e);
	case JSON_K_OBJ:
		return f->fields == NULL ? 0 :
		    check_object(v, f->fields, f->n_fields, path, e);
	case JSON_K_INT:
		n = json_integer_value(v);
		if (n < f->min || (f->max > 0 && n > f->max))
			return fault(e, path, "must be from %lld to %lld",
			    (long long)f->min, (long long)f->max);
		return 0;
	default:
		return 0;
	}
}

static const struct json_field *
field_named(const struct json_field *f, size_t n, const char *name)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (strcmp(f[i].name, name) == 0)
			return &f[i];
	return NULL;
}

static int
check_object(const json_t *o, const struct json_field *f, size_t n,
    const char *path, struct json_err *e)
{
	const struct json_field	*g;
	const char		*dot = path[0] != '\0' ? "." : "";
	const char		*key;
	char			 at[96];
	json_t			*v;
	size_t			 i;
	int			 rc;

	/* The const is jansson's lack: nothing is written through it. */
	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		snprintf(at, sizeof(at), "%.40s%s%.50s", path, dot, key);
		if ((g = field_named(f, n, key)) == NULL)
			return fault(e, at, "is not known here");
		if ((rc = check_value(v, g, at, e)) < 0)
			return rc;
	}
	for (i = 0; i < n; i++)
		if (f[i].required && json_object_get(o, f[i].name) == NULL) {
			snprintf(at, sizeof(at), "%.40s%s%.50s", path, dot,
			    f[i].name);
			return fault(e, at, "is missing");
		}
	return 0;
}

int
json_check(const json_t *o, const struct json_field *f, size_t n,
    struct json_err *e)
{
	memset(e, 0, sizeof(*e));
	if (!json_is_object(o))
		return fault(e, "", "must be an object");
	return check_object(o, f, n, "", e);
}

char *
json_err_str(const struct json_err *e, char *out, size_t n)
{
	if (e->line > 0)
		snprintf(out, n, "line %d: %s", e->line, e->text);
	else if (e->path[0] != '\0')
		snprintf(out, n, "%s %s", e->path, e->text);
	else
		snprintf(out, n, "%s", e->text);
	return out;
}

const char *
json_str(const json_t *o, const char *key, const char *absent)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : absent;
}

int64_t
json_int(const json_t *o, const char *key, int64_t absent)
{
	const json_t	*v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : absent;
}

int
json_bool(const json_t *o, const char *key, int absent)
{
	const json_t	*v = json_object_get(o, key);

	return json_is_boolean(v) ? json_is_true(v) : absent;
}

char *
json_text(const json_t *v)
{
	struct buf	b = BUF_INIT;

	esjson_write(&b, v, ESJSON_INTEGERS);
	return buf_take(&b);
}
