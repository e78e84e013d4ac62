/* What reading a policy's document shares between its files. */
#ifndef MUSTER_POLICY_DOC_PRIVATE_H
#define MUSTER_POLICY_DOC_PRIVATE_H

#include <stddef.h>

#include <jansson.h>

#include "buf.h"
#include "policy_doc.h"

struct rule_seen;		/* an id; of policy_rules.c alone */

struct doc_reader {
	struct policy_doc	*doc;
	size_t			 cidrs;		/* all rules' so far */
	struct rule_seen	*seen;		/* their ids */
	size_t			 rule;		/* the present one's place */
	const char		*id;		/* and id; NULL: in none */
	char			**why;
};

/* policy_doc.c */
/* Says what is wrong, and in which rule: -EINVAL. */
int	doc_fault(const struct doc_reader *, const char *fmt, ...)
	    PRINTF_LIKE(2, 3);

/* policy_rules.c */
/* An array of them into the document: 0, or -EINVAL.  Those before the fault
 * are there, and released with it. */
int	rules_read(struct doc_reader *, const json_t *list);

/* policy_words.c */
/* Digits alone, up to max; -1. */
long	policy_number(const char *, size_t n, long max);

#endif
