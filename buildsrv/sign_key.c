/*
 * The private key: 32 bytes of seed as base64 in DIR/ed25519.key.  It is
 * read straight into guarded memory (sodium_malloc: locked, left out of core
 * dumps), which can be read only while a signature is made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "log.h"
#include "sign.h"
#include "signer.h"

#define KEY_FILE	"ed25519.key"
#define PUBLIC_FILE	"ed25519.pub"

enum { KEY_TEXT = BASE64_SIZE(ED25519_SEED) };	/* its NUL: the line's end */

static int
write_all(int fd, const char *p, size_t n)
{
	ssize_t	w;

	for (; n > 0; p += w, n -= (size_t)w)
		if ((w = write(fd, p, n)) < 0)
			return -errno;
	return 0;
}

static int
write_key(const char *path, const uint8_t seed[ED25519_SEED])
{
	char	text[KEY_TEXT];
	int	fd, rc;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd < 0)
		return -errno;
	base64_encode(seed, ED25519_SEED, text);
	text[KEY_TEXT - 1] = '\n';
	if ((rc = write_all(fd, text, KEY_TEXT)) == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		unlink(path);
	crypto_wipe(text, sizeof(text));
	return rc;
}

int
sign_key_make(const char *dir, uint8_t pub[32])
{
	uint8_t	 sec[ED25519_SECRET];
	char	 text[BASE64_SIZE(ED25519_PUBLIC) + 1];
	char	*key = file_join(dir, KEY_FILE);
	char	*public = file_join(dir, PUBLIC_FILE);
	int	 rc;

	crypto_ed25519_keypair(pub, sec);
	if ((rc = file_mkdirs(dir, 0700)) < 0)
		goto out;
	if ((rc = write_key(key, sec)) < 0)	/* the seed is its first half */
		goto out;
	base64_encode(pub, ED25519_PUBLIC, text);
	strcat(text, "\n");
	rc = file_write(public, text, strlen(text), 0644);
out:
	crypto_wipe(sec, sizeof(sec));
	free(key);
	free(public);
	return rc;
}

/* Ours, and nobody else may do what the mask says. */
static int
check_owner(const struct stat *st, mode_t mask, const char *path, char **why)
{
	if (st->st_uid != geteuid())
		*why = xasprintf("%s: belongs to uid %u, not to %u", path,
		    (unsigned)st->st_uid, (unsigned)geteuid());
	else if (st->st_mode & mask)
		*why = xasprintf("%s: mode %04o lets others in: chmod go= %s",
		    path, (unsigned)(st->st_mode & 07777), path);
	else
		return 0;
	return -EPERM;
}

static int
open_key(const char *dir, const char *path, int *fd, char **why)
{
	struct stat	st;
	int		rc;

	*fd = -1;
	if (stat(dir, &st) < 0)
		return -errno;
	if ((rc = check_owner(&st, 022, dir, why)) < 0)
		return rc;
	*fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return -errno;
	if ((rc = check_owner(&st, 077, path, why)) < 0)
		return rc;
	return S_ISREG(st.st_mode) && st.st_size == KEY_TEXT ? 0 : -EINVAL;
}

static int
read_key(struct sign_key *k, int fd)
{
	uint8_t	*seed = sodium_malloc(ED25519_SEED);
	char	*text = sodium_malloc(KEY_TEXT);
	size_t	 n;
	int	 rc = -EINVAL;

	k->sec = sodium_malloc(ED25519_SECRET);
	if (seed == NULL || text == NULL || k->sec == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	if (read(fd, text, KEY_TEXT) != KEY_TEXT ||
	    text[KEY_TEXT - 1] != '\n' ||
	    base64_decode(text, KEY_TEXT - 1, seed, ED25519_SEED, &n) < 0 ||
	    n != ED25519_SEED)
		goto out;
	crypto_sign_seed_keypair(k->pub, k->sec, seed);
	rc = sodium_mprotect_noaccess(k->sec) < 0 ? -errno : 0;
out:
	sodium_free(seed);
	sodium_free(text);
	return rc;
}

int
sign_key_open(struct sign_key *k, const char *dir, char **why)
{
	char	*path = file_join(dir, KEY_FILE);
	int	 fd, rc;

	*why = NULL;
	if ((rc = open_key(dir, path, &fd, why)) == 0)
		rc = read_key(k, fd);
	if (rc < 0 && *why == NULL)
		*why = xasprintf("%s: %s", path,
		    rc == -EINVAL ? "holds no key" : errstr(rc));
	if (rc < 0)
		sign_key_release(k);
	if (fd >= 0)
		close(fd);
	free(path);
	return rc;
}

void
sign_key_use(const struct sign_key *k, const char *domain,
    const uint8_t sha256[32], uint8_t sig[64])
{
	if (sodium_mprotect_readonly(k->sec) < 0)
		die(EXIT_SYSTEM, "the key's memory: %s", errstr(-errno));
	sign_make(k->sec, domain, sha256, sig);
	sodium_mprotect_noaccess(k->sec);
}

void
sign_key_raw(const struct sign_key *k, const void *p, size_t n,
    uint8_t sig[64])
{
	if (sodium_mprotect_readonly(k->sec) < 0)
		die(EXIT_SYSTEM, "the key's memory: %s", errstr(-errno));
	crypto_ed25519_sign(k->sec, p, n, sig);
	sodium_mprotect_noaccess(k->sec);
}

void
sign_key_release(struct sign_key *k)
{
	sodium_free(k->sec);	/* wipes; NULL is nothing to do */
	k->sec = NULL;
}
