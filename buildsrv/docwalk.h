/*
 * All documents of a kind, some in each turn of the loop, such that everybody
 * else gets a turn as well, however many there are.
 */
#ifndef MUSTER_DOCWALK_H
#define MUSTER_DOCWALK_H

#include <jansson.h>

enum {
	DOCWALK_PAGE	= 64,	/* documents a turn: under a millisecond */
	DOCWALK_PAUSE	= 1	/* ms between two turns */
};

struct server;

/*
 * each() may write to the store.  end() hears 0 or -errno, once and last:
 * UV_ECANCELED when the server stops.
 */
void	docwalk(struct server *, const char *kind,
	    void (*each)(const char *key, const json_t *doc, void *arg),
	    void (*end)(int rc, void *arg), void *arg);
/* Ends all that are under way, and those to come at once. */
void	docwalk_stop(struct server *);

#endif
