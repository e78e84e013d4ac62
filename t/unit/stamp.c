/* The stamp's block and the three file formats, with every byte at stake. */
#include <errno.h>
#include <stdint.h>

#include "buf.h"
#include "crypto.h"
#include "sign.h"
#include "stamp.h"
#include "stamp_images.h"
#include "tap.h"

static const char		config[] = "{\"server\":\"ws://127.0.0.1\"}";
static struct stamp_block	b;
static const char		*why = "", *text;
static size_t			len, at[STAMP_MAX_SLICES], n;

static void
fill_signed(void)
{
	uint8_t	pub[ED25519_PUBLIC], sec[ED25519_SECRET], sig[ED25519_SIG];
	uint8_t	sha[SHA256_SIZE];

	crypto_ed25519_keypair(pub, sec);
	crypto_sha256(config, strlen(config), sha);
	sign_make(sec, SIGN_CONFIG, sha, sig);
	is_int("a signed configuration goes in", stamp_fill(&b, config,
	    strlen(config), sig, pub), 0);
}

static int
check(void)
{
	return stamp_check(&b, &text, &len, &why);
}

static void
test_block(void)
{
	static const struct stamp_block	empty = STAMP_BLOCK_INIT;
	static char			big[STAMP_MAX + 1];

	b = empty;
	is_int("a template is not stamped", check(), -ENODATA);
	is_int("a plain configuration goes in", stamp_fill(&b, config,
	    strlen(config), NULL, NULL), 0);
	ok("and comes out", check() == 0 && len == strlen(config) &&
	    memcmp(text, config, len) == 0);
	ok("without a signature", !stamp_signed(&b));
	is_int("an empty one is refused", stamp_fill(&b, "", 0, NULL, NULL),
	    -EINVAL);
	memset(big, ' ', sizeof(big));
	is_int("the largest fits", stamp_fill(&b, big, STAMP_MAX, NULL, NULL),
	    0);
	ok("and comes out", check() == 0 && len == STAMP_MAX);
	is_int("one byte more does not", stamp_fill(&b, big, STAMP_MAX + 1,
	    NULL, NULL), -EFBIG);
	fill_signed();
	ok("and comes out", check() == 0 && stamp_signed(&b));
}

/* Flips one bit in each byte of [from, to); how many were not noticed. */
static int
unnoticed(size_t from, size_t to, size_t step, const char *words)
{
	uint8_t	*p = (uint8_t *)&b;
	size_t	 i;
	int	 missed = 0;

	for (i = from; i < to; i += step) {
		p[i] ^= 0x10;
		if (check() != -EBADMSG || text != NULL || len != 0 ||
		    strcmp(why, words) != 0) {
			if (missed++ == 0)
				printf("# byte %zu: %s\n", i,
				    why != NULL ? why : "(nothing)");
		}
		p[i] ^= 0x10;
	}
	return missed;
}

#define FIELD(f)	offsetof(struct stamp_block, f),		\
	offsetof(struct stamp_block, f) + sizeof(b.f)

static void
test_flips(void)
{
	const size_t	end = STAMP_HEAD + strlen(config);

	fill_signed();
	is_int("flips: magic", unnoticed(FIELD(magic), 1, "stamp magic"), 0);
	is_int("flips: version", unnoticed(FIELD(version), 1,
	    "stamp version"), 0);
	is_int("flips: capacity", unnoticed(FIELD(capacity), 1,
	    "stamp capacity"), 0);
	is_int("flips: flags", unnoticed(FIELD(flags), 1, "stamp flags"), 0);
	is_int("flips: sha256", unnoticed(FIELD(sha256), 1, "stamp sha256"),
	    0);
	is_int("flips: signature", unnoticed(FIELD(signature), 1,
	    "stamp signature"), 0);
	is_int("flips: public key", unnoticed(FIELD(public_key), 1,
	    "stamp signature"), 0);
	is_int("flips: unused", unnoticed(FIELD(unused), 1, "stamp padding"),
	    0);
	is_int("flips: configuration", unnoticed(STAMP_HEAD, end, 1,
	    "stamp sha256"), 0);
	is_int("flips: padding", unnoticed(end, STAMP_TOTAL, 211,
	    "stamp padding"), 0);
	is_int("and all is well again", check(), 0);

	b.length[0] ^= 1;
	is_int("a wrong length is noticed", check(), -EBADMSG);
	b.length[0] = 0;
	ok("a length of nothing is no template", check() == -EBADMSG &&
	    strcmp(why, "stamp length") == 0);
	b.length[3] = 0xff;
	ok("nor one past the end", check() == -EBADMSG &&
	    strcmp(why, "stamp length") == 0);
	fill_signed();
	b.flags[0] = 0;
	ok("a signature cannot be switched off", check() == -EBADMSG &&
	    strcmp(why, "stamp flags") == 0);
}

