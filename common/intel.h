/*
 * Indicators of compromise: what a feed may name, and the file in which a
 * host's events are looked up.  Feeds are parsed by intel_feed.h; this is
 * one indicator, and the file of millions of them that is mapped into
 * memory, made anew beside the old one and renamed over it.
 */
#ifndef MUSTER_INTEL_H
#define MUSTER_INTEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum intel_kind {
	INTEL_ANY,		/* to be guessed from the text */
	INTEL_IP,		/* an address or a network, IPv4 or IPv6 */
	INTEL_DOMAIN,		/* and all below it */
	INTEL_URL,
	INTEL_MD5, INTEL_SHA1, INTEL_SHA256,	/* of a file's contents */
	INTEL_NAME,		/* of a file, without its directory */
	INTEL_PATH,		/* whole, beginning with '/' or a drive */
	INTEL_KINDS
};

/* Limits, with their reasons. */
enum {
	INTEL_MAX_VALUE	= 2048,		/* URLs of feeds; more is no use */
	INTEL_MAX_SOURCES = 256,	/* feeds of a host: a dozen is much */
	INTEL_MAX_NAME	= 128,		/* of a source, with its NUL */
	INTEL_MAX_HITS	= 8		/* sources told for one value */
};

/* A value as it is kept and compared.  Of INTEL_IP it is 16 bytes, IPv4 as
 * RFC 4291's ::ffff:a.b.c.d, zero behind the prefix; of hashes the bytes;
 * else text, not ended by a NUL. */
struct intel_value {
	enum intel_kind	kind;
	uint8_t		prefix;		/* of INTEL_IP: bits, 0 to 128 */
	uint16_t	len;
	char		data[INTEL_MAX_VALUE];
};

/* Words for a kind, "domain"; and back, INTEL_KINDS for no kind's word. */
const char *intel_kind_word(enum intel_kind);
enum intel_kind intel_kind_of(const char *word);

/*
 * Reads a value as people and feeds write it: any case, "hxxp://", "[.]" and
 * "(.)" for dots, a port behind an address, brackets around IPv6, white space
 * around it.  0, or -EINVAL with *why a fixed text.  Names must be ASCII:
 * IDNA's "xn--" form.
 */
int	intel_value_read(struct intel_value *, enum intel_kind,
	    const char *text, size_t len, const char **why);
/* As people read it; at most n bytes with the NUL, returns out. */
char	*intel_value_text(const struct intel_value *, char *out, size_t n);

/* Whether an INTEL_IP is IPv4's; and whether these 16 bytes are. */
int	intel_is_ipv4(const struct intel_value *);
static inline int
intel_is_mapped(const char *address)
{
	static const char	mapped[12] = { [10] = '\377', [11] = '\377' };

	return memcmp(address, mapped, sizeof(mapped)) == 0;
}
/*
 * A network of more than a 256th of IPv4, or a 65,536th of IPv6: it is told,
 * but never blocked, since a slip in a feed ("0.0.0.0/0") would cut a host
 * off from all.
 */
int	intel_is_wide(const struct intel_value *);

/* -- the file: made -- */

struct intel_made {
	uint64_t	read;		/* that were added */
	uint64_t	kept;		/* of them, without what was there */
	uint64_t	bytes;		/* of the file */
};

struct intel_maker;
/* Begins a file beside path.  0 or -errno. */
int	intel_maker_new(struct intel_maker **, const char *path);
/* A source's number, given by its name; -ENOSPC for one too many. */
int	intel_maker_source(struct intel_maker *, const char *name);
/* confidence is 0 to 100; from then on (s) it matches no more, 0: never.
 * Errors wait for the end. */
void	intel_maker_add(struct intel_maker *, const struct intel_value *,
	    int source, int confidence, int64_t until);
/* Makes the index, fsyncs, renames; frees.  0 or -errno: then path is as it
 * was.  *made may be NULL. */
int	intel_maker_end(struct intel_maker *, struct intel_made *made);
void	intel_maker_drop(struct intel_maker *);	/* no file; NULL is none */

/* -- the file: looked up -- */

struct intel;
/* Maps it.  0, or -errno; -EINVAL for what is no such file, or damaged, with
 * *why a fixed text. */
int	intel_open(struct intel **, const char *path, const char **why);
void	intel_close(struct intel *);		/* NULL is none */
uint64_t intel_count(const struct intel *, enum intel_kind); /* ANY: all */
int64_t	intel_made_at(const struct intel *);	/* s */

struct intel_hit {
	const char	*source;	/* borrowed from the file */
	int		 confidence;
	int64_t		 until;		/* s, 0: never */
	struct intel_value value;	/* the indicator, which may be a
					 * network or a domain above */
};
/*
 * What is known of a value at this time (s): an address also by networks, a
 * name by the domains above it.  How many hits there are, the most specific
 * first; at most INTEL_MAX_HITS.
 */
size_t	intel_find(const struct intel *, const struct intel_value *,
	    int64_t now, struct intel_hit hits[INTEL_MAX_HITS]);
/* Each that has not expired, in no order, until the callback is not 0. */
void	intel_each(const struct intel *, int64_t now,
	    int (*)(const struct intel_hit *, void *), void *arg);

#endif
