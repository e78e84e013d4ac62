/*
 * How many connections come from one address, so that one client cannot hold
 * all that there is room for.  Only who is connected is kept.
 */
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "httpd_impl.h"
#include "log.h"
#include "stream.h"

enum { SAY_AGAIN = 10000 };	/* ms between lines on refused connections */

struct httpd_peer {
	UT_hash_handle	hh;
	size_t		n;
	char		name[HTTP_MAX_PEER];
};

void
http_peer_client(const char *peer, char out[HTTP_MAX_PEER])
{
	struct in6_addr	a;
	size_t		i;

	/* Behind the two colons of ::ffff:192.0.2.1 there is an IPv4. */
	if (strchr(peer, ':') == NULL || uv_inet_pton(AF_INET6, peer, &a) < 0
	    || IN6_IS_ADDR_V4MAPPED(&a)) {
		for (i = 0; i < HTTP_MAX_PEER - 1 && peer[i] != '\0'; i++)
			out[i] = peer[i];
		out[i] = '\0';
		return;
	}
	memset(&a.s6_addr[8], 0, 8);
	uv_inet_ntop(AF_INET6, &a, out, HTTP_MAX_PEER);
}

int
peer_enter(struct http_conn *c)
{
	struct httpd		*h = c->server;
	char			 name[HTTP_MAX_PEER] = "";
	struct httpd_peer	*p;
	int64_t			 now = (int64_t)uv_now(h->loop);

	if (h->max_peer == 0 || c->local)
		return 1;
	http_peer_client(stream_peer(c->stream), name);
	HASH_FIND_STR(h->peers, name, p);
	if (p != NULL && p->n >= h->max_peer) {
		if (h->said == 0 || now - h->said >= SAY_AGAIN) {
			log_warn("http", "%s: refused: it has %zu connections",
			    name, p->n);
			h->said = now;
		}
		return 0;
	}
	if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
		memcpy(p->name, name, sizeof(name));
		HASH_ADD_STR(h->peers, name, p);
	}
	p->n++;
	c->peer = p;
	return 1;
}

void
peer_leave(struct http_conn *c)
{
	struct httpd		*h = c->server;
	struct httpd_peer	*p = c->peer;

	c->peer = NULL;
	if (p == NULL || --p->n > 0)
		return;
	HASH_DEL(h->peers, p);
	free(p);
}

void
httpd_set_max_peer(struct httpd *h, size_t n)
{
	h->max_peer = n;
}
