/* Which integers would be another number once they are read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_digits.h"

enum {
	MAX_DIGITS = 309,	/* a double has no more; json_read() refuses */
	ROOM = MAX_DIGITS + 16
};

/* Whether a double gives these digits back, without their last zeros. */
static int
is_kept(const char *digits, size_t n)
{
	char	text[ROOM], back[ROOM];
	size_t	i, k = n;

	if (n > MAX_DIGITS)
		return 0;
	while (k > 1 && digits[k - 1] == '0')
		k--;
	memcpy(text, digits, n);
	text[n] = '\0';
	/* d.ddddde+nn; a rounding that carries gives other digits */
	snprintf(back, sizeof(back), "%.*e", (int)k - 1, strtod(text, NULL));
	if (back[0] != digits[0])
		return 0;
	for (i = 1; i < k; i++)
		if (back[i + 1] != digits[i])
			return 0;
	return (size_t)atoi(strchr(back, 'e') + 1) == n - 1;
}

/* Whether an int64 takes the integer of n bytes at s. */
static int
is_small(const char *s, size_t n)
{
	char	text[24];

	if (n >= sizeof(text))
		return 0;
	memcpy(text, s, n);
	text[n] = '\0';
	errno = 0;
	strtoll(text, NULL, 10);
	return errno != ERANGE;
}

const char *
json_lost_integer(const char *text, size_t n, size_t *len)
{
	static const char	number[] = "+-.0123456789Ee";
	size_t			i, k, sign;
	int			quoted = 0;

	for (i = 0; i < n; i++) {
		if (quoted || text[i] == '"') {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = !quoted;
			continue;
		}
		if (text[i] != '-' && (text[i] < '0' || text[i] > '9'))
			continue;
		sign = text[i] == '-';
		for (k = 0; i + k < n && text[i + k] != '\0' &&
		    strchr(number, text[i + k]) != NULL; k++)
			;
		if (memchr(text + i, '.', k) == NULL &&
		    memchr(text + i, 'e', k) == NULL &&
		    memchr(text + i, 'E', k) == NULL && !is_small(text + i, k)
		    && !is_kept(text + i + sign, k - sign)) {
			*len = k;
			return text + i;
		}
		i += k - 1;
	}
	return NULL;
}
