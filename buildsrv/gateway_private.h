/* Shared by the gateway's files, and by nobody else. */
#ifndef MUSTER_GATEWAY_PRIVATE_H
#define MUSTER_GATEWAY_PRIVATE_H

#include <uthash.h>

#include "buf.h"
#include "crypto.h"
#include "envelope.h"
#include "gateway.h"
#include "hmaclink.h"
#include "linkauth.h"
#include "list.h"
#include "replay.h"
#include "store.h"
#include "ws.h"

/* Limits, with their reasons. */
enum {
	GATEWAY_MAX_METRICS = 16 * 1024, /* kept for each agent; 2 KB usual */
	GATEWAY_MAX_WORD = 256,		/* of a version, an os, a name */
	GATEWAY_MAX_KEY	= 256,		/* a registration key as text */
	GATEWAY_MAX_KNOWN = 262144,	/* nonces of registered agents: 20,000
					 * that reconnect a dozen times */
	GATEWAY_MAX_STRANGE = 16384,	/* nonces of all others */
	GATEWAY_SAVE_MS	= 60 * 1000,	/* between two writes of an agent */
	GATEWAY_MAX_COMMANDS = 64,	/* under way to one agent */
	/* Bytes that wait for one agent to read them: two of the largest
	 * messages.  What is slower is better connected anew. */
	GATEWAY_MAX_PENDING = 512 * 1024,
	GATEWAY_BACK_RATE = 1000,	/* agents a second after a restart */
	GATEWAY_AWAY_S = 2,		/* no agent before a restart is over:
					 * who meets nobody waits longer */
	GATEWAY_SESSION_S = 24 * 3600
};

/* RFC 6455's closing codes. */
enum { CLOSE_AWAY = 1001, CLOSE_BAD_DATA = 1003, CLOSE_POLICY = 1008,
	CLOSE_ERROR = 1011, CLOSE_SLOW = 1013 };

enum gateway_error {
	GATEWAY_NOT_AUTHENTICATED, GATEWAY_BAD_SIGNATURE, GATEWAY_CLOCK_SKEW,
	GATEWAY_REPLAY, GATEWAY_UNKNOWN_AGENT, GATEWAY_REGISTRATION_REFUSED,
	GATEWAY_ENCRYPTION_REQUIRED, GATEWAY_BAD_MESSAGE, GATEWAY_TOO_LARGE,
	GATEWAY_UNKNOWN_CHANNEL, GATEWAY_INTERNAL
};

/* The texts of an agent's document, all strings; freed with it. */
struct gateway_agent {
	char		 uid[UUID_SIZE];
	uint8_t		 key[ED25519_PUBLIC];
	char		*host_id, *name, *build, *user, *agent_id, *version;
	char		*os, *arch, *os_name, *address, *bootstrap;
	char		*metrics;	/* JSON text, or NULL; likewise */
	uint32_t	 metrics_len;	/* bytes allocated, but for the NUL */
	char		*labels, *told_labels;	/* an operator's; its own */
	char		*session;	/* token, or NULL; memory alone */
	int64_t		 session_until;	/* s */
	int64_t		 registered, last_seen;	/* wall, ms */
	int64_t		 saved;		/* mono, ms */
	int64_t		 link_ts;	/* document 004's: the newest that was
					 * stored; what is not newer is old */
	struct replay_window *window;	/* document 004's, or NULL */
	int		 by_hmac;	/* speaks document 004's protocol */
	int		 dirty;
	struct twin	*twin;		/* gateway_twin.c; or NULL */
	struct gateway_conn *conn;	/* NULL while away */
	struct link	 commands;	/* gateway_command.c */
	UT_hash_handle	 by_uid, by_key;
};

/* A registration between its two steps. */
struct gateway_reg {
	enum { REG_CHECKING, REG_OFFERED, REG_WRITING } stage;
	char	 id[UUID_SIZE];
	char	 request[ENVELOPE_MAX_ID + 1];	/* whose answer is due */
	char	 nonce[BASE64_SIZE(32)];
	char	 server_time[32];
	char	 key_hash[SHA256_SIZE * 2 + 1];	/* "": none was needed */
	char	*build, *user, *agent_id;	/* what the key belongs to */
	/* while writing */
	struct gateway_agent *agent;
	char	 bootstrap[BASE64_SIZE(LINK_TOKEN_SIZE)];
};

