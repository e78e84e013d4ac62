/* Who this agent is: an Ed25519 key made once, and the name derived of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "agent.h"
#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "json.h"
#include "log.h"

enum { MAX_FILE = 4096, KEY_DIGITS = 8 };

static const struct json_field fields[] = {
	{ .name = "version", .kind = JSON_K_INT, .required = 1, .min = 1,
	    .max = 1 },
	{ .name = "host_id", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = ENVELOPE_MAX_ID },
	{ .name = "public_key", .kind = JSON_K_STR, .required = 1 },
	{ .name = "seed", .kind = JSON_K_STR, .required = 1 },
	{ .name = "created", .kind = JSON_K_STR },
};

/* The secret is the seed with the public key behind it; that both belong
 * together shows in a signature. */
static int
from_json(struct identity *id, const json_t *o, struct json_err *err)
{
	uint8_t	sig[ED25519_SIG];

	if (json_check(o, fields, nitems(fields), err) < 0)
		return -EINVAL;
	snprintf(id->host_id, sizeof(id->host_id), "%s",
	    json_str(o, "host_id", ""));
	if (!envelope_id_ok(id->host_id) ||
	    envelope_unbase64(json_str(o, "public_key", ""), id->pub,
	    sizeof(id->pub)) < 0 ||
	    envelope_unbase64(json_str(o, "seed", ""), id->sec,
	    ED25519_SEED) < 0)
		goto bad;
	memcpy(id->sec + ED25519_SEED, id->pub, sizeof(id->pub));
	crypto_ed25519_sign(id->sec, id->host_id, strlen(id->host_id), sig);
	if (crypto_ed25519_verify(id->pub, id->host_id, strlen(id->host_id),
	    sig))
		return 0;
bad:
	snprintf(err->path, sizeof(err->path), "%s", "");
	snprintf(err->text, sizeof(err->text),
	    "the keys in it do not fit together");
	err->line = 0;
	return -EINVAL;
}

static int
write_new(struct identity *id, const char *path, const char *name)
{
	char	 pub[BASE64_SIZE(32)], seed[BASE64_SIZE(ED25519_SEED)];
	char	 hex[SHA256_SIZE * 2 + 1], when[CLOCK_RFC3339_SIZE], *text;
	uint8_t	 hash[SHA256_SIZE];
	json_t	*o;
	int	 rc;

	crypto_ed25519_keypair(id->pub, id->sec);
	crypto_sha256(id->pub, sizeof(id->pub), hash);
	hex_encode(hash, sizeof(hash), hex);
	snprintf(id->host_id, sizeof(id->host_id), "%.*s-%.*s",
	    ENVELOPE_MAX_ID - KEY_DIGITS - 1, name, KEY_DIGITS, hex);
	base64_encode(id->pub, sizeof(id->pub), pub);
	base64_encode(id->sec, ED25519_SEED, seed);
	o = json_pack("{si ss ss ss ss}", "version", 1, "host_id",
	    id->host_id, "public_key", pub, "seed", seed, "created",
	    clock_rfc3339(clock_wall_ms(), when));
	text = json_text(o);
	rc = file_write(path, text, strlen(text), 0600);
	crypto_wipe(text, strlen(text));
	crypto_wipe(seed, sizeof(seed));
	free(text);
	json_decref(o);
	return rc;
}

int
identity_load(struct identity *id, const char *dir, const char *name,
    char **why)
{
	char		*path = file_join(dir, "identity.json"), words[300];
	struct json_err	 err;
	json_t		*o;
	int		 rc;

	*why = NULL;
	memset(id, 0, sizeof(*id));
	o = json_read_file(path, MAX_FILE, &err, &rc);
	if (rc == 0)
		rc = from_json(id, o, &err);
	if (rc == UV_ENOENT) {
		if ((rc = write_new(id, path, name)) < 0)
			*why = xasprintf("%s: cannot be written: %s", path,
			    errstr(rc));
		else
			log_info(NULL, "%s: made a new identity, %s", path,
			    id->host_id);
	} else if (rc == -EINVAL) {
		*why = xasprintf("%s: is damaged (%s): put a copy back, or"
		    " remove it, and this host becomes a new agent", path,
		    json_err_str(&err, words, sizeof(words)));
	} else if (rc < 0) {
		*why = xasprintf("%s: cannot be read: %s", path, errstr(rc));
	}
	json_decref(o);
	free(path);
	return rc;
}

void
identity_wipe(struct identity *id)
{
	crypto_wipe(id, sizeof(*id));
}
