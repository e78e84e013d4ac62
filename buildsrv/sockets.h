/* Socket.IO as a part of the server: see sockets.c. */
#ifndef MUSTER_SOCKETS_H
#define MUSTER_SOCKETS_H

struct http_req;
struct server;

/* Its requests' tag, beyond those of the API's routes. */
enum { SOCKETS_TAG = 127 };

void	sockets_start(struct server *);
/* Whether the path is one of its own: then the request is answered. */
int	sockets_handle(struct server *, struct http_req *);

#endif