enum gateway_state { CONN_NEW, CONN_LOOKUP, CONN_READY };

struct gateway_conn {
	struct gateway		*g;
	struct ws		*ws;		/* NULL once closed */
	struct link		 link;		/* in g->fresh or g->settled */
	enum gateway_state	 state;
	int			 closing;	/* nothing more is read */
	int			 refs;		/* store calls under way */
	int			 batch;		/* events are among them */
	int64_t			 last;		/* mono, ms: began, or heard */
	uint64_t		 serial;	/* of our own messages' ids */
	struct auth_request	*auth;		/* until it is answered */
	char			 auth_id[ENVELOPE_MAX_ID + 1];
	char			*agent_id;	/* as authenticated */
	uint8_t			 key[ED25519_PUBLIC];
	struct gateway_agent	*agent;		/* NULL: not registered */
	struct gateway_reg	*reg;
	struct linkcrypt	 crypt;
	int			 at_004;	/* came to /agent */
	struct hmac		*hmac;		/* document 004's; or NULL */
	char			*hmac_user;
};

struct gateway {
	struct gateway_options	 o;
	uint8_t			 secret[ED25519_SECRET];
	uv_timer_t		 sweep;
	struct link		 fresh;		/* not yet an agent's; oldest
						 * first */
	struct link		 settled;	/* longest silent first */
	size_t			 conns, connected;
	struct gateway_agent	*by_uid, *by_key;
	struct replay		*known, *strange;
	struct link		 commands;	/* gateway_command.c */
	uint64_t		 last_command;
	int			 calls;		/* store calls under way */
	int			 stopping;
	void			(*done)(void *);
	void			*done_arg;
};

/* gateway.c */
void	gateway_settled(struct gateway *);	/* a store call has ended */
void	gateway_end(struct gateway *);	/* if it stops and all is done */

/* gateway_conn.c */
/* A whole message; one that is too much for a slow reader ends it. */
void	conn_put(struct gateway_conn *, const struct buf *);
void	conn_send(struct gateway_conn *, const char *type, const char *id,
	    const char *channel, const json_t *);
void	conn_send_text(struct gateway_conn *, const char *type,
	    const char *id, const char *channel, const char *json);
void	conn_answer(struct gateway_conn *, const char *id,
	    const char *channel, json_t *);	/* takes the reference */
