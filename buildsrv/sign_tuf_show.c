/* Verbs over what is there: a further signature, the online roles, a list. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "sign_tuf.h"
#include "signer.h"

enum { SNAPSHOT_DAYS = 7, TIMESTAMP_DAYS = 1 };

int
tuf_sign_verb(const struct tuf_work *w, char **words, int n)
{
	char		*path = file_join(w->repo, words[0]);
	struct json_err	 e;
	char		 why[320];
	json_t		*file;
	int		 rc;

	(void)n;
	if (settings_item(w->s, "key", 0) == NULL)
		settings_usage(w->s, "--key: required");
	if ((file = json_read_file(path, TUF_MAX_TARGETS, &e, &rc)) == NULL)
		die(EXIT_SYSTEM, "%s: %s", path, rc == -EINVAL ?
		    json_err_str(&e, why, sizeof(why)) : errstr(rc));
	if (!json_is_object(json_object_get(file, "signed")) ||
	    !json_is_array(json_object_get(file, "signatures")))
		die(EXIT_NO, "%s: is no update metadata", path);
	tuf_sign_keys(w, file);
	if ((rc = tuf_repo_write(w->repo, words[0], file)) < 0)
		die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	puts(words[0]);
	json_decref(file);
	free(path);
	return EXIT_YES;
}

/* -- online -- */

/* By --key, else by the daemon. */
static void
sign_online(const struct tuf_work *w, json_t *file)
{
	char	*path = settings_has(w->s, "socket") ?
		    xstrdup(settings_str(w->s, "socket")) :
		    file_join(settings_run_dir(w->s), "sign.sock");
	json_t	*ask, *answer = NULL;
	int	 rc;

	if (settings_item(w->s, "key", 0) == NULL) {
		ask = json_pack("{ss sO}", "op", "tuf", "signed",
		    json_object_get(file, "signed"));
		if ((rc = ipc_ask(path, ask, SIGNER_ASK_TIMEOUT, &answer)) < 0)
			die(rc == -ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM,
			    "%s: %s", path, errstr(rc));
		if (!json_bool(answer, "ok", 0))
			die(EXIT_NO, "%s: refused: %s", path,
			    json_str(answer, "error", "no reason given"));
		json_object_set(file, "signatures",
		    json_object_get(answer, "signatures"));
		json_decref(answer);
		json_decref(ask);
	}
	free(path);
}

int
tuf_online_verb(const struct tuf_work *w, char **words, int n)
{
	int64_t			 snapshot, timestamp = 0;
	struct tuf_failure	 f;
	struct tuf_meta		 m;
	json_t			*file, *meta;
	int			 rc;

	(void)words;
	(void)n;
	if ((rc = tuf_repo_newest(w->repo, "snapshot", &snapshot)) < 0)
		die(EXIT_SYSTEM, "%s: %s", w->repo, errstr(rc));
	if (tuf_repo_read(w->repo, "timestamp.json", TUF_TIMESTAMP, &m, &f) ==
	    0)
		timestamp = m.version;
	tuf_meta_release(&m);
	file = tuf_new(json_pack("{so}", "meta", tuf_snapshot_meta(w->repo,
	    NULL)), TUF_SNAPSHOT, snapshot + 1, w->now,
	    tuf_life(w, SNAPSHOT_DAYS));
	sign_online(w, file);
	tuf_sign_keys(w, file);
	meta = tuf_timestamp_meta(file);
	tuf_finish(w, "snapshot", file);
	file = tuf_new(json_pack("{so}", "meta", meta), TUF_TIMESTAMP,
	    timestamp + 1, w->now, tuf_life(w, TIMESTAMP_DAYS));
	sign_online(w, file);
	tuf_finish(w, "timestamp", file);
	return EXIT_YES;
}

/* -- show -- */

static void
show_file(const char *name, const struct tuf_meta *m, const json_t *keys,
    const json_t *by)
{
	char	text[21];

	printf("%s\t%lld\t%s\t%zu/%lld\n", name, (long long)m->version,
	    tuf_time_text(m->expires, text), tuf_signatures(m, keys, by),
	    (long long)json_int(by, "threshold", 0));
}

static void
show_delegated(const struct tuf_work *w, const struct tuf_meta *targets)
{
	json_t			*d = json_object_get(targets->body,
				    "delegations"), *role;
	struct tuf_failure	 f;
	struct tuf_meta		 m;
	int64_t			 version;
	char			*name;
	size_t			 i;

	json_array_foreach(json_object_get(d, "roles"), i, role) {
		if (tuf_repo_newest(w->repo, json_str(role, "name", ""),
		    &version) < 0 || version == 0)
			continue;
		name = tuf_repo_name(json_str(role, "name", ""), version);
		if (tuf_repo_read(w->repo, name, TUF_TARGETS, &m, &f) == 0)
			show_file(json_str(role, "name", ""), &m,
			    json_object_get(d, "keys"), role);
		tuf_meta_release(&m);
		free(name);
	}
}

static void
show_online(const struct tuf_work *w, const char *role, enum tuf_kind kind,
    const struct tuf_meta *root)
{
	struct tuf_failure	 f;
	struct tuf_meta		 m;
	int64_t			 version = 0;
	char			*name;

	tuf_repo_newest(w->repo, role, &version);
	name = tuf_repo_name(role, version);
	if (tuf_repo_read(w->repo, name, kind, &m, &f) == 0)
		show_file(role, &m, json_object_get(root->body, "keys"),
		    tuf_role_of(root, role));
	tuf_meta_release(&m);
	free(name);
}

/* Role, version, expiry, good signatures of those needed: as the newest root
 * here asks for them. */
int
tuf_show_verb(const struct tuf_work *w, char **words, int n)
{
	struct tuf_meta	root, targets;

	(void)words;
	(void)n;
	tuf_newest(w, "root", TUF_ROOT, &root);
	tuf_newest(w, "targets", TUF_TARGETS, &targets);
	show_file("root", &root, json_object_get(root.body, "keys"),
	    tuf_role_of(&root, "root"));
	show_file("targets", &targets, json_object_get(root.body, "keys"),
	    tuf_role_of(&root, "targets"));
	show_delegated(w, &targets);
	show_online(w, "snapshot", TUF_SNAPSHOT, &root);
	show_online(w, "timestamp", TUF_TIMESTAMP, &root);
	tuf_meta_release(&targets);
	tuf_meta_release(&root);
	return EXIT_YES;
}
