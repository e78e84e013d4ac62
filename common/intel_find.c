/* The file of indicators, looked up: hashed once for the value itself and
 * once for each network length or domain above it that there may be. */
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
	const struct intel_bucket *buckets;
	const struct intel_slot	*slots;
	const uint32_t		*around;
};

/* Whether all its parts are within it, so that no look-up leaves it. */
static int
head_ok(const struct intel_head *h, uint64_t size)
{
	return memcmp(h->magic, INTEL_MAGIC, sizeof(h->magic)) == 0 &&
	    h->size == size && h->slots <= size && h->n_slots <= size &&
	    (size - h->slots) / sizeof(struct intel_slot) >= h->n_slots &&
	    h->n_buckets > 0 && h->n_buckets < size &&
	    (h->n_buckets & (h->n_buckets - 1)) == 0 &&
	    h->buckets < h->slots && h->buckets % 8 == 0 &&
	    h->slots % 8 == 0 && (h->slots - h->buckets) /
	    sizeof(struct intel_bucket) > h->n_buckets &&
	    h->around < h->buckets && h->around % 4 == 0 &&
	    h->buckets - h->around >= INTEL_AROUND &&
	    h->n_sources <= INTEL_MAX_SOURCES && h->sources <= h->around &&
	    h->around - h->sources >= (uint64_t)h->n_sources * INTEL_MAX_NAME &&
	    h->sources >= sizeof(*h) && h->made >= 0;
}

static int
sources_ok(const struct intel_head *h, const char *sources)
{
	uint32_t	i;

	for (i = 0; i < h->n_sources; i++)
		if (memchr(sources + (size_t)i * INTEL_MAX_NAME, '\0',
		    INTEL_MAX_NAME) == NULL)
			return 0;
	return 1;
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
	if (!head_ok(t->head, (uint64_t)st.st_size) ||
	    !sources_ok(t->head, map + t->head->sources)) {
		platform_unmap((void *)(uintptr_t)map, (size_t)st.st_size);
		free(t);
		goto out;
	}
	t->buckets = (const void *)(map + t->head->buckets);
	t->slots = (const void *)(map + t->head->slots);
	t->around = (const void *)(map + t->head->around);
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

/* -- a bucket -- */

struct range {
	const struct intel_slot	*at, *end;
};

/* A bucket's slots; none where the file is damaged. */
static struct range
bucket(const struct intel *t, uint64_t n)
{
	uint32_t	from = t->buckets[n].at, to = t->buckets[n + 1].at;

	return from <= to && to <= t->head->n_slots ?
	    (struct range){ t->slots + from, t->slots + to } :
	    (struct range){ NULL, NULL };
}

/* The next slot of this hash, passed over in the range; NULL: none. */
static const struct intel_slot *
next_slot(const struct intel *t, struct range *r, struct intel_hash hash)
{
	const struct intel_slot	*s;

	while (r->at < r->end) {
		s = r->at++;
		if (intel_slot_is(s, hash) && s->source < t->head->n_sources)
			return s;
	}
	return NULL;
}

static uint32_t
until(const struct intel_slot *s)
{
	uint32_t	u;

	memcpy(&u, s->until, sizeof(u));
	return u;
}

static int
expired(const struct intel_slot *s, int64_t now)
{
	return until(s) != 0 && (int64_t)until(s) <= now;
}

static void
report_hit(const struct intel *t, const struct intel_slot *s,
    enum intel_kind kind, int prefix, const char *value, size_t len,
    struct intel_hit *hit)
{
	hit->source = t->map + t->head->sources +
	    (size_t)s->source * INTEL_MAX_NAME;
	hit->confidence = s->sure - 1;
	hit->until = until(s);
	hit->value.kind = kind;
	hit->value.prefix = (uint8_t)prefix;
	hit->value.len = (uint16_t)len;
	memcpy(hit->value.data, value, len);
}

/* -- look-up: all places are reckoned and asked of the memory together -- */

enum { MAX_PROBES = 130 };		/* IPv6 lengths, or a domain's labels */

struct probe {
	const char	*value;
	size_t		 len;
	struct intel_hash hash;
	int		 prefix;
	struct range	 in;		/* where it can be */
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
	    value, len), prefix, { 0, 0 } };
	__builtin_prefetch(&l->t->buckets[p->hash.place &
	    (h->n_buckets - 1)]);
}

