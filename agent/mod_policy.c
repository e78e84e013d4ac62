/*
 * The policy module: takes a document, tries it, keeps it when it is
 * confirmed.
 *
 * policy.json in the state directory is the confirmed document, and
 * policy-trial.json one that waits for its confirmation.  The deadline is in
 * the kernel, whose program goes back by itself, whoever has died meanwhile;
 * we only clean up after it.  A confirmation is on the disk before the kernel
 * hears of it: killed in between, the kernel goes back, and the next start
 * brings the document that is on the disk.
 *
 * Everything stays in the kernel when this process ends.  The next one takes
 * it over, or, where it cannot be found, puts its own in its place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "confine.h"
#include "module.h"

enum { MEMORY_MB = 640 };	/* 200,000 rules as JSON, and their image */

#ifdef HAVE_BPF
#include "mod_policy_kernel.h"
#include "mod_policy_private.h"
#include "policy_doc.h"

enum {
	TICK_MS		= 500,
	TICKS_GAP	= 20,		/* between two looks for gaps */
	CONFIRM_MS	= 60 * 1000,
	CONFIRM_MIN	= 5 * 1000,
	CONFIRM_MAX	= 3600 * 1000,
	PART_RULES	= 500,
	PART_TEXT	= 48 * 1024	/* a message has at most 256 KB */
};

struct document {
	char			*text;		/* NULL: there is none */
	size_t			 n;
	struct policy_doc	 doc;
};

struct policy_module {
	struct module		*m;
	struct policy_kernel	*kernel;
	struct policy_keep	*keep;
	struct policy_hooks	*hooks;
	struct policy_events	*events;
	struct document		 steady, trial;
	int64_t			 deadline_ns;	/* CLOCK_BOOTTIME */
	char			*steady_path, *trial_path;
	struct buf		 upload;
	uv_timer_t		 tick;
	unsigned		 ticks;
	int			 taken_over;	/* the generation that serves */
	const char		*fault;		/* of policy.json, or NULL */
};

/* -- documents -- */

static const struct policy_doc *
doc_of(const struct document *d)
{
	return d->text != NULL ? &d->doc : NULL;
}

static void
document_release(struct document *d)
{
	if (d->text != NULL)
		policy_doc_release(&d->doc);
	free(d->text);
	memset(d, 0, sizeof(*d));
}

/* 0, or -EINVAL with *why; takes text. */
static int
document_take(struct document *d, char *text, size_t n, char **why)
{
	memset(d, 0, sizeof(*d));
	if (policy_doc_read(&d->doc, text, n, why) < 0) {
		free(text);
		return -EINVAL;
	}
	d->text = text;
	d->n = n;
	return 0;
}

/* A missing file is no document. */
static int
document_load(struct document *d, const char *path, char **why)
{
	struct buf	b = BUF_INIT;
	int		rc = file_read(path, POLICY_MAX_TEXT, &b);
	size_t		n = b.len;

	memset(d, 0, sizeof(*d));
	if (rc == 0)
		return document_take(d, buf_take(&b), n, why);
	buf_release(&b);
	if (rc == -ENOENT)
		return 0;
	*why = xstrdup(errstr(rc));
	return rc;
}

static char *
hex_of(const uint8_t sha[32])
{
	struct buf	b = BUF_INIT;
	int		i;

	for (i = 0; i < 32; i++)
		buf_printf(&b, "%02x", sha[i]);
	return buf_take(&b);
}

static int
is_in(const struct policy_module *p, int slot, const struct document *d)
{
	const struct policy_head	*h = policy_kernel_head(p->kernel, slot);

	return d->text != NULL && h != NULL && memcmp(h->document,
	    d->doc.sha256, sizeof(h->document)) == 0;
}

/* -- the kernel -- */

static int
compile(const struct policy_module *p, const struct document *d,
    struct policy_image *m, char **why)
{
	const struct policy_rule	*kept;
	size_t				 n;
	int				 rc;

