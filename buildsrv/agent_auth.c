/*
 * Routes that agents may call, too: with the agent_uid as user name and the
 * bootstrap_token of its registration as password (RFC 7617); of document 004
 * with their id and a token that is made of their secret.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "buildsrv.h"
#include "gateway.h"

enum { MAX_PAIR = 400 };	/* an id has up to 256 bytes, a token 64 */

/* "Basic BASE64": its two halves in text, *token behind the last colon, as a
 * token has none. */
static int
read_pair(const char *header, char text[MAX_PAIR + 1], char **token)
{
	size_t	n;

	for (header += 6; *header == ' '; header++)
		continue;
	if (base64_decode(header, strlen(header), text, MAX_PAIR, &n) < 0)
		return 0;
	text[n] = '\0';
	if (strlen(text) != n || (*token = strrchr(text, ':')) == NULL)
		return 0;
	*(*token)++ = '\0';
	return 1;
}

void
agent_auth(struct call *c, void (*entered)(struct call *))
{
	const char	*h = http_header(c->req, "authorization");
	const char	*uid = NULL;
	char		 text[MAX_PAIR + 1], *token;

	if (h == NULL || strncasecmp(h, "Basic ", 6) != 0) {
		auth_call(c, entered);
		return;
	}
	if (!auth_stranger(c))
		return;
	if (read_pair(h, text, &token) && c->server->gateway != NULL)
		uid = gateway_token_ok(c->server->gateway, text, token);
	if (uid != NULL) {
		c->stranger = 0;
		c->agent = xstrdup(uid);
		snprintf(c->req->who, sizeof(c->req->who), "%s", uid);
		entered(c);
	} else {
		http_set(c->req, "WWW-Authenticate",
		    "Bearer realm=\"muster\"");
		call_error(c, 401, "Authorization",
		    "not an agent's id and token");
	}
	crypto_wipe(text, sizeof(text));
}
