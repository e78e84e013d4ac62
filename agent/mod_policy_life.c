/*
 * A document's life: on trial, then confirmed or rolled back, and found again
 * by the next process.
 *
 * The deadline is in the kernel, whose program goes back by itself, whoever
 * has died meanwhile; we only clean up after it.  A confirmation is on the
 * disk before the kernel hears of it: killed in between, the kernel goes
 * back, and the next start brings the document that is on the disk.
 */
#ifdef HAVE_BPF
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "log.h"
#include "mod_policy_kernel.h"
#include "mod_policy_private.h"

static int
is_in(const struct policy_module *p, int slot, const struct document *d)
{
	const struct policy_head *h = policy_kernel_head(p->kernel, slot);

	return d->text != NULL && h != NULL && memcmp(h->document,
	    d->doc.sha256, sizeof(h->document)) == 0;
}

/* What a generation of this document has of the host. */
static void
host_hash(const struct policy_module *p, const struct document *d,
    uint8_t out[32])
{
	uint8_t	both[64];

	policy_keep_hash(p->keep, out);
	if (!d->doc.indicators)
		return;
	memcpy(both, out, 32);
	memcpy(both + 32, policy_indicators_hash(p->indicators), 32);
	crypto_sha256(both, sizeof(both), out);
}

static int
compile(const struct policy_module *p, const struct document *d,
    struct policy_image *m, char **why)
{
	struct policy_host	host = {
		.cpus = (int)sysconf(_SC_NPROCESSORS_CONF)
	};
	int			rc;

	host.kept = policy_keep_rules(p->keep, &host.n_kept);
	if (d->doc.indicators) {
		policy_indicators_look(p->indicators);
		host.indicators = policy_indicators_list(p->indicators,
		    &host.n_indicators);
	}
	rc = policy_compile(m, &d->doc, &host, why);
	if (rc == 0)
		host_hash(p, d, ((struct policy_head *)m->words)->kept);
	return rc;
}

static int
serve_steady(struct policy_module *p, char **why)
{
	struct policy_image	m;
	int			rc;

	if ((rc = compile(p, &p->steady, &m, why)) < 0)
		return rc;
	if ((rc = policy_kernel_set(p->kernel, &m, why)) == 0)
		p->taken_over = 0;
	policy_image_release(&m);
	return rc;
}

void
life_settle(struct policy_module *p)
{
	const char	*why;

	policy_hooks_set(p->hooks, p->kernel, document_doc(&p->steady),
	    document_doc(&p->trial));
	policy_events_rules(p->events, document_doc(&p->steady),
	    document_doc(&p->trial));
	if (p->fault != NULL)
		module_source(p->m, "ebpf", p->fault);
	else if (policy_hooks_failed(p->hooks, &why) > 0)
		module_source(p->m, "ebpf", why);
	else
		module_source(p->m, "ebpf", NULL);
}

static void
tell(const struct policy_module *p, enum spool_class class, const char *type,
    const struct document *d, const char *why)
{
	json_t	*o = json_object();
	char	*hex;

	if (d->text != NULL) {
		hex = policy_hex(d->doc.sha256);
		json_object_set_new(o, "policy", json_string(hex));
		json_object_set_new(o, "rules",
		    json_integer((json_int_t)d->doc.n_rules));
		free(hex);
	}
	if (why != NULL)
		json_object_set_new(o, "why", json_string(why));
	log_info("policy", "%s%s%s", type, why != NULL ? ": " : "",
	    why != NULL ? why : "");
	module_event(p->m, class, type, o);
}

static void
end_trial(struct policy_module *p, const char *why)
{
	int	rc = policy_kernel_revert(p->kernel);

	if (rc < 0)
		log_warn("policy", "the trial: %s", errstr(rc));
	unlink(p->trial_path);
	tell(p, SPOOL_ALERT, "policy-rolled-back", &p->trial, why);
	document_release(&p->trial);
	p->deadline_ns = 0;
}