static int
find(const uint8_t *image, size_t size)
{
	return stamp_find(image, size, at, STAMP_MAX_SLICES, &n, &why);
}

/* Found where it was put; not found, and nothing read past the end, in any
 * file that is cut off (each in memory of its own, for the sanitizer). */
static void
test_format(const char *name, const uint8_t *image, size_t size, size_t where)
{
	char	 *title = xasprintf("%s: the block is found", name);
	size_t	  cut;
	int	  found = 0;
	uint8_t	 *copy;

	ok(title, find(image, size) == 0 && at[0] == where);
	free(title);
	for (cut = 0; cut < where + STAMP_TOTAL; cut += cut < 1024 ? 1 : 509) {
		copy = xmalloc(cut);
		memcpy(copy, image, cut);
		found += find(copy, cut) != -ENOEXEC || why == NULL;
		free(copy);
	}
	title = xasprintf("%s: not in one that is cut off", name);
	is_int(title, found, 0);
	free(title);
}

/* Every byte of the headers set to some values: any answer but a crash, and
 * what is found lies inside.  What is sealed stays a file of its size. */
static void
test_mutants(const char *name, const uint8_t *image, size_t size, size_t head)
{
	static const uint8_t	values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	uint8_t			*copy = xmalloc(size);
	char			*title;
	size_t			 i, v, k;
	int			 outside = 0;

	for (i = 0; i < head; i++)
		for (v = 0; v < sizeof(values); v++) {
			memcpy(copy, image, size);
			copy[i] = values[v];
			if (find(copy, size) == 0)
				for (k = 0; k < n; k++)
					outside += at[k] > size - STAMP_TOTAL;
			stamp_seal(copy, size, &why);
		}
	title = xasprintf("%s: no damaged header leads outside", name);
	is_int(title, outside, 0);
	free(title);
	free(copy);
}

static void
test_elf(void)
{
	static uint8_t	p[IMAGE_SLICE];

	image_elf(p, 64);
	test_format("ELF64", p, sizeof(p), IMAGE_BLOCK);
	test_mutants("ELF64", p, sizeof(p), 0x1c0);
	p[5] = 2;
	is_int("big endian is refused", find(p, sizeof(p)), -ENOEXEC);
	image_elf(p, 32);
	test_format("ELF32", p, sizeof(p), IMAGE_BLOCK);
	test_mutants("ELF32", p, sizeof(p), 0x180);
	p[IMAGE_BLOCK] = 0;
	is_int("a section without the magic is refused", find(p, sizeof(p)),
	    -ENOEXEC);
	image_elf(p, 64);
	le(p + 60, 4, 2);			/* a fourth section, the same */
	memcpy(p + 0x100 + 3 * 64, p + 0x100 + 2 * 64, 64);
	is_int("two stamp sections are refused", find(p, sizeof(p)),
	    -ENOEXEC);
	is_str("in words", why, "two stamp sections in one program");
}

/* The checksum again, the other way round: 32-bit words, end-around. */
static uint32_t
pe_sum_again(uint8_t *p, size_t size)
{
	uint64_t	sum = 0;
	size_t		i;

	for (i = 0; i < size; i += 4) {
		if (i == PE_OPTIONAL + 64)
			continue;
		sum += (uint32_t)p[i] | (uint32_t)p[i + 1] << 8 |
		    (uint32_t)p[i + 2] << 16 | (uint32_t)p[i + 3] << 24;
		sum = (sum & 0xffffffff) + (sum >> 32);
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)(sum + size);
}

