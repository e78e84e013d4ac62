/*
 * muster-sign tuf: makes and signs a repository's update metadata with keys
 * that no server has.  A verb writes the next version of one file; who else
 * has to sign it adds his signature with the verb sign.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "sign_tuf.h"
#include "sign_word.h"
#include "signer.h"

enum { ROOT_DAYS = 365, TARGETS_DAYS = 90 };

static const struct setting table[] = {
	{ "key", 'k', NULL, SETTING_LIST, NULL, 0, 0, "DIR",
	    "sign with the private key in DIR", SETTING_FLAG, NULL },
	{ "root-key", 0, NULL, SETTING_LIST, NULL, 0, 0, "KEY",
	    "a public key of the role root", SETTING_FLAG, NULL },
	{ "targets-key", 0, NULL, SETTING_LIST, NULL, 0, 0, "KEY",
	    "a public key of the role targets", SETTING_FLAG, NULL },
	{ "online-key", 0, NULL, SETTING_LIST, NULL, 0, 0, "KEY",
	    "a public key of the roles snapshot and timestamp",
	    SETTING_FLAG, NULL },
	{ "root-threshold", 0, NULL, SETTING_INT, NULL, 1, 64, "N",
	    "signatures that a root needs", SETTING_FLAG, NULL },
	{ "targets-threshold", 0, NULL, SETTING_INT, NULL, 1, 64, "N",
	    "signatures that targets need", SETTING_FLAG, NULL },
	{ "days", 0, NULL, SETTING_INT, NULL, 0, 36500, "N",
	    "how long the file is good", SETTING_FLAG, NULL },
	{ "role", 0, NULL, SETTING_STR, "targets", 1, 64, "NAME",
	    "the targets role to change, or to delegate to", SETTING_FLAG,
	    NULL },
	{ "role-key", 0, NULL, SETTING_LIST, NULL, 0, 0, "KEY",
	    "a public key of the role to delegate to", SETTING_FLAG, NULL },
	{ "role-threshold", 0, NULL, SETTING_INT, "1", 1, 64, "N",
	    "signatures that it needs", SETTING_FLAG, NULL },
	{ "pattern", 0, NULL, SETTING_LIST, NULL, 0, 0, "GLOB",
	    "paths that it is for", SETTING_FLAG, NULL },
	{ "terminating", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "paths that it is for are looked for nowhere else",
	    SETTING_FLAG, NULL },
	{ "file", 'f', NULL, SETTING_PATH, NULL, 0, 0, "FILE",
	    "the target", SETTING_FLAG, NULL },
	{ "version", 'V', NULL, SETTING_STR, NULL, 1, 31, "V",
	    "its version", SETTING_FLAG, NULL },
	{ "platform", 0, NULL, SETTING_STR, NULL, 1, 31, "PLATFORM",
	    "what it runs on: linux-x64, ...", SETTING_FLAG, NULL },
	{ "channel", 0, NULL, SETTING_STR, "stable", 1, 31, "NAME",
	    "for agents of this channel", SETTING_FLAG, NULL },
	{ "return-from", 0, NULL, SETTING_LIST, NULL, 0, 0, "V",
	    "agents of this later version may go back to it",
	    SETTING_FLAG, NULL },
	{ "remove", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "take the target out", SETTING_FLAG, NULL },
	{ "socket", 0, "MUSTER_SIGN_SOCKET", SETTING_PATH, NULL, 0, 0, "PATH",
	    "the daemon that has the online key", 0, NULL }
};

static const struct settings_spec spec = {
	.tool = "muster-sign tuf",
	.synopsis = "VERB REPOSITORY [option ...]\n"
	    "VERB: init root target delegate sign online show",
	.about = "Makes and signs update metadata with offline keys.",
	.table = table,
	.n = nitems(table),
	.groups = SETTINGS_CONFIG | SETTINGS_DIRS | SETTINGS_LOG |
	    SETTINGS_OPERANDS,
	.config_name = "sign.json",
	.lenient_file = 1		/* it is the daemon's */
};

json_t *
tuf_public(const struct tuf_work *w, const char *word)
{
	struct stat	 st;
	char		*path = NULL;
	uint8_t		 key[ED25519_PUBLIC];

	if (stat(word, &st) == 0 && S_ISDIR(st.st_mode))
		word = path = file_join(word, "ed25519.pub");
	if (sign_word(word, key, sizeof(key)) < 0)
		settings_usage(w->s, "%s: neither a public key in base64 nor "
		    "a file of it, nor the directory of a key", word);
	free(path);
	return tuf_key(key);
}

