/* A walk over text: only what is between the wanted elements is skipped by
 * hand, each element itself is jansson's to read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json_walk.h"

struct walk {
	const char	*at, *end;
	const char	*name;
	size_t		 max;
	int		 depth;
	int		(*f)(const json_t *, void *);
	void		*arg;
	const char	*begin;
	struct json_err	*e;
};

/* text may be NULL: the words are there already. */
static int
fault(struct walk *w, const char *text)
{
	const char	*p;

	w->e->line = 1;
	for (p = w->begin; p < w->at; p++)
		w->e->line += *p == '\n';
	if (text != NULL) {
		w->e->path[0] = '\0';
		snprintf(w->e->text, sizeof(w->e->text), "%s", text);
	}
	return -EINVAL;
}

/* The next byte that is no white space; 0 at the end. */
static char
peek(struct walk *w)
{
	static const char	white[4] = { ' ', '\t', '\r', '\n' };

	while (w->at < w->end &&
	    memchr(white, *w->at, sizeof(white)) != NULL)
		w->at++;
	return w->at < w->end ? *w->at : '\0';
}

/* Steps over a string; at is on its quote. */
static int
skip_string(struct walk *w)
{
	for (w->at++; w->at < w->end; w->at++) {
		if (*w->at == '"') {
			w->at++;
			return 0;
		}
		if (*w->at == '\\')
			w->at++;
	}
	w->at = w->end;
	return fault(w, "a string does not end");
}

/* Steps over what brackets hold; they are counted, not matched by kind: who
 * reads it as JSON finds more. */
static int
skip_nested(struct walk *w)
{
	int	open = 0;

	while (w->at < w->end) {
		if (*w->at == '"') {
			if (skip_string(w) < 0)
				return -EINVAL;
			continue;
		}
		open += *w->at == '{' || *w->at == '[';
		open -= *w->at == '}' || *w->at == ']';
		w->at++;
		if (open == 0)
			return 0;
	}
	return fault(w, "a bracket is not closed");
}

static int
skip_value(struct walk *w)
{
	static const char	ends[11] = { ',', ':', '{', '}', '[', ']',
				    '"', ' ', '\t', '\r', '\n' };
	const char		*from;

	switch (peek(w)) {
	case '"':
		return skip_string(w);
	case '{': case '[':
		return skip_nested(w);
	}
	from = w->at;
	while (w->at < w->end && memchr(ends, *w->at, sizeof(ends)) == NULL)
		w->at++;
	return w->at > from ? 0 : fault(w, "a value is missing");
}

/* -- the walk -- */

static int	walk_value(struct walk *);

static int
element(struct walk *w)
{
	const char	*from;
	json_t		*o;
	int		 rc;

	peek(w);
	from = w->at;
	if (skip_value(w) < 0)
		return -EINVAL;
	if ((size_t)(w->at - from) > w->max) {
		w->at = from;
		return fault(w, "an element is too large");
	}
	if ((o = json_read(from, (size_t)(w->at - from), w->e)) == NULL) {
		w->at = from;
		return fault(w, NULL);
	}
	rc = w->f(o, w->arg);
	json_decref(o);
	return rc;
}

/* An array whose elements are each given to this; at is on its bracket. */
static int
walk_array(struct walk *w, int (*each)(struct walk *))
{
	int	rc;

	w->at++;
	if (peek(w) == ']') {
		w->at++;
		return 0;
	}
	for (;;) {
		if ((rc = each(w)) != 0)
			return rc;
		if (peek(w) == ']') {
			w->at++;
			return 0;
		}
		if (peek(w) != ',')
			return fault(w, "expected ',' or ']'");
		w->at++;
	}
}

/* "name": value; at is on the quote. */
static int
walk_member(struct walk *w)
{
	const char	*name;
	size_t		 n;

	if (peek(w) != '"')
		return fault(w, "expected a member's name");
	name = w->at + 1;
	if (skip_string(w) < 0)
		return -EINVAL;
	n = (size_t)(w->at - 1 - name);
	if (peek(w) != ':')
		return fault(w, "expected ':'");
	w->at++;
	if (peek(w) == '[' && n == strlen(w->name) &&
	    memcmp(name, w->name, n) == 0)
		return walk_array(w, element);
	return walk_value(w);
}

static int
walk_object(struct walk *w)
{
	int	rc;

	w->at++;
	if (peek(w) == '}') {
		w->at++;
		return 0;
	}
	for (;;) {
		if ((rc = walk_member(w)) != 0)
			return rc;
		if (peek(w) == '}') {
			w->at++;
			return 0;
		}
		if (peek(w) != ',')
			return fault(w, "expected ',' or '}'");
		w->at++;
	}
}

static int
walk_value(struct walk *w)
{
	int	rc;

	if (peek(w) != '{' && peek(w) != '[')
		return skip_value(w);
	if (w->depth == JSON_MAX_DEPTH)
		return fault(w, "nested too deeply");
	w->depth++;
	rc = *w->at == '{' ? walk_object(w) : walk_array(w, walk_value);
	w->depth--;
	return rc;
}

int
json_walk(const char *text, size_t len, const char *name, size_t max,
    int (*f)(const json_t *, void *), void *arg, struct json_err *e)
{
	struct walk	w = { text, text + len, name, max, 0, f, arg, text, e };
	int		rc;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		w.at += 3;
	rc = peek(&w) == '[' ? walk_array(&w, element) : walk_value(&w);
	if (rc == 0 && (peek(&w) != '\0' || w.at < w.end))
		rc = fault(&w, "something stands behind the document");
	return rc;
}
