/*
 * Whole messages in one frame, of ASCII alone, unmasked and handed on without
 * wslay: nearly all that agents send.  Everything else, from the first byte
 * that is not of this kind on, goes to wslay, which has all the rules.
 */
#include <string.h>

#include "ws_impl.h"

enum {
	QUICK_MAX	= 64 * 1024,	/* bytes of such a message */
	TEXT		= 0x81,		/* final and text; no reserved bits */
	BINARY		= 0x82,
	MASKED		= 0x80
};

/* One buffer for all: a message is gone when its call returns. */
static char	plain[QUICK_MAX];
static int	plain_used;

/*
 * The head at p: 1 and the lengths of head and payload; 0 where there is not
 * enough of it; -1 where it is none of ours.
 */
static int
head_read(const struct ws *w, const unsigned char *p, size_t n, size_t *head,
    size_t *len)
{
	if (n < 1)
		return 0;
	if (p[0] != TEXT && p[0] != BINARY)
		return -1;
	if (n < 2)
		return 0;
	if (!(p[1] & MASKED) != !w->server)
		return -1;
	*len = p[1] & 0x7f;
	*head = 2;
	if (*len == 126) {
		if (n < 4)
			return 0;
		*len = (size_t)p[2] << 8 | p[3];
		*head = 4;
		if (*len < 126)		/* not its shortest form */
			return -1;
	} else if (*len == 127)
		return -1;
	*head += w->server ? 4 : 0;
	return *len > w->max ? -1 : n >= *head;
}

/* Unmasks (where mask is not NULL); whether all of it is ASCII. */
static int
unmask(const char *from, size_t n, const unsigned char *mask)
{
	uint64_t	word, key = 0, all = 0;
	size_t		i = 0;

	if (mask != NULL) {
		memcpy(&key, mask, 4);
		memcpy((char *)&key + 4, mask, 4);
	}
	for (; i + 8 <= n; i += 8) {
		memcpy(&word, from + i, 8);
		word ^= key;
		all |= word;
		memcpy(plain + i, &word, 8);
	}
	for (; i < n; i++) {
		plain[i] = (char)(from[i] ^ ((const char *)&key)[i & 7]);
		all |= (unsigned char)plain[i];
	}
	return (all & UINT64_C(0x8080808080808080)) == 0;
}

size_t
ws_quick(struct ws *w, const char *p, size_t n, int *partial)
{
	const unsigned char	*u;
	size_t			 head = 0, len = 0, used = 0;
	int			 rc = 0;

	*partial = 0;
	if (plain_used)
		return 0;		/* a loop within a message's call */
	while (w->state == WS_OPEN && w->wslay == NULL && used < n) {
		u = (const unsigned char *)p + used;
		rc = head_read(w, u, n - used, &head, &len);
		if (rc <= 0 || n - used < head + len)
			break;
		if (!unmask(p + used + head, len, w->server ?
		    u + head - 4 : NULL) && u[0] == TEXT) {
			rc = -1;
			break;
		}
		used += head + len;
		plain_used = 1;
		w->ev->message(w, plain, len, u[0] == TEXT, w->arg);
		plain_used = 0;
	}
	*partial = used < n && rc >= 0 && w->state == WS_OPEN &&
	    w->wslay == NULL;
	return used;
}
