#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "esjson.h"
#include "json.h"

/* -- numbers: ECMA-262, Number::toString -- */

enum { MAX_DIGITS = 17 };	/* tell every double apart */

#define EXACT	9007199254740992.0	/* 2^53: whole numbers up to it */

struct digits {
	char	d[MAX_DIGITS + 1];
	int	k;		/* how many; the last is not 0 */
	int	n;		/* the value is 0.ddd * 10^n */
};

/* Takes the digits out of "d.ddde+xx", whatever the locale's point is. */
static void
digits_take(struct digits *g, const char *text)
{
	const char	*e = strchr(text, 'e');

	g->k = 0;
	for (; text < e && g->k < MAX_DIGITS; text++)
		if (*text >= '0' && *text <= '9')
			g->d[g->k++] = *text;
	g->d[g->k] = '\0';
	g->n = atoi(e + 1) + 1;
	while (g->k > 1 && g->d[g->k - 1] == '0')
		g->d[--g->k] = '\0';
}

/* The last digit of "d.ddde+xx" one higher, where that needs no carry. */
static int
bump(char *text)
{
	char	*e = strchr(text, 'e');

	if (e[-1] < '0' || e[-1] >= '9')
		return 0;
	e[-1]++;
	return 1;
}

/*
 * The fewest digits that are read back as x, and of those the closest.  A
 * decimal of DBL_DIG digits survives a normal double, so where that many do,
 * they are the answer but for zeros at their end.  Below a power of two the
 * doubles lie twice as dense: the closest decimal may be read as another,
 * and the next one above it as x.
 */
static void
digits_find(double x, struct digits *g)
{
	int	p = x < DBL_MIN ? 1 : DBL_DIG, exponent;
	int	power = frexp(x, &exponent) == 0.5;
	char	text[40];

	for (;; p++) {
		snprintf(text, sizeof(text), "%.*e", p - 1, x);
		if (p == MAX_DIGITS || strtod(text, NULL) == x)
			break;
		if (power && bump(text) && strtod(text, NULL) == x)
			break;
	}
	digits_take(g, text);
}

static void
layout(const struct digits *g, char *p, size_t size)
{
	int	k = g->k, n = g->n;

	if (k <= n && n <= 21)
		snprintf(p, size, "%s%.*s", g->d, n - k,
		    "00000000000000000000");
	else if (0 < n && n <= 21)
		snprintf(p, size, "%.*s.%s", n, g->d, g->d + n);
	else if (-6 < n && n <= 0)
		snprintf(p, size, "0.%.*s%s", -n, "00000", g->d);
	else
		snprintf(p, size, "%c%s%se%+d", g->d[0], k > 1 ? "." : "",
		    g->d + 1, n - 1);
}

char *
esjson_number(double x, char out[ESJSON_NUMBER])
{
	struct digits	g;
	int		minus = x < 0;

	if (!isfinite(x)) {
		memcpy(out, "null", 5);
	} else if (fabs(x) < EXACT && x == (double)(int64_t)x) {
		/* also -0, which is written 0 */
		snprintf(out, ESJSON_NUMBER, "%lld", (long long)x);
	} else {
		out[0] = '-';
		digits_find(fabs(x), &g);
		layout(&g, out + minus, ESJSON_NUMBER - 1);
	}
	return out;
}

/* -- strings -- */

void
esjson_string(struct buf *b, const char *s, size_t n)
{
	static const char	 plain[] = "\"\\\b\f\n\r\t";
	static const char	 words[] = "\"\\bfnrt";
	const char		*end = s + n, *from, *at;

	buf_addc(b, '"');
	while (s < end) {
		for (from = s; s < end && (unsigned char)*s >= 0x20 &&
		    *s != '"' && *s != '\\'; s++)
			;
		buf_add(b, from, (size_t)(s - from));
		if (s == end)
			break;
		at = *s != '\0' ? strchr(plain, *s) : NULL;
		if (at != NULL) {
			buf_addc(b, '\\');
			buf_addc(b, words[at - plain]);
		} else
			buf_printf(b, "\\u%04x", (unsigned)*s);
		s++;
	}
	buf_addc(b, '"');
}

