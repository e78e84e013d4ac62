/*
 * The policy module: takes a document, tries it, keeps it when it is
 * confirmed.
 *
 * policy.json in the state directory is the confirmed document, and
 * policy-trial.json one that waits for its confirmation: what becomes of them
 * is in mod_policy_life.c.
 *
 * Everything stays in the kernel when this process ends.  The next one takes
 * it over, or, where it cannot be found, puts its own in its place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "confine.h"
#include "crypto.h"
#include "file.h"
#include "log.h"
#include "module.h"

enum { MEMORY_MB = 640 };	/* 200,000 rules as JSON, and their image */

#ifdef HAVE_BPF
#include "mod_policy_kernel.h"
#include "mod_policy_private.h"

enum {
	TICK_MS		= 500,
	TICKS_GAP	= 20		/* between two looks for gaps */
};

static void
on_tick(uv_timer_t *t)
{
	struct policy_module	*p = t->data;

	if (p->trial.text != NULL && policy_boot_ns() >= p->deadline_ns) {
		life_revert(p, "it was not confirmed in time");
		life_keep(p);
	}
	if (p->steady.text != NULL && p->steady.doc.indicators &&
	    policy_indicators_look(p->indicators))
		life_keep(p);
	if (++p->ticks % TICKS_GAP == 0) {
		policy_events_gaps(p->events);
		life_keep(p);
	}
}

static void
load_documents(struct policy_module *p)
{
	char	*why;

	if (document_load(&p->steady, p->steady_path, &why) < 0)
		p->fault = xasprintf("%s: %s", p->steady_path, why);
	if (document_load(&p->trial, p->trial_path, &why) < 0) {
		log_warn("policy", "%s: %s", p->trial_path, why);
		unlink(p->trial_path);
		free(why);
	}
}

static char *
pin_path(const char *state_dir)
{
	uint8_t	sha[32];
	char	*hex, *path;

	crypto_sha256(state_dir, strlen(state_dir), sha);
	hex = policy_hex(sha);
	path = xasprintf("/sys/fs/bpf/muster/%.16s", hex);
	free(hex);
	return path;
}

/* What fails here ends the process, which cleans up. */
static int
policy_start(struct module *m, const json_t *config, void **self, char **why)
{
	struct policy_module	*p = xcalloc(1, sizeof(*p));
	const char		*dir = module_state_dir(m);
	char			*pins = pin_path(dir);
	int			 rc;

	*self = p;
	p->m = m;
	p->steady_path = file_join(dir, "policy.json");
	p->trial_path = file_join(dir, "policy-trial.json");
	p->indicators = policy_indicators_new(dir);
	load_documents(p);
	if ((rc = policy_keep_start(&p->keep, module_loop(m), dir,
	    json_object_get(config, "management"), life_keep, p, why)) < 0 ||
	    (rc = policy_kernel_open(&p->kernel, pins, policy_hooks_found(),
	    why)) < 0 ||
	    (rc = policy_hooks_start(&p->hooks, module_loop(m), dir,
	    why)) < 0 ||
	    (rc = policy_events_start(&p->events, m, p->kernel, why)) < 0 ||
	    (rc = life_bring_up(p, why)) < 0)
		return rc;
	free(pins);
	life_settle(p);
	uv_timer_init(module_loop(m), &p->tick);
	p->tick.data = p;
	uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
	return 0;
}

#else

static int
policy_start(struct module *m, const json_t *config, void **self, char **why)
{
	(void)m;
	(void)config;
	*self = NULL;
	*why = xstrdup("this agent was built without eBPF (no clang or"
	    " bpftool there), and there is no other way to enforce a policy:"
	    " none by nftables");
	return -EINVAL;			/* not to be tried again */
}

#define policy_status	NULL
#define policy_command	NULL

#endif

const struct module_type	module_policy = {
	.name = "policy",
	.about = "network policy enforced in the kernel",
	.caps = CONFINE_BPF | CONFINE_NET_ADMIN | CONFINE_PERFMON,
	.memory_mb = MEMORY_MB,
	.start = policy_start,
	.status = policy_status,
	.command = policy_command,
};
