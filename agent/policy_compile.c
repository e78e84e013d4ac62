/*
 * The compiler.  For each direction and family: all CIDRs of all rules,
 * sorted, so that one comes right after those around it.  Each gets the class
 * of the CIDR around it, with its own rules added; two that add the same to
 * the same are one class.  What is added shares the trees of the class around
 * it but for the nodes that change: the image grows with the document, never
 * with the product of its parts.  Then the CIDRs become a tree of classes.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "buf.h"
#include "log.h"
#include "policy_compile.h"

/* For policy_lookup.h: words in memory, checked against their end. */
#define POLICY_AT(gen, word, type) \
	((const type *)image_at((gen), (word), sizeof(type) / 4))

static const void *
image_at(const struct policy_image *m, uint32_t word, size_t n)
{
	return (size_t)word + n <= m->n ? m->words + word : NULL;
}

#include "../bpf/policy_lookup.h"

struct prefix {			/* a rule at a CIDR; later a class at it */
	uint64_t	hi, lo;		/* IPv4 is the first 32 bits */
	uint32_t	what;		/* rule, then class */
	uint8_t		len;
};

struct shape {			/* what made a class: in the hash */
	UT_hash_handle	hh;
	uint32_t	klass;
	uint32_t	key[];		/* the class around, then the rules */
};

struct build {
	struct policy_image	*m;
	const struct policy_doc	*doc;
	const struct policy_rule *kept;
	size_t			 n_kept, room;
	struct shape		*shapes;
	unsigned		 dir;
	int			 full;
	uint32_t		 last;		/* the rule at which it was */
};

#define NODE(b, at)	((struct policy_node *)((b)->m->words + (at)))
#define PORTS(b, at)	((struct policy_ports *)((b)->m->words + (at)))
#define CLASS(b, at)	((struct policy_class *)((b)->m->words + (at)))

/* -- words -- */

/*
 * So many zero words, aligned to align; an offset.  Past the limit the build
 * is full, and what is asked for lies at the beginning, where nobody will
 * look at it any more.
 */
static uint32_t
take(struct build *b, size_t n, size_t align)
{
	struct policy_image	*m = b->m;
	size_t			 at = (m->n + align - 1) / align * align;

	if (at + n > POLICY_MAX_WORDS) {
		b->full = 1;
		return 0;
	}
	if (at + n > b->room) {
		b->room = at + n + b->room / 2 + 4096;
		m->words = xrealloc(m->words, b->room * 4);
	}
	memset(m->words + m->n, 0, (at + n - m->n) * 4);
	m->n = at + n;
	return (uint32_t)at;
}

/* -- values -- */

static const struct policy_rule *
rule_at(const struct build *b, uint32_t i)
{
	return i < b->n_kept ? &b->kept[i] : &b->doc->rules[i - b->n_kept];
}

static uint32_t
rule_value(const struct build *b, uint32_t i)
{
	const struct policy_rule	*r = rule_at(b, i);
	enum policy_rank		 rank;

	rank = r->keep ? POLICY_KEEP : r->deny ? POLICY_DENY : POLICY_ALLOW;
	return POLICY_VALUE(rank, i < b->n_kept ? POLICY_N_FIRST_KEPT + i :
	    POLICY_N_FIRST_RULE + i - (uint32_t)b->n_kept, r->log ? 1u : 0u);
}

/* -- trees of protocol and port -- */

/*
 * The tree at root with v in [lo, hi], of which each entry of the topmost
 * node spans 1 << shift keys.  Nodes before own belong to other classes, and
 * are copied to be changed.
 */
static uint32_t
ports_add(struct build *b, uint32_t root, uint32_t own, uint32_t lo,
    uint32_t hi, uint32_t v, int shift)
{
	uint32_t	at = root, child, first, last, i, span = 1u << shift;

	if (at == 0 || at < own) {
		at = take(b, 32, 32);
		if (root != 0)
			*PORTS(b, at) = *PORTS(b, root);
	}
	for (i = lo >> shift; i <= hi >> shift && !b->full; i++) {
		first = i == lo >> shift ? lo & (span - 1) : 0;
		last = i == hi >> shift ? hi & (span - 1) : span - 1;
		if (PORTS(b, at)->value[i] >= v)
			continue;
		if (first == 0 && last == span - 1) {
			PORTS(b, at)->value[i] = v;
			continue;
		}
		child = ports_add(b, PORTS(b, at)->child[i], own, first, last,
		    v, shift - 4);
		PORTS(b, at)->child[i] = child;
	}
	return at;
}

/* -- classes -- */

