/*
 * Commands to agents over the API.  To one agent: the answer comes when the
 * agent has said its last.  To several (POST /api/agents/command): a line of
 * JSON for each thing that one of them says, as it comes, and a last line
 * that sums up.  Each agent's command is noted in the audit log.
 *
 * An order lives until all its agents have ended and its answer is out, or
 * its caller has left: then those that have not answered are told to stop,
 * which the audit log has, too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "gateway.h"

enum {
	COMMAND_S	= 30,		/* for an agent's answer */
	MAX_COMMAND_S	= 3600,		/* the same, where the caller says */
	MAX_COMMAND	= 64,		/* bytes of its name */
	MAX_NAMED	= 1000,		/* agents, and labels, in one order */
	MAX_PARTS	= 1000,		/* kept for an answer in one piece */
	MAX_NOTED	= 160,		/* bytes of a command in the audit log,
					 * behind the uid */
	BEAT_MS		= 15000		/* proxies cut what is silent longer */
};

#define COMMAND_FIELDS							\
	{ .name = "command", .kind = JSON_K_STR, .required = 1, .min = 1, \
	    .max = MAX_COMMAND },					\
	{ .name = "args", .kind = JSON_K_OBJ },				\
	{ .name = "timeout", .kind = JSON_K_INT, .min = 1,		\
	    .max = MAX_COMMAND_S }

static const struct json_field one_fields[] = { COMMAND_FIELDS };
static const struct json_field many_fields[] = {
	COMMAND_FIELDS,
	{ .name = "agents", .kind = JSON_K_ARR, .max = MAX_NAMED,
	    .element = JSON_K_STR },
	{ .name = "labels", .kind = JSON_K_ARR, .max = MAX_NAMED,
	    .element = JSON_K_STR },
	{ .name = "all", .kind = JSON_K_BOOL },
};

struct order {
	struct link	 link;		/* in server.orders */
	struct server	*server;
	struct http_req	*req;
	uv_timer_t	 beat;
	struct link	 targets;	/* still to answer */
	json_t		*note;		/* that it was cancelled, for the audit
					 * log, which names an agent and then */
	char		*what;		/* this */
	int		 sending;	/* not all were told yet */
	int		 ok, failed;
};

struct target {
	struct link	 link;
	struct order	*order;
	struct gateway_command *command;
	const json_t	*agent;		/* uid, host_id; owned */
};

/* A code for programs, words for people. */
static const struct {
	int		 rc;
	const char	*code, *words;
} faults[] = {
	{ -ETIMEDOUT,	"timeout", "the agent did not answer" },
	{ -ENOTCONN,	"not_connected", "the agent is not connected" },
	{ -EBUSY,	"busy", "too many commands of this agent are under "
			    "way" },
	{ -ENOENT,	"unknown", "no such agent" },
	{ 0,		"left", "the agent left" }
};

/* A command in the audit log: with a module's name, too. */
static char *
order_words(const json_t *body)
{
	const char	*name = json_str(body, "command", "");
	const json_t	*args = json_object_get(body, "args");
	const char	*action = json_str(args, "action", "");
	const char	*module = json_str(args, "module", "");
	const char	*verb = json_str(args, "verb", "");

	if (strcmp(name, "modules") != 0)
		return xstrdup(name);
	return xasprintf("%s%s%s%s%s%s%s", name, *action != '\0' ? " " : "",
	    action, *module != '\0' ? " " : "", module,
	    *verb != '\0' ? " " : "", verb);
}

static json_t *
order_note(const struct call *c, const char *uid)
{
	char	*what = order_words(c->body);
	char	*object = xasprintf("%s %s", uid, what);
	json_t	*note = audit_record(c, "agent.command", object, "sent");

	free(object);
	free(what);
	return note;
}

static int64_t
silence_of(const struct call *c)
{
	return json_int(c->body, "timeout", COMMAND_S) * 1000;
}

/* -- to one agent -- */

static void
on_part(const json_t *part, void *arg)
{
	struct call	*c = arg;

	if (c->record == NULL)
		c->record = json_array();
	if (json_array_size(c->record) < MAX_PARTS)
		json_array_append(c->record, (json_t *)(uintptr_t)part);
}