/* -- objects: keys that are array indices first, in order of number -- */

struct member {
	const char	*key;
	const json_t	*value;
	int64_t		 index;		/* -1: none */
	size_t		 place;		/* as inserted */
};

/* "0" to "4294967294" without leading zeros, or -1. */
static int64_t
key_index(const char *s)
{
	int64_t	n = 0;

	if (*s == '\0' || (s[0] == '0' && s[1] != '\0') || strlen(s) > 10)
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n < UINT32_MAX ? n : -1;
}

static int
by_place(const void *x, const void *y)
{
	const struct member	*a = x, *b = y;

	if (a->index >= 0 && b->index >= 0)
		return a->index < b->index ? -1 : a->index > b->index;
	if (a->index >= 0 || b->index >= 0)
		return a->index >= 0 ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

static int
by_key(const void *x, const void *y)
{
	const struct member	*a = x, *b = y;

	if (a->index >= 0 || b->index >= 0)
		return by_place(x, y);
	return strcmp(a->key, b->key);
}

static void	write_value(struct buf *, const json_t *, unsigned flags,
		    int depth);

static void
write_object(struct buf *b, const json_t *o, unsigned flags, int depth)
{
	size_t		 n = json_object_size(o), i = 0;
	struct member	*m = xcalloc(n > 0 ? n : 1, sizeof(*m));
	int		 order = (flags & ESJSON_SORT) != 0;
	const char	*key;
	json_t		*v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		m[i] = (struct member){ key, v, key_index(key), i };
		order |= m[i++].index >= 0;
	}
	if (order)
		qsort(m, n, sizeof(*m), flags & ESJSON_SORT ? by_key :
		    by_place);
	buf_addc(b, '{');
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(b, ',');
		esjson_string(b, m[i].key, strlen(m[i].key));
		buf_addc(b, ':');
		write_value(b, m[i].value, flags, depth + 1);
	}
	buf_addc(b, '}');
	free(m);
}

static void
write_array(struct buf *b, const json_t *a, unsigned flags, int depth)
{
	size_t	 i;
	json_t	*v;

	buf_addc(b, '[');
	json_array_foreach(a, i, v) {
		if (i > 0)
			buf_addc(b, ',');
		write_value(b, v, flags, depth + 1);
	}
	buf_addc(b, ']');
}

static void
write_value(struct buf *b, const json_t *v, unsigned flags, int depth)
{
	char	number[ESJSON_NUMBER];

	if (depth > ESJSON_MAX_DEPTH) {
		buf_adds(b, "null");
		return;
	}
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		write_object(b, v, flags, depth);
		break;
	case JSON_ARRAY:
		write_array(b, v, flags, depth);
		break;
	case JSON_STRING:
		esjson_string(b, json_string_value(v),
		    json_string_length(v));
		break;
	case JSON_INTEGER:
		if (flags & ESJSON_INTEGERS) {
			buf_printf(b, "%lld",
			    (long long)json_integer_value(v));
			break;
		}
		/* FALLTHROUGH */
	case JSON_REAL:
		buf_adds(b, esjson_number(json_number_value(v), number));
		break;
	case JSON_TRUE:
		buf_adds(b, "true");
		break;
	case JSON_FALSE:
		buf_adds(b, "false");
		break;
	case JSON_NULL:
		buf_adds(b, "null");
		break;
	}
}

void
esjson_write(struct buf *b, const json_t *v, unsigned flags)
{
	write_value(b, v, flags, 0);
}

json_t *
esjson_read(const char *text, size_t n, struct json_err *e)
{
	return json_read_as(text, n, JSON_DECODE_INT_AS_REAL |
	    JSON_ALLOW_NUL, ESJSON_MAX_DEPTH, e);
}
