/*
 * Feeds of indicators: plain lists, CSV, hosts files, STIX 2.1 bundles, MISP
 * events; and MISP's warning lists, which take out what would be a false
 * alarm.  A feed is a text in memory (mapped), read in one pass; what is
 * wrong in it is counted and told, and costs no more than that line.
 */
#ifndef MUSTER_INTEL_FEED_H
#define MUSTER_INTEL_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "intel.h"

enum intel_format {
	INTEL_PLAIN,	/* one a line, '#' and ';' begin comments */
	INTEL_CSV,	/* RFC 4180, with a header or a column's number */
	INTEL_HOSTS,	/* hosts(5): names that point nowhere */
	INTEL_STIX,	/* OASIS STIX 2.1: indicators with STIX patterns */
	INTEL_MISP,	/* MISP core format: attributes with to_ids */
	INTEL_FORMATS
};

/* Limits, with their reasons. */
enum {
	INTEL_MAX_ELEMENT = 1024 * 1024, /* of a JSON feed: one indicator,
					  * some KB; reading it costs 20x */
	INTEL_MAX_PATTERN = 64 * 1024,	/* of STIX; long lists of hashes */
	INTEL_MAX_COLUMNS = 256
};

struct intel_feed {
	enum intel_format format;
	enum intel_kind	 kind;		/* of all; INTEL_ANY: as it looks */
	const char	*column;	/* CSV: a header's word, or a number
					 * from 1; NULL: 1 */
	char		 delimiter;	/* CSV: 0 is ',' */
	int		 confidence;	/* where the feed says none */
	int64_t		 ttl;		/* s that one is good for; 0: for ever,
					 * where the feed says nothing */
};

struct intel_count {
	uint64_t	taken;
	uint64_t	refused;	/* could not be read */
	uint64_t	passed;		/* expired, revoked, to_ids false, no
					 * kind of ours, or "A and B" */
	long		line;		/* of the first refused; 0: none, or
					 * an element's number for JSON */
	char		fault[160];	/* of it */
};

/* Hears each; the value is borrowed.  0, or what ends the reading. */
typedef int (*intel_sink)(const struct intel_value *, int confidence,
	    int64_t until, void *arg);

/* 0, -EINVAL where the whole is no such feed (count->fault tells), or what
 * the sink returned.  now in s. */
int	intel_feed_read(const struct intel_feed *, const char *text,
	    size_t len, int64_t now, intel_sink, void *arg,
	    struct intel_count *count);

/* Words for a format, and back; INTEL_FORMATS for no format's word. */
const char *intel_format_word(enum intel_format);
enum intel_format intel_format_of(const char *word);

/* -- warning lists -- */

struct intel_warn;
struct intel_warn *intel_warn_new(void);
void	intel_warn_free(struct intel_warn *);	/* NULL is none */
/* Adds one of MISP's lists (its list.json), of type cidr, hostname, string or
 * substring.  0, or -EINVAL with *why, freed by the caller. */
int	intel_warn_add(struct intel_warn *, const char *text, size_t len,
	    char **why);
/* The name of the list that has it; NULL: none. */
const char *intel_warn_find(const struct intel_warn *,
	    const struct intel_value *);

#endif
