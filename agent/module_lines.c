#include <errno.h>
#include <string.h>

#include "module_lines.h"

static int
append(const char *p, size_t n, void *arg)
{
	buf_add(arg, p, n);
	return 0;
}

void
lines_put(struct buf *b, const json_t *o)
{
	json_dump_callback(o, append, b, JSON_COMPACT);
	buf_addc(b, '\n');
}

int
lines_feed(struct buf *b, const char *p, size_t n, size_t max,
    void (*line)(const char *, size_t, void *), void *arg)
{
	const char	*end;

	while ((end = memchr(p, '\n', n)) != NULL) {
		size_t	len = (size_t)(end - p);

		if (b->len + len > max)
			return -EMSGSIZE;
		if (b->len > 0) {		/* its beginning came before */
			buf_add(b, p, len);
			line(b->p, b->len, arg);
			buf_clear(b);
		} else
			line(p, len, arg);
		p = end + 1;
		n -= len + 1;
	}
	if (b->len + n > max)
		return -EMSGSIZE;
	if (n > 0)
		buf_add(b, p, n);
	else if (b->cap > 4096)
		buf_release(b);
	return 0;
}