static void
test_pe(void)
{
	static uint8_t	p[IMAGE_SLICE];
	uint8_t		want[4];

	image_pe(p);
	test_format("PE", p, sizeof(p), IMAGE_BLOCK);
	test_mutants("PE", p, sizeof(p), 0x200);
	image_pe(p);
	p[IMAGE_BLOCK + 3000] = 7;
	is_int("PE is sealed", stamp_seal(p, sizeof(p), &why), 0);
	le(want, pe_sum_again(p, sizeof(p)), 4);
	ok("CheckSum is right", memcmp(p + PE_OPTIONAL + 64, want, 4) == 0);
	ok("TimeDateStamp is zero", memcmp(p + PE_AT + 8, "\0\0\0\0", 4) == 0);
	le(p + PE_OPTIONAL + 112 + 8 * 4, 0x11000, 4);
	is_int("a file with Authenticode is refused",
	    stamp_seal(p, sizeof(p), &why), -EPERM);
	image_pe(p);
	le(p + PE_OPTIONAL, 0x10b, 2);
	is_int("PE32 is refused", find(p, sizeof(p)), -ENOEXEC);
}

/* How many pages of a signed slice have the hash that the directory says. */
static int
good_pages(const uint8_t *p)
{
	uint8_t	sha[SHA256_SIZE];
	int	i, good = 0;

	for (i = 0; i < IMAGE_PAGES; i++) {
		crypto_sha256(p + i * IMAGE_PAGE, IMAGE_PAGE, sha);
		good += memcmp(sha, p + MACHO_DIRECTORY + MACHO_HASHES +
		    32 * i, sizeof(sha)) == 0;
	}
	return good;
}

static void
test_macho(void)
{
	static uint8_t	p[IMAGE_SLICE];

	image_macho(p);
	test_format("Mach-O", p, sizeof(p), IMAGE_BLOCK);
	test_mutants("Mach-O", p, sizeof(p), 0x100);
	is_int("unsigned is sealed", stamp_seal(p, sizeof(p), &why), 0);
	image_macho_sign(p);
	test_mutants("signed Mach-O", p, sizeof(p), 0x100);
	is_int("signed is sealed", stamp_seal(p, sizeof(p), &why), 0);
	is_int("the block's pages have their hashes, no others",
	    good_pages(p), STAMP_TOTAL / IMAGE_PAGE);
	be32(p + MACHO_CMS + 4, 100);
	is_int("a certificate's signature is refused",
	    stamp_seal(p, sizeof(p), &why), -EPERM);
	be32(p + MACHO_CMS + 4, 8);
	p[MACHO_DIRECTORY + 37] = 1;
	is_int("SHA-1 pages are refused", stamp_seal(p, sizeof(p), &why),
	    -ENOEXEC);
}

/* The signature's own bytes, one by one. */
static void
test_signature_mutants(void)
{
	static uint8_t	p[IMAGE_SLICE], copy[IMAGE_SLICE];
	size_t		i;
	int		v, grew = 0;

	image_macho(p);
	image_macho_sign(p);
	for (i = MACHO_SIGNATURE; i < MACHO_DIRECTORY + MACHO_HASHES; i++)
		for (v = 0; v < 256; v += 51) {
			memcpy(copy, p, sizeof(p));
			copy[i] = (uint8_t)v;
			stamp_seal(copy, sizeof(copy), &why);
			grew += memcmp(copy, p, MACHO_SIGNATURE) != 0;
		}
	is_int("a damaged signature never has code overwritten", grew, 0);
}

static void
test_fat(void)
{
	static uint8_t	p[0x1000 + 2 * IMAGE_SLICE];

	image_fat(p);
	ok("fat: both blocks are found", find(p, sizeof(p)) == 0 && n == 2 &&
	    at[0] == 0x1000 + IMAGE_BLOCK &&
	    at[1] == 0x1000 + IMAGE_SLICE + IMAGE_BLOCK);
	test_mutants("fat", p, sizeof(p), 48);
	is_int("fat is sealed", stamp_seal(p, sizeof(p), &why), 0);
	is_int("in the slice that is signed",
	    good_pages(p + 0x1000 + IMAGE_SLICE), STAMP_TOTAL / IMAGE_PAGE);
	be32(p + 4, STAMP_MAX_SLICES + 1);
	is_int("too many slices are refused", find(p, sizeof(p)), -ENOEXEC);
	is_int("fewer places than slices too", (image_fat(p),
	    stamp_find(p, sizeof(p), at, 1, &n, &why)), -ENOEXEC);
	is_int("a script is no program", find((const uint8_t *)"#!/bin/sh\n",
	    10), -ENOEXEC);
	is_str("in words", why, "neither ELF nor PE nor Mach-O");
	is_int("nor is nothing", find(p, 0), -ENOEXEC);
}

int
main(void)
{
	crypto_init();
	test_block();
	test_flips();
	test_elf();
	test_pe();
	test_macho();
	test_signature_mutants();
	test_fat();
	return done();
}
