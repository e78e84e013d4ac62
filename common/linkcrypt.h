/*
 * Keys and sealing of the link of document 002, which names the cipher but
 * no key agreement: the gap is filled here.  muster-link(7) has it in words.
 * Pure functions, the same for both ends.
 */
#ifndef MUSTER_LINKCRYPT_H
#define MUSTER_LINKCRYPT_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct envelope;

#define LINK_ENC	"cc20p1305-1"	/* headers.enc of what is sealed */

enum {
	LINK_NONCE_SIZE	= 16,		/* of auth and its answer */
	/* Messages under one key; then both ends derive the next one, so that
	 * a key that leaks opens no older message.  Days, not seconds. */
	LINK_REKEY	= 65536
};

/* What an end does about encryption; the zero value is the default. */
enum link_encryption { LINK_PREFER, LINK_REQUIRE, LINK_OFF };
int	link_encryption_parse(const char *);	/* by name, or -EINVAL */

/* The terms of one key exchange: all that both ends have said. */
struct kx {
	const char	*agent_id;
	uint8_t		 agent_pub[32], agent_nonce[LINK_NONCE_SIZE];
	int64_t		 timestamp;
	uint8_t		 agent_eph[32];
	uint8_t		 server_pub[32], server_nonce[LINK_NONCE_SIZE];
	uint8_t		 server_eph[32];
};

/* Ed25519 over the terms known so far, by the agent and by the server. */
void	kx_agent_sign(const struct kx *, const uint8_t sec[64],
	    uint8_t sig[64]);
int	kx_agent_verify(const struct kx *, const uint8_t sig[64]);
void	kx_server_sign(const struct kx *, const uint8_t sec[64],
	    uint8_t sig[64]);
int	kx_server_verify(const struct kx *, const uint8_t sig[64]);

/* One direction: the number of the last message and the key it had. */
struct linkcrypt_way {
	uint64_t	count;
	uint64_t	epoch;		/* how often the key was renewed */
	uint8_t		key[32];
};

struct linkcrypt {
	int			 on;	/* keys exist: all must be sealed */
	struct linkcrypt_way	 out, in;
};

enum linkcrypt_side { LINKCRYPT_AGENT, LINKCRYPT_SERVER };

/* Derives the keys of a new connection; eph_secret belongs to our side's
 * eph.  0, or -EINVAL for a peer's point of low order. */
int	linkcrypt_start(struct linkcrypt *, enum linkcrypt_side,
	    const struct kx *, const uint8_t eph_secret[32]);
void	linkcrypt_wipe(struct linkcrypt *);

/*
 * Appends an envelope with this JSON as payload: sealed once keys exist,
 * else as document 002 has it.  The payload, nonce, signature and enc of e
 * are not read.
 */
void	linkcrypt_write(struct linkcrypt *, const struct envelope *e,
	    const char *json, size_t len, struct buf *);
/*
 * Appends the payload of a parsed envelope in clear.  0; -EINVAL for what is
 * not encoded right; -EPERM for clear text where keys exist, or the reverse;
 * -EALREADY for a number that was used; -EBADMSG for what was tampered with.
 */
int	linkcrypt_read(struct linkcrypt *, const struct envelope *,
	    struct buf *);

#endif
