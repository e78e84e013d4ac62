#include <string.h>

#include "parts.h"

static void
remove_at(struct parts *s, size_t i)
{
	s->n--;
	memmove(&s->at[i], &s->at[i + 1], (s->n - i) * sizeof(s->at[0]));
}

static uint64_t
length(const struct part *p)
{
	return p->to - p->from;
}

static void
forget_shortest(struct parts *s)
{
	size_t	i, least = 0;

	for (i = 1; i < s->n; i++)
		if (length(&s->at[i]) < length(&s->at[least]))
			least = i;
	remove_at(s, least);
}

/* Where one that begins here has its place: before all that end later. */
static size_t
place_of_part(const struct parts *s, uint64_t from)
{
	size_t	i = 0;

	while (i < s->n && s->at[i].to < from)
		i++;
	return i;
}

void
parts_add(struct parts *s, struct part p)
{
	size_t	i = place_of_part(s, p.from);

	while (i < s->n && s->at[i].from <= p.to) {
		if (s->at[i].from < p.from)
			p.from = s->at[i].from;
		if (s->at[i].to > p.to)
			p.to = s->at[i].to;
		remove_at(s, i);
	}
	if (s->n == PARTS_MAX) {
		forget_shortest(s);
		i = place_of_part(s, p.from);
	}
	memmove(&s->at[i + 1], &s->at[i], (s->n - i) * sizeof(s->at[0]));
	s->at[i] = p;
	s->n++;
}

int
parts_cover(const struct parts *s, uint64_t size)
{
	return s->n == 1 && s->at[0].from == 0 && s->at[0].to >= size;
}
