/* The policy module's files: what they share. */
#ifndef MUSTER_MOD_POLICY_PRIVATE_H
#define MUSTER_MOD_POLICY_PRIVATE_H

#include <jansson.h>
#include <uv.h>

#include "buf.h"
#include "module.h"
#include "policy_compile.h"
#include "policy_keep.h"

struct policy_kernel;

/* -- mod_policy_document.c -- */

struct document {
	char			*text;		/* NULL: there is none */
	size_t			 n;
	struct policy_doc	 doc;
};
/* 0, or -EINVAL with *why, freed by the caller; takes text. */
int	document_take(struct document *, char *text, size_t n, char **why);
/* A missing file is no document. */
int	document_load(struct document *, const char *path, char **why);
void	document_release(struct document *);
const struct policy_doc *document_doc(const struct document *);	/* or NULL */
char	*policy_hex(const uint8_t sha[32]);	/* the caller frees */

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

/* -- mod_policy_indicators.c: what rules may ask for -- */

struct policy_indicators;
struct policy_indicators *policy_indicators_new(const char *state_dir);
/* Reads the file where it is a new one: whether others are in it. */
int	policy_indicators_look(struct policy_indicators *);
/* What was read last: borrowed until the next look. */
const struct policy_indicator *policy_indicators_list(
	    const struct policy_indicators *, size_t *n);
const uint8_t *policy_indicators_hash(const struct policy_indicators *);
/* Whether any file could be read. */
int	policy_indicators_known(const struct policy_indicators *);
json_t	*policy_indicators_show(const struct policy_indicators *); /* new */

/* -- the whole -- */

struct policy_module {
	struct module		*m;
	struct policy_kernel	*kernel;
	struct policy_keep	*keep;
	struct policy_hooks	*hooks;
	struct policy_events	*events;
	struct policy_indicators *indicators;
	struct document		 steady, trial;
	int64_t			 deadline_ns;	/* CLOCK_BOOTTIME */
	char			*steady_path, *trial_path;
	struct buf		 upload;
	uv_timer_t		 tick;
	unsigned		 ticks;
	int			 taken_over;	/* the generation that serves */
	const char		*fault;		/* of policy.json, or NULL */
};

/* -- mod_policy_life.c -- */

/* What is in the kernel made to fit what was loaded; 0 or -errno with *why. */
int	life_bring_up(struct policy_module *, char **why);
/* What hooks and events need to know, and the state that people see. */
void	life_settle(struct policy_module *);
/*
 * Other invariants or indicators than those in the kernel.  What a process
 * before us put there is not replaced while an address of ours is still
 * unknown, or no indicators could be read: they may well be known there.
 */
void	life_keep(void *module);
/* On trial for so long.  0, and d is taken and empty; or -errno with *why. */
int	life_try(struct policy_module *, struct document *d, int64_t ms,
	    char **why);
/* The trial's two ends; there is one. */
int	life_confirm(struct policy_module *);		/* 0 or -errno */
void	life_revert(struct policy_module *, const char *why);
void	life_clear(struct policy_module *);		/* no document */

/* -- mod_policy_show.c -- */

json_t	*policy_status(void *module);
void	policy_show(struct policy_module *, struct module_call *);
void	policy_stats(struct policy_module *, struct module_call *);

/* -- mod_policy_commands.c -- */

void	policy_command(void *module, struct module_call *);

#endif
