/* The lines of a head as RFC 9112 has them, before a lenient parser. */
#include <string.h>

#include "httpd_impl.h"

static int
refuse(int status, const char **why, const char *text)
{
	*why = text;
	return status;
}

/* RFC 9110, 5.6.2. */
static int
is_token(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
	    || (c >= 'a' && c <= 'z')
	    || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* "HTTP/1.1" and "HTTP/1.0"; others are told by their form. */
static int
check_version(const char *p, size_t n, const char **why)
{
	if (n != 8 || memcmp(p, "HTTP/", 5) != 0 || p[6] != '.'
	    || p[5] < '0' || p[5] > '9' || p[7] < '0' || p[7] > '9')
		return refuse(400, why, "bad request line");
	if (p[5] != '1' || p[7] > '1')
		return refuse(505, why, "HTTP version not supported");
	return 0;
}

static int
check_target(const char *p, size_t n, const char **why)
{
	size_t	i;

	if (n == 0)
		return refuse(400, why, "bad request line");
	if (n > HTTP_MAX_PATH)
		return refuse(414, why, "request target too long");
	for (i = 0; i < n; i++)
		if ((unsigned char)p[i] <= 0x20
		    || (unsigned char)p[i] >= 0x7f || p[i] == '#')
			return refuse(400, why, "bad byte in request target");
	return 0;
}

/* p to p + n is the line without its CR LF. */
static int
check_request_line(const char *p, size_t n, const char **why)
{
	const char	*sp = memchr(p, ' ', n), *end = p + n, *target, *last;
	int		 rc;

	for (last = end; last > p && last[-1] != ' '; last--)
		continue;
	if (sp == NULL || sp == p || last - 1 == sp)
		return refuse(400, why, "bad request line");
	target = sp + 1;
	while (p < sp)
		if (!is_token((unsigned char)*p++))
			return refuse(400, why, "bad method");
	if ((rc = check_target(target, (size_t)(last - 1 - target), why)) != 0)
		return rc;
	return check_version(last, (size_t)(end - last), why);
}

static int
check_field(const char *p, size_t n, const char **why)
{
	const char	*end = p + n;

	if (p < end && (*p == ' ' || *p == '\t'))
		return refuse(400, why, "folded header line");
	if (p == end || *p == ':')
		return refuse(400, why, "header without a name");
	for (; p < end && *p != ':'; p++)
		if (!is_token((unsigned char)*p))
			return refuse(400, why, "bad byte in a header's name");
	if (p == end)
		return refuse(400, why, "header without a colon");
	for (p++; p < end; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return refuse(400, why, "bad byte in a header's value");
	return 0;
}

/* head_find() has seen that each line ends in CR LF. */
int
head_check(const char *p, size_t n, const char **why)
{
	const char	*end = p + n, *lf;
	size_t		 lines = 0;
	int		 rc = 0;

	for (; rc == 0 && p < end - 2; p = lf + 1, lines++) {
		lf = memchr(p, '\n', (size_t)(end - p));
		n = (size_t)(lf - p) - 1;
		if (lines == 0)
			rc = check_request_line(p, n, why);
		else if (lines > HTTP_MAX_HEADERS)
			rc = refuse(431, why, "too many headers");
		else
			rc = check_field(p, n, why);
	}
	return rc;
}
