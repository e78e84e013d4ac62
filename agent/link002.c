/*
 * Document 002's protocol, the agent's end: envelopes out and in.  Each state
 * waits for one answer: AUTH, then, once in an agent's life, REGISTER and
 * COMPLETE, then it is up.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "json.h"
#include "link_private.h"
#include "log.h"

/* -- sending -- */

static void
put(struct agent_link *l, const char *type, const char *id,
    const char *channel, const char *json)
{
	struct envelope	e = ENVELOPE_INIT;
	struct buf	b = BUF_INIT;

	e.id = id;
	e.type = type;
	e.channel = channel;
	e.timestamp = link_now(l) / 1000;
	linkcrypt_write(&l->crypt, &e, json, strlen(json), &b);
	link_put_text(l, &b);
	buf_release(&b);
}

void
link_put_json(struct agent_link *l, const char *word, const char *channel,
    const json_t *o)
{
	char	*text = json_text((json_t *)(uintptr_t)o);
	char	 id[ENVELOPE_MAX_ID];

	snprintf(id, sizeof(id), "%s_%" PRIu64, word, ++l->serial);
	put(l, "request", id, channel, text);
	crypto_wipe(text, strlen(text));	/* may hold a key */
	free(text);
}

static int
link002_send(struct agent_link *l, const char *channel, const json_t *o)
{
	link_put_json(l, channel, channel, o);
	return 0;
}

static void
link002_beat(struct agent_link *l)
{
	char	id[64];

	snprintf(id, sizeof(id), "heartbeat_%" PRIu64, ++l->serial);
	put(l, "heartbeat", id, "", "{}");
	log_debug("ws", "heartbeat sent");
}

static void
link002_up(struct agent_link *l)
{
	if (l->ours)
		link_put_json(l, "info", LINK_CH_INFO, l->o.info);
	link_feed_up(l, l->ours);
}

static void
link002_batch(struct agent_link *l, const char *id, const char *json)
{
	put(l, "request", id, LINK_CH_EVENTS, json);
}

/* To a server that does not speak our extensions: measurements as it expects
 * them, the rest as we would put it to one that does. */
static void
link002_record(struct agent_link *l, const struct spool_item *item)
{
	json_t	*o = json_loadb(item->text, item->len, JSON_ALLOW_NUL |
	    JSON_DECODE_INT_AS_REAL, NULL);
	json_t	*data = json_object_get(o, "data");

	if (item->class == SPOOL_METRIC && json_is_object(data))
		link_put_json(l, "telemetry", LINK_CH_TELEMETRY, data);
	else if (o != NULL)
		link_put_json(l, "events", LINK_CH_EVENTS, o);
	json_decref(o);
}

static void
link002_open(struct agent_link *l)
{
	l->ours = 0;
	talk_auth(l);
}

static void
link002_end(struct agent_link *l)
{
	linkcrypt_wipe(&l->crypt);
	crypto_wipe(l->eph_secret, sizeof(l->eph_secret));
	free(l->registration_id);
	l->registration_id = NULL;
}

/* -- receiving -- */

/* The state's answer has come: what is next? */
static void
take_answer(struct agent_link *l, const json_t *o, int64_t server_s)
{
	char	*why = NULL;
	int	 known = 0, rc = 0;

	switch (l->state) {
	case LINK_AUTH:
		rc = talk_auth_answer(l, o, server_s, &known, &why);
		if (rc == 0 && known) {
			link_up(l);
		} else if (rc == 0) {
			l->state = LINK_REGISTER;
			rc = talk_register(l);
		}
		break;
	case LINK_REGISTER:
		l->state = LINK_COMPLETE;
		rc = talk_register_answer(l, o, &why);
		break;
	case LINK_COMPLETE:
		if ((rc = talk_complete_answer(l, o, &why)) == 0)
			link_up(l);
		break;
	default:
		break;			/* nobody waits for it */
	}
	if (rc < 0)
		link_close(l, CLOSE_POLICY, why);
}

/* -- commands -- */

/* Takes both payloads; the second stands in where the first is too long for
 * a message. */
