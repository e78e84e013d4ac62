/* ELF, 32 and 64 bits, little endian: the block is section .agentcfg. */
#include <string.h>

#include "stamp_image.h"

#define ELF_SECTION	".agentcfg"

enum {
	ELF_MAX_SECTIONS = 1024,	/* a linked program has some 40 */
	ELF_PROGBITS	= 1
};

/* Where the two classes keep what is read here. */
struct elf_layout {
	size_t	head, wide, shoff, shentsize, shnum, shstrndx;
	size_t	section, offset, size;
};

static const struct elf_layout	elf32 = { 52, 4, 32, 46, 48, 50, 40, 16, 20 };
static const struct elf_layout	elf64 = { 64, 8, 40, 58, 60, 62, 64, 24, 32 };

struct elf {
	const struct slice	*slice;
	const struct elf_layout	*l;
	const uint8_t		*sections;
	uint32_t		 n;
	struct slice		 names;
};

static uint64_t
get_word(const struct elf *e, const uint8_t *p)
{
	return e->l->wide == 8 ? get_le64(p) : get_le32(p);
}

int
elf_is(const struct slice *s)
{
	return s->size > 4 && memcmp(s->p, "\177ELF", 4) == 0;
}

static const uint8_t *
elf_section(const struct elf *e, uint32_t i)
{
	return e->sections + i * e->l->section;
}

static const char *
elf_open(struct elf *e, const struct slice *s)
{
	const uint8_t	*h, *names;
	uint32_t	 at;

	h = slice_at(s, 0, 16);
	if (h == NULL || (h[4] != 1 && h[4] != 2) || h[5] != 1)
		return "ELF: neither 32 nor 64 bits little endian";
	e->slice = s;
	e->l = h[4] == 1 ? &elf32 : &elf64;
	if ((h = slice_at(s, 0, e->l->head)) == NULL)
		return "ELF: the header is cut off";
	e->n = get_le16(h + e->l->shnum);
	at = get_le16(h + e->l->shstrndx);
	if (e->n == 0 || e->n > ELF_MAX_SECTIONS || at >= e->n ||
	    get_le16(h + e->l->shentsize) != e->l->section)
		return "ELF: no usable section table";
	e->sections = slice_at(s, get_word(e, h + e->l->shoff),
	    e->n * e->l->section);
	if (e->sections == NULL)
		return "ELF: the section table is outside of the file";
	names = elf_section(e, at);
	e->names.size = (size_t)get_word(e, names + e->l->size);
	e->names.p = slice_at(s, get_word(e, names + e->l->offset),
	    get_word(e, names + e->l->size));
	return e->names.p != NULL ? NULL :
	    "ELF: the section names are outside of the file";
}

const char *
elf_find(const struct slice *s, size_t *off)
{
	struct elf	 e;
	const uint8_t	*sec, *name;
	const char	*why;
	uint32_t	 i;

	*off = 0;
	if ((why = elf_open(&e, s)) != NULL)
		return why;
	for (i = 0; i < e.n && why == NULL; i++) {
		sec = elf_section(&e, i);
		name = slice_at(&e.names, get_le32(sec), sizeof(ELF_SECTION));
		if (name == NULL ||
		    memcmp(name, ELF_SECTION, sizeof(ELF_SECTION)) != 0)
			continue;
		if (get_le32(sec + 4) != ELF_PROGBITS)
			return "ELF: section " ELF_SECTION " has no bytes";
		why = slice_block(s, get_word(&e, sec + e.l->offset),
		    get_word(&e, sec + e.l->size), off);
	}
	if (why == NULL && *off == 0)
		why = "ELF: no section " ELF_SECTION;
	return why;
}
