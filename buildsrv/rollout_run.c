/*
 * What a rollout does by itself, once a second: it tells the connected agents
 * of its share, goes to the next stage when the one before has held, and
 * stops when too many have failed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "rollout_private.h"

enum { PUSH_TIMEOUT = 30000 };	/* ms for an agent to answer the command */

static int
runs(const json_t *rollout)
{
	return strcmp(json_str(rollout, "state", ""), "running") == 0;
}

/* It still gives to agents that come later; and a new agent may die when all
 * have been seen in the new version, while their updaters watch them. */
static int
is_done(const json_t *rollout)
{
	return strcmp(json_str(rollout, "state", ""), "done") == 0;
}

static void
on_noted(int rc, const json_t *unused, void *arg)
{
	(void)unused;
	(void)arg;
	if (rc < 0)
		log_error("rollout", "not in the audit log: %s", errstr(rc));
}

static void
set_state(struct rollouts *r, json_t *rollout, const char *state,
    const char *reason, const char *event)
{
	json_t	*note;

	json_object_set_new(rollout, "state", json_string(state));
	json_object_set_new(rollout, "reason", json_string(reason));
	rollout_save(r, rollout, event, NULL, NULL);
	log_info("rollout", "%s of %s: %s%s%s", json_str(rollout, "version",
	    ""), json_str(rollout, "channel", ""), state, *reason != '\0' ?
	    ": " : "", reason);
	note = json_pack("{ss si ss ss ss ss ss}", "who", "", "uid", -1,
	    "action", "rollout.state", "request", "", "address", "",
	    "result", state, "object", json_str(rollout, "id", ""));
	store_write(r->server->store, &(struct store_op){ STORE_APPEND,
	    "audit", NULL, note }, 1, on_noted, NULL);
	json_decref(note);
}

int
rollout_judge(struct rollouts *r, json_t *rollout)
{
	struct rollout_counts	 c;
	char			*why = NULL;
	int64_t			 n;

	if (!runs(rollout) && !is_done(rollout))
		return 0;
	rollout_count(r, rollout, &c);
	n = c.failed + c.updated;
	if (c.failed >= json_int(rollout, "maxFailures", INT64_MAX))
		why = xasprintf("%lld agent%s failed", (long long)c.failed,
		    c.failed == 1 ? "" : "s");
	else if (n >= ROLLOUT_RATE_OF && c.failed * 100 >
	    json_int(rollout, "maxFailureRate", 100) * n)
		why = xasprintf("%lld of %lld agents failed",
		    (long long)c.failed, (long long)n);
	if (why != NULL)
		set_state(r, rollout, "stopped", why, "rolloutStopped");
	free(why);
	return !runs(rollout) && !is_done(rollout);
}

/* -- agents that were lost -- */

static void
find_lost(struct rollouts *r, int64_t now)
{
	struct gateway_view	 v;
	const char		*uid, *state;
	json_t			*doc, *rollout;

	json_object_foreach(r->agents, uid, doc) {
		state = json_str(doc, "state", "");
		if (strcmp(state, "installing") != 0 &&
		    strcmp(state, "verifying") != 0)
			continue;
		rollout = rollout_find(r, json_str(doc, "rollout", ""));
		if (now - json_int(doc, "t", now) < ROLLOUT_LOST_S * 1000 ||
		    rollout == NULL || !gateway_look(r->server->gateway, uid,
		    &v) || v.connected)
			continue;
		json_object_set_new(doc, "state", json_string("failed"));
		json_object_set_new(doc, "code", json_string("lost"));
		json_object_set_new(doc, "error",
		    json_string("not heard of since it began to install"));
		rollout_agent_save(r, uid, doc);
		rollout_judge(r, rollout);
	}
}

/* -- stages -- */

/* The next percentage behind the one of now; 0: this is the last. */
static int64_t
next_stage(const json_t *rollout)
{
	int64_t	 now = json_int(rollout, "percent", 0);
	json_t	*v;
	size_t	 i;

	json_array_foreach(json_object_get(rollout, "stages"), i, v)
		if (json_integer_value(v) > now)
			return json_integer_value(v);
	return 0;
}

