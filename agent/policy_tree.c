/* The tree of CIDRs, each with its class, as the kernel walks it: six bits of
 * an address a node, and what all below have in common skipped. */
#include <string.h>

#include "policy_compile_private.h"

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
	/* whole eights, so that nodes stay aligned */
	base = build_take(b, (n + 7) / 8 * 8, 8);
	if (b->full)
		return;
	memcpy(b->m->words + base, run, n * sizeof(run[0]));
	NODE(b, at)->leaves = starts;
	NODE(b, at)->leaf_base = base;
}

/* Fills the node at an offset with p, all of which are longer than from. */
void
tree_put(struct build *b, uint32_t at, const struct prefix *p, size_t n,
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
	base = build_take(b, (size_t)count * 8, 8);
	if (b->full)
		return;
	NODE(b, at)->children = children;
	NODE(b, at)->child_base = base;
	for (i = 0; i < 64; i++)
		if (br.n[i] > 0) {
			tree_put(b, base, p + br.first[i], br.n[i], from + 6,
			    width, br.klass[i]);
			base += 8;
		}
}
