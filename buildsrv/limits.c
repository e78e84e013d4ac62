/*
 * Buckets of tokens, in a hash and in the order of their last use.  A level
 * is counted in thousandths of a token, so that a millisecond adds as many
 * of them as there are tokens a second.
 */
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "buf.h"
#include "limits.h"
#include "list.h"

struct bucket {
	UT_hash_handle	 hh;
	struct link	 used;		/* in limits.order, the latest last */
	int64_t		 level, at;
	char		 name[LIMITS_MAX_NAME + 1];
};

struct limits {
	struct bucket	*all;
	struct link	 order;
	int64_t		 rate, full;
	size_t		 max;
};

struct limits *
limits_new(int64_t per_second, int64_t burst, size_t max)
{
	struct limits	*l = xcalloc(1, sizeof(*l));

	l->rate = per_second;
	l->full = (burst > 0 ? burst : 1) * 1000;
	l->max = max > 0 ? max : 1;
	list_init(&l->order);
	return l;
}

static void
bucket_free(struct limits *l, struct bucket *b)
{
	HASH_DEL(l->all, b);
	list_remove(&b->used);
	free(b);
}

void
limits_free(struct limits *l)
{
	if (l == NULL)
		return;
	while (!list_empty(&l->order))
		bucket_free(l, LIST_ITEM(l->order.next, struct bucket, used));
	free(l);
}

/* With its level as it is now, or NULL. */
static struct bucket *
bucket_find(const struct limits *l, const char *name, int64_t now)
{
	size_t		 n = strnlen(name, LIMITS_MAX_NAME);
	struct bucket	*b;

	HASH_FIND(hh, l->all, name, n, b);
	if (b == NULL || now <= b->at || l->rate == 0)
		return b;
	if (now - b->at >= l->full / l->rate + 1)
		b->level = l->full;
	else
		b->level += (now - b->at) * l->rate;
	if (b->level > l->full)
		b->level = l->full;
	b->at = now;
	return b;
}

static struct bucket *
bucket_new(struct limits *l, const char *name, int64_t now)
{
	size_t		 n = strnlen(name, LIMITS_MAX_NAME);
	struct bucket	*b;

	while (HASH_COUNT(l->all) >= l->max)
		bucket_free(l, LIST_ITEM(l->order.next, struct bucket, used));
	b = xcalloc(1, sizeof(*b));
	memcpy(b->name, name, n);
	b->level = l->full;
	b->at = now;
	list_init(&b->used);
	HASH_ADD_KEYPTR(hh, l->all, b->name, n, b);
	return b;
}

static int64_t
bucket_wait(const struct limits *l, const struct bucket *b)
{
	return b == NULL || l->rate == 0 || b->level >= 1000 ? 0 :
	    (1000 - b->level + l->rate - 1) / l->rate;
}

int64_t
limits_wait(struct limits *l, const char *name, int64_t now)
{
	return bucket_wait(l, bucket_find(l, name, now));
}

int64_t
limits_take(struct limits *l, const char *name, int64_t now)
{
	struct bucket	*b;
	int64_t		 ms;

	if ((b = bucket_find(l, name, now)) == NULL)
		b = bucket_new(l, name, now);
	list_remove(&b->used);
	list_append(&l->order, &b->used);
	if ((ms = bucket_wait(l, b)) == 0 && l->rate > 0)
		b->level -= 1000;
	return ms;
}

int
limits_used(struct limits *l, const char *name, int64_t now)
{
	struct bucket	*b;

	if ((b = bucket_find(l, name, now)) == NULL)
		return 0;
	return (int)((l->full - b->level) * 1000 / l->full);
}

int
limits_knows(const struct limits *l, const char *name)
{
	struct bucket	*b;

	HASH_FIND(hh, l->all, name, strnlen(name, LIMITS_MAX_NAME), b);
	return b != NULL;
}

void
limits_forget(struct limits *l, const char *name)
{
	struct bucket	*b;

	HASH_FIND(hh, l->all, name, strnlen(name, LIMITS_MAX_NAME), b);
	if (b != NULL)
		bucket_free(l, b);
}

size_t
limits_count(const struct limits *l)
{
	return HASH_COUNT(l->all);
}
