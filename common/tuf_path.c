/* Which paths a delegation is for, and names as parts of URLs and files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "json.h"
#include "tuf_impl.h"

/*
 * '*' is any run and '?' any character, neither a '/'.  Where a '*' took too
 * little it takes one more: only the last one need be tried again, unless a
 * '/' came between.
 */
static int
pattern_fits(const char *p, const char *s)
{
	const char	*star = NULL, *again = NULL;

	while (*s != '\0') {
		if (*p == '*') {
			star = p++;
			again = s;
		} else if (*p == *s || (*p == '?' && *s != '/')) {
			if (*s == '/')
				star = NULL;
			p++;
			s++;
		} else if (star != NULL && *again != '/') {
			p = star + 1;
			s = ++again;
		} else
			return 0;
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

static void
path_hash(const char *path, char hex[2 * SHA256_SIZE + 1])
{
	uint8_t	hash[SHA256_SIZE];

	crypto_sha256(path, strlen(path), hash);
	hex_encode(hash, sizeof(hash), hex);
}

int
tuf_delegates(const json_t *role, const char *path)
{
	char	 hex[2 * SHA256_SIZE + 1];
	json_t	*v;
	size_t	 i;

	json_array_foreach(json_object_get(role, "paths"), i, v)
		if (pattern_fits(json_string_value(v), path))
			return 1;
	path_hash(path, hex);
	json_array_foreach(json_object_get(role, "path_hash_prefixes"), i, v)
		if (strncmp(hex, json_string_value(v),
		    json_string_length(v)) == 0)
			return 1;
	return 0;
}

/* The first bit_length bits of the path's hash choose one of 2^bit_length
 * roles, numbered in hex of one width. */
char *
tuf_succinct_name(const json_t *succinct, const char *path)
{
	int64_t	bits = json_int(succinct, "bit_length", 1);
	char	hex[2 * SHA256_SIZE + 1];

	path_hash(path, hex);
	hex[8] = '\0';
	return xasprintf("%s-%0*llx", json_str(succinct, "name_prefix", ""),
	    (int)((bits + 3) / 4), strtoull(hex, NULL, 16) >> (32 - bits));
}

char *
tuf_quote(const char *name, const char *keep)
{
	static const char	plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	struct buf		b = BUF_INIT;

	for (; *name != '\0'; name++)
		if (strchr(plain, *name) != NULL || strchr(keep, *name) != NULL)
			buf_addc(&b, *name);
		else
			buf_printf(&b, "%%%02X", (unsigned char)*name);
	return buf_take(&b);
}
