/* What the compiler's files share. */
#ifndef MUSTER_POLICY_COMPILE_PRIVATE_H
#define MUSTER_POLICY_COMPILE_PRIVATE_H

#include "policy_compile.h"

struct prefix {			/* a rule at a CIDR; later a class at it */
	uint64_t	hi, lo;		/* IPv4 is the first 32 bits */
	uint32_t	what;		/* rule, then class */
	uint8_t		len;
};

struct shape;			/* what made a class; of policy_classes.c */

struct build {
	struct policy_image	*m;
	const struct policy_doc	*doc;
	const struct policy_host *host;
	size_t			 room;
	struct shape		*shapes;	/* classes made so far */
	unsigned		 dir;
	int			 full;
	uint32_t		 last;		/* the rule at which it was */
};

#define NODE(b, at)	((struct policy_node *)((b)->m->words + (at)))
#define PORTS(b, at)	((struct policy_ports *)((b)->m->words + (at)))
#define CLASS(b, at)	((struct policy_class *)((b)->m->words + (at)))

/* policy_compile.c */
/* So many zero words, aligned to align; an offset, and 0 when it is full. */
uint32_t build_take(struct build *, size_t n, size_t align);
/* Those that are kept, then the document's. */
const struct policy_rule *build_rule(const struct build *, uint32_t);

/* policy_classes.c */
/* The class around with these rules. */
uint32_t class_make(struct build *, uint32_t around, const struct prefix *,
	    size_t n);
void	classes_release(struct build *);	/* what is known of them */

/* policy_cidrs.c */
/* All CIDRs of this direction and family, each with its rule; the caller
 * frees. */
struct prefix *cidrs_gather(const struct build *, int v6, size_t *n);
/* Makes rules at CIDRs into classes at CIDRs, in place: one entry for each
 * CIDR; how many. */
size_t	cidrs_classify(struct build *, struct prefix *, size_t n,
	    uint32_t root);

/* policy_tree.c */
/* Fills the node at an offset with prefixes all of which are longer than
 * from; klass is of what none of them holds. */
void	tree_put(struct build *, uint32_t at, const struct prefix *, size_t n,
	    int from, int width, uint32_t klass);

/* policy_judge.c */
/* Eight bytes of an address as a number. */
uint64_t policy_half(const uint8_t *);

#endif
