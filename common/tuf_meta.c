/*
 * The form of the metadata: what each kind must hold, and of which type.
 * What is not known here is let be: signatures cover it all the same.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "canonical.h"
#include "json.h"
#include "log.h"
#include "tuf_impl.h"

/* The names of top-level roles, which no delegated role may have. */
static const char *const kind_names[] = {
	[TUF_ROOT] = "root", [TUF_TIMESTAMP] = "timestamp",
	[TUF_SNAPSHOT] = "snapshot", [TUF_TARGETS] = "targets"
};

const char *
tuf_kind_name(enum tuf_kind kind)
{
	return kind_names[kind];
}

int
tuf_refuse(struct tuf_failure *f, enum tuf_fault fault, const char *fmt, ...)
{
	va_list	ap;

	if (f->fault == TUF_OK) {	/* later ones follow from it */
		f->fault = fault;
		va_start(ap, fmt);
		vsnprintf(f->text, sizeof(f->text), fmt, ap);
		va_end(ap);
	}
	return -EBADMSG;
}

static int
is_hex(const json_t *v)
{
	const char	*s = json_string_value(v);

	return s != NULL && s[0] != '\0' &&
	    strspn(s, "0123456789abcdefABCDEF") == strlen(s);
}

static int
is_above(const json_t *v, int64_t least)
{
	return json_is_integer(v) && json_integer_value(v) >= least;
}

/* -- parts; each gives NULL, or the name of what is wrong -- */

static const char *
check_hashes(const json_t *o, int required)
{
	const char	*name;
	json_t		*v;

	if (o == NULL)
		return required ? "hashes" : NULL;
	if (!json_is_object(o) || json_object_size(o) == 0)
		return "hashes";
	json_object_foreach((json_t *)(uintptr_t)o, name, v)
		if (!is_hex(v))
			return "hashes";
	return NULL;
}

static const char *
check_file(const json_t *o)
{
	const json_t	*length = json_object_get(o, "length");

	if (!json_is_object(o))
		return "meta";
	if (!is_above(json_object_get(o, "version"), 1))
		return "meta: version";
	if (length != NULL && !is_above(length, 1))
		return "meta: length";
	return check_hashes(json_object_get(o, "hashes"), 0);
}

/* A list of strings without one twice. */
static int
is_set(const json_t *list, size_t least)
{
	json_t	*seen, *v;
	size_t	 i, n = json_array_size(list);

	if (!json_is_array(list) || n < least || n > TUF_MAX_KEYS)
		return 0;
	seen = json_object();
	json_array_foreach(list, i, v)
		if (!json_is_string(v) || json_object_set_new(seen,
		    json_string_value(v), json_true()) < 0)
			break;
	i = json_object_size(seen);
	json_decref(seen);
	return i == n;
}

static const char *
check_role(const json_t *o)
{
	if (!json_is_object(o))
		return "roles";
	if (!is_set(json_object_get(o, "keyids"), 0))
		return "keyids";
	if (!is_above(json_object_get(o, "threshold"), 1))
		return "threshold";
	return NULL;
}

static const char *
check_keys(const json_t *o)
{
	const char	*id;
	char		 want[65];
	json_t		*key;

	if (!json_is_object(o) || json_object_size(o) > TUF_MAX_KEYS)
		return "keys";
	json_object_foreach((json_t *)(uintptr_t)o, id, key) {
		if (json_str(key, "keytype", NULL) == NULL ||
		    json_str(key, "scheme", NULL) == NULL ||
		    json_str(json_object_get(key, "keyval"), "public",
		    NULL) == NULL)
			return "keys";
		if (tuf_key_id(key, want) < 0 || strcmp(want, id) != 0)
			return "keys: an id that is not its key's";
	}
	return NULL;
}

/* -- kinds -- */

static const char *
check_root(const json_t *body)
{
	const json_t	*roles = json_object_get(body, "roles");
	const json_t	*cs = json_object_get(body, "consistent_snapshot");
	const char	*bad = check_keys(json_object_get(body, "keys"));
	size_t		 i;

	if (cs != NULL && !json_is_boolean(cs))
		return "consistent_snapshot";
	for (i = 0; bad == NULL && i < nitems(kind_names); i++)
		bad = check_role(json_object_get(roles, kind_names[i]));
	return bad;
}

static const char *
check_timestamp(const json_t *body)
{
	return check_file(json_object_get(json_object_get(body, "meta"),
	    "snapshot.json"));
}

static const char *
check_snapshot(const json_t *body)
{
	json_t		*meta = json_object_get(body, "meta"), *v;
	const char	*name, *bad = NULL;

	if (json_object_get(meta, "targets.json") == NULL)
		return "meta: targets.json";
	json_object_foreach(meta, name, v)
		if (bad == NULL)
			bad = check_file(v);
	return bad;
}

static int
is_reserved(const char *name)
{
	size_t	i;

	for (i = 0; i < nitems(kind_names); i++)
		if (strcmp(name, kind_names[i]) == 0)
			return 1;
	return name[0] == '\0';
}

static const char *
check_delegated(const json_t *role)
{
	const json_t	*paths = json_object_get(role, "paths");
	const json_t	*prefixes = json_object_get(role,
			    "path_hash_prefixes");
	const char	*name = json_str(role, "name", "");

	if (is_reserved(name))
		return "delegations: name";
	if (!json_is_boolean(json_object_get(role, "terminating")))
		return "delegations: terminating";
	if ((paths == NULL) == (prefixes == NULL) ||
	    (paths != NULL && !is_set(paths, 0)) ||
	    (prefixes != NULL && !is_set(prefixes, 0)))
		return "delegations: paths";
	return check_role(role);
}

