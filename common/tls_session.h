/*
 * One TLS connection as bytes in, bytes out: what stream.c asks of tls.c.
 * It knows no sockets, so that all moves stay in stream.c.
 */
#ifndef MUSTER_TLS_SESSION_H
#define MUSTER_TLS_SESSION_H

#include <stddef.h>

struct tls;
struct tls_session;

/* Cipher text to the peer; it is taken whole, always. */
typedef void (*tls_send)(const void *, size_t, void *arg);

/*
 * host is the name that the peer's certificate must carry; NULL for a
 * server's side.  0 or -errno.
 */
int	 tls_session_new(struct tls_session **, const struct tls *,
	    const char *host, tls_send, void *arg);
void	 tls_session_free(struct tls_session *);
/* Offers cipher text, not copied: the calls below eat of it until they say
 * UV_EAGAIN, when nothing is left. */
void	 tls_session_input(struct tls_session *, const char *, size_t);
/* What they did not eat. */
size_t	 tls_session_left(const struct tls_session *, const char **);
/* 0 when done, UV_EAGAIN for more input, or a failure. */
int	 tls_session_handshake(struct tls_session *);
/* 0 and *n bytes, UV_EAGAIN, UV_EOF after the peer's close_notify, or a
 * failure. */
int	 tls_session_read(struct tls_session *, char *, size_t max, size_t *n);
int	 tls_session_write(struct tls_session *, const void *, size_t);
void	 tls_session_bye(struct tls_session *);		/* close_notify */
/* Words for the last failure, NULL while there was none. */
const char *tls_session_why(const struct tls_session *);

#endif