int64_t
tuf_life(const struct tuf_work *w, int64_t days)
{
	if (settings_has(w->s, "days"))
		days = settings_int(w->s, "days");
	return days * 24 * 3600;
}

json_t *
tuf_key_ids(const struct tuf_work *w, const char *option, json_t *keys)
{
	const char	*word;
	char		 id[65];
	json_t		*ids = NULL, *key;
	size_t		 i;

	for (i = 0; (word = settings_item(w->s, option, i)) != NULL; i++) {
		key = tuf_public(w, word);
		tuf_key_id(key, id);
		if (ids == NULL)
			ids = json_array();
		json_array_append_new(ids, json_string(id));
		json_object_set_new(keys, id, key);
	}
	return ids;
}

void
tuf_newest(const struct tuf_work *w, const char *role, enum tuf_kind kind,
    struct tuf_meta *m)
{
	struct tuf_failure	 f;
	int64_t			 version;
	char			*name;
	int			 rc;

	if ((rc = tuf_repo_newest(w->repo, role, &version)) < 0)
		die(EXIT_SYSTEM, "%s: %s", w->repo, errstr(rc));
	if (version == 0)
		die(EXIT_NO, "%s: has no file of the role %s", w->repo, role);
	name = tuf_repo_name(role, version);
	if ((rc = tuf_repo_read(w->repo, name, kind, m, &f)) < 0)
		die(EXIT_SYSTEM, "%s/%s: %s", w->repo, name,
		    rc == -EBADMSG ? f.text : errstr(rc));
	free(name);
}

void
tuf_sign_keys(const struct tuf_work *w, json_t *file)
{
	struct sign_key	 k = SIGN_KEY_INIT;
	struct buf	 b = BUF_INIT;
	uint8_t		 sig[ED25519_SIG];
	const char	*dir;
	char		 id[65], *why;
	json_t		*key;
	size_t		 i;

	if (tuf_to_sign(file, &b) < 0)
		die(EXIT_BUG, "a number that is no integer");
	for (i = 0; (dir = settings_item(w->s, "key", i)) != NULL; i++) {
		if (sign_key_open(&k, dir, &why) < 0)
			die(EXIT_USAGE, "%s", why);
		sign_key_raw(&k, b.p, b.len, sig);
		key = tuf_key(k.pub);
		tuf_key_id(key, id);
		tuf_add_signature(file, id, sig);
		json_decref(key);
		sign_key_release(&k);
	}
	buf_release(&b);
}

void
tuf_finish(const struct tuf_work *w, const char *role, json_t *file)
{
	int64_t	 version = json_int(json_object_get(file, "signed"),
		    "version", 0);
	char	*name = tuf_repo_name(role, version);
	int	 rc;

	tuf_sign_keys(w, file);
	if ((rc = tuf_repo_write(w->repo, name, file)) < 0)
		die(EXIT_SYSTEM, "%s/%s: %s", w->repo, name, errstr(rc));
	puts(name);
	free(name);
	json_decref(file);
}

/* -- root -- */

static void
set_role(json_t *roles, const char *role, json_t *ids, int64_t threshold)
{
	json_object_set_new(roles, role, json_pack("{sO sI}", "keyids", ids,
	    "threshold", (json_int_t)threshold));
}

/* What the options say of the keys; absent ones leave what is there. */
static void
set_roles(const struct tuf_work *w, json_t *keys, json_t *roles)
{
	static const struct {
		const char	*role, *keys, *threshold;
	} from[] = {
		{ "root", "root-key", "root-threshold" },
		{ "targets", "targets-key", "targets-threshold" },
		{ "snapshot", "online-key", NULL },
		{ "timestamp", "online-key", NULL }
	};
	json_t		*had, *ids;
	int64_t		 n;
	size_t		 i;

	for (i = 0; i < nitems(from); i++) {
		had = json_object_get(roles, from[i].role);
		ids = tuf_key_ids(w, from[i].keys, keys);
		if (ids == NULL)
			ids = json_incref(json_object_get(had, "keyids"));
		if (ids == NULL)
			settings_usage(w->s, "--%s: required", from[i].keys);
		n = json_int(had, "threshold", 1);
		if (from[i].threshold != NULL &&
		    settings_has(w->s, from[i].threshold))
			n = settings_int(w->s, from[i].threshold);
		if ((size_t)n > json_array_size(ids))
			settings_usage(w->s, "%s: %lld signatures of %zu "
			    "keys", from[i].role, (long long)n,
			    json_array_size(ids));
		set_role(roles, from[i].role, ids, n);
		json_decref(ids);
	}
}