/* An error envelope; the connection stays.  fmt is the message. */
void	conn_complain(struct gateway_conn *, const char *id,
	    enum gateway_error, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same, and the connection goes. */
void	conn_refuse(struct gateway_conn *, const char *id,
	    enum gateway_error, const char *fmt, ...) PRINTF_LIKE(4, 5);
void	conn_close(struct gateway_conn *, int code, const char *why);
void	conn_hold(struct gateway_conn *);	/* before a store call */
int	conn_drop(struct gateway_conn *);	/* after it: 0 if it is gone */
/* It is this agent's from now on, and nobody's. */
void	conn_settle(struct gateway_conn *, struct gateway_agent *);
void	conn_unsettle(struct gateway_conn *);
void	conn_free(struct gateway_conn *);

/* gateway_hear.c */
void	conn_message(struct ws *, const char *, size_t, int is_text,
	    void *conn);

/* gateway_hmac.c */
void	hmac_message(struct ws *, const char *, size_t, int is_text,
	    void *conn);
void	hmac_command(struct gateway_conn *, const char *payload);
void	hmac_free(struct hmac *);
/* The agent of document 004 with this id, among those in memory; or NULL. */
struct gateway_agent *hmac_find(struct gateway *, const char *agent_id);

/* gateway_quick.c: document 004's messages in their usual form. */
struct quick {				/* points into the text */
	const char	*type;
	size_t		 type_len;
	const char	*agent_id;
	size_t		 agent_id_len;
	const char	*nonce;
	size_t		 nonce_len;
	const char	*payload;	/* a flat object */
	size_t		 payload_len;
	int64_t		 ts;
	const char	*text;
	size_t		 signed_len;	/* of it, but for the last brace */
	uint8_t		 mac[SHA256_SIZE];
};
struct quick_key;		/* a secret, made ready once */
struct quick_key *quick_key_new(const char *secret);
void	quick_key_free(struct quick_key *);
/* 1, or 0 for what hmaclink_parse() is to look at. */
int	quick_read(struct quick *, const char *, size_t);
int	quick_verify(const struct quick *, struct quick_key *);

/* gateway_command.c */
/* An answer of document 004, and of 002. */
void	command_answered(struct gateway_agent *, const json_t *payload);
void	command_response(struct gateway_agent *, const char *id,
	    const json_t *payload);
void	commands_lost(struct gateway_agent *);	/* it left */
/* Ends those that are due by now. */
void	commands_sweep(struct gateway *, int64_t now, int rc);

/* gateway_events.c */
void	events_batch(struct gateway_conn *, const char *id, const json_t *);
/* A log line of document 004, said at t (ms). */
void	events_log(struct gateway_agent *, struct gateway *,
	    const json_t *payload, int64_t t);

/* gateway_auth.c */
void	auth_begin(struct gateway_conn *, const struct envelope *);

/* gateway_register.c */
void	register_begin(struct gateway_conn *, const char *id,
	    const json_t *);
void	register_complete(struct gateway_conn *, const char *id,
	    const json_t *);
void	register_free(struct gateway_reg *);

/* gateway_agents.c */
struct gateway_agent *agent_find_uid(struct gateway *, const char *uid);
/* Whether it is this user's; everybody's where that is NULL. */
int	agent_is_of(const struct gateway_agent *, const char *user);
struct gateway_agent *agent_find_key(struct gateway *,
	    const uint8_t key[ED25519_PUBLIC]);
/* From its document; NULL where that is damaged.  One that is in memory
 * already is given instead. */
struct gateway_agent *agent_load(struct gateway *, const json_t *);
struct gateway_agent *agent_new(const char *uid, const uint8_t key[32]);
/* Takes it; gives the one in memory, which is another where its record was
 * loaded meanwhile. */
struct gateway_agent *agent_add(struct gateway *, struct gateway_agent *);
void	agent_free(struct gateway_agent *);
void	agent_free_all(struct gateway *);
json_t	*agent_doc(const struct gateway_agent *);
void	agent_heard(struct gateway *, struct gateway_agent *);
void	agent_save(struct gateway *, struct gateway_agent *);
void	agent_set(char **word, const char *value);
/* Text that is known to be an object and not too long. */
void	agent_metrics_text(struct gateway_agent *, const char *, size_t);
/* 0, or -EINVAL for what is no metrics object. */
int	agent_metrics(struct gateway_agent *, const char *json, size_t);
void	agent_info(struct gateway *, struct gateway_agent *, const json_t *);
void	agents_read(struct gateway *);

/* Writes one member of its record, now. */
void	agent_keep(struct gateway *, const struct gateway_agent *,
	    const char *member, json_t *);

/* gateway_twin.c */
/* What a connection tells of its host: machine_id and boot_id. */
void	twin_told(struct gateway *, struct gateway_agent *, const json_t *);
/* A new connection pushes one out that was last heard then (mono, ms). */
void	twin_replaced(struct gateway *, struct gateway_agent *,
	    const char *before, const char *now, int64_t last);
json_t	*twin_mark(const struct gateway_agent *); /* a new one, or NULL */
void	twin_load(struct gateway_agent *, const json_t *doc);
void	twin_free(struct twin *);

/* gateway_find.c */
/* Both kinds, a new reference; or NULL. */
json_t	*agent_labels(const struct gateway_agent *);
int	agent_has_labels(const struct gateway_agent *, const json_t *words);
void	agent_tell_labels(struct gateway_agent *, const json_t *);

#endif
