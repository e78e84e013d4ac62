#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "release.h"

enum { MAX_WORD = 31 };

int
release_word_ok(const char *s)
{
	size_t	n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-");

	return n > 0 && n <= MAX_WORD && s[n] == '\0' && s[0] != '.' &&
	    s[0] != '-';
}

char *
release_path(const char *version, const char *platform, const char *channel)
{
	if (!release_word_ok(version) || !release_word_ok(platform) ||
	    !release_word_ok(channel))
		return NULL;
	return xasprintf("muster-agent_%s_%s_%s", version, platform, channel);
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Two runs of digits: the longer one without its zeros is the greater. */
static int
compare_numbers(const char **a, const char **b)
{
	size_t	na, nb;
	int	rc;

	while (**a == '0')
		++*a;
	while (**b == '0')
		++*b;
	for (na = 0; is_digit((*a)[na]); na++)
		;
	for (nb = 0; is_digit((*b)[nb]); nb++)
		;
	rc = na != nb ? (na < nb ? -1 : 1) : memcmp(*a, *b, na);
	*a += na;
	*b += nb;
	return rc;
}

/* The end and what is behind a '+' are above a '-' and below all else. */
static int
rank(char c)
{
	if (c == '-')
		return -1;
	return c == '\0' || c == '+' ? 0 : (unsigned char)c;
}

int
release_compare(const char *a, const char *b)
{
	int	rc;

	for (;;) {
		if (is_digit(*a) && is_digit(*b)) {
			if ((rc = compare_numbers(&a, &b)) != 0)
				return rc < 0 ? -1 : 1;
			continue;
		}
		if (rank(*a) != rank(*b))
			return rank(*a) < rank(*b) ? -1 : 1;
		if (rank(*a) == 0)
			return 0;
		a++;
		b++;
	}
}
