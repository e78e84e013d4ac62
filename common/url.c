/*
 * Addresses.  Only what names one place in one way is let through: no user
 * names, no bytes that RFC 3986 wants encoded, no host that the resolver
 * would read as a number.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <uv.h>

#include "crypto.h"
#include "http.h"
#include "log.h"

enum { URL_MAX = 2048 };	/* all its parts together are shorter */

static const struct scheme {
	const char	*name;
	int		 tls, port;	/* port 0: a Unix socket's path */
} schemes[] = {
	{ "http://",		0, 80 },
	{ "https://",		1, 443 },
	{ "ws://",		0, 80 },
	{ "wss://",		1, 443 },
	{ "http+unix://",	0, 0 },
};

static int
bad(const char **why, const char *words)
{
	*why = words;
	return -EINVAL;
}

static const struct scheme *
scheme_find(const char **s)
{
	size_t	i, n;

	for (i = 0; i < nitems(schemes); i++) {
		n = strlen(schemes[i].name);
		if (strncasecmp(*s, schemes[i].name, n) == 0) {
			*s += n;
			return &schemes[i];
		}
	}
	return NULL;
}

static int
all_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
			return 0;
	return 1;
}

/* "%2Frun%2Fx" to "/run/x". */
static int
socket_parse(struct url *u, const char *s, size_t n, const char **why)
{
	char	hex[3] = "";
	size_t	i, len = 0;
	uint8_t	c;

	for (i = 0; i < n; i++) {
		c = (uint8_t)s[i];
		if (c == '%') {
			if (n - i < 3)
				return bad(why, "bad % in the socket's path");
			memcpy(hex, s + i + 1, 2);
			if (hex_decode(hex, &c, 1) < 0 || c == '\0')
				return bad(why, "bad % in the socket's path");
			i += 2;
		}
		if (len == sizeof(u->socket) - 1)
			return bad(why, "socket's path too long");
		u->socket[len++] = (char)c;
	}
	u->socket[len] = '\0';
	if (len == 0)
		return bad(why, "socket's path missing");
	strcpy(u->host, "localhost");
	return 0;
}

static int
port_parse(struct url *u, const char *s, const char *end, const char **why)
{
	int	port = 0;

	if (s == end)
		return bad(why, "port missing behind ':'");
	for (; s < end; s++) {
		if (!isdigit((unsigned char)*s))
			return bad(why, "port is not a number");
		port = port * 10 + (*s - '0');
		if (port > 65535)
			return bad(why, "port above 65535");
	}
	if (port == 0)
		return bad(why, "port is 0");
	u->port = port;
	return 0;
}

static int
is_ip(const char *host)
{
	unsigned char	a[16];

	return uv_inet_pton(AF_INET, host, a) == 0
	    || uv_inet_pton(AF_INET6, host, a) == 0;
}

/* Letters, digits, '-', '_' and '.'; no last label of digits, since such a
 * host ("127.1", "2130706433") is an address to some resolvers. */
static int
name_ok(const char *host)
{
	const char	*s, *last = host;

	for (s = host; *s != '\0'; s++) {
		if (!isalnum((unsigned char)*s) && strchr("-_.", *s) == NULL)
			return 0;
		if (*s == '.' && (s == host || s[1] == '.'))
			return 0;
		if (*s == '.' && s[1] != '\0')
			last = s + 1;
	}
	return !isdigit((unsigned char)*last) || is_ip(host);
}

static int
host_parse(struct url *u, const char *s, size_t n, const char **why)
{
	size_t	i;

	if (n == 0)
		return bad(why, "host missing");
	if (n >= sizeof(u->host))
		return bad(why, "host too long");
	for (i = 0; i < n; i++)
		u->host[i] = (char)tolower((unsigned char)s[i]);
	u->host[n] = '\0';
	return 0;
}

/* HOST, HOST:PORT, [V6] or [V6]:PORT. */
static int
authority_parse(struct url *u, const char *s, const char *end,
    const char **why)
{
	const char	*close, *colon;
	int		 v6 = *s == '[';

	if (memchr(s, '@', (size_t)(end - s)) != NULL)
		return bad(why, "user names in addresses are not taken");
	if (v6) {
		s++;
		close = memchr(s, ']', (size_t)(end - s));
		if (close == NULL)
			return bad(why, "']' missing");
		colon = close + 1;
		if (colon != end && *colon != ':')
			return bad(why, "unexpected text behind ']'");
	} else {
		colon = memchr(s, ':', (size_t)(end - s));
		close = colon = colon != NULL ? colon : end;
	}
	if (host_parse(u, s, (size_t)(close - s), why) < 0)
		return -EINVAL;
	if (v6 ? strchr(u->host, ':') == NULL || !is_ip(u->host)
	    : !name_ok(u->host))
		return bad(why, "host is neither a name nor an address");
	return colon == end ? 0 : port_parse(u, colon + 1, end, why);
}

static int
path_parse(struct url *u, const char *s, const char **why)
{
	size_t	n = strcspn(s, "#");	/* the fragment is the reader's own */
	size_t	slash = *s == '/' ? 0 : 1;

	if (slash + n >= sizeof(u->path))
		return bad(why, "path too long");
	u->path[0] = '/';
	memcpy(u->path + slash, s, n);
	u->path[slash + n] = '\0';
	return 0;
}

int
url_parse(const char *s, struct url *u, const char **why)
{
	const struct scheme	*scheme;
	const char		*end;

	memset(u, 0, sizeof(*u));
	*why = "";
	if (strlen(s) > URL_MAX)
		return bad(why, "address too long");
	if (!all_printable(s))
		return bad(why, "byte in the address that must be encoded");
	if ((scheme = scheme_find(&s)) == NULL)
		return bad(why, "neither http, https, ws, wss nor http+unix");
	u->tls = scheme->tls;
	u->port = scheme->port;
	end = s + strcspn(s, "/?#");
	if ((scheme->port == 0 ? socket_parse(u, s, (size_t)(end - s), why)
	    : authority_parse(u, s, end, why)) < 0)
		return -EINVAL;
	return path_parse(u, end, why);
}

int
url_is_loopback(const struct url *u)
{
	unsigned char	a[16];
	static const unsigned char	one[16] = { [15] = 1 };

	if (u->socket[0] != '\0' || strcmp(u->host, "localhost") == 0)
		return 1;
	if (uv_inet_pton(AF_INET, u->host, a) == 0)
		return a[0] == 127;
	return uv_inet_pton(AF_INET6, u->host, a) == 0
	    && memcmp(a, one, sizeof(one)) == 0;
}
