/*
 * A policy's document.  It is taken as a whole or not at all: the first fault
 * ends the reading, and says in which rule and where.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <uv.h>

#include "buf.h"
#include "crypto.h"
#include "json.h"
#include "log.h"
#include "policy_doc.h"

enum { IN, OUT };

/* -- words -- */

static const struct {
	const char	*name;
	int		 number;
} protocols[] = {
	{ "any", POLICY_PROTO_ANY }, { "icmp", 1 }, { "igmp", 2 },
	{ "tcp", 6 }, { "udp", 17 }, { "gre", 47 }, { "esp", 50 },
	{ "ah", 51 }, { "icmpv6", 58 }, { "ospf", 89 }, { "vrrp", 112 },
	{ "sctp", 132 }
};

/* Digits alone, up to max; -1. */
static long
number(const char *s, size_t n, long max)
{
	long	v = 0;
	size_t	i;

	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		if ((v = v * 10 + (s[i] - '0')) > max)
			return -1;
	}
	return n > 0 ? v : -1;
}

int
policy_protocol(const char *s)
{
	size_t	i;
	long	v;

	for (i = 0; i < nitems(protocols); i++)
		if (strcmp(s, protocols[i].name) == 0)
			return protocols[i].number;
	v = number(s, strlen(s), 255);
	return v < 0 ? -EINVAL : (int)v;
}

const char *
policy_protocol_name(int number, char out[8])
{
	size_t	i;

	for (i = 0; i < nitems(protocols); i++)
		if (number == protocols[i].number)
			return protocols[i].name;
	snprintf(out, 8, "%d", number);
	return out;
}

static int
has_bits_beyond(const struct policy_cidr *c)
{
	int	bits = c->v6 ? 128 : 32, i;

	for (i = c->len; i < bits; i++)
		if (c->addr[i / 8] & 0x80 >> i % 8)
			return 1;
	return 0;
}

int
policy_cidr_read(struct policy_cidr *c, const char *s, const char **why)
{
	const char	*slash = strchr(s, '/');
	size_t		 n = slash != NULL ? (size_t)(slash - s) : strlen(s);
	char		 host[64];
	long		 len;

	memset(c, 0, sizeof(*c));
	*why = "is no IPv4 or IPv6 address";
	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, s, n);
	host[n] = '\0';
	c->v6 = strchr(host, ':') != NULL;
	if (strchr(host, '%') != NULL ||
	    uv_inet_pton(c->v6 ? AF_INET6 : AF_INET, host, c->addr) < 0)
		return -EINVAL;
	len = c->v6 ? 128 : 32;
	if (slash != NULL && (len = number(slash + 1, strlen(slash + 1),
	    len)) < 0) {
		*why = "has a prefix length out of range";
		return -EINVAL;
	}
	c->len = (uint8_t)len;
	if (has_bits_beyond(c)) {
		*why = "has bits set beyond its prefix length";
		return -EINVAL;
	}
	return 0;
}

char *
policy_cidr_text(const struct policy_cidr *c, char *out, size_t n)
{
	char	host[64] = "?";

	uv_inet_ntop(c->v6 ? AF_INET6 : AF_INET, c->addr, host, sizeof(host));
	snprintf(out, n, "%s/%d", host, c->len);
	return out;
}

/* -- faults -- */

struct reader {
	struct policy_doc	*doc;
	size_t			 cidrs;		/* all rules' so far */
	struct seen		*seen;		/* their ids */
	size_t			 rule;		/* the present one's place */
	const char		*id;		/* and id; NULL: in none */
	char			**why;
};

struct seen {
	const char	*id;		/* the rule's */
	size_t		 rule;
	UT_hash_handle	 hh;
};

