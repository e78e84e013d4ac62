/* Small executables of each format, made by hand, with a stamp section. */
#ifndef MUSTER_STAMP_IMAGES_H
#define MUSTER_STAMP_IMAGES_H

#include <stdint.h>
#include <string.h>

#include "stamp.h"

enum {
	IMAGE_BLOCK	= 0x1000,	/* where a slice's block begins */
	IMAGE_SLICE	= IMAGE_BLOCK + STAMP_TOTAL + 0x1000,
	IMAGE_PAGE	= 0x1000,
	IMAGE_PAGES	= (IMAGE_BLOCK + STAMP_TOTAL) / IMAGE_PAGE,
	MACHO_SIGNATURE	= IMAGE_BLOCK + STAMP_TOTAL,
	MACHO_DIRECTORY	= MACHO_SIGNATURE + 0x40,
	MACHO_CMS	= MACHO_SIGNATURE + 0xf00,
	MACHO_HASHES	= 48,		/* from the directory's begin */
	PE_AT		= 0x80,
	PE_OPTIONAL	= PE_AT + 24
};

static void
le(uint8_t *p, uint64_t v, int bytes)
{
	for (; bytes-- > 0; v >>= 8)
		*p++ = (uint8_t)v;
}

static void
be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void
image_begin(uint8_t *p)
{
	static const struct stamp_block	empty = STAMP_BLOCK_INIT;

	memset(p, 0, IMAGE_SLICE);
	memcpy(p + IMAGE_BLOCK, &empty, sizeof(empty));
}

/* Three sections: none, the names, the block. */
static void
image_elf(uint8_t *p, int bits)
{
	static const char	names[] = "\0.names\0.agentcfg";
	const int		w = bits / 8, sec = bits == 64 ? 64 : 40;
	uint8_t			*h;

	image_begin(p);
	memcpy(p, "\177ELF", 4);
	p[4] = (uint8_t)(bits / 32);
	p[5] = p[6] = 1;
	h = p + (bits == 64 ? 58 : 46);
	le(p + (bits == 64 ? 40 : 32), 0x100, w);
	le(h, (uint64_t)sec, 2);
	le(h + 2, 3, 2);
	le(h + 4, 1, 2);
	memcpy(p + 0x400, names, sizeof(names));
	h = p + 0x100 + sec;
	le(h, 1, 4);
	le(h + 4, 3, 4);
	le(h + 8 + 2 * w, 0x400, w);
	le(h + 8 + 3 * w, sizeof(names), w);
	h += sec;
	le(h, 8, 4);
	le(h + 4, 1, 4);
	le(h + 8 + 2 * w, IMAGE_BLOCK, w);
	le(h + 8 + 3 * w, STAMP_TOTAL, w);
}

static void
image_pe(uint8_t *p)
{
	uint8_t	*sec = p + PE_OPTIONAL + 240;

	image_begin(p);
	memcpy(p, "MZ", 2);
	le(p + 60, PE_AT, 4);
	memcpy(p + PE_AT, "PE\0\0", 4);
	le(p + PE_AT + 4, 0x8664, 2);
	le(p + PE_AT + 6, 2, 2);
	le(p + PE_AT + 8, 0x12345678, 4);	/* TimeDateStamp */
	le(p + PE_AT + 20, 240, 2);
	le(p + PE_OPTIONAL, 0x20b, 2);
	le(p + PE_OPTIONAL + 108, 16, 4);
	memcpy(sec, ".text\0\0\0", 8);
	memcpy(sec + 40, ".agcfg\0\0", 8);
	le(sec + 40 + 16, STAMP_TOTAL, 4);
	le(sec + 40 + 20, IMAGE_BLOCK, 4);
}

/* An ad-hoc signature whose hashes are all wrong (zero). */
static void
image_macho_sign(uint8_t *p)
{
	uint8_t	*cmd = p + 32 + 152, *d = p + MACHO_DIRECTORY;

	le(p + 16, 2, 4);
	le(p + 20, 152 + 16, 4);
	le(cmd, 0x1d, 4);
	le(cmd + 4, 16, 4);
	le(cmd + 8, MACHO_SIGNATURE, 4);
	le(cmd + 12, 0x1000, 4);
	be32(p + MACHO_SIGNATURE, 0xfade0cc0);
	be32(p + MACHO_SIGNATURE + 4, 0x1000);
	be32(p + MACHO_SIGNATURE + 8, 2);
	be32(p + MACHO_SIGNATURE + 16, MACHO_DIRECTORY - MACHO_SIGNATURE);
	be32(p + MACHO_SIGNATURE + 20, 0x10000);
	be32(p + MACHO_SIGNATURE + 24, MACHO_CMS - MACHO_SIGNATURE);
	be32(p + MACHO_CMS, 0xfade0b01);
	be32(p + MACHO_CMS + 4, 8);
	be32(d, 0xfade0c02);
	be32(d + 4, MACHO_HASHES + 32 * IMAGE_PAGES);
	be32(d + 8, 0x20400);
	be32(d + 12, 2);
	be32(d + 16, MACHO_HASHES);
	be32(d + 28, IMAGE_PAGES);
	be32(d + 32, MACHO_SIGNATURE);
	d[36] = 32;
	d[37] = 2;
	d[39] = 12;
}

static void
image_macho(uint8_t *p)
{
	uint8_t	*cmd = p + 32;

	image_begin(p);
	le(p, 0xfeedfacf, 4);
	le(p + 16, 1, 4);
	le(p + 20, 152, 4);
	le(cmd, 0x19, 4);
	le(cmd + 4, 152, 4);
	memcpy(cmd + 8, "__DATA", 6);
	le(cmd + 64, 1, 4);
	memcpy(cmd + 72, "__agentcfg", 10);
	memcpy(cmd + 88, "__DATA", 6);
	le(cmd + 72 + 40, STAMP_TOTAL, 8);
	le(cmd + 72 + 48, IMAGE_BLOCK, 4);
}

/* Two slices, the second signed; room for 0x1000 + 2 * IMAGE_SLICE. */
static void
image_fat(uint8_t *p)
{
	int	i;

	memset(p, 0, 0x1000);
	be32(p, 0xcafebabe);
	be32(p + 4, 2);
	for (i = 0; i < 2; i++) {
		be32(p + 8 + 20 * i + 8, (uint32_t)(0x1000 + i * IMAGE_SLICE));
		be32(p + 8 + 20 * i + 12, IMAGE_SLICE);
		image_macho(p + 0x1000 + i * IMAGE_SLICE);
	}
	image_macho_sign(p + 0x1000 + IMAGE_SLICE);
}

#endif