static const char *
check_succinct(const json_t *o)
{
	const char	*prefix = json_str(o, "name_prefix", "");
	int64_t		 bits = json_int(o, "bit_length", 0);

	if (is_reserved(prefix))
		return "succinct_roles: name_prefix";
	if (bits < 1 || bits > 32)
		return "succinct_roles: bit_length";
	return check_role(o);
}

static const char *
check_delegations(const json_t *o)
{
	const json_t	*roles = json_object_get(o, "roles");
	const json_t	*succinct = json_object_get(o, "succinct_roles");
	const char	*bad = check_keys(json_object_get(o, "keys"));
	json_t		*role, *names;
	size_t		 i;

	if (bad != NULL)
		return bad;
	if ((roles == NULL) == (succinct == NULL))
		return "delegations";
	if (succinct != NULL)
		return check_succinct(succinct);
	if (!json_is_array(roles))
		return "delegations: roles";
	names = json_object();
	json_array_foreach(roles, i, role) {
		if ((bad = check_delegated(role)) != NULL)
			break;
		json_object_set_new(names, json_str(role, "name", ""),
		    json_true());
	}
	if (bad == NULL && json_object_size(names) != json_array_size(roles))
		bad = "delegations: a name twice";
	json_decref(names);
	return bad;
}

static const char *
check_targets(const json_t *body)
{
	json_t		*targets = json_object_get(body, "targets"), *v;
	const json_t	*d = json_object_get(body, "delegations");
	const char	*path, *bad = NULL;

	if (!json_is_object(targets))
		return "targets";
	json_object_foreach(targets, path, v) {
		if (!is_above(json_object_get(v, "length"), 0) ||
		    path[0] == '\0' || strlen(path) > TUF_MAX_PATH)
			return "targets: length or path";
		if ((bad = check_hashes(json_object_get(v, "hashes"), 1)) !=
		    NULL)
			return bad;
	}
	return d != NULL ? check_delegations(d) : NULL;
}

/* -- the whole -- */

static const char *
check_signatures(const json_t *list)
{
	json_t		*seen, *v;
	const char	*bad = NULL;
	size_t		 i;

	if (!json_is_array(list) ||
	    json_array_size(list) > TUF_MAX_SIGNATURES)
		return "signatures";
	seen = json_object();
	json_array_foreach(list, i, v) {
		if (json_str(v, "keyid", NULL) == NULL ||
		    json_str(v, "sig", NULL) == NULL) {
			bad = "signatures";
			break;
		}
		json_object_set_new(seen, json_str(v, "keyid", ""),
		    json_true());
	}
	if (bad == NULL && json_object_size(seen) != json_array_size(list))
		bad = "signatures: a keyid twice";
	json_decref(seen);
	return bad;
}

static const char *
check_common(struct tuf_meta *m)
{
	const char	*spec = json_str(m->body, "spec_version", "");
	const char	*bad;

	if (strncmp(spec, "1.", 2) != 0)
		return "spec_version: not 1.x";
	if (!is_above(json_object_get(m->body, "version"), 1))
		return "version";
	m->version = json_int(m->body, "version", 0);
	bad = tuf_time_read(json_str(m->body, "expires", ""),
	    &m->expires) < 0 ? "expires" : NULL;
	return bad;
}

int
tuf_meta_read(struct tuf_meta *m, enum tuf_kind kind, const char *name,
    const void *p, size_t n, struct tuf_failure *f)
{
	static const char *(*const	 checks[])(const json_t *) = {
		[TUF_ROOT] = check_root, [TUF_TIMESTAMP] = check_timestamp,
		[TUF_SNAPSHOT] = check_snapshot, [TUF_TARGETS] = check_targets
	};
	struct json_err			 e = { .path = "" };
	char				 words[320];
	const char			*bad, *type;

	memset(m, 0, sizeof(*m));
	if ((m->doc = json_read(p, n, &e)) == NULL)
		return tuf_refuse(f, TUF_MALFORMED, "%s: not JSON: %s", name,
		    json_err_str(&e, words, sizeof(words)));
	m->body = json_object_get(m->doc, "signed");
	type = json_str(m->body, "_type", NULL);
	if (type != NULL && strcmp(type, kind_names[kind]) != 0) {
		tuf_refuse(f, TUF_WRONG_TYPE, "%s: its type is \"%.40s\"",
		    name, type);
		goto bad;
	}
	bad = type == NULL ? "_type" : check_common(m);
	if (bad == NULL)
		bad = check_signatures(json_object_get(m->doc, "signatures"));
	if (bad == NULL)
		bad = checks[kind](m->body);
	if (bad == NULL)
		return 0;
	tuf_refuse(f, TUF_MALFORMED, "%s: malformed (%s)", name, bad);
bad:
	tuf_meta_release(m);
	return -EBADMSG;
}

void
tuf_meta_release(struct tuf_meta *m)
{
	json_decref(m->doc);
	memset(m, 0, sizeof(*m));
}

json_t *
tuf_role_of(const struct tuf_meta *root, const char *role)
{
	return json_object_get(json_object_get(root->body, "roles"), role);
}
