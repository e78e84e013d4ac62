/* A policy's document made into a generation, the words of bpf/policy.h. */
#ifndef MUSTER_POLICY_COMPILE_H
#define MUSTER_POLICY_COMPILE_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/policy.h"
#include "policy_doc.h"

struct policy_image {
	uint32_t	*words;
	size_t		 n;		/* without the counters */
	size_t		 total;		/* with them, in whole pages */
};

struct policy_indicator {
	struct policy_cidr	 cidr;
	uint8_t			 confidence;	/* 0 to 100 */
};

/* What a host adds to a document. */
struct policy_host {
	const struct policy_rule *kept;	/* that no other can override; at most
					 * POLICY_MAX_KEPT */
	size_t			 n_kept;
	const struct policy_indicator *indicators;
	size_t			 n_indicators;
	int			 cpus;	/* that may count at the same time */
};

/* 0, or -E2BIG with *why, freed by the caller: the rule at which the
 * generation became larger than POLICY_MAX_WORDS. */
int	policy_compile(struct policy_image *, const struct policy_doc *,
	    const struct policy_host *, char **why);
void	policy_image_release(struct policy_image *);

/* dir is policy_dir's; other is the other side's address, 4 or 16 bytes. */
void	policy_query_make(struct policy_query *, int dir, int v6,
	    const uint8_t *other, unsigned protocol, unsigned sport,
	    unsigned dport);
/* What the kernel would say to a packet: the value of bpf/policy.h, never 0.
 * The same code as the kernel's. */
uint32_t policy_image_judge(const struct policy_image *,
	    const struct policy_query *);

#endif
