/*
 * The file of indicators, indexed: it is counted how many slots each bucket
 * has, then each entry gets its slot.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "intel_file.h"
#include "platform.h"

enum { TOGETHER = 16 };		/* entries whose slots are fetched at once */

struct index {
	struct intel_head	*head;
	char			*map;
	struct intel_bucket	*buckets;
	struct intel_slot	*slots;
	uint64_t		 next;		/* entry, its offset */
	struct intel_entry	*entry[TOGETHER];
	struct intel_hash	 hash[TOGETHER];
	int			 n;
};

static uint64_t
round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* Where the parts are; 0, or -EFBIG. */
static int
lay_out(struct intel_head *h)
{
	for (h->n_buckets = 16; h->n_buckets * INTEL_BUCKET < h->n_slots; )
		h->n_buckets *= 2;
	h->around = round_up(h->sources + (uint64_t)h->n_sources *
	    INTEL_MAX_NAME, 64);
	h->buckets = h->around + INTEL_AROUND;
	h->slots = round_up(h->buckets + (h->n_buckets + 1) *
	    sizeof(struct intel_bucket), 64);
	h->size = h->slots + h->n_slots * sizeof(struct intel_slot);
	h->made = clock_wall_ms() / 1000;
	return h->n_slots > UINT32_MAX || h->size > SIZE_MAX ? -EFBIG : 0;
}

/* Written out, not left as a hole: a full disk is an error here, and not a
 * signal while the index is filled. */
static int
append_zeros(FILE *f, uint64_t n)
{
	static const char	zero[4096];
	size_t			now;

	for (; n > 0; n -= now) {
		now = n < sizeof(zero) ? (size_t)n : sizeof(zero);
		if (fwrite(zero, 1, now, f) != now)
			return errno != 0 ? -errno : -EIO;
	}
	return fflush(f) != 0 ? -errno : 0;
}

/* The next entries, several at a time: their number, 0 at the end. */
static int
next_entries(struct index *x)
{
	struct intel_entry	*e;

	for (x->n = 0; x->n < TOGETHER && x->next < x->head->sources; x->n++) {
		e = (void *)(x->map + x->next);
		x->entry[x->n] = e;
		x->hash[x->n] = intel_hash(x->head->key, e->kind, e->prefix,
		    e->value, e->len);
		x->next += intel_entry_size(e->len);
	}
	return x->n;
}

static struct intel_bucket *
bucket_of(const struct index *x, int i)
{
	return &x->buckets[x->hash[i].place & (x->head->n_buckets - 1)];
}

/* How many slots each bucket has, then which is its first. */
static void
divide(struct index *x)
{
	uint32_t	at = 0, n;
	uint64_t	b;
	int		i;

	x->next = sizeof(*x->head);
	while (next_entries(x) > 0)
		for (i = 0; i < x->n; i++)
			bucket_of(x, i)->at++;
	for (b = 0; b <= x->head->n_buckets; b++) {
		n = x->buckets[b].at;
		x->buckets[b].at = at;
		at += n;
	}
}

/* The same value of the same source: what is known longest and best. */
static void
merge(struct intel_slot *into, const struct intel_slot *s)
{
	uint32_t	a, b;

	memcpy(&a, into->until, sizeof(a));
	memcpy(&b, s->until, sizeof(b));
	if (s->sure > into->sure)
		into->sure = s->sure;
	if (a != 0 && (b == 0 || b > a))
		memcpy(into->until, &b, sizeof(b));
}

static void
note_network(const struct index *x, const struct intel_entry *e)
{
	uint32_t	*around = (void *)(x->map + x->head->around);
	uint32_t	 from, to;
	int		 bits = e->prefix - 96;

	if (!intel_ipv4(e->value, &from) || bits < 0 || bits >= 32)
		return;
	to = (from | UINT32_MAX >> bits) >> (32 - INTEL_BLOCK);
	for (from >>= 32 - INTEL_BLOCK; from <= to; from++)
		around[from] |= UINT32_C(1) << bits;
}

static void
place(struct index *x, int i)
{
	struct intel_bucket	*b = bucket_of(x, i);
	struct intel_slot	*s = &x->slots[b->at], new;
	struct intel_entry	*e = x->entry[i];

	memcpy(new.mark, &x->hash[i].mark, sizeof(new.mark));
	memcpy(new.until, &e->until, sizeof(new.until));
	new.source = e->source;
	new.sure = (uint8_t)(e->confidence + 1);
	for (; s->sure != 0; s++)	/* there is one for each entry */
		if (s->source == new.source &&
		    intel_slot_is(s, x->hash[i])) {
			merge(s, &new);
			e->kind = INTEL_ANY;
			return;
		}
	*s = new;
	b->filter |= intel_filter_bits(x->hash[i]);
	x->head->count[e->kind]++;
	x->head->count[INTEL_ANY]++;
	if (e->kind == INTEL_IP)
		note_network(x, e);
}

static void
fill(struct index *x)
{
	int	i;

	x->next = sizeof(*x->head);
	while (next_entries(x) > 0) {
		for (i = 0; i < x->n; i++)
			__builtin_prefetch(&x->slots[bucket_of(x, i)->at], 1);
		for (i = 0; i < x->n; i++)
			place(x, i);
	}
}

int
intel_index(FILE *f, struct intel_head *h,
    const char (*sources)[INTEL_MAX_NAME])
{
	struct index	x = { .head = h };
	size_t		n = (size_t)h->n_sources * INTEL_MAX_NAME;
	int		rc;

	if ((rc = lay_out(h)) < 0)
		return rc;
	if (fwrite(sources, 1, n, f) != n)
		return errno != 0 ? -errno : -EIO;
	if ((rc = append_zeros(f, h->size - h->sources - n)) < 0)
		return rc;
	if ((x.map = platform_map(fileno(f), (size_t)h->size, 1)) == NULL)
		return -errno;
	x.buckets = (void *)(x.map + h->buckets);
	x.slots = (void *)(x.map + h->slots);
	divide(&x);
	fill(&x);
	memcpy(x.map, h, sizeof(*h));
	platform_unmap(x.map, (size_t)h->size);
	return file_sync(fileno(f));
}
