/*
 * Chunked bodies (RFC 9112, 7.1).  http-parser, as Debian builds it, takes
 * any two bytes behind a chunk's data and anything behind a size, so the
 * framing is read here, byte for byte: there is one way to end each line.
 */
#include <stddef.h>

#include "httpd_impl.h"

enum { MAX_DIGITS = 15 };	/* of a size: stays far from an overflow */

enum chunk_state {
	CHUNK_SIZE, EXTENSION, CHUNK_SIZE_LF, DATA, DATA_CR, DATA_LF,
	TRAILER,		/* at a line's start */
	TRAILER_LINE, TRAILER_LF, LAST_LF, WHOLE
};

static int
hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
eat_size(struct chunked *k, int c)
{
	int	v = hex_value(c);

	if (v >= 0) {
		k->left = k->left << 4 | (unsigned)v;
		return ++k->digits <= MAX_DIGITS ? CHUNK_SIZE : -1;
	}
	if (k->digits == 0)
		return -1;
	return c == ';' ? EXTENSION : c == '\r' ? CHUNK_SIZE_LF : -1;
}

/* Text up to a CR, which leads to the state next. */
static int
eat_text(struct chunked *k, int c, int next)
{
	if (c == '\r')
		return next;
	if ((c < 0x20 && c != '\t') || c == 0x7f
	    || ++k->extra > HTTPD_MAX_CHUNK_EXTRA)
		return -1;
	return k->state;
}

/* The state behind one byte of framing, or -1. */
static int
eat_byte(struct chunked *k, int c)
{
	switch (k->state) {
	case CHUNK_SIZE:
		return eat_size(k, c);
	case EXTENSION:
		return eat_text(k, c, CHUNK_SIZE_LF);
	case CHUNK_SIZE_LF:
		return c != '\n' ? -1 : k->left > 0 ? DATA : TRAILER;
	case DATA_CR:
		return c == '\r' ? DATA_LF : -1;
	case DATA_LF:
		k->digits = 0;
		return c == '\n' ? CHUNK_SIZE : -1;
	case TRAILER:
		k->state = TRAILER_LINE;
		return c == ' ' || c == '\t' || c == ':' ? -1
		    : eat_text(k, c, LAST_LF);
	case TRAILER_LINE:
		return eat_text(k, c, TRAILER_LF);
	case TRAILER_LF:
		return c == '\n' ? TRAILER : -1;
	case LAST_LF:
		return c == '\n' ? WHOLE : -1;
	}
	return -1;
}

static void
eat_data(struct chunked *k, const char **p, size_t *n, struct buf *body)
{
	size_t	take = *n < k->left ? *n : (size_t)k->left;

	buf_add(body, *p, take);
	*p += take;
	*n -= take;
	k->left -= take;
	if (k->left == 0)
		k->state = DATA_CR;
}

int
chunked_eat(struct chunked *k, const char **p, size_t *n, struct buf *body,
    size_t max, int *whole, const char **why)
{
	while (*n > 0 && k->state != WHOLE) {
		if (k->state == DATA) {
			eat_data(k, p, n, body);
			continue;
		}
		k->state = eat_byte(k, (unsigned char)**p);
		if (k->state < 0) {
			*why = "bad chunked body";
			return 400;
		}
		++*p;
		--*n;
		if (k->left > max - body->len) {
			*why = "body too long";
			return 413;
		}
	}
	*whole = k->state == WHOLE;
	return 0;
}
