/* The records of rollouts and of what agents said about their updates. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "release.h"
#include "rollout_private.h"

/* -- records -- */

static void
on_saved(int rc, const json_t *unused, void *arg)
{
	(void)unused;
	(void)arg;
	if (rc < 0)
		log_error("rollout", "a record was not written: %s",
		    errstr(rc));
}

void
rollout_save(struct rollouts *r, json_t *rollout, const char *event,
    store_done done, void *arg)
{
	json_t		*view = rollout_view(r, rollout);
	struct store_op	 ops[] = {
		{ STORE_PUT, "rollout", json_str(rollout, "id", ""), rollout },
		{ STORE_EVENT, event, json_str(rollout, "by", ""), view }
	};

	store_write(r->server->store, ops, nitems(ops),
	    done != NULL ? done : on_saved, arg);
	json_decref(view);
}

json_t *
rollout_agent(struct rollouts *r, const char *uid)
{
	json_t	*doc = json_object_get(r->agents, uid);

	if (doc == NULL) {
		doc = json_object();
		json_object_set_new(r->agents, uid, doc);
	}
	return doc;
}

void
rollout_agent_save(struct rollouts *r, const char *uid, json_t *doc)
{
	store_write(r->server->store, &(struct store_op){ STORE_PUT,
	    "agent-update", uid, doc }, 1, on_saved, NULL);
}

json_t *
rollout_find(const struct rollouts *r, const char *id)
{
	json_t	*v;
	size_t	 i;

	json_array_foreach(r->list, i, v)
		if (strcmp(json_str(v, "id", ""), id) == 0)
			return v;
	return NULL;
}

const char *
rollouts_channel(const struct rollouts *r, const char *uid)
{
	return json_str(json_object_get(r->agents, uid), "channel", "stable");
}

void
rollouts_set_channel(struct rollouts *r, const char *uid, const char *channel)
{
	json_t	*doc = rollout_agent(r, uid);

	json_object_set_new(doc, "channel", json_string(channel));
	rollout_agent_save(r, uid, doc);
}

/* -- who is meant -- */

int
rollout_target(const struct gateway_view *v, char out[32])
{
	if (v->os == NULL || v->arch == NULL)
		return 0;
	return (size_t)snprintf(out, 32, "%s-%s", v->os, v->arch) < 32;
}

/* A number from 0 to 99 that an agent keeps for a release. */
static unsigned
bucket(const json_t *rollout, const char *uid)
{
	char	*text = xasprintf("%s %s %s", json_str(rollout, "channel", ""),
		    json_str(rollout, "version", ""), uid);
	uint8_t	 hash[SHA256_SIZE];

	crypto_sha256(text, strlen(text), hash);
	free(text);
	return ((unsigned)hash[0] << 16 | (unsigned)hash[1] << 8 | hash[2]) %
	    100;
}

int
rollout_in_share(const json_t *rollout, const char *uid)
{
	return (int64_t)bucket(rollout, uid) <
	    json_int(rollout, "percent", 0);
}

int
rollout_is_for(const struct rollouts *r, const json_t *rollout,
    const char *uid, const char *target)
{
	return strcmp(json_str(rollout, "channel", ""),
	    rollouts_channel(r, uid)) == 0 && release_find(r->server,
	    json_str(rollout, "version", ""), target,
	    json_str(rollout, "channel", ""), NULL) != NULL;
}

int
rollout_has_failed(const struct rollouts *r, const json_t *rollout,
    const char *uid)
{
	const json_t	*doc = json_object_get(r->agents, uid);
	const char	*state = json_str(doc, "state", "");

	return strcmp(json_str(doc, "rollout", ""),
	    json_str(rollout, "id", "")) == 0 &&
	    (strcmp(state, "failed") == 0 || strcmp(state, "rolled_back") == 0);
}

/* -- counts -- */

struct counting {
	const struct rollouts	*r;
	const json_t		*rollout;
	struct rollout_counts	*c;
};

static void
count_agent(const struct gateway_view *v, void *arg)
{
	const struct counting	*w = arg;
	const json_t		*doc = json_object_get(w->r->agents, v->uid);
	const char		*state = json_str(doc, "state", "");
	char			 target[32];

	if (!rollout_target(v, target) || !rollout_is_for(w->r, w->rollout,
	    v->uid, target))
		return;
	w->c->agents++;
	w->c->share += rollout_in_share(w->rollout, v->uid);
	/* It says so before its link is back and says another version. */
	if (rollout_has_failed(w->r, w->rollout, v->uid) &&
	    strcmp(state, "rolled_back") == 0)
		w->c->failed++;
	else if (v->version != NULL && strcmp(v->version,
	    json_str(w->rollout, "version", "")) == 0)
		w->c->updated++;
	else if (rollout_has_failed(w->r, w->rollout, v->uid))
		w->c->failed++;
	else if (strcmp(json_str(doc, "rollout", ""),
	    json_str(w->rollout, "id", "")) != 0 || state[0] == '\0')
		w->c->waiting++;
	else if (strcmp(state, "offered") == 0)
		w->c->offered++;
	else
		w->c->busy++;
}