static void
advance(struct rollouts *r, json_t *rollout, int64_t now)
{
	int64_t			next = next_stage(rollout);
	int64_t			held = now - json_int(rollout, "stageStarted",
				    now);
	struct rollout_counts	c;

	if (held < json_int(rollout, "hold", 0) * 1000)
		return;
	rollout_count(r, rollout, &c);
	if (c.agents == 0 || (c.share > 0 && c.updated == 0))
		return;			/* nobody has proved it yet */
	if (next > 0) {
		json_object_set_new(rollout, "percent", json_integer(next));
		json_object_set_new(rollout, "stageStarted",
		    json_integer(now));
		log_info("rollout", "%s of %s: %lld %%", json_str(rollout,
		    "version", ""), json_str(rollout, "channel", ""),
		    (long long)next);
		rollout_save(r, rollout, "rolloutAdvanced", NULL, NULL);
	} else if (json_int(rollout, "percent", 0) >= 100 &&
	    c.updated + c.failed >= c.agents && c.agents > 0)
		set_state(r, rollout, "done", "", "rolloutDone");
}

/* -- the command over the link -- */

struct push {
	struct rollouts	*r;
	json_t		*rollout;
	int		 left;
};

struct telling {
	struct server	*server;	/* outlives the rollouts */
	char		*key;
};

static void
told(struct rollouts *r, const char *key, int64_t until)
{
	json_object_set_new(r->told, key, json_integer(until));
}

/* Who is busy is told again, and who did not hear it. */
static void
on_told(int rc, const json_t *answer, void *arg)
{
	struct telling	*t = arg;
	struct rollouts	*r = t->server->gateway != NULL ?
			    t->server->rollouts : NULL;	/* else we stop */

	if (r != NULL && (rc < 0 || json_str(answer, "error", "")[0] !=
	    '\0') && json_object_get(r->told, t->key) != NULL)
		told(r, t->key, clock_wall_ms() + ROLLOUT_BUSY_S * 1000);
	free(t->key);
	free(t);
}

/* Takes the key. */
static void
tell(struct push *p, const char *uid, char *key)
{
	struct telling	*t = xcalloc(1, sizeof(*t));
	json_t	*args = json_pack("{ss ss}", "rollout", json_str(p->rollout,
		    "id", ""), "version", json_str(p->rollout, "version", ""));
	char	*text = gateway_command_text("update", args);

	t->server = p->r->server;
	t->key = key;
	if (gateway_command(p->r->server->gateway, uid, NULL,
	    &(struct gateway_order){ .name = "update", .text = text,
	    .silence_ms = PUSH_TIMEOUT, .done = on_told, .arg = t },
	    NULL) < 0) {
		json_object_del(p->r->told, key);	/* the next look */
		free(key);
		free(t);
	}
	free(text);
	json_decref(args);
}

static void
push_agent(const struct gateway_view *v, void *arg)
{
	struct push	*p = arg;
	char		 target[32], *key;

	if (p->left == 0 || !v->connected || !rollout_target(v, target) ||
	    !rollout_in_share(p->rollout, v->uid) ||
	    !rollout_is_for(p->r, p->rollout, v->uid, target) ||
	    (v->version != NULL && strcmp(v->version, json_str(p->rollout,
	    "version", "")) == 0) ||
	    rollout_has_failed(p->r, p->rollout, v->uid))
		return;
	key = xasprintf("%s %s", json_str(p->rollout, "id", ""), v->uid);
	if (json_int(p->r->told, key, 0) > clock_wall_ms()) {
		free(key);
		return;
	}
	told(p->r, key, INT64_MAX);
	tell(p, v->uid, key);
	p->left--;
}

void
rollout_tell_anew(struct rollouts *r, const json_t *rollout)
{
	const char	*id = json_str(rollout, "id", ""), *key;
	size_t		 n = strlen(id);
	json_t		*v;
	void		*next;

	json_object_foreach_safe(r->told, next, key, v)
		if (strncmp(key, id, n) == 0 && key[n] == ' ')
			json_object_del(r->told, key);
}

/* -- the look -- */

void
rollout_run(struct rollouts *r)
{
	int64_t		 now = clock_wall_ms();
	struct push	 p = { r, NULL, ROLLOUT_PUSHES };
	json_t		*v;
	size_t		 i;

	if (!r->loaded || r->server->gateway == NULL)
		return;
	find_lost(r, now);
	json_array_foreach(r->list, i, v) {
		if (!runs(v) || rollout_judge(r, v))
			continue;
		advance(r, v, now);
		p.rollout = v;
		if (runs(v))
			gateway_each(r->server->gateway, push_agent, &p);
	}
}
