/*
 * The file of indicators, made: entries are written as they come, so that
 * memory stays small; intel_index.c puts the index behind them, and the whole
 * is renamed over the old one.  Who has that mapped keeps it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "intel_file.h"

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

struct intel_hash
intel_hash(const uint8_t key[16], int kind, int prefix, const char *value,
    size_t len)
{
	struct intel_hash	h;
	uint8_t			text[INTEL_MAX_VALUE + 2], out[16];

	text[0] = (uint8_t)kind;
	text[1] = (uint8_t)prefix;
	memcpy(text + 2, value, len);
	crypto_siphash128(key, text, len + 2, out);
	memcpy(&h.place, out, 8);
	memcpy(&h.mark, out + 8, 8);
	return h;
}

static int
finish(struct intel_maker *m)
{
	if (m->rc < 0)
		return m->rc;
	m->head.sources = m->end;
	m->head.n_slots = m->read;
	return intel_index(m->f, &m->head, m->source);
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
	int	rc = finish(m);

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