static int
fault(const struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int
fault(const struct reader *r, const char *fmt, ...)
{
	struct buf	b = BUF_INIT;
	va_list		ap;

	if (r->id != NULL)
		buf_printf(&b, "rules[%zu] (%s): ", r->rule, r->id);
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	*r->why = buf_take(&b);
	return -EINVAL;
}

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
read_cidrs(struct reader *r, struct policy_rule *rule, const json_t *list)
{
	const char	*s, *why;
	size_t		 i, n = list_size(list);

	if (list == NULL)
		return 0;
	if (n == 0)
		return fault(r, "cidr: is empty; leave it out for any"
		    " address");
	if ((r->cidrs += n) > POLICY_MAX_CIDRS)
		return fault(r, "cidr: with this one the policy has more"
		    " than %d", POLICY_MAX_CIDRS);
	rule->cidrs = xcalloc(n, sizeof(*rule->cidrs));
	rule->n_cidrs = n;
	for (i = 0; i < n; i++) {
		s = json_string_value(list_item(list, i));
		if (s == NULL)
			return fault(r, "cidr[%zu]: must be a string", i);
		if (policy_cidr_read(&rule->cidrs[i], s, &why) < 0)
			return fault(r, "cidr[%zu]: %.*s: %s", i,
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
		lo = number(s, (size_t)(dash - s), 65535);
		hi = number(dash + 1, strlen(dash + 1), 65535);
	} else
		lo = hi = number(s, strlen(s), 65535);
	if (lo < 0 || hi < lo)
		return -EINVAL;
	range->lo = (uint16_t)lo;
	range->hi = (uint16_t)hi;
	return 0;
}

static int
read_ports(struct reader *r, struct policy_rule *rule, const json_t *list,
    const char *name)
{
	size_t	i, n = list_size(list);

	if (rule->protocol != 6 && rule->protocol != 17 &&
	    rule->protocol != 132)
		return fault(r, "%s: only with protocol tcp, udp or sctp",
		    name);
	if (n == 0)
		return fault(r, "%s: is empty; leave it out for any port",
		    name);
	if (n > POLICY_MAX_PORTS)
		return fault(r, "%s: must have at most %d items", name,
		    POLICY_MAX_PORTS);
	rule->ports = xcalloc(n, sizeof(*rule->ports));
	for (i = 0; i < n; i++) {
		if (read_range(&rule->ports[i], list_item(list, i)) < 0)
			return fault(r, "%s[%zu]: must be a port or"
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
read_protocol(struct reader *r, struct policy_rule *rule, const json_t *v)
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
	return rule->protocol != -EINVAL ? 0 : fault(r, "protocol: must be a"
	    " number from 0 to 255, or a name such as tcp");
}

static int
note_id(struct reader *r, const char *id)
{
	struct seen	*s;

	HASH_FIND_STR(r->seen, id, s);
	if (s != NULL)
		return fault(r, "id: is that of rules[%zu] too", s->rule);
	s = xcalloc(1, sizeof(*s));
	s->id = id;
	s->rule = r->rule;
	HASH_ADD_KEYPTR(hh, r->seen, s->id, strlen(s->id), s);
	return 0;
}

static int
read_rule(struct reader *r, struct policy_rule *rule, const json_t *o)
{
	const char	*where = json_str(o, "direction", "both");
	const json_t	*ports = json_object_get(o, "ports");
	const json_t	*source = json_object_get(o, "source_ports");
	struct json_err	 err;
	char		 text[320];

	r->id = json_is_object(o) && id_is_good(json_str(o, "id", "")) ?
	    json_str(o, "id", "no id") : "no id";
	if (json_check(o, rule_fields, nitems(rule_fields), &err) < 0)
		return fault(r, "%s", json_err_str(&err, text,
		    sizeof(text)));
	if (!id_is_good(json_str(o, "id", "")))
		return fault(r, "id: may hold letters, digits and . - _ : /");
	rule->id = xstrdup(json_str(o, "id", ""));
	r->id = rule->id;
	rule->deny = strcmp(json_str(o, "action", ""), "deny") == 0;
	rule->dirs = (strcmp(where, "egress") != 0 ? POLICY_DIR_IN : 0) |
	    (strcmp(where, "ingress") != 0 ? POLICY_DIR_OUT : 0);
	rule->log = json_bool(o, "log", rule->deny);
	rule->source = source != NULL;
	if (note_id(r, rule->id) < 0 ||
	    read_protocol(r, rule, json_object_get(o, "protocol")) < 0 ||
	    read_cidrs(r, rule, json_object_get(o, "cidr")) < 0)
		return -EINVAL;
	if (ports != NULL && source != NULL)
		return fault(r, "ports and source_ports: one of them; two"
		    " rules say both");
	if (source != NULL)
		return read_ports(r, rule, source, "source_ports");
	return ports != NULL ? read_ports(r, rule, ports, "ports") : 0;
}

static int
read_rules(struct reader *r, const json_t *list)
{
	struct policy_doc	*d = r->doc;
	struct seen		*s, *next;
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

/* -- the whole -- */

static const struct json_field doc_fields[] = {
	{ .name = "version", .kind = JSON_K_INT, .required = 1 },
	{ .name = "description", .kind = JSON_K_STR },
	{ .name = "mode", .kind = JSON_K_STR, .words = "enforce|audit" },
	{ .name = "default", .kind = JSON_K_ANY, .required = 1 },
	{ .name = "log", .kind = JSON_K_BOOL },
	{ .name = "interfaces", .kind = JSON_K_ARR, .element = JSON_K_STR,
	    .max = POLICY_MAX_INTERFACES },
	{ .name = "rules", .kind = JSON_K_ARR, .element = JSON_K_ANY,
	    .required = 1, .max = POLICY_MAX_RULES },
};

static const struct json_field default_fields[] = {
	{ .name = "ingress", .kind = JSON_K_STR, .required = 1,
	    .words = "allow|deny" },
	{ .name = "egress", .kind = JSON_K_STR, .required = 1,
	    .words = "allow|deny" },
};

static int
read_default(struct reader *r, const json_t *v)
{
	const char	*s = json_string_value(v);
	struct json_err	 err;
	char		 text[320];

	if (json_is_object(v)) {
		if (json_check(v, default_fields, nitems(default_fields),
		    &err) < 0)
			return fault(r, "default.%s", json_err_str(&err, text,
			    sizeof(text)));
		r->doc->deny[IN] = strcmp(json_str(v, "ingress", ""),
		    "deny") == 0;
		r->doc->deny[OUT] = strcmp(json_str(v, "egress", ""),
		    "deny") == 0;
		return 0;
	}
	if (s == NULL || (strcmp(s, "allow") != 0 && strcmp(s, "deny") != 0))
		return fault(r, "default must be allow, deny, or both by"
		    " {\"ingress\", \"egress\"}");
	r->doc->deny[IN] = r->doc->deny[OUT] = strcmp(s, "deny") == 0;
	return 0;
}

static int
read_interfaces(struct reader *r, const json_t *list)
{
	struct policy_doc	*d = r->doc;
	const char		*s;
	size_t			 i, n = json_array_size(list);

	d->interfaces = xcalloc(n + 1, sizeof(*d->interfaces));
	for (i = 0; i < n; i++) {
		s = json_string_value(json_array_get(list, i));
		if (*s == '\0' || strlen(s) > 32)
			return fault(r, "interfaces[%zu] must have from 1 to"
			    " 32 bytes", i);
		d->interfaces[d->n_interfaces++] = xstrdup(s);
	}
	return 0;
}

static int
read_all(struct reader *r, const json_t *o)
{
	struct json_err	 err;
	char		 text[320];

	if (json_check(o, doc_fields, nitems(doc_fields), &err) < 0)
		return fault(r, "%s", json_err_str(&err, text,
		    sizeof(text)));
	if (json_int(o, "version", 0) != 1)
		return fault(r, "version must be 1, the only one there is");
	r->doc->audit = strcmp(json_str(o, "mode", "enforce"), "audit") == 0;
	r->doc->log = json_bool(o, "log", 1);
	if (read_default(r, json_object_get(o, "default")) < 0 ||
	    read_interfaces(r, json_object_get(o, "interfaces")) < 0)
		return -EINVAL;
	return read_rules(r, json_object_get(o, "rules"));
}

int
policy_doc_read(struct policy_doc *d, const char *text, size_t n, char **why)
{
	struct reader	 r = { .doc = d, .why = why };
	struct json_err	 err;
	char		 words[320];
	json_t		*o;
	int		 rc;

	memset(d, 0, sizeof(*d));
	*why = NULL;
	if (n > POLICY_MAX_TEXT)
		return fault(&r, "has more than %d MB",
		    POLICY_MAX_TEXT / 1024 / 1024);
	if ((o = json_read_as(text, n, 0, 4, &err)) == NULL)
		return fault(&r, "%s", json_err_str(&err, words,
		    sizeof(words)));
	crypto_sha256(text, n, d->sha256);
	rc = read_all(&r, o);
	json_decref(o);
	if (rc < 0)
		policy_doc_release(d);
	return rc;
}

void
policy_rule_release(struct policy_rule *r)
{
	free(r->id);
	free(r->cidrs);
	free(r->ports);
}

void
policy_doc_release(struct policy_doc *d)
{
	size_t	i;

	for (i = 0; i < d->n_rules; i++)
		policy_rule_release(&d->rules[i]);
	for (i = 0; i < d->n_interfaces; i++)
		free(d->interfaces[i]);
	free(d->rules);
	free(d->interfaces);
	memset(d, 0, sizeof(*d));
}
