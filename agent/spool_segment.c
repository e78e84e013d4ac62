/*
 * The bytes of a segment.  A record begins with a mark of bytes that UTF-8
 * never has, so that after damage the next one is found again; its CRC covers
 * all that follows it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "spool_private.h"

static const char	magic[16] = "muster spool 1\n";
static const uint8_t	mark[4] = { 0xff, 0xf7, 0xfe, 0xf5 };

void
bytes_put(uint8_t *p, uint64_t v, int bytes)
{
	for (; bytes > 0; bytes--, v >>= 8)
		*p++ = (uint8_t)v;
}

uint64_t
bytes_get(const uint8_t *p, int bytes)
{
	uint64_t	v = 0;

	while (bytes > 0)
		v = v << 8 | p[--bytes];
	return v;
}

/* CRC-32 of IEEE 802.3, four bits at a time; begins with 0. */
uint32_t
bytes_crc(uint32_t c, const void *data, size_t n)
{
	static const uint32_t	table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c
	};
	const uint8_t		*p = data;

	for (c = ~c; n > 0; n--) {
		c ^= *p++;
		c = c >> 4 ^ table[c & 15];
		c = c >> 4 ^ table[c & 15];
	}
	return ~c;
}

/* -- heads: magic, nth, class, CRC; mark, CRC, length, seq, nth -- */

void
segment_head(uint8_t out[SEGMENT_HEAD], enum spool_class class,
    uint64_t first_nth)
{
	memcpy(out, magic, sizeof(magic));
	bytes_put(out + 16, first_nth, 8);
	bytes_put(out + 24, class, 4);
	bytes_put(out + 28, bytes_crc(0, out, 28), 4);
}

int
segment_head_read(const uint8_t *p, size_t n, enum spool_class *class,
    uint64_t *first_nth)
{
	if (n < SEGMENT_HEAD || memcmp(p, magic, sizeof(magic)) != 0 ||
	    bytes_get(p + 28, 4) != bytes_crc(0, p, 28) ||
	    bytes_get(p + 24, 4) >= SPOOL_CLASSES)
		return -EBADMSG;
	*first_nth = bytes_get(p + 16, 8);
	*class = (enum spool_class)bytes_get(p + 24, 4);
	return 0;
}

void
segment_record_head(uint8_t out[RECORD_HEAD], const struct segment_record *r)
{
	memcpy(out, mark, sizeof(mark));
	bytes_put(out + 8, r->len, 4);
	bytes_put(out + 12, r->seq, 8);
	bytes_put(out + 20, r->nth, 8);
	bytes_put(out + 4, bytes_crc(bytes_crc(0, out + 8, RECORD_HEAD - 8),
	    r->text, r->len), 4);
}

/* How far it is to where a mark may begin, past the first byte. */
static size_t
to_mark(const uint8_t *p, size_t n)
{
	const uint8_t	*q;
	size_t		 left;

	for (q = p + 1; (left = n - (size_t)(q - p)) > 0; q++) {
		q = memchr(q, mark[0], left);
		if (q == NULL)
			break;
		left = n - (size_t)(q - p);
		if (memcmp(q, mark, left < sizeof(mark) ? left :
		    sizeof(mark)) == 0)
			return (size_t)(q - p);
	}
	return n;
}

int
segment_parse(const uint8_t *p, size_t n, struct segment_record *r,
    size_t *used)
{
	*used = 0;
	if (n < RECORD_HEAD && memcmp(p, mark, n < sizeof(mark) ? n :
	    sizeof(mark)) == 0)
		return 0;
	if (n >= RECORD_HEAD && memcmp(p, mark, sizeof(mark)) == 0) {
		r->len = (size_t)bytes_get(p + 8, 4);
		r->seq = bytes_get(p + 12, 8);
		r->nth = bytes_get(p + 20, 8);
		r->text = (const char *)p + RECORD_HEAD;
		*used = RECORD_HEAD + r->len;
		if (r->len <= SPOOL_MAX_RECORD && *used > n)
			return 0;
		if (r->len <= SPOOL_MAX_RECORD && bytes_get(p + 4, 4) ==
		    bytes_crc(bytes_crc(0, p + 8, RECORD_HEAD - 8), r->text,
		    r->len))
			return 1;
	}
	*used = to_mark(p, n);
	return -EBADMSG;
}

/* -- the cursor -- */

int
segment_cursor_open(struct segment_cursor *c, const char *path)
{
	segment_cursor_close(c);
	return disk_open(path, UV_FS_O_RDONLY, &c->fd);
}

void
segment_cursor_close(struct segment_cursor *c)
{
	disk_close(&c->fd);
	free(c->p);
	*c = (struct segment_cursor)SEGMENT_CURSOR_NONE;
}

/* More bytes: *n of them, 0 at the end. */
static int
fill(struct segment_cursor *c, size_t *n)
{
	int	rc;

	if (c->pos > 0) {
		memmove(c->p, c->p + c->pos, c->len - c->pos);
		c->len -= c->pos;
		c->pos = 0;
	}
	if (c->cap - c->len < READ_CHUNK) {
		c->cap = c->len + READ_CHUNK;
		c->p = xrealloc(c->p, c->cap);
	}
	rc = disk_read(c->fd, c->p + c->len, c->cap - c->len, c->off, n);
	c->len += *n;
	c->off += *n;
	return rc;
}

int
segment_cursor_next(struct segment_cursor *c, int whole,
    struct segment_record *r)
{
	size_t	used = 0, got;
	int	rc;

	for (;;) {
		if (!c->headed && c->len >= SEGMENT_HEAD) {
			/* of a damaged head, too, nothing else is there */
			c->headed = 1;
			c->pos = SEGMENT_HEAD;
		}
		if (c->headed && c->pos < c->len) {
			rc = segment_parse(c->p + c->pos, c->len - c->pos, r,
			    &used);
			if (rc != 0)
				c->pos += used;
			if (rc == 1)
				return 1;
			if (rc < 0)
				continue;
		}
		if ((rc = fill(c, &got)) < 0)
			return rc;
		if (got > 0)
			continue;
		if (c->pos == c->len) {		/* it may be a while */
			free(c->p);
			c->p = NULL;
			c->pos = c->len = c->cap = 0;
			return 0;
		}
		if (!whole || !c->headed)
			return 0;
		/* a torn end, or a damaged length: what is behind it? */
		c->pos += to_mark(c->p + c->pos, c->len - c->pos);
	}
}
