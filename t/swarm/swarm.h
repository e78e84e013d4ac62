/* muster-swarm's own: many agents in one process. */
#ifndef MUSTER_SWARM_H
#define MUSTER_SWARM_H

#include <stdint.h>

#include <uv.h>

#include "linkauth.h"
#include "linkcrypt.h"
#include "ws.h"

enum swarm_state { AWAY, CONNECTING, AUTHENTICATING, REGISTERING, READY };

/* Times in buckets a tenth apart, from 10 us to some hours. */
enum { TIMES = 240 };

struct times {
	uint64_t	n, count[TIMES];
	double		sum, max;		/* ms */
};

struct swarm;

struct member {				/* one agent */
	struct swarm	*swarm;
	struct ws	*ws;
	enum swarm_state state;
	int		 index;
	int		 is_004;
	int		 tries;		/* since it was last READY */
	int64_t		 due;		/* next try, or next metrics; ms */
	int64_t		 beat_due;
	int64_t		 lost_at;	/* 0: it was never READY */
	uint64_t	 began;		/* uv_hrtime: the try, the ping */
	uint64_t	 serial;
	int		 pinging;
	int		 told_away;	/* due is what the server wished */
	uint64_t	 left;		/* of a flood */
	char		 id[48];
	uint8_t		 pub[32], sec[64];
	/* document 002, until READY */
	uint8_t		 eph_secret[32];
	struct auth_request *auth;
	struct linkcrypt crypt;
};

struct swarm {
	uv_loop_t	*loop;
	uv_timer_t	 tick, second;
	const struct settings *settings;
	struct tls	*tls;
	struct member	*members;
	int		 count;
	const char	*secret, *registration_key;
	int64_t		 metrics_ms, beat_ms;
	double		 rate;		/* new connections a second */
	double		 allowed;	/* of them, now */
	int64_t		 began, last_tick, end;
	uint64_t	 flood;		/* messages each; 0: none */
	int		 ready, connecting, stopping, open;
	int64_t		 all_ready;	/* when, ms after the beginning */
	struct times	 connects, beats, reconnects;
	uint64_t	 failures, lost, refused, errors, sent, commands;
	uint64_t	 flooded;
	double		 flood_ms;
	char		 last_why[128];
};

/* main.c */
void	times_add(struct times *, double ms);

/* member.c */
void	member_connect(struct member *);
void	member_step(struct member *, int64_t now);
void	member_ready(struct member *);
void	member_away(struct member *, double seconds);

/* member002.c */
void	member002_begin(struct member *);
void	member002_hear(struct member *, const char *, size_t);
void	member002_metrics(struct member *);
void	member002_beat(struct member *);
void	member002_end(struct member *);

/* member004.c */
void	member004_begin(struct member *);
void	member004_hear(struct member *, const char *, size_t);
void	member004_metrics(struct member *);
void	member004_beat(struct member *);

#endif
