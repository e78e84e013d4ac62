/* Whatever a program wrote into its log, as text that JSON can have. */
#include <stdint.h>
#include <string.h>

#include "buf.h"
#include "tail.h"

/* How many bytes a character has that begins here, 0: none does. */
static size_t
character(const uint8_t *p, size_t n)
{
	size_t		len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 :
			    p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
			    p[0] < 0xf5 ? 4 : 0;
	size_t		i;

	if (len == 0 || len > n || p[0] == '\0')
		return 0;
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;		/* too long, a surrogate, too high */
	return len;
}

void
tail_text(struct buf *b, const char *text, size_t n)
{
	const uint8_t	*p = (const uint8_t *)text;
	size_t		 len;

	for (; n > 0; p += len, n -= len) {
		if ((len = character(p, n)) > 0) {
			buf_add(b, p, len);
		} else {
			buf_adds(b, "\xef\xbf\xbd");
			len = 1;
		}
	}
}
