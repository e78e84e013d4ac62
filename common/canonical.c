#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "canonical.h"

static void
write_string(const char *s, size_t n, struct buf *b)
{
	size_t	i, from = 0;

	buf_addc(b, '"');
	for (i = 0; i < n; i++)
		if (s[i] == '"' || s[i] == '\\') {
			buf_add(b, s + from, i - from);
			buf_addc(b, '\\');
			from = i;
		}
	buf_add(b, s + from, n - from);
	buf_addc(b, '"');
}

static int
compare_keys(const void *a, const void *b)
{
	/* Bytes of UTF-8 are in the order of the code points. */
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
write_object(const json_t *v, struct buf *b)
{
	size_t		 n = json_object_size(v), i = 0;
	const char	**keys = xmalloc((n + 1) * sizeof(*keys));
	void		*it = json_object_iter((json_t *)(uintptr_t)v);
	int		 rc = 0;

	for (; it != NULL && i < n; i++) {
		keys[i] = json_object_iter_key(it);
		it = json_object_iter_next((json_t *)(uintptr_t)v, it);
	}
	qsort(keys, i, sizeof(*keys), compare_keys);
	buf_addc(b, '{');
	for (n = i, i = 0; i < n && rc == 0; i++) {
		if (i > 0)
			buf_addc(b, ',');
		write_string(keys[i], strlen(keys[i]), b);
		buf_addc(b, ':');
		rc = canonical_json(json_object_get(v, keys[i]), b);
	}
	buf_addc(b, '}');
	free(keys);
	return rc;
}

static int
write_array(const json_t *v, struct buf *b)
{
	size_t	i;
	int	rc = 0;

	buf_addc(b, '[');
	for (i = 0; i < json_array_size(v) && rc == 0; i++) {
		if (i > 0)
			buf_addc(b, ',');
		rc = canonical_json(json_array_get(v, i), b);
	}
	buf_addc(b, ']');
	return rc;
}

int
canonical_json(const json_t *v, struct buf *b)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return write_object(v, b);
	case JSON_ARRAY:
		return write_array(v, b);
	case JSON_STRING:
		write_string(json_string_value(v), json_string_length(v), b);
		return 0;
	case JSON_INTEGER:
		buf_printf(b, "%lld", (long long)json_integer_value(v));
		return 0;
	case JSON_TRUE:
		buf_adds(b, "true");
		return 0;
	case JSON_FALSE:
		buf_adds(b, "false");
		return 0;
	case JSON_NULL:
		buf_adds(b, "null");
		return 0;
	default:
		return -EINVAL;		/* a real number */
	}
}
