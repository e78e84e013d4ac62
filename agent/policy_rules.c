/*
 * The rules of a policy's document: each by itself, but for its id, which is
 * its own alone, and its CIDRs, which count against a limit of all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "json.h"
#include "log.h"
#include "policy_doc_private.h"

struct rule_seen {
	const char	*id;		/* the rule's */
	size_t		 rule;
	UT_hash_handle	 hh;
};

/* -- lists: one value, or an array of them -- */

static size_t
list_size(const json_t *v)
{
	return json_is_array(v) ? json_array_size(v) : 1;
}

static const json_t *
list_item(const json_t *v, size_t i)
{
	return json_is_array(v) ? json_array_get(v, i) : v;
}

static int
read_cidrs(struct doc_reader *r, struct policy_rule *rule, const json_t *list)
{
	const char	*s, *why;
	size_t		 i, n = list_size(list);

	if (list == NULL)
		return 0;
	if (n == 0)
		return doc_fault(r, "cidr: is empty; leave it out for any"
		    " address");
	if ((r->cidrs += n) > POLICY_MAX_CIDRS)
		return doc_fault(r, "cidr: with this one the policy has more"
		    " than %d", POLICY_MAX_CIDRS);
	rule->cidrs = xcalloc(n, sizeof(*rule->cidrs));
	rule->n_cidrs = n;
	for (i = 0; i < n; i++) {
		s = json_string_value(list_item(list, i));
		if (s == NULL)
			return doc_fault(r, "cidr[%zu]: must be a string", i);
		if (policy_cidr_read(&rule->cidrs[i], s, &why) < 0)
			return doc_fault(r, "cidr[%zu]: %.*s: %s", i,
			    (int)strspn(s, "0123456789abcdefABCDEF.:/"), s,
			    why);	/* nothing that a terminal obeys */
	}
	return 0;
}

static int
read_range(struct policy_range *range, const json_t *v)
{
	const char	*s = json_string_value(v), *dash;
	long		 lo, hi;

	if (json_is_integer(v)) {
		if (json_integer_value(v) < 0 ||
		    json_integer_value(v) > 65535)
			return -EINVAL;
		lo = hi = (long)json_integer_value(v);
	} else if (s == NULL)
		return -EINVAL;
	else if ((dash = strchr(s, '-')) != NULL) {
		lo = policy_number(s, (size_t)(dash - s), 65535);
		hi = policy_number(dash + 1, strlen(dash + 1), 65535);
	} else
		lo = hi = policy_number(s, strlen(s), 65535);
	if (lo < 0 || hi < lo)
		return -EINVAL;
	range->lo = (uint16_t)lo;
	range->hi = (uint16_t)hi;
	return 0;
}

static int
read_ports(struct doc_reader *r, struct policy_rule *rule, const json_t *list,
    const char *name)
{
	size_t	i, n = list_size(list);

	if (rule->protocol != 6 && rule->protocol != 17 &&
	    rule->protocol != 132)
		return doc_fault(r, "%s: only with protocol tcp, udp or sctp",
		    name);
	if (n == 0)
		return doc_fault(r, "%s: is empty; leave it out for any port",
		    name);
	if (n > POLICY_MAX_PORTS)
		return doc_fault(r, "%s: must have at most %d items", name,
		    POLICY_MAX_PORTS);
	rule->ports = xcalloc(n, sizeof(*rule->ports));
	for (i = 0; i < n; i++) {
		if (read_range(&rule->ports[i], list_item(list, i)) < 0)
			return doc_fault(r, "%s[%zu]: must be a port or"
			    " \"FIRST-LAST\", from 0 to 65535", name, i);
		if (rule->ports[i].lo == 0 && rule->ports[i].hi == 65535)
			return 0;	/* n_ports is 0: any */
	}
	rule->n_ports = n;
	return 0;
}

/* -- a rule -- */

static const struct json_field rule_fields[] = {
	{ .name = "id", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = POLICY_MAX_ID },
	{ .name = "action", .kind = JSON_K_STR, .required = 1,
	    .words = "allow|deny" },
	{ .name = "direction", .kind = JSON_K_STR,
	    .words = "ingress|egress|both" },
	{ .name = "protocol", .kind = JSON_K_ANY },
	{ .name = "cidr", .kind = JSON_K_ANY },
	{ .name = "indicators", .kind = JSON_K_INT, .min = 0, .max = 100 },
	{ .name = "ports", .kind = JSON_K_ANY },
	{ .name = "source_ports", .kind = JSON_K_ANY },
	{ .name = "log", .kind = JSON_K_BOOL },
	{ .name = "comment", .kind = JSON_K_STR },
};

