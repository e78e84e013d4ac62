/*
 * Which proxy the link goes through, as the environment has it: https_proxy
 * for wss, http_proxy for ws, else all_proxy; never to this host, nor to what
 * no_proxy names.  HTTP_PROXY in capitals is left alone: in a CGI a client
 * can set it.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <uv.h>

#include "agent.h"
#include "buf.h"
#include "http.h"

enum { MAX_VALUE = 2048 };

/* Freed by the caller; NULL where it is not set, or empty. */
static char *
variable(const char *name)
{
	char	text[MAX_VALUE];
	size_t	n = sizeof(text);

	if (uv_os_getenv(name, text, &n) < 0 || n == 0)
		return NULL;
	return xstrdup(text);
}

/* Whether an entry of no_proxy, of n bytes, is this host, or a domain that
 * it is in: "*", "example.com", ".example.com", "192.0.2.1:8080". */
static int
entry_is(const char *p, size_t n, const struct url *u)
{
	size_t		 len = strlen(u->host), i;
	const char	*colon = memchr(p, ':', n);

	if (n == 1 && *p == '*')
		return 1;
	if (colon != NULL && memchr(colon + 1, ':',
	    n - (size_t)(colon + 1 - p)) == NULL) {	/* no IPv6 address */
		if (atoi(colon + 1) != u->port)
			return 0;
		n = (size_t)(colon - p);
	}
	if (n > 0 && *p == '.') {
		p++;
		n--;
	}
	if (n == 0 || n > len)
		return 0;
	i = len - n;
	return strncasecmp(u->host + i, p, n) == 0 &&
	    (i == 0 || u->host[i - 1] == '.');
}

static int
is_excepted(const struct url *u)
{
	char		*list = variable("no_proxy");
	const char	*p;
	size_t		 n;
	int		 is = 0;

	if (list == NULL)
		list = variable("NO_PROXY");
	for (p = list; p != NULL && *p != '\0' && !is; p += n) {
		p += strspn(p, ", \t");
		n = strcspn(p, ", \t");
		is = entry_is(p, n, u);
	}
	free(list);
	return is;
}

char *
proxy_for(const char *url)
{
	static const char *const	names[2][5] = {
		{ "http_proxy", "all_proxy", "ALL_PROXY", NULL },
		{ "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
		    NULL }
	};
	const char *const		*name;
	struct url			 u;
	const char			*why;
	char				*proxy = NULL, *whole;

	if (url_parse(url, &u, &why) < 0 || url_is_loopback(&u) ||
	    is_excepted(&u))
		return NULL;
	for (name = names[u.tls != 0]; *name != NULL && proxy == NULL; name++)
		proxy = variable(*name);
	if (proxy == NULL || strstr(proxy, "://") != NULL)
		return proxy;
	whole = xasprintf("http://%s", proxy);	/* as curl(1) takes it */
	free(proxy);
	return whole;
}
