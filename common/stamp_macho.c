/*
 * Mach-O, 64 bits, little endian: the block is section __DATA,__agentcfg.
 * What arm64 Macs demand is a signature; a linker's is ad hoc: hashes of the
 * file's pages without a certificate, as Apple's codedirectory.h lays out
 * (big endian).  The pages that a stamp changed get new hashes.
 */
#include <string.h>

#include "crypto.h"
#include "stamp.h"
#include "stamp_image.h"

enum {
	MACHO_HEAD	= 32,
	MACHO_MAX_COMMANDS = 1024,	/* a linked program has some 20 */
	LC_SEGMENT_64	= 0x19,
	LC_CODE_SIGNATURE = 0x1d,
	SEGMENT_HEAD	= 72,
	SECTION_SIZE	= 80,

	SUPER_HEAD	= 12,		/* magic length count, then entries */
	SUPER_ENTRY	= 8,		/* type offset */
	SUPER_MAX	= 16,		/* codesign(1) makes at most 7 */
	SLOT_DIRECTORY	= 0,
	SLOT_ALTERNATE	= 0x1000,	/* to 0x1004: in other hashes */
	SLOT_CMS	= 0x10000,
	DIRECTORY_HEAD	= 44,
	HASH_SHA256	= 2,
	MIN_PAGE_BITS	= 12,		/* 4 KB and 16 KB are in use */
	MAX_PAGE_BITS	= 16
};

struct signature {
	uint64_t	off, size;	/* in the slice; 0: there is none */
};

int
macho_is(const struct slice *s)
{
	return s->size > MACHO_HEAD && get_le32(s->p) == 0xfeedfacf;
}

static int
is_name(const uint8_t *p, const char *name)
{
	char	padded[16] = "";

	memcpy(padded, name, strlen(name));
	return memcmp(p, padded, sizeof(padded)) == 0;
}

static const char *
segment_find(const struct slice *s, const uint8_t *cmd, uint32_t size,
    size_t *off)
{
	const uint8_t	*sec = cmd + SEGMENT_HEAD;
	const char	*why = NULL;
	uint32_t	 n;

	if (size < SEGMENT_HEAD)
		return "Mach-O: a segment is cut off";
	n = get_le32(cmd + 64);
	if (n > (size - SEGMENT_HEAD) / SECTION_SIZE)
		return "Mach-O: a segment's sections are cut off";
	for (; n > 0 && why == NULL; n--, sec += SECTION_SIZE)
		if (is_name(sec, "__agentcfg") && is_name(sec + 16, "__DATA"))
			why = slice_block(s, get_le32(sec + 48),
			    get_le64(sec + 40), off);
	return why;
}

/* Walks the load commands once: the block and the signature. */
static const char *
macho_walk(const struct slice *s, size_t *off, struct signature *sig)
{
	const uint8_t	*cmd;
	const char	*why = NULL;
	uint64_t	 at = MACHO_HEAD, end;
	uint32_t	 n, size;

	*off = 0;
	sig->off = sig->size = 0;
	n = get_le32(s->p + 16);
	end = at + get_le32(s->p + 20);
	if (n > MACHO_MAX_COMMANDS || slice_at(s, 0, end) == NULL)
		return "Mach-O: no usable load commands";
	for (; n > 0 && why == NULL; n--, at += size) {
		if (end - at < 8)
			return "Mach-O: the load commands are cut off";
		cmd = s->p + at;
		size = get_le32(cmd + 4);
		if (size < 8 || size > end - at)
			return "Mach-O: a load command has a wrong size";
		if (get_le32(cmd) == LC_SEGMENT_64)
			why = segment_find(s, cmd, size, off);
		if (get_le32(cmd) == LC_CODE_SIGNATURE && size >= 16) {
			sig->off = get_le32(cmd + 8);
			sig->size = get_le32(cmd + 12);
		}
	}
	return why;
}

const char *
macho_find(const struct slice *s, size_t *off)
{
	struct signature	 sig;
	const char		*why;

	why = macho_walk(s, off, &sig);
	if (why == NULL && *off == 0)
		why = "Mach-O: no section __DATA,__agentcfg";
	return why;
}

/* New hashes in the code directory at dir (in the slice) for the pages that
 * hold the block at off. */
static const char *
directory_seal(uint8_t *image, const struct slice *s, uint64_t dir,
    size_t off)
{
	const uint8_t	*d = slice_at(s, dir, DIRECTORY_HEAD);
	uint64_t	 limit, hashes, page, i, start, n;

	if (d == NULL || get_be32(d) != 0xfade0c02 ||
	    slice_at(s, dir, get_be32(d + 4)) == NULL ||
	    get_be32(d + 4) < DIRECTORY_HEAD)
		return "Mach-O: a damaged code directory";
	if (d[36] != SHA256_SIZE || d[37] != HASH_SHA256 ||
	    d[39] < MIN_PAGE_BITS || d[39] > MAX_PAGE_BITS)
		return "Mach-O: a code directory without SHA-256 pages";
	hashes = get_be32(d + 16);
	n = get_be32(d + 28);
	limit = get_be32(d + 32);
	page = (uint64_t)1 << d[39];
	if (limit > dir || n != (limit + page - 1) / page ||
	    hashes < DIRECTORY_HEAD || hashes > get_be32(d + 4) ||
	    n * SHA256_SIZE > get_be32(d + 4) - hashes ||
	    off + STAMP_TOTAL > limit)
		return "Mach-O: a code directory that does not fit the file";
	for (i = off / page; i * page < off + STAMP_TOTAL; i++) {
		start = i * page;
		crypto_sha256(image + start,
		    limit - start < page ? limit - start : page,
		    image + dir + hashes + i * SHA256_SIZE);
	}
	return NULL;
}

static int
is_directory(uint32_t slot)
{
	return slot == SLOT_DIRECTORY ||
	    (slot >= SLOT_ALTERNATE && slot < SLOT_ALTERNATE + 5);
}

/* Whether a blob holds more than its head: codesign(1) leaves an empty one
 * in ad-hoc signatures. */
static int
has_certificate(const struct slice *s, uint64_t blob)
{
	const uint8_t	*p = slice_at(s, blob, 8);

	return p == NULL || get_be32(p + 4) > 8;
}

const char *
macho_seal(uint8_t *image, size_t size, size_t off)
{
	struct slice		 s = { image, size };
	struct signature	 sig;
	const uint8_t		*super, *e;
	const char		*why;
	size_t			 block;
	uint32_t		 i, n;

	if ((why = macho_walk(&s, &block, &sig)) != NULL || sig.off == 0)
		return why;
	if (slice_at(&s, sig.off, sig.size) == NULL || sig.size < SUPER_HEAD)
		return "Mach-O: the signature is outside of the file";
	super = s.p + sig.off;
	n = get_be32(super + 8);
	if (get_be32(super) != 0xfade0cc0 || n > SUPER_MAX ||
	    sig.size < SUPER_HEAD + n * SUPER_ENTRY)
		return "Mach-O: a damaged signature";
	e = super + SUPER_HEAD;
	for (i = 0; i < n; i++)
		if (get_be32(e + i * SUPER_ENTRY) == SLOT_CMS &&
		    has_certificate(&s, sig.off +
		    get_be32(e + i * SUPER_ENTRY + 4)))
			return stamp_is_signed;
	for (i = 0; i < n && why == NULL; i++, e += SUPER_ENTRY)
		if (is_directory(get_be32(e)))
			why = directory_seal(image, &s,
			    sig.off + get_be32(e + 4), off);
	return why;
}