static int
id_is_good(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
	    "WXYZ0123456789.-_:/")] == '\0';
}

static int
read_protocol(struct doc_reader *r, struct policy_rule *rule, const json_t *v)
{
	rule->protocol = POLICY_PROTO_ANY;
	if (v == NULL)
		return 0;
	if (json_is_integer(v) && json_integer_value(v) >= 0 &&
	    json_integer_value(v) <= 255)
		rule->protocol = (int)json_integer_value(v);
	else if (json_is_string(v))
		rule->protocol = policy_protocol(json_string_value(v));
	else
		rule->protocol = -EINVAL;
	return rule->protocol != -EINVAL ? 0 : doc_fault(r, "protocol: must be"
	    " a number from 0 to 255, or a name such as tcp");
}

static int
note_id(struct doc_reader *r, const char *id)
{
	struct rule_seen	*s;

	HASH_FIND_STR(r->seen, id, s);
	if (s != NULL)
		return doc_fault(r, "id: is that of rules[%zu] too", s->rule);
	s = xcalloc(1, sizeof(*s));
	s->id = id;
	s->rule = r->rule;
	HASH_ADD_KEYPTR(hh, r->seen, s->id, strlen(s->id), s);
	return 0;
}

static int
read_rule(struct doc_reader *r, struct policy_rule *rule, const json_t *o)
{
	const char	*where = json_str(o, "direction", "both");
	const json_t	*ports = json_object_get(o, "ports");
	const json_t	*source = json_object_get(o, "source_ports");
	const json_t	*sure = json_object_get(o, "indicators");
	struct json_err	 err;
	char		 text[320];

	r->id = json_is_object(o) && id_is_good(json_str(o, "id", "")) ?
	    json_str(o, "id", "no id") : "no id";
	if (json_check(o, rule_fields, nitems(rule_fields), &err) < 0)
		return doc_fault(r, "%s", json_err_str(&err, text,
		    sizeof(text)));
	if (!id_is_good(json_str(o, "id", "")))
		return doc_fault(r, "id: may hold letters, digits and . - _"
		    " : /");
	rule->id = xstrdup(json_str(o, "id", ""));
	r->id = rule->id;
	rule->deny = strcmp(json_str(o, "action", ""), "deny") == 0;
	rule->dirs = (strcmp(where, "egress") != 0 ? POLICY_DIR_IN : 0) |
	    (strcmp(where, "ingress") != 0 ? POLICY_DIR_OUT : 0);
	rule->log = json_bool(o, "log", rule->deny);
	rule->source = source != NULL;
	rule->indicators = sure != NULL;
	rule->confidence = (int)json_int(o, "indicators", 0);
	r->doc->indicators |= rule->indicators;
	if (note_id(r, rule->id) < 0 ||
	    read_protocol(r, rule, json_object_get(o, "protocol")) < 0 ||
	    read_cidrs(r, rule, json_object_get(o, "cidr")) < 0)
		return -EINVAL;
	if (rule->indicators && rule->n_cidrs > 0)
		return doc_fault(r, "cidr and indicators: one of them; two"
		    " rules say both");
	if (ports != NULL && source != NULL)
		return doc_fault(r, "ports and source_ports: one of them; two"
		    " rules say both");
	if (source != NULL)
		return read_ports(r, rule, source, "source_ports");
	return ports != NULL ? read_ports(r, rule, ports, "ports") : 0;
}

int
rules_read(struct doc_reader *r, const json_t *list)
{
	struct policy_doc	*d = r->doc;
	struct rule_seen		*s, *next;
	size_t			 i;
	int			 rc = 0;

	d->rules = xcalloc(json_array_size(list) + 1, sizeof(*d->rules));
	for (i = 0; i < json_array_size(list) && rc == 0; i++) {
		r->rule = i;
		rc = read_rule(r, &d->rules[i], json_array_get(list, i));
		d->n_rules = i + 1;
	}
	HASH_ITER(hh, r->seen, s, next) {
		HASH_DEL(r->seen, s);
		free(s);
	}
	return rc;
}

void
policy_rule_release(struct policy_rule *r)
{
	free(r->id);
	free(r->cidrs);
	free(r->ports);
}