/* Keys that no role has any more go. */
static void
drop_keys(json_t *keys, json_t *roles)
{
	json_t		*used = json_object(), *role, *id, *key;
	const char	*name;
	void		*next;
	size_t		 i;

	json_object_foreach(roles, name, role)
		json_array_foreach(json_object_get(role, "keyids"), i, id)
			json_object_set_new(used, json_string_value(id),
			    json_true());
	json_object_foreach_safe(keys, next, name, key)
		if (json_object_get(used, name) == NULL)
			json_object_del(keys, name);
	json_decref(used);
}

static void
write_root(const struct tuf_work *w, json_t *keys, json_t *roles,
    int64_t version)
{
	set_roles(w, keys, roles);
	drop_keys(keys, roles);
	tuf_finish(w, "root", tuf_new(json_pack("{sb sO sO}",
	    "consistent_snapshot", 1, "keys", keys, "roles", roles),
	    TUF_ROOT, version, w->now, tuf_life(w, ROOT_DAYS)));
}

int
tuf_init_verb(const struct tuf_work *w, char **words, int n)
{
	json_t	*keys = json_object(), *roles = json_object();
	int64_t	 version;
	int	 rc;

	(void)words;
	(void)n;
	if ((rc = file_mkdirs(w->repo, 0755)) < 0)
		die(EXIT_SYSTEM, "%s: %s", w->repo, errstr(rc));
	if (tuf_repo_newest(w->repo, "root", &version) == 0 && version > 0)
		die(EXIT_NO, "%s: has a root already", w->repo);
	write_root(w, keys, roles, 1);
	tuf_finish(w, "targets", tuf_new(json_pack("{s{}}", "targets"),
	    TUF_TARGETS, 1, w->now, tuf_life(w, TARGETS_DAYS)));
	json_decref(keys);
	json_decref(roles);
	return EXIT_YES;
}

int
tuf_root_verb(const struct tuf_work *w, char **words, int n)
{
	struct tuf_meta	m;

	(void)words;
	(void)n;
	tuf_newest(w, "root", TUF_ROOT, &m);
	write_root(w, json_object_get(m.body, "keys"),
	    json_object_get(m.body, "roles"), m.version + 1);
	tuf_meta_release(&m);
	return EXIT_YES;
}

/* -- main -- */

static const struct verb {
	const char	*name;
	int		(*run)(const struct tuf_work *, char **, int);
	int		 words;		/* behind the repository */
} verbs[] = {
	{ "init", tuf_init_verb, 0 }, { "root", tuf_root_verb, 0 },
	{ "target", tuf_target_verb, 0 },
	{ "delegate", tuf_delegate_verb, 0 }, { "sign", tuf_sign_verb, 1 },
	{ "online", tuf_online_verb, 0 }, { "show", tuf_show_verb, 0 }
};

int
sign_tuf(int argc, char **argv)
{
	struct settings	*s = settings_load(&spec, argc, argv);
	char		**word = argv + settings_first(s);
	int		 n = argc - settings_first(s), rc;
	struct tuf_work	 w = { s, n > 1 ? word[1] : NULL,
			    clock_wall_ms() / 1000 };
	size_t		 i;

	crypto_init();
	if (n < 2)
		settings_usage(s, "a verb and a repository are needed");
	for (i = 0; i < nitems(verbs); i++)
		if (strcmp(verbs[i].name, word[0]) == 0)
			break;
	if (i == nitems(verbs))
		settings_usage(s, "%s: is no verb", word[0]);
	if (n - 2 != verbs[i].words)
		settings_usage(s, "%s: takes %s behind the repository",
		    word[0], verbs[i].words > 0 ? "one word" : "nothing");
	rc = verbs[i].run(&w, word + 2, n - 2);
	settings_free(s);
	return rc;
}