static void
on_answer(int rc, const json_t *payload, void *arg)
{
	struct call	*c = arg;
	json_t		*result = json_object_get(payload, "result"), *o;

	if (rc == -ETIMEDOUT) {
		call_error(c, 504, NULL, "the agent did not answer");
		return;
	}
	if (rc < 0) {
		call_error(c, 502, NULL, "the agent left");
		return;
	}
	o = json_pack("{sb ss sO ss}", "success", 1, "command",
	    json_str(c->body, "command", ""), "result",
	    result != NULL ? result : json_null(), "error",
	    json_str(payload, "error", ""));
	if (c->record != NULL)
		json_object_set(o, "parts", c->record);
	call_json(c, 200, o);
}

void
agent_command(struct call *c)
{
	struct gateway_order	 o = { .part = on_part, .done = on_answer,
				    .arg = c };
	json_t			*note;
	char			*text;
	int			 rc;

	if (call_body(c, one_fields, nitems(one_fields)) < 0)
		return;
	o.name = json_str(c->body, "command", "");
	o.text = text = gateway_command_text(o.name,
	    json_object_get(c->body, "args"));
	o.silence_ms = silence_of(c);
	rc = gateway_command(c->server->gateway, c->param,
	    c->admin ? NULL : c->user, &o, NULL);
	free(text);
	if (rc == 0) {
		note = order_note(c, c->param);
		audit_write(c->server, note);
	} else if (rc == -ENOENT)
		call_error(c, 404, NULL, "no such agent");
	else if (rc == -EBUSY)
		call_error(c, 429, NULL, "too many commands of this agent are "
		    "under way");
	else
		call_error(c, 409, NULL, "the agent is not connected");
}

/* -- to several -- */

static void
on_beat_closed(uv_handle_t *h)
{
	struct order	*o = h->data;

	json_decref(o->note);
	free(o->what);
	free(o);
}

static void
target_free(struct target *t)
{
	list_remove(&t->link);
	json_decref((json_t *)(uintptr_t)t->agent);
	free(t);
}

static void
say(struct order *o, json_t *take)
{
	char	*text = json_text(take);

	http_stream_write(o->req, text, strlen(text));
	http_stream_write(o->req, "\n", 1);
	free(text);
	json_decref(take);
}

/* Nobody waits for its agents any more. */
static void
order_end(struct order *o)
{
	struct target	*t;

	while (!list_empty(&o->targets)) {
		t = LIST_ITEM(o->targets.next, struct target, link);
		gateway_command_drop(t->command);
		target_free(t);
	}
	list_remove(&o->link);
	uv_close((uv_handle_t *)&o->beat, on_beat_closed);
}

/* When all have answered. */
static void
order_check(struct order *o)
{
	if (o->sending || !list_empty(&o->targets))
		return;
	say(o, json_pack("{sb si si si}", "end", 1, "agents",
	    o->ok + o->failed, "ok", o->ok, "failed", o->failed));
	http_stream_end(o->req);
	order_end(o);
}

/* The caller has left: Ctrl-C, or his connection broke. */
static void
on_gone(struct http_req *q)
{
	struct order	*o = q->user;
	struct link	*l, *next;
	json_t		*note;

	LIST_EACH(l, next, &o->targets) {
		note = json_copy(o->note);
		/* stays "?" where a name was cut within a character */
		json_object_set_new(note, "object", json_sprintf("%s %.*s",
		    json_str(LIST_ITEM(l, struct target, link)->agent,
		    "agent", ""), MAX_NOTED, o->what));
		audit_write(o->server, note);
	}
	order_end(o);
}

/* Without its last line, which tells the caller that it is cut. */
void
orders_stop(struct server *s)
{
	struct order	*o;
	struct link	*l, *next;

	LIST_EACH(l, next, &s->orders) {
		o = LIST_ITEM(l, struct order, link);
		http_stream_end(o->req);
		order_end(o);
	}
}

/* A line about an agent; takes what is to be added. */
static void
say_of(const struct target *t, json_t *add)
{
	json_t	*line = json_deep_copy(t->agent);

	json_object_update(line, add);
	json_decref(add);
	say(t->order, line);
}