/* Leaves the places that the filters let through. */
static void
sift(struct look *l)
{
	enum { LINE = 64 };
	uint64_t	at, mask = l->t->head->n_buckets - 1;
	const char	*line;
	uint32_t	bits;
	struct probe	p;
	int		i, kept = 0;

	for (i = 0; i < l->n; i++) {
		p = l->probe[i];
		at = p.hash.place & mask;
		bits = intel_filter_bits(p.hash);
		if ((l->t->buckets[at].filter & bits) != bits)
			continue;
		p.in = bucket(l->t, at);
		for (line = (const char *)p.in.at; line < (const char *)
		    p.in.end; line += LINE)
			__builtin_prefetch(line);
		l->probe[kept++] = p;
	}
	l->n = kept;
}

/* Which lengths of networks may lie around an address or network. */
static void
lengths_around(const struct intel *t, const struct intel_value *v,
    uint64_t has[2])
{
	uint32_t	ipv4;

	memcpy(has, t->head->lengths, 2 * sizeof(*has));
	if (!intel_ipv4(v->data, &ipv4))
		return;
	has[0] = 0;		/* "::/0" and the like are of IPv6 alone */
	if (v->prefix >= 96 + INTEL_BLOCK)
		has[1] = (uint64_t)t->around[ipv4 >> (32 - INTEL_BLOCK)] << 32;
}

/* The longest of these lengths, taken out of them; -1: none is left. */
static int
longest(uint64_t has[2])
{
	int	i, bit;

	for (i = 1; i >= 0; i--)
		if (has[i] != 0) {
			bit = 63 - __builtin_clzll(has[i]);
			has[i] ^= UINT64_C(1) << bit;
			return 64 * i + bit;
		}
	return -1;
}

static void
aim_networks(struct look *l, const struct intel_value *v)
{
	uint64_t	 has[2];
	char		*a;
	int		 p;

	lengths_around(l->t, v, has);
	while ((p = longest(has)) >= 0 && l->n < MAX_PROBES) {
		if (p >= v->prefix)
			continue;
		a = l->masked[l->n];
		memcpy(a, v->data, sizeof(*l->masked));
		a[p / 8] = (char)(a[p / 8] & ~(0xff >> p % 8));
		memset(a + p / 8 + 1, 0, sizeof(*l->masked) - 1 -
		    (size_t)p / 8);
		aim(l, p, a, sizeof(*l->masked));
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
	const struct intel_slot	*s;
	struct range		 in = p->in;

	while (n < INTEL_MAX_HITS &&
	    (s = next_slot(l->t, &in, p->hash)) != NULL)
		if (!expired(s, now))
			report_hit(l->t, s, l->kind, p->prefix, p->value,
			    p->len, &hits[n++]);
	return n;
}

size_t
intel_find(const struct intel *t, const struct intel_value *v, int64_t now,
    struct intel_hit hits[INTEL_MAX_HITS])
{
	struct look	 l;
	size_t		 n = 0;
	int		 i;

	if (t->head->count[v->kind] == 0)
		return 0;
	l.t = t;
	l.kind = v->kind;
	l.n = 0;
	aim(&l, v->prefix, v->data, v->len);
	if (v->kind == INTEL_DOMAIN)
		aim_domains(&l, v);
	else if (v->kind == INTEL_IP)
		aim_networks(&l, v);
	sift(&l);
	for (i = 0; i < l.n; i++)
		n = find_exact(&l, &l.probe[i], now, hits, n);
	return n;
}

/* The entry at a place; NULL where the file is damaged. */
static const struct intel_entry *
entry_at(const struct intel *t, uint64_t at)
{
	const struct intel_entry	*e = (const void *)(t->map + at);
	uint64_t			 left = t->head->sources - at;

	return left >= INTEL_ENTRY && intel_entry_size(e->len) <= left &&
	    e->len <= INTEL_MAX_VALUE && e->kind < INTEL_KINDS ? e : NULL;
}

void
intel_each(const struct intel *t, int64_t now,
    int (*f)(const struct intel_hit *, void *), void *arg)
{
	const struct intel_head		*h = t->head;
	const struct intel_entry	*e;
	const struct intel_slot		*s;
	struct intel_hash		 hash;
	struct intel_hit		 hit;
	struct range			 in;
	uint64_t			 at;

	for (at = sizeof(*h); at < h->sources && (e = entry_at(t, at)) != NULL;
	    at += intel_entry_size(e->len)) {
		if (e->kind == INTEL_ANY)
			continue;
		hash = intel_hash(h->key, e->kind, e->prefix, e->value,
		    e->len);
		in = bucket(t, hash.place & (h->n_buckets - 1));
		while ((s = next_slot(t, &in, hash)) != NULL &&
		    s->source != e->source)
			;
		if (s == NULL || expired(s, now))
			continue;
		report_hit(t, s, (enum intel_kind)e->kind, e->prefix, e->value,
		    e->len, &hit);
		if (f(&hit, arg) != 0)
			return;
	}
}
