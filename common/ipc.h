/*
 * Local talk: one JSON object a line over a Unix socket (a named pipe on
 * Windows), so that nc(1) and a script can speak it.  A line is a request,
 * its answer is one line; connections may carry several, answered in order.
 */
#ifndef MUSTER_IPC_H
#define MUSTER_IPC_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

enum {
	IPC_MAX_LINE	= 256 * 1024,	/* a configuration to sign is 64 KB */
	IPC_MAX_CONNS	= 64,		/* all peers together */
	IPC_MAX_PER_UID	= 48,		/* so that no one takes all of them */
	IPC_MAX_PENDING	= 4 * 1024 * 1024, /* bytes of parts nobody reads */
	IPC_TIMEOUT	= 5000,		/* ms of silence within a line, or with
					 * an answer that nobody reads */
	IPC_IDLE	= 300000	/* ms of silence between lines */
};

struct ipc;			/* a server */
struct ipc_call;		/* one request that waits for its answer */

/* uid and pid are -1 where the system does not tell them.  The request is
 * an object; it lives until the handler returns. */
typedef void (*ipc_handler)(struct ipc_call *, const json_t *request,
	    int64_t uid, int64_t pid, void *arg);

/*
 * Serves at path, mode 0600 or as told; a socket nobody serves is replaced,
 * a served one is -EADDRINUSE.  allowed(uid) decides who may speak (NULL:
 * root and our own uid); others are closed without a word but a log line.
 * What is no JSON object is answered {"success":false,"error":...}, and the
 * connection closed.
 */
int	ipc_serve(struct ipc **, uv_loop_t *, const char *path, int mode,
	    int (*allowed)(int64_t uid, void *arg), ipc_handler, void *arg);
/* Answers now or later, exactly once, also when the peer or the server has
 * gone meanwhile; takes the reference. */
void	ipc_answer(struct ipc_call *, json_t *);
/* A line before the answer; takes the reference. */
void	ipc_part(struct ipc_call *, json_t *);
/* What to do when the peer or the server goes before the answer, which is
 * still to come, in there or later. */
void	ipc_on_gone(struct ipc_call *, void (*gone)(void *arg), void *arg);
/* Whether the peer has gone by now, as far as the system tells: what it asked
 * for before it lost patience should not be done. */
int	ipc_gone(const struct ipc_call *);
/* The connection closes once what was answered is out. */
void	ipc_hang_up(struct ipc_call *);	/* before its answer */
/* Closes all, removes the socket, frees; the last of it on the loop. */
void	ipc_stop(struct ipc *);

/*
 * One request, one answer, without a loop: for tools.  0 and *answer (the
 * caller's), or -errno: -ETIMEDOUT after timeout_ms, -ECONNRESET where the
 * server closed without an answer (it does not know us), -EBADMSG for an
 * answer that is no JSON object.
 */
int	ipc_ask(const char *path, const json_t *request, int64_t timeout_ms,
	    json_t **answer);
/*
 * The same for an answer of several lines: line() borrows each and returns 1
 * for the last.  timeout_ms is the limit from line to line.
 */
int	ipc_talk(const char *path, const json_t *request, int64_t timeout_ms,
	    int (*line)(const json_t *, void *arg), void *arg);

#endif
