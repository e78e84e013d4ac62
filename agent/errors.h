/*
 * Errors for the server.  Each is kept, the same one once with a count, until
 * a sender has taken it; what is kept is in error_reports.jsonl, a record a
 * line, bounded, so that it outlives the agent.
 */
#ifndef MUSTER_ERRORS_H
#define MUSTER_ERRORS_H

#include <jansson.h>
#include <uv.h>

#include "buf.h"

enum {
	ERRORS_MAX	= 200,		/* records; the oldest goes */
	ERRORS_MAX_FILE	= 64 * 1024,	/* bytes, likewise */
	ERRORS_MAX_TEXT	= 500,		/* bytes of one */
	ERRORS_RETRY_MS	= 60 * 1000,	/* between two tries to send */
	ERRORS_SAME_MS	= 60 * 1000	/* one that comes again is counted */
};

struct errors;

/* Reads what an earlier agent could not send. */
struct errors *errors_new(uv_loop_t *, const char *state_dir);
/* Who sends: send() borrows {"type":"error","module","t","data":{"text",
 * "version","count"}} and returns 0 when the record is safe with it. */
void	errors_sender(struct errors *, int (*send)(const json_t *, void *arg),
	    void *arg);
/* where is the part that speaks: "update", "config".  NULL for errors is
 * nothing to do. */
void	errors_report(struct errors *, const char *where, const char *, ...)
	    PRINTF_LIKE(3, 4);
size_t	errors_kept(const struct errors *);
void	errors_flush(struct errors *);	/* tries to send at once */
void	errors_stop(struct errors *);	/* its timer closes by the loop */
void	errors_free(struct errors *);

/* For one that ends the agent before it has a loop: into the file alone. */
void	errors_note(const char *state_dir, const char *where,
	    const char *text);

#endif
