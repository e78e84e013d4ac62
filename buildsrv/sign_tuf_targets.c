/* Verbs that change what targets say: a release in or out, a delegation. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "release.h"
#include "sign_tuf.h"

enum { TARGETS_DAYS = 90 };

static const char *
required(const struct tuf_work *w, const char *name)
{
	const char	*v = settings_str(w->s, name);

	if (v == NULL)
		settings_usage(w->s, "--%s: required", name);
	return v;
}

/* A .tar.gz has an agent in it; anything else is one. */
static const char *
format_of(const char *path)
{
	size_t	n = strlen(path);

	return n > 7 && strcmp(path + n - 7, ".tar.gz") == 0 ? "package" :
	    "binary";
}

static json_t *
describe(const struct tuf_work *w, const char *version)
{
	const char	*file = required(w, "file"), *v;
	uint8_t		 sum[SHA256_SIZE];
	char		 hex[65];
	uint64_t	 size;
	json_t		*list = json_array();
	size_t		 i;
	int		 rc = file_sha256(file, sum, &size);

	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", file, errstr(rc));
	for (i = 0; (v = settings_item(w->s, "return-from", i)) != NULL; i++)
		json_array_append_new(list, json_string(v));
	return json_pack("{sI s{ss} s{ss ss ss ss so}}", "length",
	    (json_int_t)size, "hashes", "sha256", hex_encode(sum, sizeof(sum),
	    hex), "custom", "version", version, "target",
	    settings_str(w->s, "platform"), "channel",
	    settings_str(w->s, "channel"), "format", format_of(file),
	    "return_from", list);
}

/* The next version of a targets role, with this body. */
static void
write_next(const struct tuf_work *w, const char *role, struct tuf_meta *m)
{
	int64_t	version = m->version + 1;
	json_t	*body = json_incref(m->body);

	tuf_finish(w, role, tuf_new(body, TUF_TARGETS, version, w->now,
	    tuf_life(w, TARGETS_DAYS)));
	tuf_meta_release(m);
}

int
tuf_target_verb(const struct tuf_work *w, char **words, int n)
{
	const char	*role = settings_str(w->s, "role");
	const char	*version = settings_str(w->s, "version");
	struct tuf_meta	 m;
	json_t		*targets;
	char		*path;

	(void)words;
	(void)n;
	tuf_newest(w, role, TUF_TARGETS, &m);
	targets = json_object_get(m.body, "targets");
	if (version != NULL) {
		path = release_path(version, required(w, "platform"),
		    settings_str(w->s, "channel"));
		if (path == NULL)
			settings_usage(w->s, "--version, --platform, "
			    "--channel: letters, digits, '.', '+', '-' "
			    "alone");
		if (!settings_bool(w->s, "remove"))
			json_object_set_new(targets, path, describe(w,
			    version));
		else if (json_object_del(targets, path) < 0)
			die(EXIT_NO, "%s: has no target %s", role, path);
		free(path);
	} else if (settings_has(w->s, "file"))
		settings_usage(w->s, "--version: required");
	/* Without a target: the same again, good for longer. */
	write_next(w, role, &m);
	return EXIT_YES;
}

static json_t *
patterns(const struct tuf_work *w)
{
	const char	*word;
	json_t		*list = json_array();
	size_t		 i;

	for (i = 0; (word = settings_item(w->s, "pattern", i)) != NULL; i++)
		json_array_append_new(list, json_string(word));
	if (i == 0)
		settings_usage(w->s, "--pattern: required");
	return list;
}

/* Puts the delegation in, in place of one to the same role. */
static void
set_delegation(json_t *body, const char *role, json_t *keys, json_t *by)
{
	json_t	*d = json_object_get(body, "delegations"), *roles, *v;
	size_t	 i;

	if (d == NULL) {
		d = json_pack("{s{} s[]}", "keys", "roles");
		json_object_set_new(body, "delegations", d);
	}
	roles = json_object_get(d, "roles");
	json_array_foreach(roles, i, v)
		if (strcmp(json_str(v, "name", ""), role) == 0)
			break;
	if (i < json_array_size(roles))
		json_array_set_new(roles, i, by);
	else
		json_array_append_new(roles, by);
	json_object_update(json_object_get(d, "keys"), keys);
}

int
tuf_delegate_verb(const struct tuf_work *w, char **words, int n)
{
	const char	*role = settings_str(w->s, "role");
	json_t		*keys = json_object();
	json_t		*ids = tuf_key_ids(w, "role-key", keys);
	struct tuf_meta	 m;
	int64_t		 version;

	(void)words;
	(void)n;
	if (ids == NULL)
		settings_usage(w->s, "--role-key: required");
	if (strcmp(role, "root") == 0 || strcmp(role, "timestamp") == 0 ||
	    strcmp(role, "snapshot") == 0 || strcmp(role, "targets") == 0)
		settings_usage(w->s, "--role: a name of its own is needed");
	tuf_newest(w, "targets", TUF_TARGETS, &m);
	set_delegation(m.body, role, keys, json_pack("{ss so sI sb so}",
	    "name", role, "keyids", ids, "threshold",
	    (json_int_t)settings_int(w->s, "role-threshold"), "terminating",
	    settings_bool(w->s, "terminating"), "paths", patterns(w)));
	json_decref(keys);
	write_next(w, "targets", &m);
	if (tuf_repo_newest(w->repo, role, &version) == 0 && version == 0)
		tuf_finish(w, role, tuf_new(json_pack("{s{}}", "targets"),
		    TUF_TARGETS, 1, w->now, tuf_life(w, TARGETS_DAYS)));
	return EXIT_YES;
}
