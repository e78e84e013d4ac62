/*
 * A policy's document.  It is taken as a whole or not at all: the first fault
 * ends the reading, and says in which rule and where.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "json.h"
#include "log.h"
#include "policy_doc_private.h"

enum { IN, OUT };

int
doc_fault(const struct doc_reader *r, const char *fmt, ...)
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
read_default(struct doc_reader *r, const json_t *v)
{
	const char	*s = json_string_value(v);
	struct json_err	 err;
	char		 text[320];

	if (json_is_object(v)) {
		if (json_check(v, default_fields, nitems(default_fields),
		    &err) < 0)
			return doc_fault(r, "default.%s", json_err_str(&err,
			    text, sizeof(text)));
		r->doc->deny[IN] = strcmp(json_str(v, "ingress", ""),
		    "deny") == 0;
		r->doc->deny[OUT] = strcmp(json_str(v, "egress", ""),
		    "deny") == 0;
		return 0;
	}
	if (s == NULL || (strcmp(s, "allow") != 0 && strcmp(s, "deny") != 0))
		return doc_fault(r, "default must be allow, deny, or both by"
		    " {\"ingress\", \"egress\"}");
	r->doc->deny[IN] = r->doc->deny[OUT] = strcmp(s, "deny") == 0;
	return 0;
}

static int
read_interfaces(struct doc_reader *r, const json_t *list)
{
	struct policy_doc	*d = r->doc;
	const char		*s;
	size_t			 i, n = json_array_size(list);

	d->interfaces = xcalloc(n + 1, sizeof(*d->interfaces));
	for (i = 0; i < n; i++) {
		s = json_string_value(json_array_get(list, i));
		if (*s == '\0' || strlen(s) > 32)
			return doc_fault(r, "interfaces[%zu] must have from 1"
			    " to 32 bytes", i);
		d->interfaces[d->n_interfaces++] = xstrdup(s);
	}
	return 0;
}

static int
read_all(struct doc_reader *r, const json_t *o)
{
	struct json_err	 err;
	char		 text[320];

	if (json_check(o, doc_fields, nitems(doc_fields), &err) < 0)
		return doc_fault(r, "%s", json_err_str(&err, text,
		    sizeof(text)));
	if (json_int(o, "version", 0) != 1)
		return doc_fault(r, "version must be 1, the only one there is");
	r->doc->audit = strcmp(json_str(o, "mode", "enforce"), "audit") == 0;
	r->doc->log = json_bool(o, "log", 1);
	if (read_default(r, json_object_get(o, "default")) < 0 ||
	    read_interfaces(r, json_object_get(o, "interfaces")) < 0)
		return -EINVAL;
	return rules_read(r, json_object_get(o, "rules"));
}

int
policy_doc_read(struct policy_doc *d, const char *text, size_t n, char **why)
{
	struct doc_reader	 r = { .doc = d, .why = why };
	struct json_err	 err;
	char		 words[320];
	json_t		*o;
	int		 rc;

	memset(d, 0, sizeof(*d));
	*why = NULL;
	if (n > POLICY_MAX_TEXT)
		return doc_fault(&r, "has more than %d MB",
		    POLICY_MAX_TEXT / 1024 / 1024);
	if ((o = json_read_as(text, n, 0, 4, &err)) == NULL)
		return doc_fault(&r, "%s", json_err_str(&err, words,
		    sizeof(words)));
	crypto_sha256(text, n, d->sha256);
	rc = read_all(&r, o);
	json_decref(o);
	if (rc < 0)
		policy_doc_release(d);
	return rc;
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