static void
add_span(struct build *b, uint32_t *tree, uint32_t own, uint32_t lo,
    uint32_t hi, uint32_t v)
{
	*tree = ports_add(b, *tree, own, lo, hi, v, POLICY_KEY_BITS - 4);
}

static void
class_add(struct build *b, struct policy_class *c, uint32_t own, uint32_t i)
{
	const struct policy_rule	*r = rule_at(b, i);
	uint32_t			 v = rule_value(b, i), proto;
	size_t				 k;

	if (v <= c->value)
		return;			/* it never decides here */
	if (r->protocol == POLICY_PROTO_ANY) {
		c->value = v;
		return;
	}
	proto = (uint32_t)r->protocol << 16;
	if (r->n_ports == 0) {
		add_span(b, &c->dst, own, proto, proto | 0xffff, v);
		return;
	}
	for (k = 0; k < r->n_ports; k++)
		add_span(b, r->source ? &c->src : &c->dst, own,
		    proto | r->ports[k].lo, proto | r->ports[k].hi, v);
	if (!r->deny)
		add_span(b, &c->later, own, proto, proto | 0xffff, v);
}

/* The class around with these rules. */
static uint32_t
class_make(struct build *b, uint32_t around, const struct prefix *p, size_t n)
{
	struct shape		*s, *old;
	struct policy_class	 c;
	size_t			 i, size = (n + 1) * sizeof(s->key[0]);
	uint32_t		 own;

	s = xcalloc(1, sizeof(*s) + size);
	s->key[0] = around;
	for (i = 0; i < n; i++)
		s->key[1 + i] = p[i].what;
	HASH_FIND(hh, b->shapes, s->key, size, old);
	if (old != NULL) {
		free(s);
		return old->klass;
	}
	c = *CLASS(b, around);
	own = (uint32_t)b->m->n;
	for (i = 0; i < n && !b->full; i++) {
		b->last = p[i].what;
		class_add(b, &c, own, p[i].what);
	}
	s->klass = around;
	if (memcmp(&c, CLASS(b, around), sizeof(c)) != 0) {
		s->klass = take(b, 4, 4);
		*CLASS(b, s->klass) = c;
	}
	HASH_ADD_KEYPTR(hh, b->shapes, s->key, size, s);
	return s->klass;
}

/* -- CIDRs -- */

/* The first n bits of an address. */
static void
keep_bits(uint64_t *hi, uint64_t *lo, int n)
{
	*hi &= n >= 64 ? ~0ull : n == 0 ? 0 : ~0ull << (64 - n);
	*lo &= n <= 64 ? 0 : n >= 128 ? ~0ull : ~0ull << (128 - n);
}

static int
holds(const struct prefix *p, const struct prefix *q)
{
	uint64_t	hi = q->hi, lo = q->lo;

	keep_bits(&hi, &lo, p->len);
	return p->len <= q->len && hi == p->hi && lo == p->lo;
}

