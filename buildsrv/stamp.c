/*
 * muster-stamp: puts a configuration into a template binary, and reads it
 * back out.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "settings.h"
#include "sign.h"
#include "sign_word.h"
#include "stamp.h"

enum {
	/* A binary is held in memory twice at most; ours have 1 to 3 MB, a
	 * universal one twice that. */
	MAX_BINARY	= 64 * 1024 * 1024
};

static const struct setting table[] = {
	{ "configuration", 'c', NULL, SETTING_PATH, NULL, 0, 0, "FILE",
	    "the configuration to stamp, a JSON object", SETTING_FLAG, NULL },
	{ "public-key", 'k', NULL, SETTING_STR, NULL, 0, 0, "KEY",
	    "base64 or a file: stamp it; when reading: demand it",
	    SETTING_FLAG, NULL },
	{ "signature", 's', NULL, SETTING_STR, NULL, 0, 0, "SIG",
	    "base64 or a file: over the configuration", SETTING_FLAG, NULL },
	{ "expect", 'e', NULL, SETTING_STR, NULL, 0, 0, "SHA256",
	    "refuse any other template than this", SETTING_FLAG, NULL },
	{ "replace", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "TEMPLATE may hold a configuration already", SETTING_FLAG, NULL },
	{ "read", 'r', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "check, and print the configuration", SETTING_FLAG, NULL },
	{ "check", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "check, and print nothing", SETTING_FLAG, NULL }
};

static const struct settings_spec spec = {
	.tool = "muster-stamp",
	.synopsis = "-c FILE [-k KEY -s SIG] [-e SHA256] [--replace] "
	    "TEMPLATE OUT\n       muster-stamp --read | --check [-k KEY] "
	    "BINARY",
	.about = "Puts a configuration into an agent's template binary, or "
	    "reads it back out.",
	.table = table,
	.n = nitems(table),
	.groups = SETTINGS_OPERANDS
};

/* A binary in memory, and where its blocks are. */
struct binary {
	const char	*name;
	struct buf	 b;
	size_t		 at[STAMP_MAX_SLICES];
	size_t		 n;
};

static struct stamp_block *
block(struct binary *bin, size_t i)
{
	return (struct stamp_block *)(void *)(bin->b.p + bin->at[i]);
}

static void
load(const char *name, size_t max, struct buf *b)
{
	int	rc;

	rc = file_read(strcmp(name, "-") == 0 ? "/dev/stdin" : name, max, b);
	if (rc == -EFBIG)
		die(EXIT_NO, "%s: larger than %zu bytes", name, max);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", name, errstr(rc));
}

static void
binary_load(struct binary *bin, const char *name)
{
	const char	*why;

	memset(bin, 0, sizeof(*bin));
	bin->name = name;
	load(name, MAX_BINARY, &bin->b);
	if (stamp_find((const uint8_t *)buf_str(&bin->b), bin->b.len, bin->at,
	    nitems(bin->at), &bin->n, &why) < 0)
		die(EXIT_NO, "%s: %s", name, why);
}

/* Signed by this key, and no other. */
static void
check_key(const struct binary *bin, const struct stamp_block *b,
    const char *word)
{
	uint8_t	key[ED25519_PUBLIC];

	if (sign_word(word, key, sizeof(key)) < 0)
		die(EXIT_USAGE, "%s: no public key", word);
	if (!stamp_signed(b))
		die(EXIT_NO, "%s: stamp signature: there is none", bin->name);
	if (memcmp(key, b->public_key, sizeof(key)) != 0)
		die(EXIT_NO, "%s: stamp signature: made with another key",
		    bin->name);
}

static int
read_main(const struct settings *s, const char *name, int print)
{
	struct binary	 bin;
	const char	*config = NULL, *why;
	const char	*key = settings_str(s, "public-key");
	size_t		 i, len = 0;
	int		 rc;

	binary_load(&bin, name);
	for (i = 0; i < bin.n; i++) {
		rc = stamp_check(block(&bin, i), &config, &len, &why);
		if (rc == -ENODATA)
			die(EXIT_NO, "%s: not stamped", name);
		if (rc < 0)
			die(EXIT_NO, "%s: %s: the check failed", name, why);
		if (key != NULL)
			check_key(&bin, block(&bin, i), key);
		if (memcmp(block(&bin, i), block(&bin, 0), STAMP_TOTAL) != 0)
			die(EXIT_NO, "%s: its programs are stamped "
			    "differently", name);
	}
	if (print && (fwrite(config, 1, len, stdout) != len ||
	    fflush(stdout) != 0))
		die(EXIT_SYSTEM, "standard output: %s", errstr(-errno));
	buf_release(&bin.b);
	return EXIT_YES;
}

