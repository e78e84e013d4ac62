/*
 * The messages of document 002's authentication and registration: made,
 * read, signed and checked by pure functions, the same for both ends.
 */
#ifndef MUSTER_LINKAUTH_H
#define MUSTER_LINKAUTH_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "envelope.h"
#include "linkcrypt.h"

struct json_err;

#define LINK_CH_AUTH		"auth"
#define LINK_CH_REGISTER	"agent.registration"
#define LINK_CH_COMPLETE	"agent.registration.complete"
#define LINK_CH_ERROR		"error"
#define LINK_CH_TELEMETRY	"telemetry"
#define LINK_CH_INFO		"agent.info"
#define LINK_CH_COMMAND		"agent.command"
#define LINK_CH_EVENTS		"agent.events"
#define LINK_CH_CLOSING		"link.closing"
#define LINK_CH_COMMAND		"agent.command"
#define LINK_CH_EVENTS		"agent.events"

enum {
	LINK_WINDOW	= 300,	/* s that a time stamp may be off */
	LINK_TOKEN_SIZE	= 32,	/* bytes of session and bootstrap tokens */
	LINK_MAX_TOKEN	= 2048	/* of another server's, as text */
};

/* What the agent says first. */
struct auth_request {
	char	 agent_id[ENVELOPE_MAX_ID + 1];
	uint8_t	 public_key[32], nonce[LINK_NONCE_SIZE], signature[64];
	int64_t	 timestamp;
	int	 has_eph;		/* offers to encrypt */
	uint8_t	 eph[32], eph_signature[64];
};

/* Fills nonce and signature, and with has_eph set eph_signature, from
 * agent_id, public_key, timestamp and eph. */
void	auth_request_sign(struct auth_request *, const uint8_t sec[64]);
/* Whether signature is right.  eph_signature is apart: kx_agent_verify. */
int	auth_request_verify(const struct auth_request *);
/* Appends the envelope: nonce and signature stand in it once more. */
void	auth_request_write(const struct auth_request *, const char *id,
	    struct buf *);
/*
 * Reads an envelope's payload and compares what the envelope repeats.  0;
 * -EINVAL with *err for what is not of the form; -EBADMSG with *err where
 * the envelope says another thing than its payload.  Verifies no signature
 * but the envelope's own, where that differs from the payload's.
 */
int	auth_request_read(struct auth_request *, const struct envelope *,
	    struct json_err *err);
/* The agent's part of the terms; agent_id is borrowed. */
void	auth_request_kx(const struct auth_request *, struct kx *);

/* What a server answers. */
struct auth_answer {
	int	 success;
	char	*message;		/* or NULL */
	char	*session_token;		/* or NULL */
	int64_t	 expires_at;		/* seconds; 0: not said */
	int	 has_key;		/* backend_key is set */
	uint8_t	 backend_key[32];
	int	 ours;			/* speaks the extensions below */
	uint8_t	 server_nonce[LINK_NONCE_SIZE];
	int	 has_eph;
	uint8_t	 eph[32], eph_signature[64];
	int	 registered;
	char	 agent_uid[ENVELOPE_MAX_ID + 1];	/* "" where not */
};

json_t	*auth_answer_json(const struct auth_answer *);
/* 0 or -EINVAL with *err; the caller releases in both cases. */
int	auth_answer_read(struct auth_answer *, const json_t *,
	    struct json_err *err);
void	auth_answer_release(struct auth_answer *);

/* The second step of a registration, over the nonce's bytes, the server's
 * time as it was written, and the host id.  nonce is base64 text. */
int	registration_sign(const uint8_t sec[64], const char *nonce,
	    const char *server_time, const char *host_id, uint8_t sig[64]);
int	registration_verify(const uint8_t pub[32], const char *nonce,
	    const char *server_time, const char *host_id,
	    const char *signature);

#endif
