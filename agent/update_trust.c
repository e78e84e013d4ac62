/*
 * What is offered, against what was signed: the metadata is refreshed, the
 * target looked for in it, and what is said about it there compared with
 * what was offered and with what we are.
 */
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "clock.h"
#include "confjson.h"
#include "crypto.h"
#include "file.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "tuf.h"
#include "update.h"

/* The highest version that this agent ever was. */
static const char *
floor_of(const struct update *u)
{
	const char	*kept = json_string_value(confjson_get(u->agent->conf,
			    "update.floor"));

	return kept != NULL && version_ok(kept) && version_compare(kept,
	    MUSTER_VERSION) > 0 ? kept : MUSTER_VERSION;
}

static int
may_return(const json_t *custom)
{
	const json_t	*list = json_object_get(custom, "return_from");
	size_t		 i;

	for (i = 0; i < json_array_size(list); i++)
		if (strcmp(MUSTER_VERSION, json_string_value(json_array_get(
		    list, i)) != NULL ? json_string_value(json_array_get(list,
		    i)) : "") == 0)
			return 1;
	return 0;
}

/* 0, or it has failed. */
static int
check_custom(struct update *u, const json_t *custom)
{
	const char	*version = json_str(custom, "version", "");
	const char	*target = json_str(custom, "target", "");
	const char	*channel = json_str(custom, "channel", "");
	const char	*format = json_str(custom, "format", "");
	char		*own = xasprintf("%s-%s", platform_os, platform_arch);
	int		 same = strcmp(target, own) == 0;

	free(own);
	if (!same)
		update_fail(u, "wrong_target", "%s is for %s, this is %s-%s",
		    u->offer.path, target, platform_os, platform_arch);
	else if (strcmp(version, u->offer.version) != 0)
		update_fail(u, "wrong_version", "%s is version %s, offered"
		    " was %s", u->offer.path, version, u->offer.version);
	else if (strcmp(channel, u->offer.channel) != 0)
		update_fail(u, "wrong_channel", "%s is of channel %s, offered"
		    " was %s", u->offer.path, channel, u->offer.channel);
	else if (strcmp(format, "binary") != 0 &&
	    strcmp(format, "package") != 0)
		update_fail(u, "malformed", "%s: format %s is not known",
		    u->offer.path, format);
	else if (strcmp(version, MUSTER_VERSION) == 0)
		update_fail(u, "current", "this is version %s already",
		    version);
	else if (version_compare(version, floor_of(u)) < 0 &&
	    !may_return(custom))
		update_fail(u, "older_version", "version %s is below %s, and"
		    " nobody has signed a return to it", version,
		    floor_of(u));
	else {
		u->package = strcmp(format, "package") == 0;
		return 0;
	}
	return -1;
}

static void
take_target(struct update *u)
{
	const struct tuf_target	*t = tuf_target(u->tuf);
	const char		*hex = json_str(t->hashes, "sha256", "");

	if (hex_decode(hex, u->sha256, sizeof(u->sha256)) < 0)
		update_fail(u, "malformed", "%s: the metadata has no SHA-256",
		    u->offer.path);
	else if (t->length <= 0 || t->length > UPDATE_MAX_FILE)
		update_fail(u, "too_large", "%s: %lld bytes", u->offer.path,
		    (long long)t->length);
	else if (check_custom(u, t->custom) == 0) {
		u->length = t->length;
		u->file = update_path(u, hex);
		update_step(u);
	}
}

/* -- the loop of tuf.h -- */

static void	step(struct update *);

static void
on_metadata(const struct httpc_answer *a, void *arg)
{
	struct update	*u = arg;

	u->request = NULL;
	if (u->closing)
		return;
	if (a->rc == 0 && a->status == 200)
		tuf_give(u->tuf, a->body, a->body_len);
	else if (a->rc == 0 && (a->status == 404 || a->status == 403))
		tuf_give(u->tuf, NULL, 0);
	else {
		update_fail(u, "unreachable", "%s: %s", u->metadata,
		    a->rc < 0 ? a->why : http_status_text(a->status));
		return;
	}
	step(u);
}

static void
step(struct update *u)
{
	struct tuf_want	want;
	int		rc = tuf_step(u->tuf, &want);

	free(u->metadata);
	u->metadata = NULL;
	if (rc == TUF_WANTS) {
		u->metadata = xasprintf("%s%s", u->offer.metadata_url,
		    want.name);
		u->request = update_get(u, u->metadata, NULL, want.max, NULL,
		    NULL, on_metadata);
	} else if (rc < 0) {
		update_fail(u, tuf_fault_name(tuf_failure(u->tuf)->fault),
		    "%s", tuf_failure(u->tuf)->text);
	} else if (u->at == UPDATE_TRUST) {
		u->at = UPDATE_FIND;
		tuf_find(u->tuf, u->offer.path);
		step(u);
	} else
		take_target(u);
}

/* The root that is in our own binary is where trust begins, once. */
void
update_trust(struct update *u)
{
	const struct settings	*s = u->agent->config.settings;
	char			*dir = file_join(settings_state_dir(s), "tuf");
	const char		*root = settings_str(s, "update-root");
	struct tuf_failure	 f = { .fault = TUF_OK };

	if (!tuf_trusts(dir)) {
		if (root == NULL) {
			update_fail(u, "no_root", "this agent was built"
			    " without update_root: it believes nobody");
			free(dir);
			return;
		}
		if (tuf_trust(dir, root, strlen(root), &f) < 0) {
			update_fail(u, tuf_fault_name(f.fault),
			    "update_root: %s", f.text);
			free(dir);
			return;
		}
	}
	u->tuf = tuf_open(dir);
	free(dir);
	tuf_refresh(u->tuf, clock_wall_ms() / 1000);
	step(u);
}
