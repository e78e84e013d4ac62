/*
 * The agents that the gateway knows: in memory by uid and by key, in the
 * store as documents of kind "agent".  What changes with every message
 * (last_seen, metrics) is written at most once a minute and at the end of
 * a connection.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "gateway_private.h"
#include "json.h"
#include "log.h"

/* The words of a document.  An agent tells the second lot by itself. */
struct word {
	const char	*name;
	size_t		 at;
};

#define WORD(w)	{ #w, offsetof(struct gateway_agent, w) }

static const struct word given_words[] = {
	WORD(host_id), WORD(build), WORD(user), WORD(agent_id),
	WORD(bootstrap)
};
static const struct word told_words[] = {
	WORD(name), WORD(version), WORD(os), WORD(arch), WORD(os_name),
	WORD(address)
};

static char **
word_of(const struct gateway_agent *a, const struct word *w)
{
	return (char **)((uintptr_t)a + w->at);
}

void
agent_set(char **word, const char *value)
{
	char	*copy = value != NULL && *value != '\0' ?
		    xstrndup(value, strnlen(value, GATEWAY_MAX_WORD)) : NULL;

	free(*word);
	*word = copy;
}

struct gateway_agent *
agent_find_uid(struct gateway *g, const char *uid)
{
	struct gateway_agent	*a;

	HASH_FIND(by_uid, g->by_uid, uid, (unsigned)strlen(uid), a);
	return a;
}

int
agent_is_of(const struct gateway_agent *a, const char *user)
{
	return user == NULL ||
	    (a->user != NULL && strcmp(a->user, user) == 0);
}

struct gateway_agent *
agent_find_key(struct gateway *g, const uint8_t key[ED25519_PUBLIC])
{
	struct gateway_agent	*a;

	HASH_FIND(by_key, g->by_key, key, ED25519_PUBLIC, a);
	return a;
}

struct gateway_agent *
agent_new(const char *uid, const uint8_t key[32])
{
	struct gateway_agent	*a = xcalloc(1, sizeof(*a));

	snprintf(a->uid, sizeof(a->uid), "%s", uid);
	memcpy(a->key, key, sizeof(a->key));
	list_init(&a->commands);
	return a;
}

struct gateway_agent *
agent_add(struct gateway *g, struct gateway_agent *a)
{
	struct gateway_agent	*here = agent_find_key(g, a->key);

	if (here != NULL) {
		agent_free(a);
		return here;
	}
	HASH_ADD(by_uid, g->by_uid, uid, (unsigned)strlen(a->uid), a);
	HASH_ADD(by_key, g->by_key, key, ED25519_PUBLIC, a);
	return a;
}

void
agent_free(struct gateway_agent *a)
{
	size_t	i;

	if (a == NULL)
		return;
	for (i = 0; i < nitems(given_words); i++)
		free(*word_of(a, &given_words[i]));
	for (i = 0; i < nitems(told_words); i++)
		free(*word_of(a, &told_words[i]));
	free(a->metrics);
	free(a->labels);
	free(a->told_labels);
	free(a->session);
	if (a->window != NULL)
		replay_window_release(a->window);
	free(a->window);
	twin_free(a->twin);
	free(a);
}

void
agent_free_all(struct gateway *g)
{
	struct gateway_agent	*a, *next;

	HASH_CLEAR(by_key, g->by_key);
	HASH_ITER(by_uid, g->by_uid, a, next) {
		HASH_DELETE(by_uid, g->by_uid, a);
		agent_free(a);
	}
}

/* A member as text, or NULL. */
static char *
object_text(const json_t *doc, const char *name)
{
	const json_t	*o = json_object_get(doc, name);

	return json_object_size(o) > 0 ? json_text(o) : NULL;
}

static void
put_object(json_t *o, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(o, name, json_loads(text, 0, NULL));
}

