/*
 * The classes of a generation: what a rule adds to a class, and the trees of
 * protocol and port that say it.  Two classes that come of the same class by
 * the same rules are one.
 */
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "buf.h"
#include "log.h"
#include "policy_compile_private.h"

struct shape {			/* what made a class: in the hash */
	UT_hash_handle	hh;
	uint32_t	klass;
	uint32_t	key[];		/* the class around, then the rules */
};

static uint32_t
rule_value(const struct build *b, uint32_t i)
{
	const struct policy_rule	*r = build_rule(b, i);
	enum policy_rank		 rank;

	rank = r->keep ? POLICY_KEEP : r->deny ? POLICY_DENY : POLICY_ALLOW;
	return POLICY_VALUE(rank, i < b->host->n_kept ?
	    POLICY_N_FIRST_KEPT + i : POLICY_N_FIRST_RULE + i -
	    (uint32_t)b->host->n_kept, r->log ? 1u : 0u);
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
		at = build_take(b, 32, 32);
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
	const struct policy_rule	*r = build_rule(b, i);
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
uint32_t
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
		s->klass = build_take(b, 4, 4);
		*CLASS(b, s->klass) = c;
	}
	HASH_ADD_KEYPTR(hh, b->shapes, s->key, size, s);
	return s->klass;
}

void
classes_release(struct build *b)
{
	struct shape	*s, *next;

	HASH_ITER(hh, b->shapes, s, next) {
		HASH_DEL(b->shapes, s);
		free(s);
	}
}
