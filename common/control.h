/*
 * The control pipe, both ends (muster-control(7)): a Unix socket or a named
 * pipe for root and the owner alone, with a secret beside it.  A request is
 * {"secret","command","args"}; its answer any number of {"status":"part",
 * "part":...} and one last line with another status.
 */
#ifndef MUSTER_CONTROL_H
#define MUSTER_CONTROL_H

#include <stdint.h>

#include <jansson.h>
#include <uv.h>

enum {
	CONTROL_MAX_COMMAND = 64,	/* bytes of a name */
	CONTROL_ASK_MS	= 5000		/* for an answer that is at hand */
};

/* The words of the last line. */
#define CONTROL_ACKNOWLEDGED	"acknowledged"	/* it will be done */
#define CONTROL_BUSY		"busy_updating"	/* not while an update runs */
#define CONTROL_INVALID_SECRET	"invalid_secret"
#define CONTROL_REFUSED		"refused"	/* "error" says why */
#define CONTROL_DONE		"done"		/* "result" is the answer */
#define CONTROL_FAILED		"failed"	/* "error" says why */

/* -- the server's end -- */

struct control;			/* a server */
struct control_call;		/* one request, until its last line */

typedef void (*control_handler)(struct control_call *, const char *command,
	    const json_t *args, void *arg);

/*
 * Serves at path and writes a new secret to path.secret; both are 0600.  The
 * handler hears who has shown the secret, and must lead to control_end().
 * args is an object, borrowed.  0 or -errno.
 */
int	control_serve(struct control **, uv_loop_t *, const char *path,
	    control_handler, void *arg);
/* Another secret; the one before is good no more.  0 or -errno. */
int	control_rotate(struct control *);
/* Removes socket and secret; the last of it on the loop. */
void	control_stop(struct control *);

void	control_part(struct control_call *, json_t *part_take);
/* The last line, once; takes more, the members beside "status", or NULL. */
void	control_end(struct control_call *, const char *status,
	    json_t *more_take);
/* What to do when the caller goes before that: control_end() is still to
 * come, in there or later. */
void	control_on_gone(struct control_call *, void (*gone)(void *), void *);
int64_t	control_uid(const struct control_call *);	/* -1: not known */
int64_t	control_pid(const struct control_call *);

/* -- the caller's end, for tools without a loop -- */

/*
 * Asks at path with the secret that lies beside it; args may be NULL.
 * part(), which may be NULL, borrows.  0 and *answer, the last line (the
 * caller's), or -errno: -ENOENT or -ECONNREFUSED where nobody serves,
 * -ETIMEDOUT after timeout_ms of silence.
 */
int	control_ask(const char *path, const char *command,
	    const json_t *args, int64_t timeout_ms,
	    void (*part)(const json_t *, void *), void *arg,
	    json_t **answer);

/* -- what both know -- */

/* A secret's file and, on Windows, the pipe's name; the caller frees. */
char	*control_secret_path(const char *path);
char	*control_pipe_name(const char *path);

#endif
