/* What the files of the webhooks share; nobody else includes it. */
#ifndef MUSTER_WEBHOOKS_PRIVATE_H
#define MUSTER_WEBHOOKS_PRIVATE_H

#include <uv.h>

#include "buildsrv.h"
#include "webhooks.h"

/* Limits, with their reasons. */
enum {
	HOOKS_OF_ONE	= 20,		/* of one account */
	HOOKS_IN_FLIGHT	= 32,		/* deliveries at once: descriptors */
	HOOK_MAX_URL	= 1000,
	HOOK_MAX_TYPES	= 12,		/* each type of event that there is */
	HOOK_SECRET	= 32,		/* random bytes: HMAC-SHA256's own */
	HOOK_TIMEOUT	= 10000,	/* ms of a delivery, all told */
	HOOK_MAX_ANSWER	= 64 * 1024,	/* bytes that are read and forgotten */
	HOOK_FIRST_PAUSE = 1000,	/* ms; doubled with each failure, */
	HOOK_MAX_PAUSE	= 3600 * 1000,	/* up to this */
	HOOK_GIVE_UP	= 24 * 3600 * 1000, /* ms of failures alone */
	HOOK_ACCOUNT_PAUSE = 60 * 1000,	/* ms until a disabled account is
					 * looked at again */
	HOOK_SHOWN	= 20,		/* last deliveries that are kept */
	HOOK_CHUNK	= 16,		/* events read at once: most will do */
	HOOK_SKIPPED	= 1000		/* unwanted events until it is noted
					 * that they need not be read again */
};

enum hook_state {
	HOOK_REST,	/* all is delivered */
	HOOK_LOOK,	/* its account, then its next event are read */
	HOOK_QUEUED,	/* too many deliveries are under way */
	HOOK_SEND,
	HOOK_RECORD,	/* the outcome goes to the store */
	HOOK_PAUSE,	/* until the next try */
	HOOK_OFF	/* disabled */
};

struct hook {
	struct link	 link;		/* of all */
	struct link	 turn;		/* of those that are queued */
	struct webhooks	*all;
	char		*key;		/* USER/ID, the document's */
	json_t		*doc;
	const char	*user;		/* in it */
	int64_t		 cursor;	/* delivered, or not wanted */
	json_t		*event;		/* the next one, stored form */
	struct httpc	*delivery;
	int64_t		 begun;		/* the delivery, monotonic ms */
	int		 status;	/* its answer's; 0: there was none */
	int		 timed_out;
	uv_timer_t	 timer;		/* of the delivery, or of the pause */
	enum hook_state	 state;
	int		 refs;		/* callbacks that will come */
	unsigned	 dead : 1;
	unsigned	 more : 1;	/* an event came while it looked */
};

struct webhooks {
	struct server	*server;
	struct link	 hooks, queued;
	size_t		 n;		/* not yet freed */
	int		 in_flight;
	int		 private;	/* addresses are allowed */
	int64_t		 delivered, failed;
	int		 loading;
	int		 stopping;
	void		(*stopped)(void *);
	void		*stopped_arg;
};

/* webhooks.c */
void	webhooks_stop_check(struct webhooks *);

/* webhooks_hook.c */
/* From a stored document, which is copied; begins at once. */
struct hook *hook_new(struct webhooks *, const char *key, const json_t *doc);
/* There may be something to deliver. */
void	hook_wake(struct hook *);
/* Nothing more is delivered; freed when nothing calls back any more. */
void	hook_end(struct hook *);
/* A callback has come. */
void	hook_unref(struct hook *);
/* A delivery has ended; error is NULL where the event was taken. */
void	hook_record(struct hook *, const char *error);

/* webhooks_deliver.c */
/* Sends h->event, now or when there is room. */
void	hook_send(struct hook *);

#endif
