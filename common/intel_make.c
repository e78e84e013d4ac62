/*
 * The file of indicators, made: entries are written as they come, so that
 * memory stays small; then the file is mapped, the index filled behind them,
 * and the whole renamed over the old one.  Who has that mapped keeps it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "intel_file.h"
#include "platform.h"

struct intel_maker {
	char		*path, *tmp;
	FILE		*f;
	uint64_t	 end;		/* of the entries so far */
	uint64_t	 read;
	int		 rc;		/* the first error */
	char		 source[INTEL_MAX_SOURCES][INTEL_MAX_NAME];
	struct intel_head head;
};

static void
note(struct intel_maker *m, int rc)
{
	if (m->rc == 0)
		m->rc = rc;
}

static void
put(struct intel_maker *m, const void *p, size_t n)
{
	if (m->rc == 0 && fwrite(p, 1, n, m->f) != n)
		note(m, errno != 0 ? -errno : -EIO);
	m->end += n;
}

int
intel_maker_new(struct intel_maker **out, const char *path)
{
	struct intel_maker	*m = xcalloc(1, sizeof(*m));
	int			 rc;

	*out = NULL;
	m->path = xstrdup(path);
	m->tmp = xasprintf("%s.new", path);
	unlink(m->tmp);
	if ((rc = file_create(m->tmp, "", 0, 0600)) < 0 ||
	    (m->f = fopen(m->tmp, "r+b")) == NULL) {
		rc = rc < 0 ? rc : -errno;
		intel_maker_drop(m);
		return rc;
	}
	memcpy(m->head.magic, INTEL_MAGIC, sizeof(m->head.magic));
	crypto_random(m->head.key, sizeof(m->head.key));
	put(m, &m->head, sizeof(m->head));
	*out = m;
	return 0;
}

int
intel_maker_source(struct intel_maker *m, const char *name)
{
	uint32_t	i;

	for (i = 0; i < m->head.n_sources; i++)
		if (strncmp(m->source[i], name, INTEL_MAX_NAME - 1) == 0)
			return (int)i;
	if (i == INTEL_MAX_SOURCES)
		return -ENOSPC;
	snprintf(m->source[i], INTEL_MAX_NAME, "%s", name);
	m->head.n_sources++;
	return (int)i;
}

int
intel_labels(const char *name, size_t len)
{
	int	n = 1;

	while (len-- > 0)
		n += *name++ == '.';
	return n;
}

void
intel_maker_add(struct intel_maker *m, const struct intel_value *v,
    int source, int confidence, int64_t until)
{
	static const char	zero[4];
	struct intel_entry	e = {
		.until = until <= 0 ? 0 : until > UINT32_MAX ? UINT32_MAX :
		    (uint32_t)until,
		.len = v->len, .kind = (uint8_t)v->kind, .prefix = v->prefix,
		.source = (uint8_t)source, .confidence = (uint8_t)confidence
	};

	m->read++;
	put(m, &e, INTEL_ENTRY);
	put(m, v->data, v->len);
	put(m, zero, (4 - (INTEL_ENTRY + v->len) % 4) % 4);
	if (v->kind == INTEL_DOMAIN)
		m->head.labels |= intel_label_bit(intel_labels(v->data,
		    v->len));
	if (v->kind == INTEL_IP && v->prefix < 128)
		m->head.lengths[v->prefix / 64] |=
		    UINT64_C(1) << v->prefix % 64;
}

/* -- the index -- */

uint64_t
intel_hash(const uint8_t key[16], int kind, int prefix, const char *value,
    size_t len)
{
	uint8_t	text[INTEL_MAX_VALUE + 2];

	text[0] = (uint8_t)kind;
	text[1] = (uint8_t)prefix;
	memcpy(text + 2, value, len);
	return crypto_siphash(key, text, len + 2);
}

static int
same(const struct intel_entry *a, const struct intel_entry *b)
{
	return a->kind == b->kind && a->prefix == b->prefix &&
	    a->source == b->source && a->len == b->len &&
	    memcmp(a->value, b->value, a->len) == 0;
}

/* The same value of the same source: what is known longest and best. */
static void
merge(struct intel_entry *into, const struct intel_entry *e)
{
	if (e->confidence > into->confidence)
		into->confidence = e->confidence;
	if (into->until != 0 && (e->until == 0 || e->until > into->until))
		into->until = e->until;
}

static void
note_network(char *map, const struct intel_head *h,
    const struct intel_entry *e)
{
	static const uint8_t	 mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t		*a = (const uint8_t *)e->value;
	uint8_t			*near = (uint8_t *)map + h->near;
	uint32_t		 from, to;

	if (e->prefix < 96 || e->prefix == 128 ||
	    memcmp(a, mapped, sizeof(mapped)) != 0)
		return;
	from = (uint32_t)a[12] << 16 | (uint32_t)a[13] << 8 | a[14];
	to = e->prefix >= 120 ? from :
	    from | (0xffffffu >> (e->prefix - 96));
	for (; from <= to; from++)
		near[from / 8] |= (uint8_t)(1u << from % 8);
}

