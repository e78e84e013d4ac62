/* The file of indicators, looked up: hashed once for the value itself and
 * once for each network length or domain above it that there is. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "intel_file.h"
#include "platform.h"

#ifndef O_CLOEXEC
#define O_CLOEXEC	0
#endif
#ifndef O_BINARY
#define O_BINARY	0
#endif

struct intel {
	const char		*map;
	const struct intel_head	*head;
	const struct intel_slot	*slots;
	const uint8_t		*near;
	const uint64_t		*filter;
};

/* Whether all its parts are within it, so that no look-up leaves it. */
static int
head_ok(const struct intel_head *h, uint64_t size)
{
	return memcmp(h->magic, INTEL_MAGIC, sizeof(h->magic)) == 0 &&
	    h->size == size && h->n_slots >= 64 && h->n_slots < size &&
	    (h->n_slots & (h->n_slots - 1)) == 0 && h->near < size &&
	    size - h->near >= INTEL_NEAR && h->filter < size &&
	    h->filter % 8 == 0 && size - h->filter >= h->n_slots && h->slots < h->near &&
	    h->slots % 8 == 0 && (h->near - h->slots) /
	    sizeof(struct intel_slot) >= h->n_slots &&
	    h->n_sources <= INTEL_MAX_SOURCES && h->sources <= h->slots &&
	    h->slots - h->sources >= (uint64_t)h->n_sources * INTEL_MAX_NAME &&
	    h->sources >= sizeof(*h) && h->made >= 0;
}

int
intel_open(struct intel **out, const char *path, const char **why)
{
	int		 fd = open(path, O_RDONLY | O_CLOEXEC | O_BINARY), rc;
	struct intel	*t = NULL;
	struct stat	 st;
	const char	*map = NULL;

	*out = NULL;
	*why = "is no file of indicators, or damaged";
	if (fd < 0)
		return -errno;
	rc = -EINVAL;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size <
	    sizeof(struct intel_head) || (uint64_t)st.st_size > SIZE_MAX / 2)
		goto out;
	if ((map = platform_map(fd, (size_t)st.st_size, 0)) == NULL) {
		rc = -errno;
		goto out;
	}
	t = xcalloc(1, sizeof(*t));
	t->map = map;
	t->head = (const void *)map;
	if (!head_ok(t->head, (uint64_t)st.st_size)) {
		platform_unmap((void *)(uintptr_t)map, (size_t)st.st_size);
		free(t);
		goto out;
	}
	t->slots = (const void *)(map + t->head->slots);
	t->near = (const uint8_t *)map + t->head->near;
	t->filter = (const void *)(map + t->head->filter);
	*out = t;
	rc = 0;
out:
	close(fd);
	return rc;
}

void
intel_close(struct intel *t)
{
	if (t == NULL)
		return;
	platform_unmap((void *)(uintptr_t)t->map, (size_t)t->head->size);
	free(t);
}

uint64_t
intel_count(const struct intel *t, enum intel_kind k)
{
	return t->head->count[k];
}

int64_t
intel_made_at(const struct intel *t)
{
	return t->head->made;
}

/* -- one entry -- */

/* The entry of a slot, or NULL where the file is damaged. */
static const struct intel_entry *
entry_at(const struct intel *t, uint64_t slot)
{
	uint64_t			 at = (uint64_t)t->slots[slot].at * 4;
	const struct intel_entry	*e;

	if (at < sizeof(struct intel_head) ||
	    at + INTEL_ENTRY > t->head->sources)
		return NULL;
	e = (const void *)(t->map + at);
	return e->len <= t->head->sources - at - INTEL_ENTRY &&
	    e->len <= INTEL_MAX_VALUE && e->kind < INTEL_KINDS &&
	    e->source < t->head->n_sources ? e : NULL;
}

static int
expired(const struct intel_entry *e, int64_t now)
{
	return e->until != 0 && (int64_t)e->until <= now;
}

static void
report_hit(const struct intel *t, const struct intel_entry *e,
    struct intel_hit *hit)
{
	hit->source = t->map + t->head->sources +
	    (size_t)e->source * INTEL_MAX_NAME;
	hit->confidence = e->confidence;
	hit->until = e->until;
	hit->value.kind = (enum intel_kind)e->kind;
	hit->value.prefix = e->prefix;
	hit->value.len = e->len;
	memcpy(hit->value.data, e->value, e->len);
}

/* -- look-up: all places are reckoned and asked of the memory together -- */

enum { MAX_PROBES = 130 };		/* IPv6 lengths, or a domain's labels */

struct probe {
	const char	*value;
	size_t		 len;
	uint64_t	 hash;
	int		 prefix;
};

struct look {
	const struct intel	*t;
	enum intel_kind		 kind;
	struct probe		 probe[MAX_PROBES];
	int			 n;
	char			 masked[MAX_PROBES][16];
};