static void
say_fault(struct target *t, int rc, int sent)
{
	size_t	i;

	for (i = 0; i < nitems(faults) - 1; i++)
		if (faults[i].rc == rc && !(sent && rc == -ENOTCONN))
			break;
	t->order->failed++;
	say_of(t, json_pack("{sb sn ss ss}", "done", 1, "result", "error",
	    faults[i].words, "code", faults[i].code));
}

static void
on_target_part(const json_t *part, void *arg)
{
	say_of(arg, json_pack("{sO}", "part", part));
}

static void
on_target_done(int rc, const json_t *payload, void *arg)
{
	struct target	*t = arg;
	struct order	*o = t->order;
	json_t		*result = json_object_get(payload, "result");
	const char	*error = json_str(payload, "error", "");

	if (rc < 0) {
		say_fault(t, rc, 1);
	} else {
		if (*error == '\0')
			o->ok++;
		else
			o->failed++;
		say_of(t, json_pack("{sb sO ss}", "done", 1, "result",
		    result != NULL ? result : json_null(), "error", error));
	}
	target_free(t);
	order_check(o);
}

static void
on_beat(uv_timer_t *timer)
{
	struct order	*o = timer->data;

	if (http_stream_pending(o->req) == 0)
		http_stream_write(o->req, "\n", 1);
}

static struct order *
order_new(struct call *c)
{
	struct order	*o = xcalloc(1, sizeof(*o));

	list_append(&c->server->orders, &o->link);
	o->server = c->server;
	o->note = audit_record(c, "agent.command", "?", "cancelled");
	o->what = order_words(c->body);
	o->req = c->req;
	o->sending = 1;
	list_init(&o->targets);
	uv_timer_init(c->server->loop, &o->beat);
	o->beat.data = o;
	uv_timer_start(&o->beat, on_beat, BEAT_MS, BEAT_MS);
	c->req->user = o;
	http_set(c->req, "Cache-Control", "no-store");
	http_set(c->req, "X-Accel-Buffering", "no");
	http_stream_begin(c->req, 200, "application/x-ndjson", on_gone);
	return o;
}

/* Tells each agent of the list, and notes it; frees the call. */
static void
order_send(struct call *c, const json_t *agents)
{
	struct gateway_order	 g = { .part = on_target_part,
				    .done = on_target_done };
	struct order		*o = order_new(c);
	struct target		*t;
	const json_t		*agent;
	char			*text;
	size_t			 i;
	int			 rc;

	g.name = json_str(c->body, "command", "");
	g.text = text = gateway_command_text(g.name,
	    json_object_get(c->body, "args"));
	g.silence_ms = silence_of(c);
	json_array_foreach(agents, i, agent) {
		t = xcalloc(1, sizeof(*t));
		t->order = o;
		t->agent = json_incref((json_t *)(uintptr_t)agent);
		list_append(&o->targets, &t->link);
		g.arg = t;
		rc = gateway_command(c->server->gateway,
		    json_str(agent, "agent", ""), NULL, &g, &t->command);
		if (rc == 0) {
			audit_write(c->server, order_note(c,
			    json_str(agent, "agent", "")));
			continue;
		}
		say_fault(t, rc, 0);
		target_free(t);
	}
	free(text);
	call_free(c);
	o->sending = 0;
	order_check(o);
}

void
agents_command(struct call *c)
{
	json_t		*agents;
	const json_t	*names, *labels;
	char		*why = NULL;
	int		 rc;

	if (call_body(c, many_fields, nitems(many_fields)) < 0)
		return;
	names = json_object_get(c->body, "agents");
	labels = json_object_get(c->body, "labels");
	if (json_array_size(names) + json_array_size(labels) == 0 &&
	    !json_bool(c->body, "all", 0)) {
		call_error(c, 400, "agents", "agents, labels or all must say "
		    "for whom it is");
		return;
	}
	rc = gateway_find(c->server->gateway, c->admin ? NULL : c->user,
	    names, labels, &agents, &why);
	if (rc == -ENOENT)
		call_error(c, 404, "agents", "%s", why);
	else if (rc == -EEXIST)
		call_error(c, 409, "agents", "%s", why);
	else if (rc < 0)
		call_error(c, 400, "labels", "%s", why);
	else
		order_send(c, agents);
	if (rc == 0)
		json_decref(agents);
	free(why);
}
