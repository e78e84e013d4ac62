/* PE32+ (64 bits): the block is section .agcfg. */
#include <string.h>

#include "stamp_image.h"

#define PE_SECTION	".agcfg\0"	/* eight bytes with the last NUL */

enum {
	PE_MAX_SECTIONS	= 96,		/* the loader's limit */
	PE_HEAD		= 24,		/* signature and COFF header */
	PE_STAMP	= 8,		/* TimeDateStamp, from the signature */
	PE_CHECKSUM	= 64,		/* in the optional header */
	PE_DIRECTORIES	= 108,		/* their number, then 8 bytes each */
	PE_CERTIFICATES	= 4,		/* directory of the signature */
	PE_SECTION_SIZE	= 40
};

int
pe_is(const struct slice *s)
{
	return s->size > 2 && memcmp(s->p, "MZ", 2) == 0;
}

/* *pe and *opt: where the two headers begin. */
static const char *
pe_open(const struct slice *s, uint64_t *pe, uint64_t *opt)
{
	const uint8_t	*p;

	if ((p = slice_at(s, 0, 64)) == NULL)
		return "PE: the DOS header is cut off";
	*pe = get_le32(p + 60);
	*opt = *pe + PE_HEAD;
	p = slice_at(s, *pe, PE_HEAD);
	if (p == NULL || memcmp(p, "PE\0\0", 4) != 0)
		return "PE: no PE header";
	if (get_le16(p + 20) < PE_DIRECTORIES + 4)
		return "PE: the optional header is too short";
	p = slice_at(s, *opt, get_le16(p + 20));
	if (p == NULL)
		return "PE: the optional header is cut off";
	return get_le16(p) == 0x20b ? NULL : "PE: not PE32+ (64 bits)";
}

const char *
pe_find(const struct slice *s, size_t *off)
{
	const uint8_t	*p, *sec;
	const char	*why;
	uint64_t	 pe, opt;
	uint32_t	 i, n;

	*off = 0;
	if ((why = pe_open(s, &pe, &opt)) != NULL)
		return why;
	p = s->p + pe;
	n = get_le16(p + 6);
	if (n > PE_MAX_SECTIONS)
		return "PE: too many sections";
	sec = slice_at(s, opt + get_le16(p + 20), n * PE_SECTION_SIZE);
	if (sec == NULL)
		return "PE: the section table is outside of the file";
	for (i = 0; i < n && why == NULL; i++, sec += PE_SECTION_SIZE)
		if (memcmp(sec, PE_SECTION, 8) == 0)
			why = slice_block(s, get_le32(sec + 20),
			    get_le32(sec + 16), off);
	if (why == NULL && *off == 0)
		why = "PE: no section .agcfg";
	return why;
}

/* The sum that ImageHlp's CheckSumMappedFile makes: 16-bit words, carries
 * folded in, the field itself taken as zero (it was zeroed), plus the size. */
static uint32_t
pe_sum(const uint8_t *p, size_t size)
{
	uint64_t	sum = 0;
	size_t		i;

	for (i = 0; i + 1 < size; i += 2)
		sum += get_le16(p + i);
	if (size & 1)
		sum += p[size - 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum + (uint32_t)size;
}

const char *
pe_seal(uint8_t *image, size_t size, size_t off)
{
	struct slice	 s = { image, size };
	const uint8_t	*dir;
	const char	*why;
	uint64_t	 pe, opt;

	(void)off;
	if ((why = pe_open(&s, &pe, &opt)) != NULL)
		return why;
	if (get_le32(image + opt + PE_DIRECTORIES) > PE_CERTIFICATES) {
		dir = slice_at(&s, opt + PE_DIRECTORIES + 4 +
		    8 * PE_CERTIFICATES, 8);
		if (dir == NULL)
			return "PE: the data directories are cut off";
		if (get_le32(dir) != 0 || get_le32(dir + 4) != 0)
			return stamp_is_signed;
	}
	put_le32(image + pe + PE_STAMP, 0);
	put_le32(image + opt + PE_CHECKSUM, 0);
	put_le32(image + opt + PE_CHECKSUM, pe_sum(image, size));
	return NULL;
}
