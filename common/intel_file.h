/*
 * Shared by intel_make.c and intel_index.c, which write the file, and
 * intel_find.c, which reads it: the file's layout.  It is of this machine
 * (byte order), made and read by one program of one version; another one makes
 * it anew.
 *
 *   head | entries | sources | around | buckets | slots
 *
 * Entries are as they came, and only read to list them.  A look-up reads what
 * a processor's cache can hold for the most part: a value's hash chooses a
 * bucket, whose word tells where its slots begin and has a Bloom filter of
 * them.  Most values are not there at all, and that is what it says.  A slot
 * has another 64 bits of the hash in place of the value: with those that chose
 * the bucket, one look-up in 10^18 takes another value for it.  around has a
 * word for each block of IPv4 addresses, bit n where a network of n bits lies
 * in it or around it: the others are not looked for.
 */
#ifndef MUSTER_INTEL_FILE_H
#define MUSTER_INTEL_FILE_H

#include <stdio.h>
#include <string.h>

#include "intel.h"

#define INTEL_MAGIC	"MUSTINT3"

struct intel_head {
	char		magic[8];
	uint64_t	size;		/* of the file, bytes */
	uint64_t	sources, around, buckets, slots;	/* where they begin */
	uint64_t	n_buckets;	/* a power of two */
	uint64_t	n_slots;	/* as many as entries */
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

enum {
	INTEL_BUCKET	= 8,		/* slots of one, on the average, at the
					 * most: two lines of a cache */
	INTEL_BLOCK	= 18,		/* bits of an address that choose its
					 * block; a cache can hold the words */
	INTEL_AROUND	= 4 << INTEL_BLOCK	/* bytes of the words */
};

struct intel_bucket {
	uint32_t	at;		/* of its slots, which end where the
					 * next one's begin */
	uint32_t	filter;
};

/* 14 bytes.  The rest of a bucket's are empty where a source named a value
 * twice. */
struct intel_slot {
	uint16_t	mark[4];
	uint16_t	until[2];	/* s, 0: never */
	uint8_t		source;
	uint8_t		sure;		/* the confidence and 1; 0: empty */
};

struct intel_entry {
	uint32_t	until;
	uint16_t	len;
	uint8_t		kind;		/* INTEL_ANY: named before */
	uint8_t		prefix;
	uint8_t		source, confidence;
	char		value[2];	/* and more of it */
};

enum { INTEL_ENTRY = 10 };		/* bytes before the value */

/* Each is at a multiple of 4. */
static inline uint64_t
intel_entry_size(uint16_t len)
{
	return (INTEL_ENTRY + (uint64_t)len + 3) / 4 * 4;
}

/* The bit of n labels. */
static inline uint64_t
intel_label_bit(int n)
{
	return UINT64_C(1) << (n < 63 ? n : 63);
}

struct intel_hash {
	uint64_t	place, mark;
};

/* Three bits of a bucket's filter. */
static inline uint32_t
intel_filter_bits(struct intel_hash h)
{
	return UINT32_C(1) << (h.place >> 32 & 31) | UINT32_C(1) <<
	    (h.place >> 37 & 31) | UINT32_C(1) << (h.place >> 42 & 31);
}

/* Whether it is an IPv4 address or network, then as a number. */
static inline int
intel_ipv4(const char *value, uint32_t *number)
{
	const uint8_t	*a = (const uint8_t *)value + 12;

	*number = (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 |
	    (uint32_t)a[2] << 8 | a[3];
	return intel_is_mapped(value);
}

static inline int
intel_slot_is(const struct intel_slot *s, struct intel_hash h)
{
	return s->sure != 0 && memcmp(s->mark, &h.mark, sizeof(h.mark)) == 0;
}

int	 intel_labels(const char *name, size_t len);	/* dots and one */
/* SipHash-2-4 of 128 bits of kind, prefix and value. */
struct intel_hash intel_hash(const uint8_t key[16], int kind, int prefix,
	    const char *value, size_t len);
/* Appends to the file of head and entries what finds them; head has key,
 * sources (where the entries end), n_sources, lengths and labels, and n_slots:
 * how many entries there are; it gets the rest.  fsynced.  0 or -errno. */
int	 intel_index(FILE *, struct intel_head *,
	    const char (*sources)[INTEL_MAX_NAME]);

#endif
