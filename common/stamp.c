#include <errno.h>
#include <string.h>

#include "crypto.h"
#include "sign.h"
#include "stamp.h"

_Static_assert(sizeof(struct stamp_block) == STAMP_TOTAL, "stamp layout");
_Static_assert(offsetof(struct stamp_block, config) == STAMP_HEAD,
    "stamp head");

static uint32_t
get32(const uint8_t b[4])
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	    (uint32_t)b[3] << 24;
}

static void
put32(uint8_t b[4], uint32_t v)
{
	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
	b[2] = (uint8_t)(v >> 16);
	b[3] = (uint8_t)(v >> 24);
}

static int
is_zero(const uint8_t *p, size_t n)
{
	uint8_t	any = 0;

	while (n-- > 0)
		any |= *p++;
	return any == 0;
}

int
stamp_signed(const struct stamp_block *b)
{
	return (get32(b->flags) & STAMP_SIGNED) != 0;
}

/* The first check that fails, or NULL.  Not a byte of the block is left out,
 * so that none can be changed unseen. */
static const char *
first_fault(const struct stamp_block *b, size_t len)
{
	uint8_t	sha[SHA256_SIZE];

	if (len > STAMP_MAX)
		return "stamp length";
	if ((get32(b->flags) & ~(uint32_t)STAMP_SIGNED) != 0)
		return "stamp flags";
	crypto_sha256(b->config, len, sha);
	if (memcmp(sha, b->sha256, sizeof(sha)) != 0)
		return "stamp sha256";
	if (!stamp_signed(b) && (!is_zero(b->signature, sizeof(b->signature))
	    || !is_zero(b->public_key, sizeof(b->public_key))))
		return "stamp flags";
	if (!is_zero(b->unused, sizeof(b->unused)) ||
	    !is_zero(b->config + len, STAMP_MAX - len))
		return "stamp padding";
	if (stamp_signed(b) &&
	    !sign_check(b->public_key, SIGN_CONFIG, sha, b->signature))
		return "stamp signature";
	return NULL;
}

static const char *
first_fault_of_head(const struct stamp_block *b)
{
	if (memcmp(b->magic, STAMP_MAGIC_LEAD, 1) != 0 ||
	    memcmp(b->magic + 1, STAMP_MAGIC_REST, STAMP_MAGIC_SIZE - 1) != 0)
		return "stamp magic";
	if (get32(b->version) != STAMP_VERSION)
		return "stamp version";
	if (get32(b->capacity) != STAMP_MAX)
		return "stamp capacity";
	return NULL;
}

int
stamp_check(const struct stamp_block *b, const char **config, size_t *len,
    const char **why)
{
	const size_t	used = offsetof(struct stamp_block, length);
	size_t		n = get32(b->length);

	*config = NULL;
	*len = 0;
	if ((*why = first_fault_of_head(b)) != NULL)
		return -EBADMSG;
	if (n == 0) {
		/* A length that lost its bits must not pass for a template. */
		*why = "not stamped";
		if (is_zero((const uint8_t *)b + used, STAMP_TOTAL - used))
			return -ENODATA;
		*why = "stamp length";
		return -EBADMSG;
	}
	if ((*why = first_fault(b, n)) != NULL)
		return -EBADMSG;
	*config = (const char *)b->config;
	*len = n;
	return 0;
}

int
stamp_fill(struct stamp_block *b, const void *config, size_t len,
    const uint8_t signature[64], const uint8_t public_key[32])
{
	if (len == 0 || (signature == NULL) != (public_key == NULL))
		return -EINVAL;
	if (len > STAMP_MAX)
		return -EFBIG;
	memset(b, 0, sizeof(*b));
	memcpy(b->magic, STAMP_MAGIC_LEAD, 1);
	memcpy(b->magic + 1, STAMP_MAGIC_REST, STAMP_MAGIC_SIZE - 1);
	put32(b->version, STAMP_VERSION);
	put32(b->capacity, STAMP_MAX);
	put32(b->length, (uint32_t)len);
	memcpy(b->config, config, len);
	crypto_sha256(config, len, b->sha256);
	if (signature != NULL) {
		put32(b->flags, STAMP_SIGNED);
		memcpy(b->signature, signature, sizeof(b->signature));
		memcpy(b->public_key, public_key, sizeof(b->public_key));
	}
	return 0;
}
