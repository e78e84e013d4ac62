/* The question, and the server's answer taken apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "update.h"

void
update_offer_release(struct update_offer *o)
{
	free(o->channel);
	free(o->rollout);
	free(o->path);
	free(o->url);
	free(o->metadata_url);
	free(o->patch_url);
	memset(o, 0, sizeof(*o));
}

static char *
dup_member(const json_t *o, const char *name)
{
	const char	*text = json_str(o, name, NULL);

	return text != NULL && *text != '\0' && strlen(text) <=
	    UPDATE_MAX_URL ? xstrdup(text) : NULL;
}

/* A patch that is not for our binary is none. */
static void
take_patch(struct update_offer *o, const json_t *patch)
{
	char	own[65];

	if (strcmp(json_str(patch, "format", ""), "zstd-patch-from") != 0)
		return;
	snprintf(o->patch_from, sizeof(o->patch_from), "%s", json_str(patch,
	    "from_sha256", ""));
	o->patch_length = json_int(patch, "length", 0);
	if (o->patch_length <= 0 || o->patch_length > UPDATE_MAX_FILE ||
	    update_own_hash(own) < 0 || strcmp(own, o->patch_from) != 0)
		return;
	o->patch_url = dup_member(patch, "url");
}

/* The first member that is not as it must be, or NULL. */
static const char *
take_offer(struct update_offer *o, const json_t *answer)
{
	const char	*version = json_str(answer, "version", "");

	if (!version_ok(version))
		return "version";
	snprintf(o->version, sizeof(o->version), "%s", version);
	if ((o->channel = dup_member(answer, "channel")) == NULL)
		return "channel";
	if ((o->path = dup_member(answer, "path")) == NULL)
		return "path";
	if ((o->url = dup_member(answer, "url")) == NULL)
		return "url";
	if ((o->metadata_url = dup_member(answer, "metadata_url")) == NULL)
		return "metadata_url";
	o->rollout = dup_member(answer, "rollout");
	take_patch(o, json_object_get(answer, "patch"));
	return NULL;
}

static void
on_answer(const struct httpc_answer *a, void *arg)
{
	struct update	*u = arg;
	struct json_err	 e;
	json_t		*o;
	const char	*bad;

	u->request = NULL;
	if (u->closing)
		return;
	if (a->rc < 0 || a->status != 200) {
		update_fail(u, "unreachable", "%s", a->rc < 0 ? a->why :
		    http_status_text(a->status));
		return;
	}
	if ((o = json_read(a->body, a->body_len, &e)) == NULL ||
	    !json_is_object(o))
		update_fail(u, "malformed", "the server's answer is no JSON"
		    " object");
	else if (!json_bool(o, "update", 0)) {
		log_debug("update", "none: %s", json_str(o, "reason", ""));
		u->at = UPDATE_IDLE;
	} else if ((bad = take_offer(&u->offer, o)) != NULL)
		update_fail(u, "malformed", "the server's answer: bad %s",
		    bad);
	else {
		log_info("update", "version %s is offered, by %s",
		    u->offer.version, u->offer.path);
		update_step(u);
	}
	json_decref(o);
}

/* As a value in a URL; an id may have any character. */
static char *
encoded(const char *s)
{
	struct buf	b = BUF_INIT;

	for (; *s != '\0'; s++)
		if (strchr("-._~", *s) != NULL || (*s >= '0' && *s <= '9') ||
		    ((*s | 32) >= 'a' && (*s | 32) <= 'z'))
			buf_addc(&b, *s);
		else
			buf_printf(&b, "%%%02X", (unsigned char)*s);
	return buf_take(&b);
}

void
update_ask(struct update *u)
{
	char	*base = update_base(u->agent), *url, *id, own[65];
	char	 part[80] = "";

	if (base == NULL) {
		update_fail(u, "not_registered", "only a registered agent can"
		    " ask for updates");
		return;
	}
	if (update_own_hash(own) == 0)
		snprintf(part, sizeof(part), "&base=%s", own);
	id = encoded(update_id(u->agent));
	url = xasprintf("%s/api/agents/update?agent_id=%s&version=%s"
	    "&target=%s-%s%s", base, id, MUSTER_VERSION, platform_os,
	    platform_arch, part);
	free(id);
	u->request = update_get(u, url, NULL, UPDATE_MAX_ANSWER, NULL, NULL,
	    on_answer);
	free(url);
	free(base);
}
