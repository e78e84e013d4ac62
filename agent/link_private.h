/* Shared by link.c, which moves, and link_talk.c, which speaks. */
#ifndef MUSTER_LINK_PRIVATE_H
#define MUSTER_LINK_PRIVATE_H

#include <uv.h>

#include "agent.h"
#include "linkauth.h"
#include "ws.h"

/* Times, in ms, and limits, with their reasons. */
enum {
	LINK_HANDSHAKE_MS = 20000,	/* from connecting to being up */
	/* Two pings without any sign of life, and at the third tick the peer
	 * is dead: within 39 s, and 5 more until the close is through. */
	LINK_PING_MS	= 13000,
	LINK_MAX_PINGS	= 2,
	LINK_STABLE_MS	= 60000,	/* then attempts count anew */
	LINK_MAX_DELAY_MS = 60000,	/* ceiling of the jitter */
	LINK_MIN_DELAY_MS = 100,	/* a server that says 0 gets no storm */
	LINK_MAX_RETRY_AFTER_MS = 3600000, /* a server can't send us away for
					 * longer */
	LINK_SKEW_MS	= 2000		/* time stamps are whole seconds */
};

enum link_state {
	LINK_WAIT,		/* for the time to connect */
	LINK_CONNECT, LINK_AUTH, LINK_REGISTER, LINK_COMPLETE,	/* answers */
	LINK_UP,
	LINK_CLOSING		/* for the WebSocket to be closed */
};

struct agent_link {
	struct link_options	 o;
	enum link_state		 state;
	struct ws		*ws;
	uv_timer_t		 timer;	/* of the state: wait, or handshake */
	uv_timer_t		 beat, ping;
	int			 open;	/* timers not yet closed */
	int			 pings;	/* unanswered */
	int			 attempt;
	int64_t			 up_since;
	int64_t			 retry_after_ms; /* told by the server; -1 */
	int			 at_once;	/* the cause is mended */
	uint64_t		 serial;	/* of our messages' ids */
	char			*why;	/* that we closed, or NULL */

	/* Server time minus our monotonic clock, in ms, once a server has
	 * refused our own clock; never locks us out again. */
	int			 skewed;
	int64_t			 clock_off;

	/* of this connection */
	int			 ours;	/* the server speaks the extensions */
	struct auth_request	 auth;
	uint8_t			 eph_secret[32];
	struct linkcrypt	 crypt;
	char			*registration_id;

	void			(*done)(void *);	/* stopping */
	void			*done_arg;
};

/* link.c */
int64_t	link_now(const struct agent_link *);	/* ms, as the server has it */
/* Sends JSON text in an envelope of the present keys. */
void	link_put(struct agent_link *, const char *type, const char *id,
	    const char *channel, const char *json);
void	link_put_json(struct agent_link *, const char *word,
	    const char *channel, const json_t *);
void	link_put_text(struct agent_link *, const struct buf *);

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

#endif
