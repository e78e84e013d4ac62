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

enum {
	MAX_PARTS	= 1000,		/* kept until the answer is whole */
	LATE_MS		= 10000		/* then a record tells its own time */
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
link004_up(struct agent_link *l)
{
	link_feed_up(l, 0);
}

static void
link004_beat(struct agent_link *l)
{
	say(l, HMACLINK_HEARTBEAT, json_pack("{ss}", "status", "alive"));
	log_info("ws", "heartbeat sent");
}

/* -- records of the spool -- */

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

static void
say_metrics(struct agent_link *l, const json_t *data, int64_t t)
{
	json_t	*o = metrics(data);

	if (clock_wall_ms() - t > LATE_MS)
		json_object_set_new(o, "t", json_integer(t));
	log_info("ws", "metrics sent: cpu=%.1f mem=%.1f disk=%.1f",
	    json_number_value(json_object_get(o, "cpuPercent")),
	    json_number_value(json_object_get(o, "memPercent")),
	    json_number_value(json_object_get(o, "diskUsage")));
	say(l, HMACLINK_METRICS, o);
}

/* The document has log lines: what is more than one is its data. */
static void
link004_record(struct agent_link *l, const struct spool_item *item)
{
	json_t		*o = json_loadb(item->text, item->len,
	    JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
	json_t		*data = json_object_get(o, "data"), *line;
	const char	*type = json_str(o, "type", "");
	int64_t		 t = (int64_t)json_number_value(json_object_get(o,
	    "t"));

	if (item->class == SPOOL_METRIC && strcmp(type, "metrics") == 0) {
		say_metrics(l, data, t);
	} else if (item->class == SPOOL_LOG && json_is_string(
	    json_object_get(data, "message"))) {
		line = json_copy(data);
		if (clock_wall_ms() - t > LATE_MS)
			json_object_set_new(line, "t", json_integer(t));
		say(l, HMACLINK_LOG, line);
	} else if (o != NULL) {
		say(l, HMACLINK_LOG, json_pack("{sO? ss ss ss sI}", "data",
		    data, "level", item->class == SPOOL_ALERT ? "warn" :
		    "info", "message", type, "source", json_str(o, "module",
		    ""), "t", (json_int_t)t));
	}
	json_decref(o);
}

/* -- commands -- */

/* The document's answer is one message: what comes before waits. */
static void
link004_part(struct agent_link *l, const char *id, json_t **parts,
    const json_t *part)
{
	(void)l;
	(void)id;
	if (*parts == NULL)
		*parts = json_array();
	if (json_array_size(*parts) < MAX_PARTS)
		json_array_append(*parts, (json_t *)(uintptr_t)part);
}

static void
link004_answer(struct agent_link *l, const char *id, const char *name,
    const json_t *parts, const json_t *result, const char *error)
{
	json_t	*o = json_pack("{ss ss sO?}", "command", name, "error",
	    error, "result", result);
	char	*text;

	(void)id;
	if (parts != NULL)
		json_object_set(o, "parts", (json_t *)(uintptr_t)parts);
	text = json_text(o);
	if (strlen(text) > LINK_MAX_JSON) {
		json_decref(o);
		o = json_pack("{ss ss sn}", "command", name, "error",
		    "the answer is too long for one message", "result");
	}
	free(text);
	say(l, HMACLINK_RESULT, o);
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
		link_command(l, m.nonce, json_str(m.payload, "command", ""),
		    json_object_get(m.payload, "args"));
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
		link_delay_told(&l->delay, 1000 * atof(why + strlen(after)));
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
	(void)l;
}

const struct link_protocol link004 = {
	.open = link004_open, .message = link004_message,
	.up = link004_up, .beat = link004_beat, .record = link004_record,
	.part = link004_part, .answer = link004_answer,
	.closed = link004_closed, .end = link004_end
};
