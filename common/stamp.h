/*
 * The configuration block inside a template binary: its layout, found by
 * the section table, patched in the finished file.  One block in each slice.
 * muster-stamp(1) writes it, the agent reads its own.
 */
#ifndef MUSTER_STAMP_H
#define MUSTER_STAMP_H

#include <stddef.h>
#include <stdint.h>

enum {
	STAMP_TOTAL	= 65536,	/* of the section, aligned to 4096 */
	STAMP_HEAD	= 256,
	STAMP_MAX	= STAMP_TOTAL - STAMP_HEAD, /* configuration bytes */
	STAMP_VERSION	= 1,
	STAMP_SIGNED	= 1,		/* the flags' only bit */
	STAMP_MAX_SLICES = 8		/* of a fat Mach-O; Apple's have 4 */
};

#define STAMP_MAGIC_SIZE	16
#define STAMP_MAGIC_LEAD	"\x7f"
#define STAMP_MAGIC_REST	"MUSTERCFG-BLOCK"

/* The section's name, as __attribute__((section())) wants it. */
#if defined(__APPLE__)
#define STAMP_SECTION	"__DATA,__agentcfg"
#elif defined(_WIN32)
#define STAMP_SECTION	".agcfg"	/* a PE has 8 characters */
#else
#define STAMP_SECTION	".agentcfg"
#endif

/*
 * All numbers little endian; the section is zero where not said.  A template
 * holds magic, version and capacity alone: STAMP_BLOCK_INIT.
 */
struct stamp_block {
	char	 magic[STAMP_MAGIC_SIZE];
	uint8_t	 version[4];
	uint8_t	 capacity[4];		/* STAMP_MAX */
	uint8_t	 length[4];		/* bytes in use; 0: not stamped */
	uint8_t	 flags[4];		/* bit 0: signed */
	uint8_t	 sha256[32];		/* of config[0..length) */
	uint8_t	 signature[64];		/* Ed25519: sign.h's SIGN_CONFIG */
	uint8_t	 public_key[32];
	uint8_t	 unused[96];
	uint8_t	 config[STAMP_MAX];	/* JSON text */
};

#define STAMP_BLOCK_INIT	{					\
	.magic = STAMP_MAGIC_LEAD STAMP_MAGIC_REST,			\
	.version = { STAMP_VERSION },					\
	.capacity = { STAMP_MAX & 0xff, STAMP_MAX >> 8 & 0xff }		\
}

/*
 * Checks a block and gives its configuration: 0 and *len; -ENODATA where
 * nothing is stamped; -EBADMSG with *why naming the check that failed
 * ("stamp magic", "stamp version", "stamp capacity", "stamp length",
 * "stamp flags", "stamp sha256", "stamp signature", "stamp padding": a byte
 * that must be zero is not).  *config points into the block.  A signature is
 * checked with the block's own key: whether that key is to be trusted is
 * the caller's question, and only where stamp_signed().
 */
int	stamp_check(const struct stamp_block *, const char **config,
	    size_t *len, const char **why);
int	stamp_signed(const struct stamp_block *);
/* Fills a block from a configuration; signature and key may be NULL, both.
 * 0, -EFBIG past STAMP_MAX, or -EINVAL for an empty configuration. */
int	stamp_fill(struct stamp_block *, const void *config, size_t len,
	    const uint8_t signature[64], const uint8_t public_key[32]);

/*
 * Finds the blocks in an image (ELF, PE, Mach-O thin or fat) through its
 * section tables.  Offsets go to at[]; *n is their number, at most max and
 * never 0.  0; -ENOEXEC with *why for what is no such file, is damaged, or
 * has a slice without a block.
 */
int	stamp_find(const uint8_t *image, size_t size, size_t *at, size_t max,
	    size_t *n, const char **why);
/*
 * After blocks were changed, makes true again what the image says about its
 * own bytes: a PE's CheckSum (its TimeDateStamp is zeroed, so that the same
 * source gives the same bytes), and in the ad-hoc signature of a Mach-O the
 * hashes of the pages that hold the block.  0; -ENOEXEC as above; -EPERM
 * with *why where a certificate has signed the image, which a change breaks.
 */
int	stamp_seal(uint8_t *image, size_t size, const char **why);

/* In agent/stamped.c: the running binary's own block. */
const struct stamp_block *stamp_self(void);

#endif
