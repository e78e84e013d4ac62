/*
 * Document 004's protocol, the agent's end: auth is said and nothing answers
 * it, so the link is up at once; then metrics, heartbeats, and the results
 * of the commands that the server sends.  A message that is not signed with
 * our secret, not for us, out of time or sent before is told to the log and
 * does nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "hmaclink.h"
#include "http.h"
#include "json.h"
#include "link_private.h"
#include "log.h"

enum { MAX_RUNNING = 16 };	/* commands whose answer is not there yet */

struct link_command {		/* one under way */
	struct link	 link;
	struct agent_link *l;	/* NULL: the link has gone */
	char		*name;
	int64_t		 began;	/* which connection's: up_since */
};

/* Takes the payload. */
static void
say(struct agent_link *l, const char *type, json_t *payload)
{
	struct hmaclink	m = { type, l->o.agent_id, NULL, link_now(l), payload,
		    NULL, NULL, 0 };
	struct buf	b = BUF_INIT;
	char		nonce[UUID_SIZE];

	crypto_uuid(nonce);
	m.nonce = nonce;
	hmaclink_write(&m, l->o.secret, &b);
	link_put_text(l, &b);
	buf_release(&b);
	json_decref(payload);
}

static void
link004_open(struct agent_link *l)
{
	log_info("ws", "sending auth message");
	say(l, HMACLINK_AUTH, json_incref(l->o.hello));
	log_info("ws", "\xe2\x9c\x93 auth message sent successfully, %" PRId64
	    " ms after the start", clock_mono_ms() - l->o.started);
	link_up(l);
}

static void
link004_beat(struct agent_link *l)
{
	say(l, HMACLINK_HEARTBEAT, json_pack("{ss}", "status", "alive"));
	log_info("ws", "heartbeat sent");
}

/* Of all that is measured, what the document has. */
static json_t *
metrics(const json_t *all)
{
	static const char *const	names[] = {
		"cpuPercent", "diskUsage", "memPercent"
	};
	json_t				*o = json_object(), *v;
	size_t				 i;

	for (i = 0; i < nitems(names); i++)
		if ((v = json_object_get(all, names[i])) != NULL)
			json_object_set(o, names[i], v);
	return o;
}

static int
link004_send(struct agent_link *l, const char *channel, const json_t *o)
{
	if (strcmp(channel, LINK_CH_TELEMETRY) == 0) {
		say(l, HMACLINK_METRICS, metrics(o));
		log_info("ws", "metrics sent: cpu=%.1f mem=%.1f disk=%.1f",
		    json_number_value(json_object_get(o, "cpuPercent")),
		    json_number_value(json_object_get(o, "memPercent")),
		    json_number_value(json_object_get(o, "diskUsage")));
	} else if (strcmp(channel, LINK_CH_LOG) == 0) {
		say(l, HMACLINK_LOG, json_incref((json_t *)(uintptr_t)o));
	} else
		return -ENOTSUP;
	return 0;
}

/* -- commands -- */

/* Takes the result, which may be NULL. */
static void
on_done(json_t *result, const char *error, void *arg)
{
	struct link_command	*c = arg;
	struct agent_link	*l = c->l;
	json_t			*o;

	if (l != NULL)
		l->running--;
	if (l != NULL && l->state == LINK_UP && l->up_since == c->began) {
		o = json_pack("{ss ss so}", "command", c->name, "error",
		    error, "result", result != NULL ? json_incref(result) :
		    json_null());
		say(l, HMACLINK_RESULT, o);
		log_info("ws", "command result: %s%s%s", c->name,
		    *error != '\0' ? ": " : "", error);
	}
	list_remove(&c->link);
	json_decref(result);
	free(c->name);
	free(c);
}

static void
take_command(struct agent_link *l, const json_t *payload)
{
	const char		*name = json_str(payload, "command", "");
	struct link_command	*c;

	if (!envelope_id_ok(name)) {
		log_warn("ws", "a command without a name was refused");
		return;
	}
	log_info("ws", "executing command: %s", name);
	c = xcalloc(1, sizeof(*c));
	c->l = l;
	c->name = xstrdup(name);
	c->began = l->up_since;
	list_append(&l->commands, &c->link);
	if (l->running++ < MAX_RUNNING)
		command_run(l->o.commands, name, on_done, c);
	else
		on_done(NULL, "too many commands are under way", c);
}

/* Why a message is not to be believed, or NULL. */
static const char *
fault_in(struct agent_link *l, const struct hmaclink *m)
{
	int64_t	off = m->ts - link_now(l);

	if (strcmp(m->agent_id, l->o.agent_id) != 0)
		return "it is for another agent";
	if (!hmaclink_verify(m, l->o.secret))
		return "its signature is wrong";
	if (off > HMACLINK_MAX_AGE || off < -HMACLINK_MAX_AGE)
		return "its ts is out of time";
	if (strcmp(m->type, HMACLINK_COMMAND) != 0)
		return "only commands are expected";
	if (!replay_window_fresh(&l->heard, m->ts, m->nonce,
	    strlen(m->nonce)))
		return "it was sent before";
	return NULL;
}

static void
link004_message(struct agent_link *l, const char *text, size_t len)
{
	struct hmaclink	m;
	struct json_err	err;
	char		words[300];
	const char	*fault;

	if (hmaclink_parse(&m, text, len, &err) < 0) {
		log_warn("ws", "a message was refused: %s",
		    json_err_str(&err, words, sizeof(words)));
		return;
	}
	log_info("ws", "received message: type=%s", m.type);
	if ((fault = fault_in(l, &m)) != NULL)
		log_warn("ws", "a message of type %s was refused: %s",
		    m.type, fault);
	else
		take_command(l, m.payload);
	hmaclink_release(&m);
}

/* -- the end -- */

/*
 * Two words of our own server's: when to come back, and what time it is.
 * Nobody signs them, so the time is taken only where nobody else can have
 * said it: else old commands could be made to look new.
 */
static void
link004_closed(struct agent_link *l, const char *why)
{
	static const char	skew[] = "clock_skew ";
	static const char	after[] = "retry_after ";
	struct url		u;
	const char		*fault;
	long long		ms;

	if (strncmp(why, after, strlen(after)) == 0) {
		link_retry_after(l, atof(why + strlen(after)));
	} else if (strncmp(why, skew, strlen(skew)) == 0 &&
	    url_parse(l->o.url, &u, &fault) == 0 &&
	    (u.tls || url_is_loopback(&u))) {
		ms = atoll(why + strlen(skew));
		if (ms > 0)
			talk_skew(l, ms);
	}
}

static void
link004_end(struct agent_link *l)
{
	(void)l;		/* results find that it is another */
}

void
link_forget_commands(struct agent_link *l)
{
	struct link	*i, *next;

	LIST_EACH(i, next, &l->commands) {
		LIST_ITEM(i, struct link_command, link)->l = NULL;
		list_remove(i);
	}
}

const struct link_protocol link004 = {
	.open = link004_open, .message = link004_message,
	.beat = link004_beat, .send = link004_send,
	.closed = link004_closed, .end = link004_end
};
