/* Private to stamp_*.c: the file formats.  Every offset that a file names is
 * checked by slice_at() before a byte behind it is read. */
#ifndef MUSTER_STAMP_IMAGE_H
#define MUSTER_STAMP_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct slice {
	const uint8_t	*p;
	size_t		 size;
};

/* n bytes at an offset, or NULL where they are not all inside. */
const uint8_t *slice_at(const struct slice *, uint64_t off, uint64_t n);

uint32_t get_le16(const uint8_t *);
uint32_t get_le32(const uint8_t *);
uint64_t get_le64(const uint8_t *);
uint32_t get_be32(const uint8_t *);
void	 put_le32(uint8_t *, uint32_t);

/* A section that was found by its name: checks that it holds a block and is
 * the slice's first (*off 0 before).  NULL, or what is wrong. */
const char *slice_block(const struct slice *, uint64_t off, uint64_t size,
	    size_t *found);

/*
 * One format each: whether the slice looks like it; *off of its block; after
 * a change to the block at off, in a slice that *_find accepted, what has to
 * follow.  They return NULL, or what is wrong.
 */
/* stamp_elf.c */
int	 elf_is(const struct slice *);
const char *elf_find(const struct slice *, size_t *off);
/* stamp_pe.c */
int	 pe_is(const struct slice *);
const char *pe_find(const struct slice *, size_t *off);
const char *pe_seal(uint8_t *, size_t size, size_t off);
/* stamp_macho.c */
int	 macho_is(const struct slice *);
const char *macho_find(const struct slice *, size_t *off);
const char *macho_seal(uint8_t *, size_t size, size_t off);

/* What pe_seal and macho_seal return, by its address, for a certificate. */
extern const char stamp_is_signed[];

#endif
