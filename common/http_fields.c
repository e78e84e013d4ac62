#include <string.h>
#include <strings.h>

#include <uv.h>

#include "http.h"
#include "http_fields.h"

static int
piece_add(struct fields *f, const char *s, size_t n, const char **why)
{
	if (n > HTTP_MAX_HEAD || f->text.len > HTTP_MAX_HEAD - n
	    || f->n > HTTP_MAX_HEADERS) {
		*why = "answer's headers too long";
		return UV_EMSGSIZE;
	}
	if (memchr(s, '\0', n) != NULL) {	/* the parser lets it through */
		*why = "NUL in the answer's headers";
		return UV_EPROTO;
	}
	buf_add(&f->text, s, n);
	return 0;
}

int
fields_name(struct fields *f, const char *s, size_t n, const char **why)
{
	if (f->in_value || f->n == 0) {
		fields_end(f);
		f->n++;
	}
	return piece_add(f, s, n, why);
}

int
fields_value(struct fields *f, const char *s, size_t n, const char **why)
{
	if (!f->in_value)
		buf_addc(&f->text, '\0');
	f->in_value = 1;
	return piece_add(f, s, n, why);
}

void
fields_end(struct fields *f)
{
	struct buf	*b = &f->text;

	if (!f->in_value)
		return;
	while (b->p[b->len - 1] == ' ' || b->p[b->len - 1] == '\t')
		b->len--;		/* a NUL stands before the value */
	buf_addc(b, '\0');
	f->in_value = 0;
}

void
fields_clear(struct fields *f)
{
	buf_clear(&f->text);
	f->n = f->in_value = 0;
}

void
fields_release(struct fields *f)
{
	buf_release(&f->text);
	f->n = f->in_value = 0;
}

const char *
fields_get(const struct fields *f, const char *name)
{
	const char	*p = buf_str(&f->text), *end = p + f->text.len;
	const char	*value;

	for (; p < end; p = value + strlen(value) + 1) {
		value = p + strlen(p) + 1;
		if (value > end)	/* the connection broke in a name */
			return NULL;
		if (strcasecmp(p, name) == 0)
			return value;
	}
	return NULL;
}

int
fields_has_token(const struct fields *f, const char *name, const char *word)
{
	const char	*s = fields_get(f, name);
	size_t		 n;

	while (s != NULL && *s != '\0') {
		s += strspn(s, ", \t");
		n = strcspn(s, ", \t");
		if (n == strlen(word) && strncasecmp(s, word, n) == 0)
			return 1;
		s += n;
	}
	return 0;
}