struct gateway_agent *
agent_load(struct gateway *g, const json_t *doc)
{
	const char		*uid = json_str(doc, "uid", "");
	struct gateway_agent	*a;
	uint8_t			 key[ED25519_PUBLIC];
	size_t			 i;

	if (hex_decode(json_str(doc, "public_key", ""), key,
	    sizeof(key)) < 0 || strlen(uid) >= sizeof(a->uid) || *uid == '\0')
		return NULL;
	if ((a = agent_find_uid(g, uid)) != NULL)
		return a;
	a = agent_new(uid, key);
	for (i = 0; i < nitems(given_words); i++)
		agent_set(word_of(a, &given_words[i]),
		    json_str(doc, given_words[i].name, NULL));
	for (i = 0; i < nitems(told_words); i++)
		agent_set(word_of(a, &told_words[i]),
		    json_str(doc, told_words[i].name, NULL));
	a->registered = json_int(doc, "registered", 0);
	a->last_seen = json_int(doc, "last_seen", 0);
	a->link_ts = json_int(doc, "link_ts", 0);
	a->by_hmac = a->link_ts > 0;
	a->saved = clock_mono_ms();
	a->metrics = object_text(doc, "metrics");
	a->labels = object_text(doc, "labels");
	a->told_labels = object_text(doc, "told_labels");
	twin_load(a, doc);
	return agent_add(g, a);
}

static void
put_words(const struct gateway_agent *a, const struct word *w, size_t n,
    json_t *o)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (*word_of(a, &w[i]) != NULL)
			json_object_set_new(o, w[i].name,
			    json_string(*word_of(a, &w[i])));
}

/* What changes while the agent lives. */
static json_t *
changing(const struct gateway_agent *a)
{
	json_t	*o = json_object();

	put_words(a, told_words, nitems(told_words), o);
	json_object_set_new(o, "last_seen", json_integer(a->last_seen));
	if (a->window != NULL && a->window->newest > 0)
		json_object_set_new(o, "link_ts",
		    json_integer(a->window->newest));
	else if (a->link_ts > 0)
		json_object_set_new(o, "link_ts", json_integer(a->link_ts));
	put_object(o, "metrics", a->metrics);
	put_object(o, "told_labels", a->told_labels);
	return o;
}

json_t *
agent_doc(const struct gateway_agent *a)
{
	char	 hex[ED25519_PUBLIC * 2 + 1];
	json_t	*o = changing(a);

	put_words(a, given_words, nitems(given_words), o);
	put_object(o, "labels", a->labels);
	json_object_set_new(o, "uid", json_string(a->uid));
	json_object_set_new(o, "public_key",
	    json_string(hex_encode(a->key, sizeof(a->key), hex)));
	json_object_set_new(o, "registered", json_integer(a->registered));
	return o;
}

static void
saved(int rc, const json_t *result, void *arg)
{
	struct gateway	*g = arg;

	(void)result;
	if (rc < 0 && rc != -ENOENT)
		log_warn("gateway", "an agent's record was not written: %s",
		    errstr(rc));
	gateway_settled(g);
}

void
agent_save(struct gateway *g, struct gateway_agent *a)
{
	struct store_op	 op = { STORE_MERGE, "agent", a->uid, NULL };
	json_t		*o;

	if (!a->dirty)
		return;
	a->dirty = 0;
	a->saved = clock_mono_ms();
	op.value = o = changing(a);
	g->calls++;
	store_write(g->o.store, &op, 1, saved, g);
	json_decref(o);
}

void
agent_keep(struct gateway *g, const struct gateway_agent *a,
    const char *member, json_t *value)
{
	json_t		*o = json_pack("{sO}", member, value);
	struct store_op	 op = { STORE_MERGE, "agent", a->uid, o };

	g->calls++;
	store_write(g->o.store, &op, 1, saved, g);
	json_decref(o);
}