void
life_keep(void *arg)
{
	struct policy_module		*p = arg;
	struct policy_state		 s;
	const struct policy_head	*h;
	uint8_t				 sha[32];
	char				*why;

	if (p->steady.text == NULL || p->trial.text != NULL)
		return;
	if (p->steady.doc.indicators)
		policy_indicators_look(p->indicators);
	if ((p->taken_over && (!policy_keep_complete(p->keep) ||
	    (p->steady.doc.indicators &&
	    !policy_indicators_known(p->indicators)))) ||
	    policy_kernel_state(p->kernel, &s) < 0)
		return;
	host_hash(p, &p->steady, sha);
	h = policy_kernel_head(p->kernel, s.slot);
	if (h != NULL && memcmp(h->kept, sha, sizeof(sha)) == 0)
		return;
	if (serve_steady(p, &why) < 0) {
		log_warn("policy", "invariants and indicators: %s", why);
		free(why);
	}
}

/* -- by command, or by time -- */

/* The kernel did not take what is on the disk by now, and may have half of it
 * in the place of the trial before: that ends, too. */
static void
no_trial(struct policy_module *p)
{
	if (p->trial.text == NULL) {
		unlink(p->trial_path);
		return;
	}
	end_trial(p, "the next one could not be put in its place");
	life_settle(p);
}

int
life_try(struct policy_module *p, struct document *d, int64_t ms, char **why)
{
	struct policy_image	m;
	int64_t			deadline;
	int			rc;

	if ((rc = compile(p, d, &m, why)) < 0)
		return rc;
	deadline = policy_boot_ns() + ms * 1000000;
	if ((rc = file_write(p->trial_path, d->text, d->n, 0600)) < 0)
		*why = xasprintf("%s: %s", p->trial_path, errstr(rc));
	else if ((rc = policy_kernel_try(p->kernel, &m, deadline, why)) < 0)
		no_trial(p);
	policy_image_release(&m);
	if (rc < 0)
		return rc;
	document_release(&p->trial);
	p->trial = *d;
	p->deadline_ns = deadline;
	memset(d, 0, sizeof(*d));
	life_settle(p);
	tell(p, SPOOL_EVENT, "policy-on-trial", &p->trial, NULL);
	return 0;
}

int
life_confirm(struct policy_module *p)
{
	int	rc;

	if ((rc = file_write(p->steady_path, p->trial.text, p->trial.n,
	    0600)) < 0 || (rc = policy_kernel_confirm(p->kernel)) < 0)
		return rc;
	unlink(p->trial_path);
	document_release(&p->steady);
	p->steady = p->trial;
	memset(&p->trial, 0, sizeof(p->trial));
	p->deadline_ns = 0;
	p->taken_over = 0;
	p->fault = NULL;
	life_settle(p);
	life_keep(p);
	tell(p, SPOOL_EVENT, "policy-confirmed", &p->steady, NULL);
	return 0;
}

void
life_revert(struct policy_module *p, const char *why)
{
	end_trial(p, why);
	life_settle(p);
}

void
life_clear(struct policy_module *p)
{
	if (p->trial.text != NULL)
		end_trial(p, "by command");
	unlink(p->steady_path);
	tell(p, SPOOL_ALERT, "policy-cleared", &p->steady, NULL);
	document_release(&p->steady);
	p->fault = NULL;
	policy_kernel_clear(p->kernel);
	life_settle(p);
}

/* -- the start -- */

/* The kernel had it before us; so that it goes on as it is. */
static void
take_over(struct policy_module *p)
{
	struct policy_state	s;

	p->taken_over = 1;
	if (policy_kernel_state(p->kernel, &s) < 0)
		return;
	if (s.deadline_ns == 0)
		return;
	if (is_in(p, !s.slot, &p->steady) && !is_in(p, s.slot, &p->steady))
		policy_kernel_confirm(p->kernel);	/* was on the disk */
	else if (s.deadline_ns > policy_boot_ns() &&
	    is_in(p, !s.slot, &p->trial))
		p->deadline_ns = s.deadline_ns;
}

int
life_bring_up(struct policy_module *p, char **why)
{
	struct policy_state	s;
	int			rc;

	if (policy_kernel_adopted(p->kernel))
		take_over(p);
	if (p->trial.text != NULL && p->deadline_ns == 0)
		end_trial(p, "its time passed while no agent ran");
	if ((rc = policy_kernel_state(p->kernel, &s)) < 0) {
		*why = xstrdup(errstr(rc));
		return rc;
	}
	if (p->steady.text != NULL && !is_in(p, s.slot, &p->steady) &&
	    p->trial.text == NULL)
		return serve_steady(p, why);
	if (p->steady.text == NULL && p->fault == NULL &&
	    p->trial.text == NULL && s.has[s.slot])
		policy_kernel_clear(p->kernel);
	return 0;
}

#endif
