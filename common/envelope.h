/*
 * The envelope of document 002: one JSON object a WebSocket message, whose
 * payload is base64 text.  muster-link(7) has the protocol in words.
 */
#ifndef MUSTER_ENVELOPE_H
#define MUSTER_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buf;
struct json_err;

/* Limits, with their reasons. */
enum {
	ENVELOPE_MAX	= 256 * 1024,	/* a message; telemetry is near 2 KB */
	ENVELOPE_MAX_FIRST = 8192,	/* before auth, which is near 1 KB */
	ENVELOPE_MAX_ID	= 128,		/* also of agent and host ids */
	ENVELOPE_MAX_TYPE = 16,
	ENVELOPE_MAX_CHANNEL = 64,	/* the longest is 27 */
	ENVELOPE_MAX_NONCE = 128,	/* base64; ours are 16 and 24 */
	ENVELOPE_MAX_HEADERS = 16
};

/* Texts are as on the wire; "" is absent, never NULL. */
struct envelope {
	const char	*id, *type, *channel, *payload, *nonce, *signature;
	const char	*enc;		/* headers.enc: how it is sealed */
	int64_t		 timestamp;	/* seconds */
	json_t		*root;		/* owns the texts of a parsed one */
};

#define ENVELOPE_INIT	{ "", "", "", "", "", "", "", 0, NULL }

/*
 * 0, or -EINVAL with *err.  Unknown members are refused; id, type, payload
 * and timestamp must be there; headers may hold any short texts.  On success
 * the caller releases.
 */
int	envelope_parse(struct envelope *, const char *, size_t,
	    struct json_err *err);
void	envelope_release(struct envelope *);
/* Appends the JSON text, members in the document's order. */
void	envelope_write(const struct envelope *, struct buf *);

/* Appends what the envelope's own signature covers: id, type, channel,
 * timestamp, nonce and payload, a newline between each two. */
void	envelope_signed_text(const struct envelope *, struct buf *);
/* The text that binds a sealed payload to its envelope: the first four. */
void	envelope_bound_text(const struct envelope *, struct buf *);
/* Whether the envelope's signature is by this key. */
int	envelope_verify(const struct envelope *, const uint8_t pub[32]);

/* Appends the payload in clear: base64 decoded, or the text itself where it
 * begins with '{'.  0 or -EINVAL. */
int	envelope_payload(const struct envelope *, struct buf *);

/* Base64 of so many bytes, appended. */
void	envelope_base64(struct buf *, const void *, size_t);
/* Base64 text that must stand for exactly n bytes.  0 or -EINVAL. */
int	envelope_unbase64(const char *, void *out, size_t n);
/* Whether a name may stand in logs and keys: 1 to ENVELOPE_MAX_ID bytes,
 * none of them a control character. */
int	envelope_id_ok(const char *);

#endif
