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

int
replay_window_fresh(struct replay_window *w, int64_t time, const void *p,
    size_t n)
{
	uint8_t		hash[SHA256_SIZE];
	uint64_t	digest;
	unsigned	i, oldest = 0;

	if (time <= w->floor)
		return 0;
	crypto_sha256(p, n, hash);
	memcpy(&digest, hash, sizeof(digest));
	for (i = 0; i < w->n; i++) {
		if (w->seen[i].digest == digest)
			return 0;
		if (w->seen[i].time < w->seen[oldest].time)
			oldest = i;
	}
	if (w->n < REPLAY_WINDOW)
		oldest = w->n++;
	else if (time > w->seen[oldest].time)
		w->floor = w->seen[oldest].time;
	else
		return 0;	/* it would be the first to be forgotten */
	w->seen[oldest].time = time;
	w->seen[oldest].digest = digest;
	if (time > w->newest)
		w->newest = time;
	return 1;
}