/* The block to write, from the options. */
static void
fill(const struct settings *s, struct stamp_block *b)
{
	const char	*file = settings_str(s, "configuration"), *w, *why;
	struct buf	 config = BUF_INIT;
	struct json_err	 e;
	uint8_t		 sig[ED25519_SIG], key[ED25519_PUBLIC];
	json_t		*o;
	char		 words[320];
	size_t		 len;
	int		 sign;

	load(file, STAMP_MAX, &config);
	o = json_read(buf_str(&config), config.len, &e);
	if (o == NULL)
		die(EXIT_USAGE, "%s: %s", file,
		    json_err_str(&e, words, sizeof(words)));
	if (!json_is_object(o))
		die(EXIT_USAGE, "%s: must be a JSON object", file);
	json_decref(o);

	sign = (w = settings_str(s, "signature")) != NULL;
	if (sign && sign_word(w, sig, sizeof(sig)) < 0)
		die(EXIT_USAGE, "%s: no signature", w);
	if (sign && (w = settings_str(s, "public-key")) != NULL &&
	    sign_word(w, key, sizeof(key)) < 0)
		die(EXIT_USAGE, "%s: no public key", w);
	if (stamp_fill(b, buf_str(&config), config.len, sign ? sig : NULL,
	    sign ? key : NULL) < 0)
		die(EXIT_USAGE, "%s: empty", file);
	buf_release(&config);
	if (stamp_check(b, &w, &len, &why) < 0)
		die(EXIT_NO, "%s: %s: the check failed", file, why);
}

static void
check_template(const struct binary *bin, const char *expect)
{
	uint8_t	want[SHA256_SIZE], got[SHA256_SIZE];

	if (expect == NULL)
		return;
	if (strlen(expect) != 2 * sizeof(want) ||
	    hex_decode(expect, want, sizeof(want)) < 0)
		die(EXIT_USAGE, "%s: no SHA-256", expect);
	crypto_sha256(bin->b.p, bin->b.len, got);
	if (memcmp(want, got, sizeof(want)) != 0)
		die(EXIT_NO, "%s: template sha256: not the expected one",
		    bin->name);
}

/* The template's permissions, so that a program stays one. */
static int
mode_of(const char *name)
{
	uv_fs_t	req;
	int	mode = 0755;

	if (uv_fs_stat(NULL, &req, name, NULL) == 0)
		mode = (int)(req.statbuf.st_mode & 0777);
	uv_fs_req_cleanup(&req);
	return mode;
}

static void
save(const struct binary *bin, const char *out)
{
	int	rc = 0;

	if (strcmp(out, "-") != 0)
		rc = file_write(out, bin->b.p, bin->b.len, mode_of(bin->name));
	else if (fwrite(bin->b.p, 1, bin->b.len, stdout) != bin->b.len ||
	    fflush(stdout) != 0)
		rc = -errno;
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", out, errstr(rc));
}

static int
write_main(const struct settings *s, const char *template, const char *out)
{
	static struct stamp_block	 b;
	struct binary			 bin;
	const char			*config, *why;
	size_t				 i, len;
	int				 rc;

	fill(s, &b);
	binary_load(&bin, template);
	check_template(&bin, settings_str(s, "expect"));
	for (i = 0; i < bin.n; i++) {
		rc = stamp_check(block(&bin, i), &config, &len, &why);
		if (rc == 0 && !settings_bool(s, "replace"))
			die(EXIT_NO, "%s: stamped already (--replace allows "
			    "it)", template);
		if (rc < 0 && rc != -ENODATA)
			die(EXIT_NO, "%s: %s: the check failed", template,
			    why);
		memcpy(block(&bin, i), &b, sizeof(b));
	}
	if (stamp_seal((uint8_t *)bin.b.p, bin.b.len, &why) < 0)
		die(EXIT_NO, "%s: %s", template, why);
	save(&bin, out);
	buf_release(&bin.b);
	return EXIT_YES;
}

int
main(int argc, char **argv)
{
	struct settings	*s = settings_load(&spec, argc, argv);
	char		**file = argv + settings_first(s);
	int		  n = argc - settings_first(s), rc;
	int		  print = settings_bool(s, "read");

	crypto_init();
	if (print || settings_bool(s, "check")) {
		if (settings_has(s, "configuration") ||
		    settings_has(s, "signature") || settings_has(s, "expect"))
			settings_usage(s, "--read and --check take none of "
			    "-c -s -e");
		if (n != 1)
			settings_usage(s, "one BINARY is needed");
		rc = read_main(s, file[0], print);
	} else {
		if (!settings_has(s, "configuration"))
			settings_usage(s, "-c, --read or --check is needed");
		if (settings_has(s, "public-key") !=
		    settings_has(s, "signature"))
			settings_usage(s, "-k and -s belong together");
		if (n != 2)
			settings_usage(s, "TEMPLATE and OUT are needed");
		if (strcmp(file[0], "-") == 0 &&
		    strcmp(settings_str(s, "configuration"), "-") == 0)
			settings_usage(s, "only one of configuration and "
			    "TEMPLATE can be standard input");
		rc = write_main(s, file[0], file[1]);
	}
	settings_free(s);
	return rc;
}
