/* Engine.IO's packets and payloads.  Knows no loop and no session. */
#include <errno.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "engineio.h"

enum { SEPARATOR = 0x1e };

int
engineio_packet_read(struct engineio_packet *p, const char *text, size_t n)
{
	if (n == 0 || ((text[0] < '0' || text[0] > '6') && text[0] != 'b'))
		return -EINVAL;
	p->type = text[0];
	p->data = text + 1;
	p->len = n - 1;
	return 0;
}

int
engineio_payload_next(const char **text, size_t *n, struct engineio_packet *p)
{
	const char	*end;
	size_t		 len;

	if (*n == 0)
		return 0;
	end = memchr(*text, SEPARATOR, *n);
	len = end != NULL ? (size_t)(end - *text) : *n;
	if (engineio_packet_read(p, *text, len) < 0
	    || (end != NULL && len + 1 == *n))	/* nothing behind it */
		return -EINVAL;
	len += end != NULL;
	*text += len;
	*n -= len;
	return 1;
}

void
engineio_payload_add(struct buf *b, char type, const void *data, size_t n)
{
	if (b->len > 0)
		buf_addc(b, SEPARATOR);
	buf_addc(b, type);
	if (type != 'b') {
		buf_add(b, data, n);
		return;
	}
	buf_reserve(b, BASE64_SIZE(n));
	base64_encode(data, n, b->p + b->len);
	b->len += BASE64_SIZE(n) - 1;
}

int
engineio_packet_bytes(const struct engineio_packet *p, struct buf *b)
{
	size_t	n;

	if (p->len == 0)
		return 0;
	buf_reserve(b, p->len);		/* more than what comes out */
	if (base64_decode(p->data, p->len, b->p + b->len, p->len, &n) < 0)
		return -EINVAL;
	b->len += n;
	b->p[b->len] = '\0';
	return 0;
}

/* How many bytes follow this first one; -1 where it begins no character. */
static int
followers(unsigned char c)
{
	if (c < 0x80)
		return 0;
	if (c < 0xc2 || c > 0xf4)
		return -1;
	return c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

/* Not in its shortest form, a surrogate, or past U+10FFFF. */
static int
is_odd(unsigned char c, unsigned char next)
{
	return (c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f)
	    || (c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f);
}

int
engineio_utf8(const char *text, size_t n)
{
	const unsigned char	*p = (const unsigned char *)text;
	size_t			 i = 0;
	int			 k;

	while (i < n) {
		if ((k = followers(p[i])) < 0 || n - i <= (size_t)k
		    || (k > 0 && is_odd(p[i], p[i + 1])))
			return 0;
		for (i++; k > 0; k--, i++)
			if ((p[i] & 0xc0) != 0x80)
				return 0;
	}
	return 1;
}
