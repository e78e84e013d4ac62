/*
 * Shared by intel_make.c, which writes the file, and intel_find.c, which
 * reads it: the file's layout.  It is of this machine (byte order), made and
 * read by one program of one version; another one makes it anew.
 *
 *   head | entries, each at a multiple of 4 | sources | slots | near
 *   | filter
 *
 * The index is a hash table with linear probing, at most three quarters full.
 * A slot has half of the hash beside the entry's place.  Before it is looked
 * at, filter is: a Bloom filter with the four bits of a value in one word, an
 * eighth of the index's memory, which a cache can hold.  Most values are not
 * there at all, and that is what it says.  near has a bit for each IPv4 /24, set
 * where a network lies in it or around it: most addresses lie in none, and
 * are not looked for by each length.
 */
#ifndef MUSTER_INTEL_FILE_H
#define MUSTER_INTEL_FILE_H

#include "intel.h"

#define INTEL_MAGIC	"MUSTINT2"

struct intel_head {
	char		magic[8];
	uint64_t	size;		/* of the file, bytes */
	uint64_t	sources, slots, near, filter;	/* where they begin */
	uint64_t	n_slots;	/* a power of two */
	int64_t		made;		/* s */
	uint64_t	count[INTEL_KINDS];
	uint64_t	lengths[3];	/* bit n: a network of prefix n is
					 * there; 128 is not told */
	uint64_t	labels;		/* bit n: a domain of n labels is there;
					 * 63: or of more */
	uint32_t	n_sources;
	uint32_t	pad;
	uint8_t		key[16];	/* of SipHash: a feed cannot choose
					 * where its values go */
};

struct intel_slot {
	uint32_t	at;		/* of the entry, / 4; 0: empty */
	uint32_t	hash;		/* its upper half */
};

enum { INTEL_NEAR = 1 << 24 >> 3 };	/* bytes: 2 MB of 16 M bits */

struct intel_entry {
	uint32_t	until;		/* s, 0: never */
	uint16_t	len;
	uint8_t		kind, prefix;
	uint8_t		source, confidence;
	char		value[2];	/* and more of it */
};

enum { INTEL_ENTRY = 10 };		/* bytes before the value */

/* The bit of n labels. */
static inline uint64_t
intel_label_bit(int n)
{
	return UINT64_C(1) << (n < 63 ? n : 63);
}

/* The filter has n_slots / 8 words; which of them, and which bits of it. */
static inline uint64_t
intel_filter_word(uint64_t hash, uint64_t n_slots)
{
	return hash >> 32 & (n_slots / 8 - 1);
}

static inline uint64_t
intel_filter_bits(uint64_t hash)
{
	return UINT64_C(1) << (hash >> 4 & 63) | UINT64_C(1) << (hash >> 10 &
	    63) | UINT64_C(1) << (hash >> 16 & 63) | UINT64_C(1) <<
	    (hash >> 22 & 63);
}

int	 intel_labels(const char *name, size_t len);	/* dots and one */
/* SipHash-2-4 of kind, prefix and value. */
uint64_t intel_hash(const uint8_t key[16], int kind, int prefix,
	    const char *value, size_t len);

#endif
