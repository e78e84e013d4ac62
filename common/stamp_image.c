/* Which format a file is, its slices, and the block in each. */
#include <errno.h>
#include <string.h>

#include "stamp.h"
#include "stamp_image.h"

enum {
	FAT_HEAD	= 8,
	FAT_ENTRY	= 20	/* cputype cpusubtype offset size align */
};

const char	stamp_is_signed[] = "signed with a certificate";

struct format {
	int		 (*is)(const struct slice *);
	const char	*(*find)(const struct slice *, size_t *);
	const char	*(*seal)(uint8_t *, size_t, size_t);
};

static const struct format	formats[] = {
	{ elf_is,	elf_find,	NULL },
	{ pe_is,	pe_find,	pe_seal },
	{ macho_is,	macho_find,	macho_seal }
};

const uint8_t *
slice_at(const struct slice *s, uint64_t off, uint64_t n)
{
	if (off > s->size || n > s->size - off)
		return NULL;
	return s->p + off;
}

uint32_t
get_le16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

uint32_t
get_le32(const uint8_t *p)
{
	return get_le16(p) | get_le16(p + 2) << 16;
}

uint64_t
get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

uint32_t
get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

void
put_le32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

const char *
slice_block(const struct slice *s, uint64_t off, uint64_t size, size_t *found)
{
	const uint8_t	*p;

	if (*found != 0)
		return "two stamp sections in one program";
	if (size != STAMP_TOTAL)
		return "the stamp section has the wrong size";
	if (off == 0 || (p = slice_at(s, off, size)) == NULL)
		return "the stamp section is outside of the file";
	if (memcmp(p, STAMP_MAGIC_LEAD, 1) != 0 ||
	    memcmp(p + 1, STAMP_MAGIC_REST, STAMP_MAGIC_SIZE - 1) != 0)
		return "the stamp section holds no stamp";
	*found = (size_t)off;
	return NULL;
}

static const struct format *
format_of(const struct slice *s)
{
	size_t	i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].is(s))
			return &formats[i];
	return NULL;
}

/* The slices of a file; one that is not fat is its own. */
static const char *
slices_of(const struct slice *file, struct slice out[STAMP_MAX_SLICES],
    uint32_t *n)
{
	const uint8_t	*p;
	uint32_t	 i;

	*n = 1;
	out[0] = *file;
	p = slice_at(file, 0, FAT_HEAD);
	if (p == NULL || get_be32(p) != 0xcafebabe)
		return NULL;
	*n = get_be32(p + 4);
	if (*n == 0 || *n > STAMP_MAX_SLICES)
		return "Mach-O: no usable number of slices";
	if ((p = slice_at(file, FAT_HEAD, *n * FAT_ENTRY)) == NULL)
		return "Mach-O: the list of slices is cut off";
	for (i = 0; i < *n; i++, p += FAT_ENTRY) {
		out[i].size = get_be32(p + 12);
		out[i].p = slice_at(file, get_be32(p + 8), out[i].size);
		if (out[i].p == NULL)
			return "Mach-O: a slice is outside of the file";
		if (!macho_is(&out[i]))
			return "Mach-O: a slice is not 64 bits Mach-O";
	}
	return NULL;
}

int
stamp_find(const uint8_t *image, size_t size, size_t *at, size_t max,
    size_t *n, const char **why)
{
	struct slice		 file = { image, size }, s[STAMP_MAX_SLICES];
	const struct format	*f;
	uint32_t		 i, slices;
	size_t			 off;

	*n = 0;
	if ((*why = slices_of(&file, s, &slices)) != NULL)
		return -ENOEXEC;
	for (i = 0; i < slices; i++) {
		*why = "neither ELF nor PE nor Mach-O";
		if ((f = format_of(&s[i])) == NULL)
			return -ENOEXEC;
		if ((*why = f->find(&s[i], &off)) != NULL)
			return -ENOEXEC;
		*why = "too many slices";
		if (*n == max)
			return -ENOEXEC;
		at[(*n)++] = (size_t)(s[i].p - image) + off;
	}
	*why = NULL;
	return 0;
}

int
stamp_seal(uint8_t *image, size_t size, const char **why)
{
	struct slice		 file = { image, size }, s[STAMP_MAX_SLICES];
	const struct format	*f;
	uint32_t		 i, slices;
	size_t			 off;

	if ((*why = slices_of(&file, s, &slices)) != NULL)
		return -ENOEXEC;
	for (i = 0; i < slices; i++) {
		*why = "neither ELF nor PE nor Mach-O";
		if ((f = format_of(&s[i])) == NULL)
			return -ENOEXEC;
		if ((*why = f->find(&s[i], &off)) == NULL && f->seal != NULL)
			*why = f->seal(image + (s[i].p - image), s[i].size,
			    off);
		if (*why != NULL)
			return *why == stamp_is_signed ? -EPERM : -ENOEXEC;
	}
	return 0;
}
