#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "buildsrv.h"
#include "file.h"

/* Reads n bytes of hex from a file that is ours alone; makes it at first. */
static void
key_file(const char *dir, const char *name, uint8_t *key, size_t n)
{
	char		*path = file_join(dir, name);
	struct buf	 b = BUF_INIT;
	struct stat	 st;
	int		 rc;

	rc = file_read(path, 256, &b);
	if (rc == -ENOENT) {
		crypto_random(key, n);
		buf_reserve(&b, 2 * n + 1);
		hex_encode(key, n, b.p);
		b.len = 2 * n;
		buf_addc(&b, '\n');
		if ((rc = file_write(path, b.p, b.len, 0600)) < 0)
			die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	} else if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	else {
		if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
			die(EXIT_USAGE, "%s: others can read it; its mode "
			    "must be 0600", path);
		if (b.len > 0 && b.p[b.len - 1] == '\n')
			b.p[--b.len] = '\0';
		if (hex_decode(buf_str(&b), key, n) < 0)
			die(EXIT_USAGE, "%s: is not %zu bytes in hex", path, n);
	}
	if (b.p != NULL)
		crypto_wipe(b.p, b.cap);
	buf_release(&b);
	free(path);
}

void
secret_load(struct server *s, const char *state_dir)
{
	uint8_t	seed[ED25519_SEED];

	key_file(state_dir, "token.key", s->secret, sizeof(s->secret));
	key_file(state_dir, "identity.key", seed, sizeof(seed));
	crypto_ed25519_from_seed(seed, s->identity_public, s->identity_secret);
	crypto_wipe(seed, sizeof(seed));
}

void
secret_token(const struct server *s, const char *use, const char *job,
    char out[BASE64_SIZE(TOKEN_BYTES)])
{
	uint8_t	mac[SHA256_SIZE];
	char	*text = xasprintf("muster %s %s", use, job);

	crypto_hmac_sha256(s->secret, sizeof(s->secret), text, strlen(text),
	    mac);
	base64url_encode(mac, TOKEN_BYTES, out);
	free(text);
}

char *
secret_hash(const char *text, char out[2 * SHA256_SIZE + 1])
{
	uint8_t	sum[SHA256_SIZE];

	crypto_sha256(text, strlen(text), sum);
	return hex_encode(sum, sizeof(sum), out);
}
