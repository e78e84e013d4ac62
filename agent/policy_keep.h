/* What no policy and no feed can cut off: the agent's server, the name servers,
 * the management range; as rules, which stand above all others. */
#ifndef MUSTER_POLICY_KEEP_H
#define MUSTER_POLICY_KEEP_H

#include <jansson.h>
#include <uv.h>

#include "policy_doc.h"

struct policy_keep;
/*
 * management is an array of CIDRs, or NULL.  changed() comes when a server's
 * or a name server's address is another, not before this returns.  0, or
 * -EINVAL with *why, freed by the caller.
 */
int	policy_keep_start(struct policy_keep **, uv_loop_t *,
	    const char *state_dir, const json_t *management,
	    void (*changed)(void *), void *arg, char **why);
const struct policy_rule *policy_keep_rules(const struct policy_keep *,
	    size_t *n);
/* Whether each server's address is known. */
int	policy_keep_complete(const struct policy_keep *);
void	policy_keep_hash(const struct policy_keep *, uint8_t out[32]);
json_t	*policy_keep_show(const struct policy_keep *);	/* new */

#endif
