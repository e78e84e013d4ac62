/*
 * Which agents somebody means: by uid, host_id or name, and by labels.  An
 * agent has labels of its own, from its configuration, and an operator's,
 * which go before them; both are kept as JSON text, for most have none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "gateway_private.h"
#include "json.h"
#include "label.h"

/* -- labels -- */

static const char *
fault_in(const char *key, const json_t *value)
{
	if (json_is_null(value))
		return label_fault(key, "", 0);
	if (!json_is_string(value))
		return "a label's value must be a text";
	return label_fault(key, json_string_value(value),
	    json_string_length(value));
}

/* Changes and adds members, takes those away that are null.  NULL, or a fixed
 * text of what is wrong: then nothing was changed. */
static const char *
labels_apply(json_t *labels, const json_t *patch)
{
	json_t		*value, *made = json_copy(labels);
	const char	*key, *why = NULL;

	json_object_foreach((json_t *)(uintptr_t)patch, key, value) {
		if ((why = fault_in(key, value)) != NULL)
			break;
		if (json_is_null(value))
			json_object_del(made, key);
		else
			json_object_set(made, key, value);
	}
	if (why == NULL && json_object_size(made) > LABEL_MAX)
		why = "an agent has at most 32 labels";
	if (why == NULL) {
		json_object_clear(labels);
		json_object_update(labels, made);
	}
	json_decref(made);
	return why;
}

static json_t *
labels_read(const char *text)
{
	json_t	*o = text != NULL ? json_loads(text, 0, NULL) : NULL;

	return o != NULL ? o : json_object();
}

static void
labels_set(char **text, const json_t *o)
{
	free(*text);
	*text = json_object_size(o) > 0 ? json_text(o) : NULL;
}

json_t *
agent_labels(const struct gateway_agent *a)
{
	json_t	*labels, *over;

	if (a->labels == NULL && a->told_labels == NULL)
		return NULL;
	labels = labels_read(a->told_labels);
	over = labels_read(a->labels);
	json_object_update(labels, over);
	json_decref(over);
	return labels;
}

/* What an agent says of itself; what is not of the form is left out. */
void
agent_tell_labels(struct gateway_agent *a, const json_t *told)
{
	json_t		*labels = json_object(), *value;
	const char	*key;

	json_object_foreach((json_t *)(uintptr_t)told, key, value)
		if (json_is_string(value) && fault_in(key, value) == NULL &&
		    json_object_size(labels) < LABEL_MAX)
			json_object_set(labels, key, value);
	labels_set(&a->told_labels, labels);
	json_decref(labels);
}

int
gateway_label(struct gateway *g, const char *uid, const char *user,
    const json_t *patch, json_t **out, const char **why)
{
	struct gateway_agent	*a = agent_find_uid(g, uid);
	json_t			*labels;

	if (a == NULL || !agent_is_of(a, user))
		return -ENOENT;
	labels = labels_read(a->labels);
	if ((*why = labels_apply(labels, patch)) != NULL) {
		json_decref(labels);
		return -EINVAL;
	}
	labels_set(&a->labels, labels);
	*out = labels;
	return 0;
}

/* -- who is meant -- */

int
gateway_knows(struct gateway *g, const char *uid, const char *user)
{
	struct gateway_agent	*a = agent_find_uid(g, uid);

	return a != NULL && agent_is_of(a, user);
}

/* "k=v", or "k" for any value. */
static int
has_label(const json_t *labels, const char *word)
{
	size_t		 n = strcspn(word, "=");
	char		*key = xstrndup(word, n);
	const char	*value = json_str(labels, key, NULL);

	free(key);
	return value != NULL && (word[n] == '\0' ||
	    strcmp(value, word + n + 1) == 0);
}

int
agent_has_labels(const struct gateway_agent *a, const json_t *words)
{
	json_t	*labels, *word;
	size_t	 i;
	int	 has = 1;

	if (json_array_size(words) == 0)
		return 1;
	if ((labels = agent_labels(a)) == NULL)
		return 0;
	json_array_foreach((json_t *)(uintptr_t)words, i, word)
		has &= has_label(labels, json_string_value(word));
	json_decref(labels);
	return has;
}

static void
add(json_t *list, const struct gateway_agent *a)
{
	json_array_append_new(list, json_pack("{ss ss?}", "agent", a->uid,
	    "host_id", a->host_id));
}

static int
is_called(const struct gateway_agent *a, const char *word)
{
	return (a->host_id != NULL && strcmp(a->host_id, word) == 0) ||
	    (a->name != NULL && strcmp(a->name, word) == 0);
}

/* The one agent of this name; 0, or -errno with *why. */
static int
find_one(struct gateway *g, const char *user, const char *word,
    struct gateway_agent **out, char **why)
{
	struct gateway_agent	*a, *next;
	int			 n = 0;

	*out = agent_find_uid(g, word);
	if (*out != NULL && agent_is_of(*out, user))
		return 0;
	*out = NULL;
	HASH_ITER(by_uid, g->by_uid, a, next)
		if (agent_is_of(a, user) && is_called(a, word)) {
			*out = a;
			n++;
		}
	if (n == 1)
		return 0;
	*why = n == 0 ? xasprintf("no such agent: %s", word) :
	    xasprintf("%s: %d agents have this name; say which by its uid",
	    word, n);
	return n == 0 ? -ENOENT : -EEXIST;
}

int
gateway_find(struct gateway *g, const char *user, const json_t *names,
    const json_t *labels, json_t **out, char **why)
{
	struct gateway_agent	*a, *next;
	const json_t		*word;
	size_t			 i;
	int			 rc = 0;

	*out = json_array();
	json_array_foreach((json_t *)(uintptr_t)names, i, word) {
		rc = find_one(g, user, json_string_value(word), &a, why);
		if (rc < 0)
			break;
		if (agent_has_labels(a, labels))
			add(*out, a);
	}
	if (json_array_size(names) == 0)
		HASH_ITER(by_uid, g->by_uid, a, next)
			if (agent_is_of(a, user) && agent_has_labels(a, labels))
				add(*out, a);
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}
