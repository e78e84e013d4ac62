/* Lines of a pipeline: bytes in, meaning out.  Knows no loop. */
#include <string.h>

#include "buf.h"
#include "log.h"
#include "queue_line.h"

static const struct word {
	const char	*word;
	enum line_kind	 kind;
} directives[] = {
	{ "::step ", LINE_STEP },
	{ "::progress ", LINE_PROGRESS },
	{ "::result ", LINE_RESULT }
};

/* One to three digits and nothing else, at most 100; -1 where it is not. */
static int
percent(const char *s, size_t n)
{
	int	value = 0;
	size_t	i;

	if (n == 0 || n > 3)
		return -1;
	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = value * 10 + s[i] - '0';
	}
	return value <= 100 ? value : -1;
}

void
line_parse(const char *s, size_t n, struct line *l)
{
	size_t	i, len;

	*l = (struct line){ .kind = LINE_TEXT, .arg = s, .len = n };
	for (i = 0; i < nitems(directives); i++) {
		len = strlen(directives[i].word);
		if (n <= len || memcmp(s, directives[i].word, len) != 0)
			continue;
		l->number = percent(s + len, n - len);
		if (directives[i].kind == LINE_PROGRESS && l->number < 0)
			return;
		l->kind = directives[i].kind;
		l->arg = s + len;
		l->len = n - len;
		return;
	}
}

/* The bytes of the character at s (RFC 3629), 0 where there is none. */
static size_t
utf8_len(const unsigned char *s, size_t n)
{
	size_t		len, i;
	unsigned long	c;

	if (s[0] < 0x80)
		return 1;
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
		return 0;
	c = s[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000)
	    || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

/* The length of the secret that s begins with, or 0. */
static size_t
secret_len(const char *s, size_t n, char *const *secrets, size_t count)
{
	size_t	i, len;

	for (i = 0; i < count; i++) {
		len = strlen(secrets[i]);
		if (len <= n && memcmp(s, secrets[i], len) == 0)
			return len;
	}
	return 0;
}

char *
line_clean(const char *s, size_t n, char *const *secrets, size_t count)
{
	struct buf	b = BUF_INIT;
	size_t		i = 0, len;
	unsigned char	c;

	while (i < n) {
		c = (unsigned char)s[i];
		if ((len = secret_len(s + i, n - i, secrets, count)) > 0) {
			buf_adds(&b, "***");
		} else if ((c < 0x20 && c != '\t') || c == 0x7f) {
			buf_addc(&b, ' ');
			len = 1;
		} else if ((len = utf8_len((const unsigned char *)s + i,
		    n - i)) > 0) {
			buf_add(&b, s + i, len);
		} else {
			buf_addc(&b, '?');
			len = 1;
		}
		i += len;
	}
	return buf_take(&b);
}
