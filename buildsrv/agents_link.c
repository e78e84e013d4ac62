/*
 * Agents of document 004: their secrets.  A secret is
 * derived from the server's own key, the agentId and a generation, so that
 * the store holds none; but one that was given by the caller, because an
 * agent has it already, is kept as it is in the record: HMAC needs the key
 * itself.  Both are answered once, to who makes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "envelope.h"
#include "gateway.h"
#include "hmaclink.h"

static const struct json_field secret_fields[] = {
	{ .name = "agentId", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = ENVELOPE_MAX_ID },
	{ .name = "secret", .kind = JSON_K_STR, .min = HMACLINK_MIN_SECRET,
	    .max = HMACLINK_MAX_SECRET },
	{ .name = "user", .kind = JSON_K_STR, .min = 1, .max = MAX_NAME },
};

void
link_accept_004(struct call *c)
{
	gateway_accept_004(c->server->gateway, c->req);
	call_free(c);
}

/* -- secrets -- */

char *
link_secret(const json_t *doc, void *arg)
{
	const char	*given = json_str(doc, "secret", NULL);
	char		 text[BASE64_SIZE(TOKEN_BYTES)], *what;

	if (given != NULL)
		return xstrdup(given);
	what = xasprintf("%lld %s", (long long)json_int(doc, "generation", 0),
	    json_str(doc, "agentId", ""));
	secret_token(arg, "link", what, text);
	free(what);
	return xstrdup(text);
}

static void
on_secret_written(int rc, const json_t *result, void *arg)
{
	struct call	*c = arg;
	const char	*id = json_str(c->record, "agentId", "");
	char		*secret;

	(void)result;
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	gateway_secret_changed(c->server->gateway, id);
	secret = link_secret(c->record, c->server);
	call_json(c, 201, json_pack("{sb ss ss sI}", "success", 1, "agentId",
	    id, "secret", secret, "generation",
	    (json_int_t)json_int(c->record, "generation", 0)));
	crypto_wipe(secret, strlen(secret));
	free(secret);
}

static void
on_old_secret(int rc, const json_t *doc, void *arg)
{
	struct call	*c = arg;
	const char	*id = json_str(c->body, "agentId", "");
	const char	*given = json_str(c->body, "secret", NULL);
	int64_t		 generation = rc == 0 ?
	    json_int(doc, "generation", 0) + 1 : 1;
	json_t		*note;

	if (rc < 0 && rc != -ENOENT) {
		call_failed(c, rc);
		return;
	}
	c->record = json_pack("{ss sI sI}", "agentId", id, "generation",
	    (json_int_t)generation, "created", (json_int_t)clock_wall_ms());
	if (given != NULL)
		json_object_set_new(c->record, "secret", json_string(given));
	if (json_object_get(c->body, "user") != NULL)
		json_object_set(c->record, "user",
		    json_object_get(c->body, "user"));
	note = audit_record(c, "agent.secret", id, "ok");
	store_write(c->server->store, (struct store_op[]){
	    { STORE_PUT, LINK_SECRET_KIND, id, c->record },
	    { STORE_APPEND, "audit", NULL, note } }, 2, on_secret_written, c);
	json_decref(note);
}

void
link_secret_post(struct call *c)
{
	if (call_body(c, secret_fields, nitems(secret_fields)) < 0)
		return;
	if (!envelope_id_ok(json_str(c->body, "agentId", "")))
		call_error(c, 400, "agentId",
		    "must have no control character");
	else
		store_get(c->server->store, LINK_SECRET_KIND,
		    json_str(c->body, "agentId", ""), on_old_secret, c);
}

static void
on_secret_deleted(int rc, const json_t *result, void *arg)
{
	struct call	*c = arg;

	(void)result;
	if (rc == -ENOENT || rc == -EINVAL) {	/* EINVAL: no id at all */
		call_error(c, 404, NULL, "no secret of that agentId");
	} else if (rc < 0) {
		call_failed(c, rc);
	} else {
		gateway_secret_changed(c->server->gateway, c->param);
		call_json(c, 200, json_pack("{sb}", "success", 1));
	}
}

void
link_secret_delete(struct call *c)
{
	json_t	*note = audit_record(c, "agent.secret.delete", c->param, "ok");

	store_write(c->server->store, (struct store_op[]){
	    { STORE_DEL, LINK_SECRET_KIND, c->param, NULL },
	    { STORE_APPEND, "audit", NULL, note } }, 2, on_secret_deleted, c);
	json_decref(note);
}
