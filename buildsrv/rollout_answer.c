/* Which version an agent shall have, and what it tells us of getting it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "release.h"
#include "rollout_private.h"
#include "tufrepo.h"

/* -- releases -- */

const char *
release_sha256(const json_t *entry)
{
	return json_str(json_object_get(entry, "hashes"), "sha256", "");
}

int
release_file(const struct server *s, const char *sha256, int64_t *size)
{
	struct stat	st;
	char		*path;
	int		 there;

	if (strspn(sha256, "0123456789abcdef") != 2 * SHA256_SIZE ||
	    sha256[2 * SHA256_SIZE] != '\0')
		return 0;
	path = file_join(s->release_dir, sha256);
	there = stat(path, &st) == 0 && S_ISREG(st.st_mode);
	if (there && size != NULL)
		*size = (int64_t)st.st_size;
	free(path);
	return there;
}

const json_t *
release_find(const struct server *s, const char *version, const char *target,
    const char *channel, char **path)
{
	char		*name = release_path(version, target, channel);
	const json_t	*entry = name != NULL ?
			    json_object_get(tufrepo_targets(s->tufrepo),
			    name) : NULL;
	int64_t		 size;

	if (entry != NULL && (!release_file(s, release_sha256(entry), &size) ||
	    size != json_int(entry, "length", -1)))
		entry = NULL;
	if (path != NULL && entry != NULL) {
		*path = name;
		name = NULL;
	}
	free(name);
	return entry;
}

/* The release that an agent has, whatever its channel. */
static const char *
base_of(const struct server *s, const char *version, const char *target)
{
	const json_t	*custom;
	const char	*path;
	json_t		*entry;

	json_object_foreach((json_t *)(uintptr_t)tufrepo_targets(s->tufrepo),
	    path, entry) {
		custom = json_object_get(entry, "custom");
		if (strcmp(json_str(custom, "version", ""), version) == 0 &&
		    strcmp(json_str(custom, "target", ""), target) == 0)
			return release_sha256(entry);
	}
	return "";
}

/* Whether an agent may go from one version to another: up, or by a word that
 * the release's signers gave. */
static int
may_go(const json_t *entry, const char *from, const char *to)
{
	json_t	*list = json_object_get(json_object_get(entry, "custom"),
		    "return_from"), *v;
	size_t	 i;

	if (release_compare(to, from) > 0)
		return 1;
	json_array_foreach(list, i, v)
		if (json_is_string(v) &&
		    strcmp(json_string_value(v), from) == 0)
			return 1;
	return 0;
}

/* -- which -- */

struct choice {
	json_t		*rollout;
	const json_t	*entry;
	char		*path;
	const char	*reason;	/* NULL: it shall have it now */
};

static const char *
reason_of(const struct rollouts *r, const json_t *rollout, const char *uid)
{
	const char	*state = json_str(rollout, "state", "");

	if (rollout_has_failed(r, rollout, uid))
		return "failed";
	if (strcmp(state, "done") == 0)
		return NULL;
	if (strcmp(state, "running") != 0)
		return state;		/* paused, stopped */
	return rollout_in_share(rollout, uid) ? NULL : "held";
}

/* The newest rollout of its channel that has its platform decides; while that
 * one does not give, an older one that is done still may. */
static void
choose(const struct rollouts *r, const char *uid, const char *target,
    const char *version, struct choice *c)
{
	size_t	 i;
	json_t	*v;
	const json_t *entry;
	const char *reason;
	char	*path;

	*c = (struct choice){ NULL, NULL, NULL, "none" };
	for (i = json_array_size(r->list); i > 0; i--) {
		v = json_array_get(r->list, i - 1);
		path = NULL;
		if (strcmp(json_str(v, "state", ""), "ended") == 0 ||
		    strcmp(json_str(v, "channel", ""),
		    rollouts_channel(r, uid)) != 0 ||
		    (entry = release_find(r->server, json_str(v, "version",
		    ""), target, json_str(v, "channel", ""), &path)) == NULL)
			continue;
		reason = reason_of(r, v, uid);
		if (strcmp(json_str(v, "version", ""), version) == 0 ||
		    (reason == NULL && !may_go(entry, version,
		    json_str(v, "version", ""))))
			reason = "current";
		if (c->rollout == NULL || reason == NULL ||
		    strcmp(reason, "current") == 0) {
			if (c->rollout != NULL && reason != NULL) {
				free(path);	/* it has what is done */
				return;
			}
			free(c->path);
			*c = (struct choice){ v, entry, path, reason };
		} else
			free(path);
		if (reason == NULL || strcmp(reason, "current") == 0)
			return;
	}
}

/* -- the answer -- */

static char *
file_url(const struct server *s, const char *sha256, const char *name)
{
	return xasprintf("%s/api/releases/targets/%s.%s", s->url, sha256,
	    name);
}

