/*
 * muster-sign: the signing helper, a daemon on a Unix socket and a filter.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "child.h"
#include "crypto.h"
#include "file.h"
#include "log.h"
#include "settings.h"
#include "signer.h"

static const struct setting table[] = {
	{ "serve", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "be the daemon", SETTING_FLAG, NULL },
	{ "keygen", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "make a key, print its public half", SETTING_FLAG, NULL },
	{ "verify", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "check a signature, without the daemon", SETTING_FLAG, NULL },
	{ "print-public-key", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "print it, after the signature where FILE is given",
	    SETTING_FLAG, NULL },
	{ "gpg", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "print a detached GPG signature instead", SETTING_FLAG, NULL },
	{ "domain", 'd', NULL, SETTING_STR, "artifact", 0, 0, "WORD",
	    "what FILE is: artifact or config", SETTING_FLAG, NULL },
	{ "name", 'n', NULL, SETTING_STR, NULL, 0, 0, "NAME",
	    "what the daemon's log calls FILE", SETTING_FLAG, NULL },
	{ "public-key", 'k', NULL, SETTING_STR, NULL, 0, 0, "KEY",
	    "base64 or a file, for --verify", SETTING_FLAG, NULL },
	{ "signature", 's', NULL, SETTING_STR, NULL, 0, 0, "SIG",
	    "base64 or a file, for --verify", SETTING_FLAG, NULL },
	{ "checksum", 0, NULL, SETTING_STR, NULL, 0, 0, "SHA256",
	    "demand this one too, for --verify", SETTING_FLAG, NULL },
	{ "socket", 0, "MUSTER_SIGN_SOCKET", SETTING_PATH, NULL, 0, 0, "PATH",
	    "the daemon's socket", 0, NULL },
	{ "key-dir", 0, "MUSTER_SIGN_KEY_DIR", SETTING_PATH, NULL, 0, 0,
	    "DIR", "where the private key is", 0, NULL },
	{ "work-dir", 0, "MUSTER_SIGN_WORK_DIR", SETTING_PATH, NULL, 0, 0,
	    "DIR", "GPG signs files in here alone", 0, NULL },
	{ "gpg-key", 0, "LINUX_GPG_KEY", SETTING_STR, NULL, 0, 0, "ID",
	    "the key that GPG signs with", 0, NULL },
	{ "allow-uid", 0, NULL, SETTING_LIST, NULL, 0, 0, "UID",
	    "who may ask, besides root and the daemon's user", 0, NULL },
	{ "ready-fd", 0, NULL, SETTING_INT, NULL, 0, 1023, "FD",
	    "where to write a line once the socket is there", SETTING_FLAG,
	    NULL }
};

static const struct settings_spec spec = {
	.tool = "muster-sign",
	.synopsis = "[--socket PATH] [--domain artifact|config] [--gpg] "
	    "FILE\n       muster-sign --verify -k KEY -s SIG "
	    "[--checksum SHA256] [--domain WORD] FILE\n"
	    "       muster-sign --print-public-key\n"
	    "       muster-sign --keygen [--key-dir DIR]\n"
	    "       muster-sign --serve [--key-dir DIR] [--socket PATH] "
	    "[--allow-uid UID]\n"
	    "       muster-sign tuf VERB REPOSITORY [option ...]",
	.about = "Signs with a key that no other process can read.",
	.table = table,
	.n = nitems(table),
	.groups = SETTINGS_CONFIG | SETTINGS_DIRS | SETTINGS_LOG |
	    SETTINGS_OPERANDS,
	.config_name = "sign.json"
};

static int
keygen(const struct settings *s)
{
	const char	*set = settings_str(s, "key-dir");
	char		*dir, text[BASE64_SIZE(ED25519_PUBLIC)];
	uint8_t		 pub[ED25519_PUBLIC];
	int		 rc;

	dir = set != NULL ? xstrdup(set) :
	    file_join(settings_state_dir(s), "sign");
	rc = sign_key_make(dir, pub);
	if (rc == -EEXIST)
		die(EXIT_NO, "%s: holds a key already", dir);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", dir, errstr(rc));
	puts(base64_encode(pub, sizeof(pub), text));
	free(dir);
	return EXIT_YES;
}

/* One use at a time: none (0) is to sign. */
static int
uses(const struct settings *s)
{
	return settings_bool(s, "serve") + settings_bool(s, "keygen") +
	    settings_bool(s, "verify");
}

int
main(int argc, char **argv)
{
	struct settings	*s;
	char		**file;
	int		  n, rc;

	child_role(argc, argv);
	if (argc > 1 && strcmp(argv[1], "tuf") == 0)
		return sign_tuf(argc - 1, argv + 1);
	s = settings_load(&spec, argc, argv);
	file = argv + settings_first(s);
	n = argc - settings_first(s);
	crypto_init();
	if (uses(s) > 1 || (uses(s) == 1 &&
	    settings_bool(s, "print-public-key")))
		settings_usage(s, "one use at a time");
	if (n > 1 || (n == 1 && (settings_bool(s, "serve") ||
	    settings_bool(s, "keygen"))))
		settings_usage(s, "unexpected argument '%s'", file[n - 1]);
	if (settings_bool(s, "serve"))
		rc = sign_serve(s);
	else if (settings_bool(s, "keygen"))
		rc = keygen(s);
	else if (n == 0 && settings_bool(s, "print-public-key"))
		rc = sign_print_key(s);
	else if (n == 0)
		settings_usage(s, "FILE is needed (- for standard input)");
	else if (settings_bool(s, "verify"))
		rc = sign_verify(s, file[0]);
	else
		rc = sign_file(s, file[0]);
	settings_free(s);
	return rc;
}
