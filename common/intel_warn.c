/*
 * MISP's warning lists: what must never be an indicator, because half of the
 * net uses it.  Exact values and what is below a name go through a hash
 * table; networks, of which lists have some hundreds, one by one by length;
 * substrings one by one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "buf.h"
#include "intel_feed.h"
#include "json.h"

enum {
	MAX_ENTRIES	= 4000000,	/* of all lists; the largest of MISP's
					 * has a million */
	MAX_SUBSTRINGS	= 1000,		/* tried one by one */
	MAX_KEY		= INTEL_MAX_VALUE + 2
};

struct entry {
	UT_hash_handle	 hh;
	const char	*list;
	size_t		 len;
	char		 key[];		/* kind, prefix, value */
};

struct intel_warn {
	struct entry	*exact;
	json_t		*lists;		/* array of names, which we lend */
	uint8_t		 has_length[129];
	struct { char *text; const char *list; } part[MAX_SUBSTRINGS];
	size_t		 n_parts;
};

struct intel_warn *
intel_warn_new(void)
{
	struct intel_warn	*w = xcalloc(1, sizeof(*w));

	w->lists = json_array();
	return w;
}

void
intel_warn_free(struct intel_warn *w)
{
	struct entry	*e, *next;

	if (w == NULL)
		return;
	HASH_ITER(hh, w->exact, e, next) {
		HASH_DEL(w->exact, e);
		free(e);
	}
	while (w->n_parts > 0)
		free(w->part[--w->n_parts].text);
	json_decref(w->lists);
	free(w);
}

static size_t
make_key(char key[MAX_KEY], enum intel_kind kind, int prefix,
    const char *value, size_t len)
{
	key[0] = (char)kind;
	key[1] = (char)prefix;
	memcpy(key + 2, value, len);
	return len + 2;
}

static const struct entry *
find(const struct intel_warn *w, enum intel_kind kind, int prefix,
    const char *value, size_t len)
{
	char		 key[MAX_KEY];
	size_t		 n = make_key(key, kind, prefix, value, len);
	struct entry	*e;

	HASH_FIND(hh, w->exact, key, n, e);
	return e;
}

static void
add(struct intel_warn *w, const struct intel_value *v, const char *list)
{
	struct entry	*e;

	if (find(w, v->kind, v->prefix, v->data, v->len) != NULL ||
	    HASH_COUNT(w->exact) >= MAX_ENTRIES)
		return;
	e = xmalloc(sizeof(*e) + v->len + 2u);
	e->list = list;
	e->len = make_key(e->key, v->kind, v->prefix, v->data, v->len);
	if (v->kind == INTEL_IP)
		w->has_length[v->prefix] = 1;
	HASH_ADD_KEYPTR(hh, w->exact, e->key, e->len, e);
}

/* -- lists -- */

static void
add_part(struct intel_warn *w, const char *text, const char *list)
{
	if (w->n_parts == MAX_SUBSTRINGS || *text == '\0')
		return;
	w->part[w->n_parts].text = xstrdup(text);
	w->part[w->n_parts++].list = list;
}

/* A string list has values of any kind: each as what it looks like. */
static void
add_value(struct intel_warn *w, const char *type, const char *text,
    const char *list)
{
	struct intel_value	 v;
	const char		*why;
	enum intel_kind		 kind = INTEL_ANY;

	if (strcmp(type, "substring") == 0) {
		add_part(w, text, list);
		return;
	}
	if (strcmp(type, "cidr") == 0)
		kind = INTEL_IP;
	else if (strcmp(type, "hostname") == 0)
		kind = INTEL_DOMAIN;
	if (*text == '.')
		text++;
	if (intel_value_read(&v, kind, text, strlen(text), &why) == 0)
		add(w, &v, list);
	else if (kind == INTEL_ANY && intel_value_read(&v, INTEL_NAME, text,
	    strlen(text), &why) == 0)
		add(w, &v, list);
}

int
intel_warn_add(struct intel_warn *w, const char *text, size_t len, char **why)
{
	static const char *const	known[] = { "cidr", "hostname",
					    "string", "substring" };
	struct json_err			 e;
	char				 words[200];
	json_t				*o = json_read(text, len, &e), *values;
	const char			*type, *name;
	size_t				 i = 0;

	if (o == NULL) {
		*why = xstrdup(json_err_str(&e, words, sizeof(words)));
		return -EINVAL;
	}
	type = json_str(o, "type", "");
	values = json_object_get(o, "list");
	while (i < 4 && strcmp(known[i], type) != 0)
		i++;
	if (i == 4 || !json_is_array(values)) {
		*why = xasprintf("%s", i == 4 ? "type: must be cidr, hostname,"
		    " string or substring" : "list: must be an array");
		json_decref(o);
		return -EINVAL;
	}
	json_array_append_new(w->lists, json_string(json_str(o, "name",
	    "a list without a name")));
	name = json_string_value(json_array_get(w->lists,
	    json_array_size(w->lists) - 1));
	for (i = 0; i < json_array_size(values); i++)
		if (json_is_string(json_array_get(values, i)))
			add_value(w, type, json_string_value(
			    json_array_get(values, i)), name);
	json_decref(o);
	return 0;
}

/* -- look-up -- */

static const struct entry *
find_above(const struct intel_warn *w, const struct intel_value *v)
{
	const struct entry	*e = NULL;
	const char		*at = v->data, *end = v->data + v->len;
	uint8_t			 a[16];
	int			 p = v->prefix;

	while (v->kind == INTEL_DOMAIN && e == NULL &&
	    (at = memchr(at, '.', (size_t)(end - at))) != NULL) {
		at++;
		e = find(w, INTEL_DOMAIN, 0, at, (size_t)(end - at));
	}
	if (v->kind != INTEL_IP)
		return e;
	memcpy(a, v->data, sizeof(a));
	while (e == NULL && --p >= 0) {
		a[p / 8] &= (uint8_t)~(0x80 >> p % 8);
		if (w->has_length[p])
			e = find(w, INTEL_IP, p, (const char *)a, sizeof(a));
	}
	return e;
}

const char *
intel_warn_find(const struct intel_warn *w, const struct intel_value *v)
{
	char			 text[INTEL_MAX_VALUE + 1];
	const struct entry	*e;
	size_t			 i;

	e = find(w, v->kind, v->prefix, v->data, v->len);
	if (e == NULL)
		e = find_above(w, v);
	if (e != NULL)
		return e->list;
	if (w->n_parts == 0)
		return NULL;
	intel_value_text(v, text, sizeof(text));
	for (i = 0; i < w->n_parts; i++)
		if (strstr(text, w->part[i].text) != NULL)
			return w->part[i].list;
	return NULL;
}