static json_t *
patch_of(struct rollouts *r, const char *from, const json_t *entry)
{
	json_t	*o = NULL;
	char	*url;

	if (from[0] != '\0')
		o = patch_find(r->server, from, release_sha256(entry),
		    json_int(entry, "length", 0));
	if (o == NULL)
		return json_null();
	url = file_url(r->server, json_str(o, "sha256", ""), "patch");
	json_object_set_new(o, "url", json_string(url));
	free(url);
	return o;
}

/* What it was offered is kept, so that its outcome is this rollout's. */
static void
note_offer(struct rollouts *r, const char *uid, const json_t *rollout)
{
	json_t	*doc = rollout_agent(r, uid);

	if (strcmp(json_str(doc, "rollout", ""), json_str(rollout, "id",
	    "")) == 0 && json_str(doc, "state", "")[0] != '\0')
		return;
	json_object_set(doc, "rollout", json_object_get(rollout, "id"));
	json_object_set(doc, "version", json_object_get(rollout, "version"));
	json_object_set_new(doc, "state", json_string("offered"));
	json_object_set_new(doc, "t", json_integer(clock_wall_ms()));
	json_object_del(doc, "error");
	json_object_del(doc, "code");
	json_object_del(doc, "step");
	rollout_agent_save(r, uid, doc);
}

static void
add_offer(struct rollouts *r, json_t *o, const struct choice *c,
    const char *base)
{
	const char	*sum = release_sha256(c->entry);
	char		*url = file_url(r->server, sum, c->path);

	json_object_set(o, "rollout", json_object_get(c->rollout, "id"));
	json_object_set_new(o, "path", json_string(c->path));
	json_object_set_new(o, "format", json_string(json_str(
	    json_object_get(c->entry, "custom"), "format", "binary")));
	json_object_set_new(o, "url", json_string(url));
	json_object_set_new(o, "sha256", json_string(sum));
	json_object_set(o, "length", json_object_get(c->entry, "length"));
	json_object_set_new(o, "patch", patch_of(r, base, c->entry));
	free(url);
}

json_t *
rollouts_answer(struct rollouts *r, const struct gateway_view *v,
    const char *target, const char *version, const char *base, int by_itself)
{
	struct choice	 c;
	json_t		*o;
	char		*meta = xasprintf("%s/api/releases/metadata/",
			    r->server->url);
	int64_t		 again;

	choose(r, v->uid, target, version, &c);
	again = c.reason == NULL || strcmp(c.reason, "held") == 0 ?
	    ROLLOUT_SOON_S : ROLLOUT_ASK_S;
	o = json_pack("{sb sb ss ss ss sI}", "success", 1, "update",
	    c.reason == NULL, "channel", rollouts_channel(r, v->uid),
	    "target", target, "metadata_url", meta, "retry_after",
	    (json_int_t)again);
	json_object_set_new(o, "version", c.rollout == NULL ? json_null() :
	    json_string(json_str(c.rollout, "version", "")));
	if (c.reason != NULL)
		json_object_set_new(o, "reason", json_string(c.reason));
	else {
		add_offer(r, o, &c, base != NULL ? base :
		    base_of(r->server, version, target));
		if (by_itself)
			note_offer(r, v->uid, c.rollout);
	}
	free(c.path);
	free(meta);
	return o;
}

/* -- reports -- */

/* The rollout that a report is of: the one it names, else the newest with
 * that version in the agent's channel. */
static json_t *
rollout_of(const struct rollouts *r, const char *uid, const json_t *report)
{
	const char	*id = json_str(report, "rollout", NULL);
	json_t		*v;
	size_t		 i;

	if (id != NULL)
		return rollout_find(r, id);
	for (i = json_array_size(r->list); i > 0; i--) {
		v = json_array_get(r->list, i - 1);
		if (strcmp(json_str(v, "channel", ""),
		    rollouts_channel(r, uid)) == 0 &&
		    strcmp(json_str(v, "version", ""),
		    json_str(report, "version", "")) == 0)
			return v;
	}
	return NULL;
}

void
rollouts_report(struct rollouts *r, const char *uid, const json_t *report)
{
	static const char *const	words[] = { "version", "from", "state",
					    "step", "code", "error", "log" };
	json_t				*doc = rollout_agent(r, uid), *v;
	json_t				*rollout = rollout_of(r, uid, report);
	size_t				 i;

	if (rollout != NULL)
		json_object_set(doc, "rollout", json_object_get(rollout,
		    "id"));
	for (i = 0; i < nitems(words); i++)
		if ((v = json_object_get(report, words[i])) != NULL)
			json_object_set(doc, words[i], v);
		else
			json_object_del(doc, words[i]);
	json_object_set_new(doc, "t", json_integer(clock_wall_ms()));
	rollout_agent_save(r, uid, doc);
	log_info("rollout", "agent %s: %s%s%s%s%s", uid, json_str(doc,
	    "state", ""), json_str(doc, "step", NULL) ? " at step " : "",
	    json_str(doc, "step", ""), json_str(doc, "code", NULL) ? ", " :
	    "", json_str(doc, "code", ""));
	if (rollout != NULL)
		rollout_judge(r, rollout);
}
