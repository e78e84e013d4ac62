/* What httpd.c needs to make a WebSocket of a connection: http_upgrade. */
#ifndef MUSTER_WS_ADOPT_H
#define MUSTER_WS_ADOPT_H

#include <stddef.h>

struct stream;
struct ws;
struct ws_events;

enum { WS_ACCEPT_SIZE = 29 };	/* base64 of a SHA-1 and NUL */

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455, 4.2.2). */
void	ws_accept_key(const char *key, char out[WS_ACCEPT_SIZE]);
/* Whether the key is base64 of 16 bytes, as RFC 6455 demands. */
int	ws_key_valid(const char *key);
/*
 * Takes the stream, whose 101 answer is written, as the server's end.  The
 * leftover is what already came in behind the request; it is copied, and
 * no event comes before the return.  max 0 is WS_MAX_MESSAGE.
 */
struct ws *ws_adopt(struct stream *, const char *leftover, size_t n,
	    const struct ws_events *, size_t max, void *arg);

#endif
