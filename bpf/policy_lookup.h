/*
 * How a generation is asked: one text for the program in the kernel and for
 * the agent, the client and the tests, so that what is tested without a
 * privilege is what enforces.  (Code in a header: it has no other place that
 * both compilers reach.)
 *
 * Before it comes a POLICY_AT(gen, word, type): a pointer to the type that
 * begins at this word, or NULL past the end.
 */
#ifndef MUSTER_BPF_POLICY_LOOKUP_H
#define MUSTER_BPF_POLICY_LOOKUP_H

#include "policy.h"

/* Set bits, for BPF has no instruction for it. */
static inline __attribute__((always_inline)) __u32
policy_bits(__u64 x)
{
	x -= x >> 1 & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (__u32)(x * 0x0101010101010101ull >> 56);
}

/* The class of an address, an offset; 0: the generation is damaged. */
static inline __attribute__((always_inline)) __u32
policy_find(void *gen, struct policy_root r, __u64 hi, __u64 lo, int levels)
{
	const struct policy_node	*n;
	const __u32			*leaf;
	__u64				 upto;
	__u32				 skip, slot;
	int				 i;

	for (i = 0; i < levels && r.node != 0; i++) {
		if ((n = POLICY_AT(gen, r.node, struct policy_node)) == 0)
			return 0;
		if ((skip = n->skip >> 24 & 31) != 0) {
			if (hi >> (64 - skip) != (n->skip & 0xffffff))
				return n->miss;
			hi = hi << skip | lo >> (64 - skip);
			lo <<= skip;
		}
		slot = (__u32)(hi >> 58);
		upto = (2ull << slot) - 1;
		if ((n->children >> slot & 1) == 0) {
			leaf = POLICY_AT(gen, n->leaf_base +
			    policy_bits(n->leaves & upto) - 1, __u32);
			return leaf != 0 ? *leaf : 0;
		}
		r.node = n->child_base +
		    (policy_bits(n->children & upto) - 1) * 8;
		hi = hi << 6 | lo >> 58;
		lo <<= 6;
	}
	return r.klass;
}

/* The greatest value on the way to key, or best. */
static inline __attribute__((always_inline)) __u32
policy_stab(void *gen, __u32 node, __u32 key, int levels, __u32 best)
{
	const struct policy_ports	*p;
	__u32				 slot;
	int				 i;

	for (i = 0; i < levels && node != 0; i++) {
		if ((p = POLICY_AT(gen, node, struct policy_ports)) == 0)
			break;
		slot = key >> 20 & 15;
		if (p->value[slot] > best)
			best = p->value[slot];
		node = p->child[slot];
		key <<= 4;
	}
	return best;
}

/*
 * What the rules say; 0: none matches.  A fragment but the first has no
 * ports: a rule with ports that denies does not match it, one that allows
 * does, for without its first fragment, which was judged, it is useless.
 */
static inline __attribute__((always_inline)) __u32
policy_judge(void *gen, const struct policy_head *h,
    const struct policy_query *q)
{
	const struct policy_class	*c;
	__u32				 at, v;

	if (q->v6)
		at = policy_find(gen, h->root[q->dir & 1][1], q->hi, q->lo,
		    POLICY_LEVELS6);
	else
		at = policy_find(gen, h->root[q->dir & 1][0], q->hi, 0,
		    POLICY_LEVELS4);
	if ((c = POLICY_AT(gen, at, struct policy_class)) == 0)
		return 0;
	v = c->value;
	if (q->later) {
		v = policy_stab(gen, c->dst, q->key, POLICY_PROTO_LEVELS, v);
		return policy_stab(gen, c->later, q->key,
		    POLICY_PROTO_LEVELS, v);
	}
	v = policy_stab(gen, c->dst, q->key, POLICY_KEY_LEVELS, v);
	return policy_stab(gen, c->src, q->src_key, POLICY_KEY_LEVELS, v);
}

#endif
