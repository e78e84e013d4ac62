/* What the policy module says of itself: its documents, what serves, and the
 * counters. */
#ifdef HAVE_BPF
#include <stdlib.h>

#include "json.h"
#include "log.h"
#include "mod_policy_kernel.h"
#include "mod_policy_private.h"

enum {
	PART_RULES	= 500,
	PART_TEXT	= 48 * 1024	/* a message has at most 256 KB */
};

static void
add_document(json_t *o, const char *key, const struct document *d)
{
	char	*hex;

	if (d->text == NULL)
		return;
	hex = policy_hex(d->doc.sha256);
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
	hex = policy_hex(h->document);
	v = json_string(hex);
	free(hex);
	return v;
}

json_t *
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
	if ((p->steady.text != NULL && p->steady.doc.indicators) ||
	    (p->trial.text != NULL && p->trial.doc.indicators))
		json_object_set_new(o, "indicators",
		    policy_indicators_show(p->indicators));
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

void
policy_show(struct policy_module *p, struct module_call *c)
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

void
policy_stats(struct policy_module *p, struct module_call *c)
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

#endif
