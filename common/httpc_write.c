/* What a client of HTTP sends. */
#include <errno.h>
#include <string.h>

#include "buf.h"
#include "http.h"
#include "httpc_impl.h"

static void
add_host(struct buf *b, const struct url *u, int always_port)
{
	int	v6 = strchr(u->host, ':') != NULL;

	buf_printf(b, "%s%s%s", v6 ? "[" : "", u->host, v6 ? "]" : "");
	if (always_port || (u->port != 0 && u->port != (u->tls ? 443 : 80)))
		buf_printf(b, ":%d", u->port);
}

void
httpc_write_connect(struct buf *b, const struct url *u)
{
	buf_adds(b, "CONNECT ");
	add_host(b, u, 1);
	buf_adds(b, " HTTP/1.1\r\nHost: ");
	add_host(b, u, 1);
	buf_adds(b, "\r\n\r\n");
}

int
httpc_write_request(struct buf *b, const struct url *u,
    const struct httpc_options *o)
{
	buf_printf(b, "%s %s HTTP/1.1\r\n", o->method != NULL ? o->method
	    : "GET", u->path);
	buf_adds(b, "Host: ");
	add_host(b, u, 0);
	buf_adds(b, "\r\nConnection: close\r\n");
	if (o->bearer != NULL) {
		if (o->bearer[strcspn(o->bearer, "\r\n")] != '\0')
			return -EINVAL;
		buf_printf(b, "Authorization: Bearer %s\r\n", o->bearer);
	}
	if (o->type != NULL)
		buf_printf(b, "Content-Type: %s\r\n", o->type);
	if (o->body != NULL)
		buf_printf(b, "Content-Length: %zu\r\n", o->body_len);
	buf_printf(b, "%s\r\n", o->headers != NULL ? o->headers : "");
	if (o->body != NULL)
		buf_add(b, o->body, o->body_len);
	return 0;
}
