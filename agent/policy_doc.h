/* A policy as people write it: muster-policy(5), read and checked. */
#ifndef MUSTER_POLICY_DOC_H
#define MUSTER_POLICY_DOC_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum {
	POLICY_MAX_TEXT	= 32 * 1024 * 1024,	/* 100,000 rules have 12 MB */
	POLICY_MAX_RULES = 200000,
	POLICY_MAX_CIDRS = 400000,		/* all rules together */
	POLICY_MAX_PORTS = 1024,		/* ranges of one rule */
	POLICY_MAX_ID	= 64,
	POLICY_MAX_INTERFACES = 64,		/* patterns */
	POLICY_PROTO_ANY = -1
};

enum { POLICY_DIR_IN = 1, POLICY_DIR_OUT = 2 };	/* a mask */

struct policy_cidr {
	uint8_t		addr[16];	/* IPv4: the first four */
	uint8_t		v6, len;
};

struct policy_range {
	uint16_t	lo, hi;
};

struct policy_rule {
	char		*id;
	int		 deny;
	int		 keep;		/* an invariant: above all others */
	unsigned	 dirs;
	int		 protocol;	/* or POLICY_PROTO_ANY */
	struct policy_cidr *cidrs;
	size_t		 n_cidrs;	/* 0: any address, but for */
	int		 indicators;	/* those of the host's indicators, */
	int		 confidence;	/* of which these are at least so sure */
	struct policy_range *ports;
	size_t		 n_ports;	/* 0: any port */
	int		 source;	/* they are source ports */
	int		 log;
};

struct policy_doc {
	int		 audit;
	int		 deny[2];	/* the default, by policy_dir */
	int		 log;		/* what the default drops */
	char		**interfaces;	/* patterns; n 0: all but loopback */
	size_t		 n_interfaces;
	struct policy_rule *rules;
	size_t		 n_rules;
	int		 indicators;	/* one of them asks for such */
	uint8_t		 sha256[32];	/* of the text */
};

/*
 * Reads a whole document, or refuses it: 0, or -EINVAL with *why, freed by
 * the caller, which names the line, or the rule and the member.
 */
int	policy_doc_read(struct policy_doc *, const char *text, size_t n,
	    char **why);
void	policy_doc_release(struct policy_doc *);

/* "10.0.0.0/8", "2001:db8::1": 0, or -EINVAL with *why, a constant. */
int	policy_cidr_read(struct policy_cidr *, const char *, const char **why);
/* The text of one, as it is read. */
char	*policy_cidr_text(const struct policy_cidr *, char *out, size_t n);
/* "tcp", "47": the number, POLICY_PROTO_ANY for "any"; -EINVAL. */
int	policy_protocol(const char *);
/* A name for it, or its number in text, which is out. */
const char *policy_protocol_name(int, char out[8]);
void	policy_rule_release(struct policy_rule *);

#endif
