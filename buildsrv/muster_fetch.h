/* A file that the server has, and how to check it. */
#ifndef MUSTER_MUSTER_FETCH_H
#define MUSTER_MUSTER_FETCH_H

#include <stdint.h>

struct client;

struct goods {
	const char	*path;		/* at the server, from '/' */
	const char	*name;		/* as we call it to people */
	const char	*checksum;	/* SHA-256 in hex; the ETag, too */
	const char	*signature;	/* base64 */
	const char	*public_key;	/* of the signature; NULL: unknown */
	int64_t		 size;
};

/*
 * Fetches and checks it; ends the process on any failure, with nothing
 * under the file's name.  "-" is stdout.  pin is the public key to insist
 * on, or NULL; without both keys the signature is not checked.
 */
void	fetch_goods(const struct client *, const struct goods *,
	    const char *file, const char *pin);

#endif
