/* The policy module's files: what they share. */
#ifndef MUSTER_MOD_POLICY_PRIVATE_H
#define MUSTER_MOD_POLICY_PRIVATE_H

#include <jansson.h>
#include <uv.h>

#include "module.h"
#include "policy_doc.h"
#include "policy_keep.h"

struct policy_kernel;

/* -- mod_policy_hooks.c: the interfaces it holds for -- */

struct policy_hooks;
int	policy_hooks_start(struct policy_hooks **, uv_loop_t *,
	    const char *state_dir, char **why);
/* A program of a process before us that is still attached; 0: none. */
uint32_t policy_hooks_found(void);
/* On all interfaces that one of the documents covers, and on no other of
 * ours.  NULL: no document. */
void	policy_hooks_set(struct policy_hooks *, const struct policy_kernel *,
	    const struct policy_doc *steady, const struct policy_doc *trial);
json_t	*policy_hooks_show(const struct policy_hooks *);	/* new */
size_t	policy_hooks_failed(const struct policy_hooks *, const char **why);

/* -- mod_policy_events.c: what was dropped -- */

struct policy_events;
int	policy_events_start(struct policy_events **, struct module *,
	    const struct policy_kernel *, char **why);
/* The documents that events may be of, borrowed until the next call. */
void	policy_events_rules(struct policy_events *,
	    const struct policy_doc *steady, const struct policy_doc *trial);
/* Tells of events that the kernel did not report. */
void	policy_events_gaps(struct policy_events *);

#endif
