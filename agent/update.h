/* The agent's side of an update, shared by update*.c. */
#ifndef MUSTER_AGENT_UPDATE_H
#define MUSTER_AGENT_UPDATE_H

#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "version.h"

struct agent;
struct child;
struct httpc;
struct httpc_answer;
struct tuf;

/* Limits, with their reasons. */
enum {
	UPDATE_MAX_ANSWER = 64 * 1024,	/* one offer has 2 KB */
	UPDATE_MAX_URL	= 1000,		/* what url.h takes */
	UPDATE_MAX_FILE	= 512 * 1024 * 1024, /* a release; ours have 10 MB */
	UPDATE_MAX_BASE	= 64 * 1024 * 1024, /* our own binary, in memory */
	UPDATE_ROOM	= 4 * 1024 * 1024, /* that an update leaves free */
	UPDATE_TRIES	= 5,		/* of a download that breaks off */
	UPDATE_RETRY_MS	= 2000,		/* between them, and it doubles */
	UPDATE_ASK_MS	= 60 * 1000,	/* least between two questions */
	UPDATE_TAR_MS	= 60 * 1000,
	UPDATE_STAGE_MS	= 120 * 1000,	/* for the updater to be ready */
	UPDATE_LOOK_MS	= 20,		/* between two looks at its journal */
	UPDATE_MAX_LINES = 64,		/* of a report's log, 400 bytes each */
	UPDATE_MAX_LINE	= 400
};

enum update_at { UPDATE_IDLE, UPDATE_ASK, UPDATE_TRUST, UPDATE_FIND,
	UPDATE_PATCH, UPDATE_WHOLE, UPDATE_LIST, UPDATE_EXTRACT,
	UPDATE_LAUNCH };

/* What the server says, taken apart; a hint but for where things are. */
struct update_offer {
	char	 version[VERSION_MAX + 1];
	char	*channel, *rollout, *path, *url, *metadata_url;
	char	*patch_url;		/* NULL: there is none for us */
	char	 patch_from[65];	/* hex */
	int64_t	 patch_length;
};

struct update {
	struct agent	*agent;
	enum update_at	 at;
	uv_timer_t	 poll;		/* to the next question */
	uv_timer_t	 wait;		/* within an update */
	uv_timer_t	 again;		/* to the next try of a report */
	int		 looking;	/* at an updater's work on ourselves */
	int		 closing;

	/* One update, from UPDATE_ASK on. */
	struct httpc	*request;	/* under way, or NULL */
	struct child	*child;		/* likewise */
	struct update_offer offer;
	struct tuf	*tuf;		/* the metadata; NULL before */
	char		*metadata;	/* NULL, or what is being fetched */
	int64_t		 length;	/* of the target */
	uint8_t		 sha256[32];
	int		 package;	/* a .tar.gz, else a binary */
	char		*file;		/* DIR/SHA256: the target, when whole */
	int64_t		 have;		/* bytes of what is being fetched */
	int64_t		 began, got;	/* this request: mono ms, bytes */
	int		 fd, tries;
	char		*ready;		/* what the updater gets: file, or our
					 * configuration stamped into it */
	char		*updater;	/* the program */
	int		 extracted;	/* which the package brought */
	char		*member;	/* its name in there */
	uv_process_t	 process;
	int		 running;	/* the updater, as our child */
	int64_t		 until;		/* mono, ms */

	struct httpc	*reporting;
	int		 newer;		/* report, than the one on its way */
};

/* update.c */
/* The present operation is over: 0 goes on. */
void	update_step(struct update *);
/* It cannot go on: told to the log and the server, with a word for the
 * cause; back to IDLE. */
void	update_fail(struct update *, const char *code, const char *, ...)
#ifdef __GNUC__
	    __attribute__((format(printf, 3, 4)))
#endif
	    ;
/* DIR/name, freed by the caller. */
char	*update_path(const struct update *, const char *name);
/* A file beside our program, freed by the caller, or NULL; "" is the
 * directory. */
char	*update_beside(const char *name);

/* update_http.c */
/* "http://HOST:PORT/base" of our server, freed by the caller; NULL where
 * there is none or we are not registered there. */
char	*update_base(const struct agent *);
/* What the server calls us by; "" where it does not know us. */
const char *update_id(const struct agent *);
/* GET of a URL; with our Authorization where it is our own server's.  more
 * are further header lines, or NULL. */
struct httpc *update_get(struct update *, const char *url, const char *more,
	    size_t max, int (*sink)(const char *, size_t, void *),
	    void (*head)(const struct httpc_answer *, void *),
	    void (*done)(const struct httpc_answer *, void *));
struct httpc *update_post(struct update *, const char *url,
	    const json_t *body, void (*done)(const struct httpc_answer *,
	    void *));

/* update_offer.c */
void	update_ask(struct update *);
void	update_offer_release(struct update_offer *);

/* update_trust.c: until what is offered is known to be what was signed */
void	update_trust(struct update *);

/* update_fetch.c */
/* Whether there is room for all that will be kept at once: 0, or it has
 * failed. */
int	update_room(struct update *);
void	update_fetch_patch(struct update *);
void	update_fetch_whole(struct update *);

/* update_make.c */
/* Applies the patch that was fetched: 0, or -errno with the log told. */
int	update_apply(struct update *);
/* The hash again, and our configuration into a binary: 0, or it failed. */
int	update_make(struct update *);
/* Hash of our own binary as the release has it: with an empty block. */
int	update_own_hash(char out[65]);

/* update_launch.c */
void	update_list(struct update *);
void	update_extract(struct update *);
void	update_launch(struct update *);
/* Lets an updater finish or undo what another left; self is the one that had
 * been taken out of a package, or NULL. */
void	update_recover(struct update *, const char *self);

/* update_report.c */
/* lines is an array of text, or NULL; borrowed. */
void	update_report(struct update *, const char *state, const char *step,
	    const char *code, const char *error, const json_t *lines);
/* At the start: what became of an update; takes it up where it was left. */
void	update_look_back(struct update *);

#endif
