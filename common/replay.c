#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "buf.h"
#include "crypto.h"
#include "replay.h"

enum { DIGEST_SIZE = 16 };	/* of SHA-256: nobody finds a collision */

struct seen {
	uint8_t		digest[DIGEST_SIZE];
	int64_t		until;
	UT_hash_handle	hh;	/* keeps the order of arrival, too */
};

struct replay {
	struct seen	*seen;
	size_t		 max;
	int64_t		 window_ms;
};

struct replay *
replay_new(size_t max, int64_t window_ms)
{
	struct replay	*r = xcalloc(1, sizeof(*r));

	r->max = max;
	r->window_ms = window_ms;
	return r;
}

static void
forget(struct replay *r, struct seen *s)
{
	/* The analyser does not know uthash's links. */
	HASH_DEL(r->seen, s);	/* NOLINT(clang-analyzer-core.*) */
	free(s);
}

void
replay_free(struct replay *r)
{
	if (r == NULL)
		return;
	while (r->seen != NULL)
		forget(r, r->seen);
	free(r);
}

int
replay_fresh(struct replay *r, const void *p, size_t n, int64_t now_ms)
{
	uint8_t		 hash[SHA256_SIZE];
	struct seen	*s;

	while (r->seen != NULL && r->seen->until <= now_ms)
		forget(r, r->seen);
	crypto_sha256(p, n, hash);
	HASH_FIND(hh, r->seen, hash, DIGEST_SIZE, s);
	if (s != NULL)
		return 0;
	if (replay_count(r) >= r->max)
		forget(r, r->seen);
	s = xcalloc(1, sizeof(*s));
	memcpy(s->digest, hash, DIGEST_SIZE);
	s->until = now_ms + r->window_ms;
	HASH_ADD(hh, r->seen, digest, DIGEST_SIZE, s);
	return 1;
}

size_t
replay_count(const struct replay *r)
{
	return HASH_COUNT(r->seen);
}

/* -- one sender's: a ring, in the order in which they came -- */

void
replay_window_release(struct replay_window *w)
{
	free(w->digests);
	memset(w, 0, sizeof(*w));
}

/* Unrolled by hand: this is most of what a message costs here. */
static int
window_has(const struct replay_window *w, uint64_t digest)
{
	const uint64_t	*d = w->digests;
	unsigned	 i;
	int		 has = 0;

	for (i = 0; i + 4 <= w->n; i += 4)
		has |= (d[i] == digest) | (d[i + 1] == digest) |
		    (d[i + 2] == digest) | (d[i + 3] == digest);
	for (; i < w->n; i++)
		has |= d[i] == digest;
	return has;
}

/* Full, and in order again: the ring begins at its first place. */
static void
window_grow(struct replay_window *w)
{
	struct replay_window	 was = *w;
	unsigned		 i, from;

	w->room = was.room > 0 ? 2 * was.room : REPLAY_WINDOW;
	w->digests = xcalloc(w->room, sizeof(*w->digests) +
	    sizeof(*w->times));
	w->times = (int64_t *)(w->digests + w->room);
	for (i = 0; i < was.n; i++) {
		from = was.oldest + i;
		from -= from < was.room ? 0 : was.room;
		w->digests[i] = was.digests[from];
		w->times[i] = was.times[from];
	}
	w->oldest = 0;
	free(was.digests);
}

int
replay_window_fresh(struct replay_window *w, int64_t time, const void *p,
    size_t n)
{
	uint64_t	digest;
	unsigned	at;

	if (time <= w->floor)
		return 0;
	digest = crypto_keyed_hash(p, n);
	if (window_has(w, digest))
		return 0;
	if (w->n == w->room && (w->n == 0 || (w->times[w->oldest] >= time &&
	    w->room < REPLAY_WINDOW_MAX)))
		window_grow(w);
	at = w->n;
	if (w->n < w->room) {
		w->n++;
	} else {
		at = w->oldest;
		if (w->times[at] >= time)
			return 0;	/* it would have to be forgotten */
		if (w->times[at] > w->floor)
			w->floor = w->times[at];
		w->oldest = at + 1 < w->room ? at + 1 : 0;
	}
	w->digests[at] = digest;
	w->times[at] = time;
	if (time > w->newest)
		w->newest = time;
	return 1;
}
