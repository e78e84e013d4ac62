/*
 * The envelope of document 004: {"type","agentId","ts","nonce","payload",
 * "signature"}, where the signature is HMAC-SHA256 over the text that
 * JSON.stringify makes of the first five.  muster-link(7) has the protocol
 * in words.
 */
#ifndef MUSTER_HMACLINK_H
#define MUSTER_HMACLINK_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buf;
struct json_err;

/* Limits, with their reasons. */
enum {
	HMACLINK_MAX	= 256 * 1024,	/* a message; metrics are near 300 B */
	HMACLINK_MAX_TYPE = 32,		/* the longest is 14 */
	HMACLINK_MAX_NONCE = 128,	/* ours are UUIDs */
	HMACLINK_MAX_SECRET = 256,	/* AWS secret keys have 40 */
	HMACLINK_MIN_SECRET = 16,	/* of what is made or set at a server */
	HMACLINK_MAX_AGE = 300 * 1000	/* ms that a ts may be off */
};

/* The words of the type member. */
#define HMACLINK_AUTH		"auth"
#define HMACLINK_METRICS	"metrics"
#define HMACLINK_HEARTBEAT	"heartbeat"
#define HMACLINK_COMMAND	"command"
#define HMACLINK_RESULT		"command_result"
#define HMACLINK_LOG		"log"

struct hmaclink {
	const char	*type, *agent_id, *nonce;
	int64_t		 ts;		/* ms */
	json_t		*payload;	/* any value; NULL where absent */
	json_t		*root;		/* owns all of a parsed one */
	/* What was parsed, borrowed: NULL it where that goes before the
	 * message does. */
	const char	*text;
	size_t		 len;
};

/*
 * Appends the signed text of an envelope whose four heads are filled in; its
 * keys are sorted at every level of the payload.  The secret is a string.
 */
void	hmaclink_write(const struct hmaclink *, const char *secret,
	    struct buf *);
/* The same with a payload that is text already, of esjson_write(). */
void	hmaclink_write_text(const struct hmaclink *, const char *payload,
	    const char *secret, struct buf *);

/*
 * Reads a message: 0, or -EINVAL with *e where it is not JSON or not of the
 * form; members that are not of the envelope are left out.  What it says is to be believed only after hmaclink_verify(), which
 * needs the secret of its agent_id.  On success the caller releases.
 */
int	hmaclink_parse(struct hmaclink *, const char *, size_t,
	    struct json_err *e);
/* Whether the signature is right, over the canonical text or over just the
 * bytes that were sent with the signature last; in a time that does not tell
 * where not. */
int	hmaclink_verify(const struct hmaclink *, const char *secret);
void	hmaclink_release(struct hmaclink *);

/* An agent's password for HTTP: made of its secret, which it does not tell. */
enum { HMACLINK_TOKEN_SIZE = 65 };
char	*hmaclink_token(const char *secret, const char *agent_id,
	    char out[HMACLINK_TOKEN_SIZE]);

#endif