	kept = policy_keep_rules(p->keep, &n);
	rc = policy_compile(m, &d->doc, kept, n,
	    (int)sysconf(_SC_NPROCESSORS_CONF), why);
	if (rc == 0)
		policy_keep_hash(p->keep,
		    ((struct policy_head *)m->words)->kept);
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

/* What hooks and events need to know, and the state that people see. */
static void
settle(struct policy_module *p)
{
	const char	*why;

	policy_hooks_set(p->hooks, p->kernel, doc_of(&p->steady),
	    doc_of(&p->trial));
	policy_events_rules(p->events, doc_of(&p->steady), doc_of(&p->trial));
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
		hex = hex_of(d->doc.sha256);
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

/*
 * Other invariants than those in the kernel.  What a process before us put
 * there is not replaced while an address of ours is still unknown: it may
 * well be known there.
 */
static void
on_keep(void *arg)
{
	struct policy_module		*p = arg;
	struct policy_state		 s;
	const struct policy_head	*h;
	uint8_t				 sha[32];
	char				*why;

	if (p->steady.text == NULL || p->trial.text != NULL ||
	    (p->taken_over && !policy_keep_complete(p->keep)) ||
	    policy_kernel_state(p->kernel, &s) < 0)
		return;
	policy_keep_hash(p->keep, sha);
	h = policy_kernel_head(p->kernel, s.slot);
	if (h != NULL && memcmp(h->kept, sha, sizeof(sha)) == 0)
		return;
	if (serve_steady(p, &why) < 0) {
		log_warn("policy", "invariants: %s", why);
		free(why);
	}
}

static void
on_tick(uv_timer_t *t)
{
	struct policy_module	*p = t->data;

	if (p->trial.text != NULL && policy_boot_ns() >= p->deadline_ns) {
		end_trial(p, "it was not confirmed in time");
		settle(p);
		on_keep(p);
	}
	if (++p->ticks % TICKS_GAP == 0) {
		policy_events_gaps(p->events);
		on_keep(p);
	}
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

static int
bring_up(struct policy_module *p, char **why)
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
	hex = hex_of(sha);
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
	load_documents(p);
	if ((rc = policy_keep_start(&p->keep, module_loop(m), dir,
	    json_object_get(config, "management"), on_keep, p, why)) < 0 ||
	    (rc = policy_kernel_open(&p->kernel, pins, policy_hooks_found(),
	    why)) < 0 ||
	    (rc = policy_hooks_start(&p->hooks, module_loop(m), dir,
	    why)) < 0 ||
	    (rc = policy_events_start(&p->events, m, p->kernel, why)) < 0 ||
	    (rc = bring_up(p, why)) < 0)
		return rc;
	free(pins);
	settle(p);
	uv_timer_init(module_loop(m), &p->tick);
	p->tick.data = p;
	uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
	return 0;
}

/* -- what it says of itself -- */

static void
add_document(json_t *o, const char *key, const struct document *d)
{
	char	*hex;

	if (d->text == NULL)
		return;
	hex = hex_of(d->doc.sha256);
	json_object_set_new(o, key, json_pack("{ss ss ss ss si}", "sha256",
	    hex, "mode", d->doc.audit ? "audit" : "enforce",
	    "defaultIngress", d->doc.deny[0] ? "deny" : "allow",
	    "defaultEgress", d->doc.deny[1] ? "deny" : "allow", "rules",
	    (int)d->doc.n_rules));
	free(hex);
}

/* Which document the kernel goes by at this moment: of its own head. */
static json_t *
serving(const struct policy_module *p, const struct policy_head **head)
{
	struct policy_state	 s;
	const struct policy_head *h;
	char			*hex;
	json_t			*v;
	int			 slot;

	*head = NULL;
	if (policy_kernel_state(p->kernel, &s) < 0)
		return json_null();
	slot = s.deadline_ns > policy_boot_ns() ? !s.slot : s.slot;
	if (!s.has[slot])
		return json_null();
	if ((*head = h = policy_kernel_head(p->kernel, slot)) == NULL)
		return json_string("unknown");
	hex = hex_of(h->document);
	v = json_string(hex);
	free(hex);
	return v;
}

static json_t *
policy_status(void *self)
{
	static const struct {
		const char	*name;
		uint32_t	 slot;
	} counts[] = {
		{ "defaultIngress", POLICY_N_DEFAULT_IN },
		{ "defaultEgress", POLICY_N_DEFAULT_OUT },
		{ "kept", POLICY_N_KEPT }, { "malformed", POLICY_N_MALFORMED },
		{ "notIp", POLICY_N_OTHER }, { "events", POLICY_N_EVENTS },
		{ "eventsSuppressed", POLICY_N_SUPPRESSED },
		{ "eventsLost", POLICY_N_LOST },
	};
	const struct policy_module	*p = self;
	const struct policy_head	*h;
	json_t				*o = json_object(), *c;
	const char			*why;
	size_t				 i;

	json_object_set_new(o, "state", json_string(p->trial.text != NULL ?
	    "trial" : p->steady.text == NULL ? "none" : p->steady.doc.audit ?
	    "audit" : "enforced"));
	json_object_set_new(o, "serving", serving(p, &h));
	add_document(o, "confirmed", &p->steady);
	add_document(o, "trial", &p->trial);
	if (p->trial.text != NULL)
		json_object_set_new(o, "rollbackInMs", json_integer(
		    (p->deadline_ns - policy_boot_ns()) / 1000000));
	json_object_set_new(o, "interfaces", policy_hooks_show(p->hooks));
	json_object_set_new(o, "kept", policy_keep_show(p->keep));
	why = policy_kernel_unpinned(p->kernel);
	if (why != NULL)
		json_object_set_new(o, "notPinned", json_string(why));
	if (h == NULL)
		return o;
	c = json_object();
	for (i = 0; i < nitems(counts); i++)
		json_object_set_new(c, counts[i].name, json_integer(
		    (json_int_t)policy_head_count(h, counts[i].slot).packets));
	json_object_set_new(o, "packets", c);
	return o;
}

/* -- verbs -- */

/* A piece of UTF-8 text that ends between two characters. */
static size_t
piece(const char *text, size_t n)
{
	size_t	k = PART_TEXT;

	if (n <= k)
		return n;
	while (k > 0 && ((unsigned char)text[k] & 0xc0) == 0x80)
		k--;
	return k;
}

static void
do_show(struct policy_module *p, struct module_call *c)
{
	const struct document	*d = p->trial.text != NULL && json_bool(
	    module_call_args(c), "trial", 0) ? &p->trial : &p->steady;
	size_t			 at, n;

	if (json_bool(module_call_args(c), "document", 0))
		for (at = 0; at < d->n; at += n) {
			n = piece(d->text + at, d->n - at);
			module_answer_part(c, json_pack("{ss%}", "text",
			    d->text + at, n));
		}
	module_answer(c, policy_status(p), NULL);
}

static void
do_stats(struct policy_module *p, struct module_call *c)
{
	const struct document	*d = p->trial.text != NULL ? &p->trial :
	    &p->steady;
	const struct policy_head *h;
	struct policy_count	 n;
	json_t			*list = json_array();
	int			 all = json_bool(module_call_args(c), "all", 0);
	size_t			 i;

	json_decref(serving(p, &h));
	for (i = 0; h != NULL && i < d->doc.n_rules &&
	    POLICY_N_FIRST_RULE + i < h->slots; i++) {
		n = policy_head_count(h, (uint32_t)(POLICY_N_FIRST_RULE + i));
		if (n.packets == 0 && !all)
			continue;
		json_array_append_new(list, json_pack("{ss ss sI sI}", "id",
		    d->doc.rules[i].id, "action", d->doc.rules[i].deny ?
		    "deny" : "allow", "packets", (json_int_t)n.packets,
		    "bytes", (json_int_t)n.bytes));
		if (json_array_size(list) == PART_RULES) {
			module_answer_part(c, list);
			list = json_array();
		}
	}
	if (json_array_size(list) > 0)
		module_answer_part(c, list);
	else
		json_decref(list);
	module_answer(c, policy_status(p), h == NULL &&
	    p->steady.text != NULL ? "the counters cannot be read" : NULL);
}

static void
do_upload(struct policy_module *p, struct module_call *c)
{
	const json_t	*text = json_object_get(module_call_args(c), "text");
	int64_t		 at = json_int(module_call_args(c), "offset", -1);

	if (at == 0)
		buf_release(&p->upload);
	if (!json_is_string(text) || at != (int64_t)p->upload.len)
		module_answer(c, NULL, "upload: wants offset, where the last"
		    " one ended, and text");
	else if (p->upload.len + json_string_length(text) > POLICY_MAX_TEXT)
		module_answer(c, NULL, "upload: the policy is too long");
	else {
		buf_add(&p->upload, json_string_value(text),
		    json_string_length(text));
		module_answer(c, json_pack("{sI}", "offset",
		    (json_int_t)p->upload.len), NULL);
	}
}

/* The text that set is about: its own, or what was uploaded. */
static char *
set_text(struct policy_module *p, const json_t *args, size_t *n)
{
	const json_t	*text = json_object_get(args, "text");
	char		*s;

	if (json_is_string(text)) {
		*n = json_string_length(text);
		return xmemdup(json_string_value(text), *n);
	}
	*n = p->upload.len;
	s = buf_take(&p->upload);
	p->upload = (struct buf)BUF_INIT;
	return s;
}

static int
try_document(struct policy_module *p, struct document *d, int64_t ms,
    char **why)
{
	struct policy_image	m;
	int			rc;

	if ((rc = compile(p, d, &m, why)) < 0)
		return rc;
	if ((rc = file_write(p->trial_path, d->text, d->n, 0600)) < 0)
		*why = xasprintf("%s: %s", p->trial_path, errstr(rc));
	else {
		p->deadline_ns = policy_boot_ns() + ms * 1000000;
		rc = policy_kernel_try(p->kernel, &m, p->deadline_ns, why);
	}
	policy_image_release(&m);
	return rc;
}

static void
do_set(struct policy_module *p, struct module_call *c)
{
	const json_t	*args = module_call_args(c);
	int64_t		 ms = json_int(args, "confirmMs", CONFIRM_MS);
	struct document	 d;
	char		*text, *why = NULL;
	size_t		 n;

	if (ms < CONFIRM_MIN || ms > CONFIRM_MAX) {
		module_answer(c, NULL, "confirmMs: from 5000 to 3600000");
		return;
	}
	text = set_text(p, args, &n);
	if (document_take(&d, text, n, &why) < 0) {
		module_answer(c, NULL, why);
		free(why);
		return;
	}
	if (try_document(p, &d, ms, &why) < 0) {
		module_answer(c, NULL, why);
		free(why);
		document_release(&d);
		return;
	}
	document_release(&p->trial);
	p->trial = d;
	settle(p);
	tell(p, SPOOL_EVENT, "policy-on-trial", &p->trial, NULL);
	module_answer(c, policy_status(p), NULL);
}

static void
do_confirm(struct policy_module *p, struct module_call *c)
{
	const char	*want = json_str(module_call_args(c), "policy", "");
	char		*hex;
	int		 rc, same;

	if (p->trial.text == NULL || policy_boot_ns() >= p->deadline_ns) {
		module_answer(c, NULL, "no policy waits for a confirmation");
		return;
	}
	hex = hex_of(p->trial.doc.sha256);
	same = strncmp(hex, want, strlen(want)) == 0;
	free(hex);
	if (!same) {
		module_answer(c, NULL, "another policy waits for its"
		    " confirmation");
		return;
	}
	if ((rc = file_write(p->steady_path, p->trial.text, p->trial.n,
	    0600)) < 0 || (rc = policy_kernel_confirm(p->kernel)) < 0) {
		module_answer(c, NULL, errstr(rc));
		return;
	}
	unlink(p->trial_path);
	document_release(&p->steady);
	p->steady = p->trial;
	memset(&p->trial, 0, sizeof(p->trial));
	p->deadline_ns = 0;
	p->taken_over = 0;
	p->fault = NULL;
	settle(p);
	on_keep(p);
	tell(p, SPOOL_EVENT, "policy-confirmed", &p->steady, NULL);
	module_answer(c, policy_status(p), NULL);
}

static void
do_revert(struct policy_module *p, struct module_call *c)
{
	if (p->trial.text == NULL) {
		module_answer(c, NULL, "no policy waits for a confirmation");
		return;
	}
	end_trial(p, "by command");
	settle(p);
	module_answer(c, policy_status(p), NULL);
}

static void
do_clear(struct policy_module *p, struct module_call *c)
{
	if (p->trial.text != NULL)
		end_trial(p, "by command");
	unlink(p->steady_path);
	tell(p, SPOOL_ALERT, "policy-cleared", &p->steady, NULL);
	document_release(&p->steady);
	p->fault = NULL;
	policy_kernel_clear(p->kernel);
	settle(p);
	module_answer(c, policy_status(p), NULL);
}

static void
policy_command(void *self, struct module_call *c)
{
	static const struct {
		const char	*verb;
		void		(*run)(struct policy_module *,
				    struct module_call *);
	} verbs[] = {
		{ "show", do_show }, { "stats", do_stats },
		{ "upload", do_upload }, { "set", do_set },
		{ "confirm", do_confirm }, { "revert", do_revert },
		{ "clear", do_clear },
	};
	size_t	i;

	for (i = 0; i < nitems(verbs); i++)
		if (strcmp(module_call_verb(c), verbs[i].verb) == 0) {
			verbs[i].run(self, c);
			return;
		}
	module_answer(c, NULL, "policy knows the verbs show, stats, upload,"
	    " set, confirm, revert, clear");
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
