/* The filter: asks the daemon for a signature, or checks one without it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "settings.h"
#include "sign.h"
#include "sign_word.h"
#include "signer.h"

const char *
sign_domain(const char *word)
{
	if (strcmp(word, "artifact") == 0)
		return SIGN_ARTIFACT;
	if (strcmp(word, "config") == 0)
		return SIGN_CONFIG;
	return NULL;
}

static const char *
domain_of(const struct settings *s)
{
	const char	*domain = sign_domain(settings_str(s, "domain"));

	if (domain == NULL)
		settings_usage(s, "--domain: must be artifact or config");
	return domain;
}

/* Takes the request; the daemon's answer, or the end. */
static json_t *
ask(const struct settings *s, json_t *request)
{
	char	*path = settings_has(s, "socket") ?
		    xstrdup(settings_str(s, "socket")) :
		    file_join(settings_run_dir(s), "sign.sock");
	json_t	*answer = NULL;
	int	 rc;

	if (request == NULL)
		die(EXIT_USAGE, "the file's name is not UTF-8: give --name");
	rc = ipc_ask(path, request, SIGNER_ASK_TIMEOUT, &answer);
	if (rc < 0)
		die(rc == -ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM, "%s: %s",
		    path, errstr(rc));
	if (!json_bool(answer, "ok", 0))
		die(EXIT_NO, "%s: refused: %s", path,
		    json_str(answer, "error", "no reason given"));
	json_decref(request);
	free(path);
	return answer;
}

static void
hash_file(const char *file, uint8_t sha[SHA256_SIZE])
{
	int	rc;

	rc = file_sha256(strcmp(file, "-") == 0 ? "/dev/stdin" : file, sha,
	    NULL);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", file, errstr(rc));
}

/* What the log calls it: --name, else the path's last part. */
static const char *
name_of(const struct settings *s, const char *file)
{
	const char	*name = settings_str(s, "name"), *slash;

	if (name == NULL)
		name = (slash = strrchr(file, '/')) != NULL ? slash + 1 : file;
	return strlen(name) > SIGNER_MAX_NAME ? "(a long name)" : name;
}

static void
print(const char *text, const char *end)
{
	if (fputs(text, stdout) == EOF || fputs(end, stdout) == EOF ||
	    fflush(stdout) != 0)
		die(EXIT_SYSTEM, "standard output: %s", errstr(-errno));
}

static int
sign_gpg(const struct settings *s, const char *file)
{
	char	*path = realpath(file, NULL);
	json_t	*answer;

	if (path == NULL)
		die(EXIT_SYSTEM, "%s: %s", file, errstr(-errno));
	answer = ask(s, json_pack("{ss ss ss}", "op", "gpg", "file", path,
	    "name", name_of(s, file)));
	print(json_str(answer, "signature", ""), "");
	json_decref(answer);
	free(path);
	return EXIT_YES;
}

int
sign_file(const struct settings *s, const char *file)
{
	const char	*domain = domain_of(s), *sig64, *pub64;
	uint8_t		 sha[SHA256_SIZE], sig[ED25519_SIG];
	uint8_t		 pub[ED25519_PUBLIC];
	char		 hex[2 * SHA256_SIZE + 1];
	json_t		*answer;

	if (settings_bool(s, "gpg"))
		return sign_gpg(s, file);
	hash_file(file, sha);
	answer = ask(s, json_pack("{ss ss ss ss}", "op", "sign", "domain",
	    settings_str(s, "domain"), "sha256",
	    hex_encode(sha, sizeof(sha), hex), "name", name_of(s, file)));
	sig64 = json_str(answer, "signature", "");
	pub64 = json_str(answer, "public_key", "");
	if (sign_word(sig64, sig, sizeof(sig)) < 0 ||
	    sign_word(pub64, pub, sizeof(pub)) < 0 ||
	    !sign_check(pub, domain, sha, sig))
		die(EXIT_SYSTEM, "%s: the helper gave no good signature",
		    file);
	print(sig64, "\n");
	if (settings_bool(s, "print-public-key"))
		print(pub64, "\n");
	json_decref(answer);
	return EXIT_YES;
}

int
sign_print_key(const struct settings *s)
{
	json_t	*answer = ask(s, json_pack("{ss}", "op", "public_key"));

	print(json_str(answer, "public_key", ""), "\n");
	json_decref(answer);
	return EXIT_YES;
}

static void
word_of(const struct settings *s, const char *option, uint8_t *out, size_t n)
{
	const char	*word = settings_str(s, option);
	int		 rc;

	if (word == NULL)
		settings_usage(s, "--verify needs --%s", option);
	rc = sign_word(word, out, n);
	if (rc == -EINVAL || rc == -ENAMETOOLONG || rc == -ENOENT)
		die(EXIT_USAGE, "--%s: %s: neither base64 of %zu bytes nor a "
		    "file of it", option, word, n);
	if (rc < 0)
		die(EXIT_SYSTEM, "--%s: %s: %s", option, word, errstr(rc));
}

int
sign_verify(const struct settings *s, const char *file)
{
	const char	*domain = domain_of(s);
	const char	*checksum = settings_str(s, "checksum");
	uint8_t		 sha[SHA256_SIZE], want[SHA256_SIZE];
	uint8_t		 sig[ED25519_SIG], pub[ED25519_PUBLIC];
	char		 hex[2 * SHA256_SIZE + 1];

	word_of(s, "public-key", pub, sizeof(pub));
	word_of(s, "signature", sig, sizeof(sig));
	if (checksum != NULL && (strlen(checksum) != 2 * sizeof(want) ||
	    hex_decode(checksum, want, sizeof(want)) < 0))
		settings_usage(s, "--checksum: must be 64 hex digits");
	hash_file(file, sha);
	if (checksum != NULL && memcmp(sha, want, sizeof(want)) != 0)
		die(EXIT_NO, "checksum: %s: its SHA-256 is %s", file,
		    hex_encode(sha, sizeof(sha), hex));
	if (!sign_check(pub, domain, sha, sig))
		die(EXIT_NO, "signature: %s: not made by this key over these "
		    "bytes", file);
	return EXIT_YES;
}
