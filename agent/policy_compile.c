/*
 * The compiler.  For each direction and family: all CIDRs of all rules,
 * sorted, so that one comes right after those around it.  Each gets the class
 * of the CIDR around it, with its own rules added; two that add the same to
 * the same are one class.  What is added shares the trees of the class around
 * it but for the nodes that change: the image grows with the document, never
 * with the product of its parts.  Then the CIDRs become a tree of classes.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "log.h"
#include "policy_compile_private.h"

/*
 * So many zero words, aligned to align; an offset.  Past the limit the build
 * is full, and what is asked for lies at the beginning, where nobody will
 * look at it any more.
 */
uint32_t
build_take(struct build *b, size_t n, size_t align)
{
	struct policy_image	*m = b->m;
	size_t			 at = (m->n + align - 1) / align * align;

	if (at + n > POLICY_MAX_WORDS) {
		b->full = 1;
		return 0;
	}
	if (at + n > b->room) {
		b->room = at + n + b->room / 2 + 4096;
		m->words = xrealloc(m->words, b->room * 4);
	}
	memset(m->words + m->n, 0, (at + n - m->n) * 4);
	m->n = at + n;
	return (uint32_t)at;
}

const struct policy_rule *
build_rule(const struct build *b, uint32_t i)
{
	return i < b->host->n_kept ? &b->host->kept[i] :
	    &b->doc->rules[i - b->host->n_kept];
}

static void
build_root(struct build *b, int v6, uint32_t none)
{
	struct policy_root	 root = { 0, none };
	struct prefix		*list, *p;
	size_t			 n;

	list = cidrs_gather(b, v6, &n);
	n = cidrs_classify(b, list, n, none);
	p = list;
	if (n > 0 && p->len == 0) {
		root.klass = p->what;
		p++;
		n--;
	}
	if (n > 0 && !b->full) {
		root.node = build_take(b, 8, 8);
		if (!b->full)
			tree_put(b, root.node, p, n, 0, v6 ? 128 : 32,
			    root.klass);
	}
	free(list);
	((struct policy_head *)b->m->words)->root[b->dir][v6] = root;
}

static void
put_head(struct build *b)
{
	struct policy_image	*m = b->m;
	struct policy_head	*h = (struct policy_head *)m->words;
	const struct policy_doc	*d = b->doc;
	uint32_t		 stripes = 1;
	int			 i;

	while (stripes < POLICY_STRIPES && (int)stripes < b->host->cpus)
		stripes *= 2;
	h->magic = POLICY_MAGIC;
	h->words = (uint32_t)m->n;
	h->slots = (uint32_t)(POLICY_N_FIRST_RULE + d->n_rules);
	h->stripe_mask = stripes - 1;
	h->counters = (uint32_t)((m->n + POLICY_WORDS - 1) / POLICY_WORDS *
	    POLICY_WORDS);
	h->audit = d->audit ? 1 : 0;
	for (i = 0; i < 2; i++)
		h->fallback[i] = POLICY_VALUE(d->deny[i] ? POLICY_DENY :
		    POLICY_ALLOW, i, d->deny[i] && d->log ? 1u : 0u);
	h->malformed = POLICY_VALUE(POLICY_DENY, POLICY_N_MALFORMED, 1u);
	memcpy(h->document, d->sha256, sizeof(h->document));
	m->total = h->counters + (size_t)stripes * h->slots *
	    (sizeof(struct policy_count) / 4);
	m->total = (m->total + POLICY_WORDS - 1) / POLICY_WORDS *
	    POLICY_WORDS;
}

int
policy_compile(struct policy_image *m, const struct policy_doc *d,
    const struct policy_host *host, char **why)
{
	struct build	b = { .m = m, .doc = d, .host = host };
	uint32_t	none;
	int		v6;

	memset(m, 0, sizeof(*m));
	*why = NULL;
	assert(host->n_kept <= POLICY_MAX_KEPT);
	build_take(&b, sizeof(struct policy_head) / 4, 1);
	none = build_take(&b, 4, 4);
	for (b.dir = 0; b.dir < 2; b.dir++)
		for (v6 = 0; v6 < 2; v6++)
			build_root(&b, v6, none);
	classes_release(&b);
	if (b.full) {
		*why = xasprintf("the policy takes more than %d MB in the"
		    " kernel, from rule %s on", POLICY_MAX_WORDS / 1024 /
		    1024 * 4, build_rule(&b, b.last)->id);
		policy_image_release(m);
		return -E2BIG;
	}
	put_head(&b);
	return 0;
}

void
policy_image_release(struct policy_image *m)
{
	free(m->words);
	memset(m, 0, sizeof(*m));
}
