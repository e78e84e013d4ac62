/*
 * Server-sent events as a client reads them (WHATWG HTML, section 9.2):
 * bytes in, events out.  Knows no connection and no loop.
 */
#ifndef MUSTER_MUSTER_SSE_H
#define MUSTER_MUSTER_SSE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Limits, with their reasons. */
enum {
	SSE_MAX_LINE	= 1024 * 1024,	/* a job with all its members is less
					 * than a tenth of it */
	SSE_MAX_DATA	= 4 * 1024 * 1024, /* of one event, all lines */
	SSE_MAX_TYPE	= 64,		/* ours have 20 characters */
	SSE_MAX_ID	= 64,		/* ours are numbers */
	SSE_MAX_RETRY	= 60000		/* ms that a server may ask for */
};

struct sse_event {
	const char	*type;		/* "message" where none was given */
	const char	*data;		/* NUL behind len */
	size_t		 len;
	const char	*id;		/* the newest id; "": none yet */
};

struct sse {
	/* 0 goes on; anything else ends sse_feed(), which returns it. */
	int		(*event)(const struct sse_event *, void *arg);
	void		*arg;
	struct buf	 line, data;
	char		 type[SSE_MAX_TYPE + 1];
	char		 id[SSE_MAX_ID + 1];	/* for Last-Event-ID */
	char		 next_id[SSE_MAX_ID + 1];	/* of what comes */
	int64_t		 retry_ms;	/* -1: the server has not said */
	unsigned	 begun : 1;	/* past the byte order mark */
	unsigned	 after_cr : 1;	/* a LF belongs to the line before */
};

void	sse_init(struct sse *, int (*event)(const struct sse_event *, void *),
	    void *arg);
void	sse_release(struct sse *);
/* A new connection: what was half read is gone; id and retry_ms stay. */
void	sse_restart(struct sse *);
/* 0, what event() returned, or -EMSGSIZE: a line or an event is too long. */
int	sse_feed(struct sse *, const char *, size_t);

#endif
