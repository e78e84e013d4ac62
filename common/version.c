/* Two texts walked side by side, runs of digits as numbers. */
#include <string.h>

#include "version.h"

#define DIGITS	"0123456789"

int
version_ok(const char *v)
{
	size_t	n = strlen(v), i;

	if (n == 0 || n > VERSION_MAX)
		return 0;
	for (i = 0; v[i] != '\0' && v[i] != '-'; i++)
		if (v[i] == '.' ? i == 0 || v[i - 1] == '.' :
		    strchr(DIGITS, v[i]) == NULL)
			return 0;
	if (i == 0 || v[i - 1] == '.')
		return 0;
	return v[i] == '\0' || (v[i + 1] != '\0' && strspn(v + i + 1, DIGITS
	    ".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
	    n - i - 1);
}

/* Both at a run of digits; moves behind it. */
static int
number_compare(const char **a, const char **b)
{
	size_t	n, m;
	int	diff;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	n = strspn(*a, DIGITS);
	m = strspn(*b, DIGITS);
	diff = n != m ? (n < m ? -1 : 1) : strncmp(*a, *b, n);
	*a += n;
	*b += m;
	return diff;
}

/* "-" sorts before the end of the text, and that before all else. */
static int
rank(char c)
{
	return c == '-' ? -1 : (unsigned char)c;
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int
version_compare(const char *a, const char *b)
{
	int	diff;

	for (;;) {
		if (is_digit(*a) && is_digit(*b)) {
			if ((diff = number_compare(&a, &b)) != 0)
				return diff;
			continue;
		}
		if (*a != *b)
			return rank(*a) - rank(*b);
		if (*a == '\0')
			return 0;
		a++;
		b++;
	}
}