static void
place(char *map, struct intel_head *h, uint64_t at, uint64_t hash)
{
	struct intel_entry	*e = (void *)(map + at), *other;
	struct intel_slot	*slots = (void *)(map + h->slots);
	uint64_t		*filter = (void *)(map + h->filter);
	uint64_t		 i, mask = h->n_slots - 1;

	filter[intel_filter_word(hash, h->n_slots)] |=
	    intel_filter_bits(hash);
	for (i = hash & mask; slots[i].at != 0; i = (i + 1) & mask) {
		other = (void *)(map + (uint64_t)slots[i].at * 4);
		if (slots[i].hash == hash >> 32 && same(other, e)) {
			merge(other, e);
			return;
		}
	}
	slots[i].at = (uint32_t)(at / 4);
	slots[i].hash = (uint32_t)(hash >> 32);
	h->count[e->kind]++;
	h->count[INTEL_ANY]++;
	if (e->kind == INTEL_IP)
		note_network(map, h, e);
}

/* Several at a time, so that their slots come from memory together. */
static void
fill(char *map, struct intel_head *h, uint64_t end)
{
	enum { TOGETHER = 16 };
	const struct intel_entry	*e;
	uint64_t			 at[TOGETHER], hash[TOGETHER];
	uint64_t			 next = sizeof(*h);
	int				 i, n;

	while (next < end) {
		for (n = 0; n < TOGETHER && next < end; n++) {
			e = (const void *)(map + next);
			at[n] = next;
			hash[n] = intel_hash(h->key, e->kind, e->prefix,
			    e->value, e->len);
			__builtin_prefetch(map + h->slots +
			    (hash[n] & (h->n_slots - 1)) *
			    sizeof(struct intel_slot), 1);
			next += ((uint64_t)INTEL_ENTRY + e->len + 3) / 4 * 4;
		}
		for (i = 0; i < n; i++)
			place(map, h, at[i], hash[i]);
	}
	memcpy(map, h, sizeof(*h));
}

static uint64_t
round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* Where the parts are; 0, or -EFBIG. */
static int
lay_out(struct intel_maker *m)
{
	struct intel_head	*h = &m->head;

	for (h->n_slots = 64; h->n_slots / 4 * 3 < m->read; )
		h->n_slots *= 2;
	h->sources = m->end;
	h->slots = round_up(m->end + (uint64_t)h->n_sources * INTEL_MAX_NAME,
	    64);
	h->near = h->slots + h->n_slots * sizeof(struct intel_slot);
	h->filter = h->near + INTEL_NEAR;
	h->size = h->filter + h->n_slots;	/* a byte for each */
	h->made = clock_wall_ms() / 1000;
	return m->end / 4 > UINT32_MAX || h->size > SIZE_MAX ? -EFBIG : 0;
}

/* Written out, not left as a hole: a full disk is an error here, and not a
 * signal while the index is filled. */
static int
index_file(struct intel_maker *m)
{
	static const char	 zero[4096];
	struct intel_head	*h = &m->head;
	uint64_t		 end = m->end;
	char			*map;
	int			 fd = fileno(m->f), rc;

	if ((rc = lay_out(m)) < 0)
		return rc;
	put(m, m->source, (size_t)h->n_sources * INTEL_MAX_NAME);
	while (m->end < h->size && m->rc == 0)
		put(m, zero, h->size - m->end < sizeof(zero) ?
		    (size_t)(h->size - m->end) : sizeof(zero));
	if (m->rc < 0 || fflush(m->f) != 0)
		return m->rc < 0 ? m->rc : -errno;
	if ((map = platform_map(fd, (size_t)h->size, 1)) == NULL)
		return -errno;
	fill(map, h, end);
	platform_unmap(map, (size_t)h->size);
	return file_sync(fd);
}

static void
free_maker(struct intel_maker *m)
{
	if (m->f != NULL)
		fclose(m->f);
	free(m->path);
	free(m->tmp);
	free(m);
}

int
intel_maker_end(struct intel_maker *m, struct intel_made *made)
{
	int	rc = m->rc < 0 ? m->rc : index_file(m);

	if (rc == 0) {
		fclose(m->f);
		m->f = NULL;
		rc = file_rename(m->tmp, m->path);
		if (rc == 0)
			rc = file_sync_dir_of(m->path);
	}
	if (made != NULL)
		*made = (struct intel_made){ m->read, m->head.count[INTEL_ANY],
		    m->head.size };
	if (rc < 0)
		intel_maker_drop(m);
	else
		free_maker(m);
	return rc;
}

void
intel_maker_drop(struct intel_maker *m)
{
	if (m == NULL)
		return;
	if (m->f != NULL) {
		fclose(m->f);
		m->f = NULL;
	}
	unlink(m->tmp);
	free_maker(m);
}