void
rollout_count(const struct rollouts *r, const json_t *rollout,
    struct rollout_counts *c)
{
	struct counting	w = { r, rollout, c };

	memset(c, 0, sizeof(*c));
	if (r->server->gateway != NULL)
		gateway_each(r->server->gateway, count_agent, &w);
}

json_t *
rollout_view(const struct rollouts *r, json_t *rollout)
{
	struct rollout_counts	 c;
	json_t			*o = json_deep_copy(rollout);

	rollout_count(r, rollout, &c);
	json_object_set_new(o, "counts", json_pack("{sI sI sI sI sI sI sI}",
	    "agents", (json_int_t)c.agents, "share", (json_int_t)c.share,
	    "updated", (json_int_t)c.updated, "offered",
	    (json_int_t)c.offered, "busy", (json_int_t)c.busy, "failed",
	    (json_int_t)c.failed, "waiting", (json_int_t)c.waiting));
	return o;
}

/* -- start and end -- */

static void
on_timer(uv_timer_t *t)
{
	rollout_run(t->data);
}

static int	by_created(const void *, const void *);

static int
by_created(const void *a, const void *b)
{
	int64_t	x = json_int(*(json_t *const *)a, "created", 0);
	int64_t	y = json_int(*(json_t *const *)b, "created", 0);

	return (x > y) - (x < y);
}

static void
sort_list(struct rollouts *r)
{
	size_t	 i, n = json_array_size(r->list);
	json_t	**v = xmalloc((n + 1) * sizeof(json_t *));

	for (i = 0; i < n; i++)
		v[i] = json_incref(json_array_get(r->list, i));
	qsort(v, n, sizeof(json_t *), by_created);
	json_array_clear(r->list);
	for (i = 0; i < n; i++)
		json_array_append_new(r->list, v[i]);
	free(v);
}

static void	load_agents(struct rollouts *, const char *after);

static void
on_agents(int rc, const json_t *page, void *arg)
{
	struct rollouts	*r = arg;
	json_t		*item;
	size_t		 i;

	if (rc < 0)
		die(EXIT_SYSTEM, "records of updates: %s", errstr(rc));
	json_array_foreach(json_object_get(page, "items"), i, item)
		json_object_set_new(r->agents, json_str(item, "key", ""),
		    json_deep_copy(json_object_get(item, "value")));
	if (json_str(page, "next", NULL) != NULL) {
		load_agents(r, json_str(page, "next", NULL));
		return;
	}
	r->loaded = 1;
}

static void
load_agents(struct rollouts *r, const char *after)
{
	store_list(r->server->store, "agent-update", "", after,
	    STORE_MAX_LIST, 0, on_agents, r);
}

static void
on_rollouts(int rc, const json_t *page, void *arg)
{
	struct rollouts	*r = arg;
	json_t		*item;
	size_t		 i;

	if (rc < 0)
		die(EXIT_SYSTEM, "records of rollouts: %s", errstr(rc));
	json_array_foreach(json_object_get(page, "items"), i, item)
		json_array_append_new(r->list, json_deep_copy(
		    json_object_get(item, "value")));
	sort_list(r);
	load_agents(r, NULL);
}

struct rollouts *
rollouts_new(struct server *s)
{
	struct rollouts	*r = xcalloc(1, sizeof(*r));

	r->server = s;
	r->list = json_array();
	r->agents = json_object();
	r->told = json_object();
	uv_timer_init(s->loop, &r->timer);
	r->timer.data = r;
	uv_timer_start(&r->timer, on_timer, ROLLOUT_TICK_MS, ROLLOUT_TICK_MS);
	store_list(s->store, "rollout", "", NULL, ROLLOUTS_MAX, 0,
	    on_rollouts, r);
	return r;
}

static void
on_closed(uv_handle_t *h)
{
	struct rollouts	*r = h->data;

	r->done(r->arg);
	json_decref(r->list);
	json_decref(r->agents);
	json_decref(r->told);
	free(r);
}

void
rollouts_stop(struct rollouts *r, void (*done)(void *), void *arg)
{
	r->done = done;
	r->arg = arg;
	uv_close((uv_handle_t *)&r->timer, on_closed);
}
