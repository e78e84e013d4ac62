/* What the kernel would say to a packet, by the kernel's own code. */
#include <string.h>

#include "policy_compile_private.h"

/* For policy_lookup.h: words in memory, checked against their end. */
#define POLICY_AT(gen, word, type) \
	((const type *)image_at((gen), (word), sizeof(type) / 4))

static const void *
image_at(const struct policy_image *m, uint32_t word, size_t n)
{
	return (size_t)word + n <= m->n ? m->words + word : NULL;
}

#include "../bpf/policy_lookup.h"

uint64_t
policy_half(const uint8_t *p)
{
	uint64_t	v = 0;
	int		i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void
policy_query_make(struct policy_query *q, int dir, int v6,
    const uint8_t *other, unsigned protocol, unsigned sport, unsigned dport)
{
	uint8_t	a[16] = { 0 };

	memcpy(a, other, v6 ? 16 : 4);
	memset(q, 0, sizeof(*q));
	q->hi = policy_half(a);
	q->lo = policy_half(a + 8);
	q->key = protocol << 16 | dport;
	q->src_key = protocol << 16 | sport;
	q->dir = (uint8_t)dir;
	q->v6 = (uint8_t)v6;
}

uint32_t
policy_image_judge(const struct policy_image *m, const struct policy_query *q)
{
	const struct policy_head	*h;
	uint32_t			 v;

	h = (const struct policy_head *)m->words;
	/* The const is the kernel's lack: it has no such maps. */
	v = policy_judge((void *)(uintptr_t)m, h, q);
	return v != 0 ? v : h->fallback[q->dir & 1];
}