void
agent_heard(struct gateway *g, struct gateway_agent *a)
{
	a->last_seen = clock_wall_ms();
	a->dirty = 1;
	if (clock_mono_ms() - a->saved >= GATEWAY_SAVE_MS)
		agent_save(g, a);
}

/* The memory is kept where the new text has the old one's length. */
void
agent_metrics_text(struct gateway_agent *a, const char *json, size_t n)
{
	if (a->metrics == NULL || a->metrics_len != n) {
		free(a->metrics);
		a->metrics = xmalloc(n + 1);
		a->metrics_len = (uint32_t)n;
	}
	memcpy(a->metrics, json, n);
	a->metrics[n] = '\0';
}

int
agent_metrics(struct gateway_agent *a, const char *json, size_t n)
{
	struct json_err	 err;
	json_t		*o = NULL;
	int		 rc = -EINVAL;

	if (n <= GATEWAY_MAX_METRICS && (o = json_read(json, n, &err)) != NULL
	    && json_is_object(o)) {
		agent_metrics_text(a, json, n);
		rc = 0;
	}
	json_decref(o);
	return rc;
}

void
agent_info(struct gateway *g, struct gateway_agent *a, const json_t *o)
{
	const char	*value;
	size_t		 i;

	for (i = 0; i < nitems(told_words); i++) {
		value = json_str(o, told_words[i].name, NULL);
		/* the address is for us to say */
		if (value != NULL && strcmp(told_words[i].name, "address") !=
		    0)
			agent_set(word_of(a, &told_words[i]), value);
	}
	if (json_object_get(o, "labels") != NULL)
		agent_tell_labels(a, json_object_get(o, "labels"));
	twin_told(g, a, o);
}

/* -- the list at the start, a page at a time -- */

static void
page(int rc, const json_t *result, void *arg)
{
	struct gateway	*g = arg;
	const json_t	*item;
	const char	*next;
	size_t		 i;

	if (rc < 0)
		log_warn("gateway", "the agents' records cannot be read: %s",
		    errstr(rc));
	json_array_foreach(json_object_get(result, "items"), i, item)
		if (agent_load(g, json_object_get(item, "value")) == NULL)
			log_warn("gateway", "the record of agent %s is"
			    " damaged", json_str(item, "key", "?"));
	next = json_str(result, "next", NULL);
	if (rc == 0 && next != NULL && !g->stopping) {
		g->calls++;
		store_list(g->o.store, "agent", "", next, STORE_MAX_LIST, 0,
		    page, g);
	}
	gateway_settled(g);
}

void
agents_read(struct gateway *g)
{
	g->calls++;
	store_list(g->o.store, "agent", "", NULL, STORE_MAX_LIST, 0, page, g);
}

/* -- the view -- */

static json_t *
view(const struct gateway_agent *a)
{
	json_t	*o = agent_doc(a), *labels, *mark = twin_mark(a);

	json_object_del(o, "bootstrap");
	json_object_del(o, "public_key");
	json_object_del(o, "link_ts");
	json_object_del(o, "told_labels");
	json_object_del(o, "labels");
	if ((labels = agent_labels(a)) != NULL)
		json_object_set_new(o, "labels", labels);
	if (mark != NULL)
		json_object_set_new(o, "duplicate", mark);
	json_object_set_new(o, "protocol", json_string(a->by_hmac ? "004" :
	    "002"));
	if (a->name == NULL)
		json_object_set_new(o, "name", json_string(a->host_id));
	json_object_set_new(o, "connected", json_boolean(a->conn != NULL));
	json_object_set_new(o, "encrypted",
	    json_boolean(a->conn != NULL && a->conn->crypt.on));
	return o;
}

json_t *
gateway_agents(struct gateway *g, const char *user, const json_t *labels)
{
	struct gateway_agent	*a, *next;
	json_t			*list = json_array();

	HASH_ITER(by_uid, g->by_uid, a, next)
		if (agent_is_of(a, user) && agent_has_labels(a, labels))
			json_array_append_new(list, view(a));
	return list;
}
