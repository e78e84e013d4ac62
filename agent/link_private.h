/* Shared by link.c, which moves, and link002.c, link_talk.c and link004.c,
 * which speak one protocol each (the first two the same). */
#ifndef MUSTER_LINK_PRIVATE_H
#define MUSTER_LINK_PRIVATE_H

#include <uv.h>

#include "agent.h"
#include "link_delay.h"
#include "linkauth.h"
#include "list.h"
#include "replay.h"
#include "spool.h"
#include "ws.h"

/* Times, in ms, and limits, with their reasons. */
enum {
	LINK_HANDSHAKE_MS = 20000,	/* from connecting to being up */
	/* Two pings without any sign of life, and at the third tick the peer
	 * is dead: within 39 s, and 5 more until the close is through. */
	LINK_PING_MS	= 13000,
	LINK_MAX_PINGS	= 2,
	LINK_SKEW_MS	= 2000,		/* time stamps are whole seconds */
	/* JSON that fits an envelope of either protocol: base64 makes 4 bytes
	 * of 3, and the heads are well below 1 KB. */
	LINK_MAX_JSON	= (ENVELOPE_MAX / 4 - 512) * 3
};

/* RFC 6455 */
enum { CLOSE_NORMAL = 1000, CLOSE_POLICY = 1008 };

enum link_state {
	LINK_WAIT,		/* for the time to connect */
	LINK_CONNECT, LINK_AUTH, LINK_REGISTER, LINK_COMPLETE,	/* answers;
				 * the last two document 002's */
	LINK_UP,
	LINK_CLOSING		/* for the WebSocket to be closed */
};

/* What is said on an open WebSocket. */
struct link_protocol {
	void	(*open)(struct agent_link *);	/* the first message */
	void	(*message)(struct agent_link *, const char *, size_t);
	void	(*up)(struct agent_link *);	/* may be NULL */
	void	(*beat)(struct agent_link *);
	int	(*send)(struct agent_link *, const char *channel,
		    const json_t *);	/* 0 or -errno; may be NULL */
	/* Records of the spool: one by itself; or many as a request with this
	 * id, where the protocol has that. */
	void	(*record)(struct agent_link *, const struct spool_item *);
	void	(*batch)(struct agent_link *, const char *id,
		    const char *json);
	/* A part of a command's answer: sends it, or keeps it in *parts,
	 * which answer() gets with the result, both NULL where there is none.
	 * error is "" where all is well. */
	void	(*part)(struct agent_link *, const char *id, json_t **parts,
		    const json_t *);
	void	(*answer)(struct agent_link *, const char *id,
		    const char *name, const json_t *parts,
		    const json_t *result, const char *error);
	/* The peer closed with these words; may be NULL. */
	void	(*closed)(struct agent_link *, const char *why);
	void	(*end)(struct agent_link *);	/* what was the connection's */
};

/* The spool's way over this connection: link_feed.c. */
struct link_feed {
	struct spool_reader *reader;	/* NULL: the link is not up */
	struct spool_item item;		/* the next one */
	int		 has_item;
	uint64_t	 sent;		/* the highest number that was */
	int		 acks;		/* the server acknowledges */
	uv_timer_t	 timer;
	uv_timer_cb	 on_timer;
	/* with acknowledgements: the request under way */
	char		 id[32];	/* "": none */
	int		 n;		/* its records */
	enum spool_class class;		/* of its last one */
	int		 careful;	/* so many go one by one */
	int		 again;		/* the timer is to try again */
	/* without */
	int		 unsure, sure;	/* records sent; those before the ping */
	uint64_t	 pinged;	/* the highest before the ping */
};

struct agent_link {
	struct link_options	 o;
	const struct link_protocol *protocol;
	enum link_state		 state;
	struct ws		*ws;
	uv_timer_t		 timer;	/* of the state: wait, or handshake */
	uv_timer_t		 beat, ping;
	int			 open;	/* timers not yet closed */
	int			 pings;	/* ticks without a sign of life */
	int			 pinging; /* a pong is to come */
	struct link_feed	 feed;
	struct link_delay	 delay;
	int64_t			 up_since;
	int64_t			 next_try;	/* mono, ms, while waiting */
	uint64_t		 serial;	/* of our messages' ids */
	char			*why;	/* that it closed, or NULL */
	char			*before; /* the same of the try before */

	/* Server time minus our monotonic clock, in ms, once a server has
	 * refused our own clock; never locks us out again. */
	int			 skewed;
	int64_t			 clock_off;

	/* Document 002's, of this connection. */
	int			 ours;	/* the server speaks the extensions */
	struct auth_request	 auth;
	uint8_t			 eph_secret[32];
	struct linkcrypt	 crypt;
	char			*registration_id;

	/* Document 004's: the commands that were heard. */
	struct replay_window	 heard;

	struct link		 commands;	/* under way */
	int			 running;

	void			(*done)(void *);	/* stopping */
	void			*done_arg;
};

/* link.c */
int64_t	link_now(const struct agent_link *);	/* ms, as the server has it */
void	link_put_text(struct agent_link *, const struct buf *);
void	link_up(struct agent_link *);
/* Closes for a reason of ours; the rest follows when it is closed. */
void	link_close(struct agent_link *, int code, char *why_take);
void	link_ping(struct agent_link *);	/* unless one is under way */

/* link_feed.c */
void	link_feed_init(struct agent_link *);
void	link_feed_up(struct agent_link *, int acks);
void	link_feed_down(struct agent_link *);
void	link_feed_close(struct agent_link *);
void	link_feed_ping(struct agent_link *);	/* one goes out */
void	link_feed_pong(struct agent_link *);
/* An answer, an error: 1 where it is to the request under way. */
int	link_feed_answer(struct agent_link *, const char *id, const json_t *);
int	link_feed_error(struct agent_link *, const char *id,
	    const char *code);

/* link002.c */
extern const struct link_protocol link002;
/* Sends JSON in an envelope of the present keys. */
void	link_put_json(struct agent_link *, const char *word,
	    const char *channel, const json_t *);

/* link004.c */
extern const struct link_protocol link004;

/* link_commands.c */
/* Runs a command; protocol->answer() follows, now or later, unless the
 * connection goes before.  args may be NULL. */
void	link_command(struct agent_link *, const char *id, const char *name,
	    const json_t *args);
void	link_command_cancel(struct agent_link *, const char *id);
void	link_commands_end(struct agent_link *);	/* cancels all */

/* link_talk.c: each 0, or -EPROTO with *why for the log (freed by the
 * caller), after which the connection goes. */
int	talk_auth(struct agent_link *);
/* *known: a registration that we hold is good here. */
int	talk_auth_answer(struct agent_link *, const json_t *,
	    int64_t server_s, int *known, char **why);
int	talk_register(struct agent_link *);
int	talk_register_answer(struct agent_link *, const json_t *,
	    char **why);
int	talk_complete_answer(struct agent_link *, const json_t *,
	    char **why);
void	talk_error(struct agent_link *, const json_t *);
void	talk_retry_after(struct agent_link *, const json_t *);
/* The clock of this host against the server's; from then on link_now() is
 * the latter's. */
void	talk_skew(struct agent_link *, int64_t server_ms);

#endif