static uint64_t
word_of(const uint8_t *p)
{
	uint64_t	v = 0;
	int		i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static int
prefix_order(const void *a, const void *b)
{
	const struct prefix	*p = a, *q = b;

	if (p->hi != q->hi)
		return p->hi < q->hi ? -1 : 1;
	if (p->lo != q->lo)
		return p->lo < q->lo ? -1 : 1;
	if (p->len != q->len)
		return p->len - q->len;
	return p->what < q->what ? -1 : p->what > q->what;
}

/* All CIDRs of this direction and family, each with its rule; the caller
 * frees. */
static struct prefix *
gather(const struct build *b, int v6, size_t *n)
{
	const struct policy_rule	*r;
	struct prefix			*list = NULL, p;
	size_t				 i, k, room = 0;

	*n = 0;
	for (i = 0; i < b->n_kept + b->doc->n_rules; i++) {
		r = rule_at(b, (uint32_t)i);
		if ((r->dirs & 1u << b->dir) == 0)
			continue;
		if (list == NULL || *n + r->n_cidrs + 1 > room) {
			room = (*n + r->n_cidrs + 1) * 2;
			list = xrealloc(list, room * sizeof(*list));
		}
		memset(&p, 0, sizeof(p));
		p.what = (uint32_t)i;
		if (r->n_cidrs == 0)
			list[(*n)++] = p;
		for (k = 0; k < r->n_cidrs; k++) {
			if (r->cidrs[k].v6 != v6)
				continue;
			p.hi = word_of(r->cidrs[k].addr);
			p.lo = v6 ? word_of(r->cidrs[k].addr + 8) : 0;
			p.len = r->cidrs[k].len;
			list[(*n)++] = p;
		}
	}
	if (*n > 0)
		qsort(list, *n, sizeof(*list), prefix_order);
	return list;
}

/*
 * Makes rules at CIDRs into classes at CIDRs, in place: one entry for each
 * CIDR.  open is the way down to the present one.
 */
static size_t
classify(struct build *b, struct prefix *p, size_t n, uint32_t root)
{
	const struct prefix	*open[129];
	size_t			 i, end, out = 0;
	int			 depth = 0;
	uint32_t		 around;

	for (i = 0; i < n && !b->full; i = end) {
		for (end = i + 1; end < n && p[end].len == p[i].len &&
		    p[end].hi == p[i].hi && p[end].lo == p[i].lo; end++)
			;
		while (depth > 0 && !holds(open[depth - 1], &p[i]))
			depth--;
		around = depth > 0 ? open[depth - 1]->what : root;
		around = class_make(b, around, &p[i], end - i);
		p[out] = p[i];
		p[out].what = around;
		open[depth++] = &p[out++];
	}
	return out;
}

/* -- the tree of CIDRs -- */

static uint32_t
bits_at(const struct prefix *p, int from, int n)
{
	uint64_t	hi = p->hi;

	if (n == 0)
		return 0;
	if (from >= 64)
		hi = from < 128 ? p->lo << (from - 64) : 0;
	else if (from > 0)
		hi = hi << from | p->lo >> (64 - from);
	return (uint32_t)(hi >> (64 - n));
}

/* How many bits from the first on all of them have in common, not past the
 * shortest, the limit of a node, or what its branches can take. */
static int
common_bits(const struct prefix *p, size_t n, int from, int width)
{
	int	max = width - from - 6, i;
	size_t	k;

	if (max > POLICY_MAX_SKIP)
		max = POLICY_MAX_SKIP;
	for (k = 0; k < n; k++)
		if (p[k].len - from < max)
			max = p[k].len - from;
	for (i = 0; i < max; i++)
		if (bits_at(&p[0], from + i, 1) !=
		    bits_at(&p[n - 1], from + i, 1))
			break;
	return i;
}

struct branches {
	uint32_t	klass[64];	/* without what is longer */
	size_t		first[64], n[64];	/* what is longer */
};

static void
branch(struct branches *br, const struct prefix *p, size_t n, int from,
    uint32_t klass)
{
	size_t	k;
	uint32_t i, v;

	memset(br, 0, sizeof(*br));
	for (i = 0; i < 64; i++)
		br->klass[i] = klass;
	for (k = 0; k < n; k++) {
		v = bits_at(&p[k], from, 6);
		if (p[k].len > from + 6) {
			if (br->n[v]++ == 0)
				br->first[v] = k;
			continue;
		}
		for (i = 0; i < 1u << (from + 6 - p[k].len); i++)
			br->klass[v + i] = p[k].what;
	}
}

static void
put_leaves(struct build *b, uint32_t at, const struct branches *br)
{
	uint32_t	run[64], i, n = 0, base;
	uint64_t	starts = 0;

	for (i = 0; i < 64; i++) {
		if (br->n[i] > 0 || (n > 0 && run[n - 1] == br->klass[i]))
			continue;
		run[n++] = br->klass[i];
		starts |= 1ull << i;
	}
	base = take(b, (n + 7) / 8 * 8, 8);	/* so that nodes stay aligned */
	if (b->full)
		return;
	memcpy(b->m->words + base, run, n * sizeof(run[0]));
	NODE(b, at)->leaves = starts;
	NODE(b, at)->leaf_base = base;
}

/* Fills the node at an offset with p, all of which are longer than from. */
static void
put_node(struct build *b, uint32_t at, const struct prefix *p, size_t n,
    int from, int width, uint32_t klass)
{
	struct branches	br;
	int		skip = common_bits(p, n, from, width);
	uint64_t	children = 0;
	uint32_t	base, i, count = 0;

	if (b->full)
		return;
	if (skip > 0) {
		NODE(b, at)->skip = (uint32_t)skip << 24 |
		    bits_at(&p[0], from, skip);
		NODE(b, at)->miss = klass;
		if (p[0].len == from + skip) {
			klass = p[0].what;
			p++;
			n--;
		}
		from += skip;
	}
	branch(&br, p, n, from, klass);
	put_leaves(b, at, &br);
	for (i = 0; i < 64; i++)
		if (br.n[i] > 0) {
			children |= 1ull << i;
			count++;
		}
	if (count == 0)
		return;
	base = take(b, (size_t)count * 8, 8);
	if (b->full)
		return;
	NODE(b, at)->children = children;
	NODE(b, at)->child_base = base;
	for (i = 0; i < 64; i++)
		if (br.n[i] > 0) {
			put_node(b, base, p + br.first[i], br.n[i], from + 6,
			    width, br.klass[i]);
			base += 8;
		}
}

static void
build_root(struct build *b, int v6, uint32_t none)
{
	struct policy_root	 root = { 0, none };
	struct prefix		*list, *p;
	size_t			 n;

	list = gather(b, v6, &n);
	n = classify(b, list, n, none);
	p = list;
	if (n > 0 && p->len == 0) {
		root.klass = p->what;
		p++;
		n--;
	}
	if (n > 0 && !b->full) {
		root.node = take(b, 8, 8);
		if (!b->full)
			put_node(b, root.node, p, n, 0, v6 ? 128 : 32,
			    root.klass);
	}
	free(list);
	((struct policy_head *)b->m->words)->root[b->dir][v6] = root;
}

/* -- the whole -- */

static void
put_head(struct build *b, int cpus)
{
	struct policy_image	*m = b->m;
	struct policy_head	*h = (struct policy_head *)m->words;
	const struct policy_doc	*d = b->doc;
	uint32_t		 stripes = 1;
	int			 i;

	while (stripes < POLICY_STRIPES && (int)stripes < cpus)
		stripes *= 2;
	h->magic = POLICY_MAGIC;
	h->words = (uint32_t)m->n;
	h->slots = (uint32_t)(POLICY_N_FIRST_RULE + d->n_rules);
	h->stripe_mask = stripes - 1;
	h->counters = (uint32_t)((m->n + POLICY_WORDS - 1) / POLICY_WORDS *
	    POLICY_WORDS);
	h->audit = d->audit ? 1 : 0;
	for (i = 0; i < 2; i++)
		h->fallback[i] = POLICY_VALUE(d->deny[i] ? POLICY_DENY :
		    POLICY_ALLOW, i, d->deny[i] && d->log ? 1u : 0u);
	h->malformed = POLICY_VALUE(POLICY_DENY, POLICY_N_MALFORMED, 1u);
	memcpy(h->document, d->sha256, sizeof(h->document));
	m->total = h->counters + (size_t)stripes * h->slots *
	    (sizeof(struct policy_count) / 4);
	m->total = (m->total + POLICY_WORDS - 1) / POLICY_WORDS *
	    POLICY_WORDS;
}

int
policy_compile(struct policy_image *m, const struct policy_doc *d,
    const struct policy_rule *kept, size_t n_kept, int cpus, char **why)
{
	struct build	 b = { .m = m, .doc = d, .kept = kept,
		.n_kept = n_kept };
	struct shape	*s, *next;
	uint32_t	 none;
	int		 v6;

	memset(m, 0, sizeof(*m));
	*why = NULL;
	assert(n_kept <= POLICY_MAX_KEPT);
	take(&b, sizeof(struct policy_head) / 4, 1);
	none = take(&b, 4, 4);
	for (b.dir = 0; b.dir < 2; b.dir++)
		for (v6 = 0; v6 < 2; v6++)
			build_root(&b, v6, none);
	HASH_ITER(hh, b.shapes, s, next) {
		HASH_DEL(b.shapes, s);
		free(s);
	}
	if (b.full) {
		*why = xasprintf("the policy takes more than %d MB in the"
		    " kernel, from rule %s on", POLICY_MAX_WORDS / 1024 /
		    1024 * 4, rule_at(&b, b.last)->id);
		policy_image_release(m);
		return -E2BIG;
	}
	put_head(&b, cpus);
	return 0;
}

void
policy_image_release(struct policy_image *m)
{
	free(m->words);
	memset(m, 0, sizeof(*m));
}

void
policy_query_make(struct policy_query *q, int dir, int v6,
    const uint8_t *other, unsigned protocol, unsigned sport, unsigned dport)
{
	uint8_t	a[16] = { 0 };

	memcpy(a, other, v6 ? 16 : 4);
	memset(q, 0, sizeof(*q));
	q->hi = word_of(a);
	q->lo = word_of(a + 8);
	q->key = protocol << 16 | dport;
	q->src_key = protocol << 16 | sport;
	q->dir = (uint8_t)dir;
	q->v6 = (uint8_t)v6;
}

uint32_t
policy_image_judge(const struct policy_image *m, const struct policy_query *q)
{
	const struct policy_head	*h;
	uint32_t			 v;

	h = (const struct policy_head *)m->words;
	/* The const is the kernel's lack: it has no such maps. */
	v = policy_judge((void *)(uintptr_t)m, h, q);
	return v != 0 ? v : h->fallback[q->dir & 1];
}