static void
put_answer(struct agent_link *l, const char *id, json_t *o, json_t *instead)
{
	char	*text = json_text(o);

	if (strlen(text) > LINK_MAX_JSON) {
		free(text);
		text = json_text(instead);
	}
	put(l, "response", id, LINK_CH_COMMAND, text);
	free(text);
	json_decref(o);
	json_decref(instead);
}

static void
link002_part(struct agent_link *l, const char *id, json_t **parts,
    const json_t *part)
{
	(void)parts;
	put_answer(l, id, json_pack("{sO}", "part", part), json_pack(
	    "{sn ss}", "part", "error", "this part is too long"));
}

static void
link002_answer(struct agent_link *l, const char *id, const char *name,
    const json_t *parts, const json_t *result, const char *error)
{
	(void)name;
	(void)parts;
	put_answer(l, id, json_pack("{sb ss sO?}", "done", 1, "error", error,
	    "result", result), json_pack("{sb ss sn}", "done", 1, "error",
	    "the result is too long", "result"));
}

/* {"command":NAME,"args":{}}, or {"cancel":ID} of such a one. */
static void
take_command(struct agent_link *l, const struct envelope *e, const json_t *o)
{
	const char	*cancel = json_str(o, "cancel", NULL);

	if (cancel != NULL)
		link_command_cancel(l, cancel);
	else
		link_command(l, e->id, json_str(o, "command", ""),
		    json_object_get(o, "args"));
}

/* What the server asks of us. */
static void
take_request(struct agent_link *l, const struct envelope *e, const json_t *o)
{
	if (strcmp(e->channel, LINK_CH_CLOSING) == 0) {
		talk_retry_after(l, o);
		return;
	}
	if (strcmp(e->channel, LINK_CH_COMMAND) == 0) {
		take_command(l, e, o);
		return;
	}
	log_warn("ws", "received message: type=%s channel=%s: not known",
	    e->type, e->channel);
	put(l, "response", e->id, LINK_CH_ERROR, "{\"error\":\"channel"
	    " is not known\",\"code\":\"unknown_channel\"}");
}

static void
take_message(struct agent_link *l, const struct envelope *e, const json_t *o)
{
	log_debug("ws", "received message: type=%s channel=%s", e->type,
	    e->channel);
	if (strcmp(e->channel, LINK_CH_ERROR) == 0) {
		if (link_feed_error(l, e->id, json_str(o, "code", "")))
			return;
		talk_error(l, o);
		if (l->state != LINK_UP)
			link_close(l, CLOSE_NORMAL,
			    xstrdup("refused by the server"));
	} else if (strcmp(e->type, "response") == 0) {
		if (l->state != LINK_UP)
			take_answer(l, o, e->timestamp);
		else
			link_feed_answer(l, e->id, o);
	}
	else if (strcmp(e->type, "request") == 0 && l->state == LINK_UP)
		take_request(l, e, o);
}

static void
link002_message(struct agent_link *l, const char *text, size_t len)
{
	struct envelope	e = ENVELOPE_INIT;
	struct buf	payload = BUF_INIT;
	struct json_err	err;
	json_t		*o = NULL;
	char		words[300];
	int		rc;

	if (envelope_parse(&e, text, len, &err) < 0) {
		link_close(l, CLOSE_POLICY, xasprintf("bad message: %s",
		    json_err_str(&err, words, sizeof(words))));
	} else if ((rc = linkcrypt_read(&l->crypt, &e, &payload)) < 0) {
		link_close(l, CLOSE_POLICY, xasprintf("bad message: the"
		    " payload is not sealed as agreed: %s", errstr(rc)));
	} else if ((o = json_read(buf_str(&payload), payload.len,
	    &err)) == NULL) {
		link_close(l, CLOSE_POLICY, xasprintf("bad message: payload:"
		    " %s", json_err_str(&err, words, sizeof(words))));
	} else {
		take_message(l, &e, o);
	}
	json_decref(o);
	buf_release(&payload);
	envelope_release(&e);
}

const struct link_protocol link002 = {
	.open = link002_open, .message = link002_message, .up = link002_up,
	.beat = link002_beat, .send = link002_send,
	.record = link002_record, .batch = link002_batch,
	.part = link002_part, .answer = link002_answer, .end = link002_end
};
