/* Lengths and hashes that the metadata names: SHA-256, SHA-512, or both. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/md.h>

#include "buf.h"
#include "crypto.h"
#include "json.h"
#include "log.h"
#include "tuf_impl.h"

static const struct algorithm {
	const char		*name;
	mbedtls_md_type_t	 type;
} algorithms[] = {
	{ "sha256", MBEDTLS_MD_SHA256 },
	{ "sha512", MBEDTLS_MD_SHA512 }
};

enum { CHUNK = 64 * 1024 };

struct hashing {
	mbedtls_md_context_t	md[nitems(algorithms)];
};

static void
hashing_start(struct hashing *h)
{
	size_t	i;

	for (i = 0; i < nitems(algorithms); i++) {
		mbedtls_md_init(&h->md[i]);
		if (mbedtls_md_setup(&h->md[i], mbedtls_md_info_from_type(
		    algorithms[i].type), 0) != 0 ||
		    mbedtls_md_starts(&h->md[i]) != 0)
			die(EXIT_BUG, "hashing: %s", algorithms[i].name);
	}
}

static void
hashing_add(struct hashing *h, const void *p, size_t n)
{
	size_t	i;

	for (i = 0; i < nitems(algorithms); i++)
		mbedtls_md_update(&h->md[i], p, n);
}

/* The index of an algorithm's name; -1 where it is not known. */
static int
algorithm_of(const char *name)
{
	size_t	i;

	for (i = 0; i < nitems(algorithms); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Each hash that is named must be known, and right. */
static int
hashing_end(struct hashing *h, const json_t *hashes, const char *name,
    struct tuf_failure *f)
{
	char		 hex[nitems(algorithms)][2 * 64 + 1];
	uint8_t		 sum[64];
	const char	*word;
	json_t		*want;
	size_t		 i;
	int		 at, rc = 0;

	for (i = 0; i < nitems(algorithms); i++) {
		mbedtls_md_finish(&h->md[i], sum);
		hex_encode(sum, mbedtls_md_get_size(
		    mbedtls_md_info_from_type(algorithms[i].type)), hex[i]);
		mbedtls_md_free(&h->md[i]);
	}
	json_object_foreach((json_t *)(uintptr_t)hashes, word, want) {
		if ((at = algorithm_of(word)) < 0)
			rc = tuf_refuse(f, TUF_WRONG_HASH,
			    "%s: its hash \"%.20s\" is not known here", name,
			    word);
		else if (strcmp(json_string_value(want), hex[at]) != 0)
			rc = tuf_refuse(f, TUF_WRONG_HASH,
			    "%s: its %s is %.16s..., not %.16s...", name,
			    word, hex[at], json_string_value(want));
	}
	return rc;
}

int
tuf_check_bytes(const json_t *meta, const char *name, const void *p,
    size_t n, struct tuf_failure *f)
{
	const json_t	*hashes = json_object_get(meta, "hashes");
	int64_t		 length = json_int(meta, "length", -1);
	struct hashing	 h;

	if (length >= 0 && (int64_t)n != length)
		return tuf_refuse(f, TUF_WRONG_LENGTH,
		    "%s: has %zu bytes, not %lld", name, n,
		    (long long)length);
	if (hashes == NULL)
		return 0;
	hashing_start(&h);
	hashing_add(&h, p, n);
	return hashing_end(&h, hashes, name, f);
}

int
tuf_check_path(const json_t *hashes, int64_t length, const char *name,
    const char *path, struct tuf_failure *f)
{
	struct hashing	 h;
	char		*chunk;
	int64_t		 total = 0;
	size_t		 n;
	FILE		*file;
	int		 rc, bad;

	if ((file = fopen(path, "rb")) == NULL)
		return -errno;
	chunk = xmalloc(CHUNK);
	hashing_start(&h);
	while ((n = fread(chunk, 1, CHUNK, file)) > 0) {
		hashing_add(&h, chunk, n);
		total += (int64_t)n;
	}
	rc = ferror(file) ? -EIO : 0;
	fclose(file);
	free(chunk);
	if (rc == 0 && total != length)
		rc = tuf_refuse(f, TUF_WRONG_LENGTH,
		    "%s: has %lld bytes, not %lld", name, (long long)total,
		    (long long)length);
	bad = hashing_end(&h, rc < 0 ? NULL : hashes, name, f);
	return rc < 0 ? rc : bad;
}