static void
aim(struct look *l, int prefix, const char *value, size_t len)
{
	const struct intel_head	*h = l->t->head;
	struct probe		*p = &l->probe[l->n++];

	*p = (struct probe){ value, len, intel_hash(h->key, l->kind, prefix,
	    value, len), prefix };
	__builtin_prefetch(&l->t->filter[intel_filter_word(p->hash,
	    h->n_slots)]);
}

/* Leaves the places that the filter lets through. */
static void
sift(struct look *l)
{
	uint64_t	n_slots = l->t->head->n_slots, bits, hash;
	int		i, kept = 0;

	for (i = 0; i < l->n; i++) {
		hash = l->probe[i].hash;
		bits = intel_filter_bits(hash);
		if ((l->t->filter[intel_filter_word(hash, n_slots)] & bits) !=
		    bits)
			continue;
		__builtin_prefetch(&l->t->slots[hash & (n_slots - 1)]);
		l->probe[kept++] = l->probe[i];
	}
	l->n = kept;
}

/* Bytes of the map of networks near an IPv4 address; NULL for IPv6. */
static const uint8_t *
near_byte(const struct intel *t, const struct intel_value *v)
{
	static const uint8_t	 mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t		*a = (const uint8_t *)v->data;

	if (memcmp(a, mapped, sizeof(mapped)) != 0)
		return NULL;
	return &t->near[(uint32_t)a[12] << 13 | (uint32_t)a[13] << 5 |
	    a[14] >> 3];
}

/* The networks around an address; "::/0" and the like are of IPv6 alone. */
static void
aim_networks(struct look *l, const struct intel_value *v,
    const uint8_t *near)
{
	const uint64_t	*has = l->t->head->lengths;
	int		 p = v->prefix, least = near != NULL ? 96 : 0;
	char		 a[16];

	if (near != NULL && p >= 120 &&
	    (*near >> ((uint8_t)v->data[14] & 7) & 1) == 0)
		return;
	memcpy(a, v->data, sizeof(a));
	while (--p >= least && l->n < MAX_PROBES) {
		a[p / 8] = (char)(a[p / 8] & ~(0x80 >> p % 8));
		if ((has[p / 64] >> p % 64 & 1) == 0)
			continue;
		memcpy(l->masked[l->n], a, sizeof(a));
		aim(l, p, l->masked[l->n], sizeof(a));
	}
}

static void
aim_domains(struct look *l, const struct intel_value *v)
{
	const char	*at = v->data, *end = v->data + v->len, *dot;
	int		 labels = intel_labels(at, v->len);

	while (l->n < MAX_PROBES &&
	    (dot = memchr(at, '.', (size_t)(end - at))) != NULL) {
		at = dot + 1;
		if (l->t->head->labels & intel_label_bit(--labels))
			aim(l, 0, at, (size_t)(end - at));
	}
}

/* Those of exactly this value, from n on: how many there are then. */
static size_t
find_exact(const struct look *l, const struct probe *p, int64_t now,
    struct intel_hit hits[INTEL_MAX_HITS], size_t n)
{
	const struct intel		*t = l->t;
	const struct intel_entry	*e;
	uint64_t			 mask = t->head->n_slots - 1, i;
	uint64_t			 left = t->head->n_slots;

	/* a damaged table has no end */
	for (i = p->hash & mask; t->slots[i].at != 0 && left-- > 0;
	    i = (i + 1) & mask) {
		if (t->slots[i].hash != p->hash >> 32 ||
		    (e = entry_at(t, i)) == NULL || e->kind != l->kind ||
		    e->prefix != p->prefix || e->len != p->len ||
		    memcmp(e->value, p->value, p->len) != 0 ||
		    expired(e, now))
			continue;
		if (n == INTEL_MAX_HITS)
			break;
		report_hit(t, e, &hits[n++]);
	}
	return n;
}

size_t
intel_find(const struct intel *t, const struct intel_value *v, int64_t now,
    struct intel_hit hits[INTEL_MAX_HITS])
{
	struct look	 l;
	const uint8_t	*near = NULL;
	size_t		 n = 0;
	int		 i;

	if (t->head->count[v->kind] == 0)
		return 0;
	l.t = t;
	l.kind = v->kind;
	l.n = 0;
	if (v->kind == INTEL_IP && (near = near_byte(t, v)) != NULL)
		__builtin_prefetch(near);
	aim(&l, v->prefix, v->data, v->len);
	if (v->kind == INTEL_DOMAIN)
		aim_domains(&l, v);
	else if (v->kind == INTEL_IP)
		aim_networks(&l, v, near);
	sift(&l);
	for (i = 0; i < l.n; i++)
		n = find_exact(&l, &l.probe[i], now, hits, n);
	return n;
}

void
intel_each(const struct intel *t, int64_t now,
    int (*f)(const struct intel_hit *, void *), void *arg)
{
	const struct intel_entry	*e;
	struct intel_hit		 hit;
	uint64_t			 i;

	for (i = 0; i < t->head->n_slots; i++) {
		if (t->slots[i].at == 0 || (e = entry_at(t, i)) == NULL ||
		    expired(e, now))
			continue;
		report_hit(t, e, &hit);
		if (f(&hit, arg) != 0)
			return;
	}
}
