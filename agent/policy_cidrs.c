/* The CIDRs of a document, sorted so that each comes right after those around
 * it, and the class of each. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "policy_compile_private.h"

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

struct gathered {
	struct prefix	*list;
	size_t		 n, room;
	int		 v6;
};

static void
add_prefix(struct gathered *g, uint32_t rule, const struct policy_cidr *c)
{
	struct prefix	p;

	if (c != NULL && c->v6 != g->v6)
		return;
	if (g->n == g->room) {
		g->room = g->room * 2 + 64;
		g->list = xrealloc(g->list, g->room * sizeof(*g->list));
	}
	memset(&p, 0, sizeof(p));
	p.what = rule;
	if (c != NULL) {
		p.hi = policy_half(c->addr);
		p.lo = g->v6 ? policy_half(c->addr + 8) : 0;
		p.len = c->len;
	}
	g->list[g->n++] = p;
}

static void
add_rule(struct gathered *g, const struct policy_host *h, uint32_t i,
    const struct policy_rule *r)
{
	size_t	k;

	for (k = 0; r->indicators && k < h->n_indicators; k++)
		if (h->indicators[k].confidence >= r->confidence)
			add_prefix(g, i, &h->indicators[k].cidr);
	if (r->n_cidrs == 0 && !r->indicators)
		add_prefix(g, i, NULL);
	for (k = 0; k < r->n_cidrs; k++)
		add_prefix(g, i, &r->cidrs[k]);
}

/* All CIDRs of this direction and family, each with its rule; the caller
 * frees. */
struct prefix *
cidrs_gather(const struct build *b, int v6, size_t *n)
{
	struct gathered			 g = { .v6 = v6 };
	const struct policy_rule	*r;
	uint32_t			 i;

	for (i = 0; i < b->host->n_kept + b->doc->n_rules; i++) {
		r = build_rule(b, i);
		if (r->dirs & 1u << b->dir)
			add_rule(&g, b->host, i, r);
	}
	if (g.n > 0)
		qsort(g.list, g.n, sizeof(*g.list), prefix_order);
	*n = g.n;
	return g.list;
}

/*
 * Makes rules at CIDRs into classes at CIDRs, in place: one entry for each
 * CIDR.  open is the way down to the present one.
 */
size_t
cidrs_classify(struct build *b, struct prefix *p, size_t n, uint32_t root)
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
