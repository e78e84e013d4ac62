/* The agents that are connected or were, their labels, and the server's own
 * health. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buildsrv.h"
#include "gateway.h"
#include "queue.h"
#include "settings.h"
#include "tufrepo.h"

void
agent_link(struct call *c)
{
	gateway_accept(c->server->gateway, c->req);
	call_free(c);
}

/* The words of "site=a,rack". */
static json_t *
label_words(const char *text)
{
	json_t	*words = json_array();
	size_t	 n;

	for (; text != NULL && *text != '\0'; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		if (n > 0)
			json_array_append_new(words, json_stringn(text, n));
	}
	return words;
}

void
agent_list(struct call *c)
{
	char	*text = http_query(c->req, "label");
	json_t	*labels = label_words(text);

	free(text);
	if (call_query(c, "label") == 0)
		call_json(c, 200, json_pack("{sb so}", "success", 1, "agents",
		    gateway_agents(c->server->gateway,
		    c->admin ? NULL : c->user, labels)));
	json_decref(labels);
}

/* -- labels -- */

static const struct json_field label_fields[] = {
	{ .name = "labels", .kind = JSON_K_OBJ, .required = 1 },
};

static void
on_labelled(int rc, const json_t *result, void *arg)
{
	struct call	*c = arg;

	(void)result;
	if (rc < 0)
		call_failed(c, rc);
	else
		call_json(c, 200, json_pack("{sb sO}", "success", 1, "labels",
		    c->record));
}

/* The labels of the operator, to change; a null takes one away. */
void
agent_label(struct call *c)
{
	const char	*why = NULL;
	json_t		*note, *patch;
	int		 rc;

	if (call_body(c, label_fields, nitems(label_fields)) < 0)
		return;
	rc = gateway_label(c->server->gateway, c->param,
	    c->admin ? NULL : c->user, json_object_get(c->body, "labels"),
	    &c->record, &why);
	if (rc == -ENOENT) {
		call_error(c, 404, NULL, "no such agent");
		return;
	}
	if (rc < 0) {
		call_error(c, 400, "labels", "%s", why);
		return;
	}
	patch = json_pack("{sO}", "labels", c->record);
	note = audit_record(c, "agent.label", c->param, "ok");
	store_write(c->server->store, (struct store_op[]){
	    { STORE_MERGE, "agent", c->param, patch },
	    { STORE_APPEND, "audit", NULL, note } }, 2, on_labelled, c);
	json_decref(patch);
	json_decref(note);
}

static void
on_cleared(int rc, const json_t *result, void *arg)
{
	struct call	*c = arg;

	(void)result;
	if (rc < 0)
		call_failed(c, rc);
	else
		call_json(c, 200, json_pack("{sb}", "success", 1));
}

/* The operator has looked after the two hosts with one key. */
void
agent_clear(struct call *c)
{
	json_t	*note, *none;

	if (gateway_clear(c->server->gateway, c->param,
	    c->admin ? NULL : c->user) < 0) {
		call_error(c, 404, NULL, "no such agent");
		return;
	}
	none = json_pack("{sn}", "duplicate");
	note = audit_record(c, "agent.clear", c->param, "ok");
	store_write(c->server->store, (struct store_op[]){
	    { STORE_MERGE, "agent", c->param, none },
	    { STORE_APPEND, "audit", NULL, note } }, 2, on_cleared, c);
	json_decref(none);
	json_decref(note);
}

void
health(struct call *c)
{
	const char	*fault = tufrepo_fault(c->server->tufrepo);
	json_t		*o = json_pack("{ss ss}", "status", fault == NULL ?
			    "ok" : "degraded", "version", MUSTER_VERSION);

	if (fault != NULL)
		json_object_set_new(o, "reason", json_string(fault));
	call_json(c, 200, o);
}
