/*
 * Reading the classes together, by their numbers.  For each class there is a
 * cursor in one segment, and the record that comes next; a segment that goes
 * takes its record along.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "spool_private.h"

struct strand {
	struct segment_cursor	 cursor;
	struct segment		*segment;	/* NULL: of the next that has
						 * something above after */
	uint64_t		 after;
	int			 has;		/* a record */
	struct segment_record	 record;
};

struct spool_reader {
	struct link	 link;			/* in the spool's */
	struct spool	*s;
	struct strand	 strands[SPOOL_CLASSES];
	struct buf	 text;
};

struct spool_reader *
spool_reader_new(struct spool *s, uint64_t after)
{
	struct spool_reader	*r = xcalloc(1, sizeof(*r));
	int			 c;

	r->s = s;
	for (c = 0; c < SPOOL_CLASSES; c++) {
		r->strands[c].cursor =
		    (struct segment_cursor)SEGMENT_CURSOR_NONE;
		r->strands[c].after = after;
	}
	list_append(&s->readers, &r->link);
	return r;
}

static void
leave(struct strand *t)
{
	segment_cursor_close(&t->cursor);
	t->segment = NULL;
	t->has = 0;
}

void
spool_reader_free(struct spool_reader *r)
{
	int	c;

	if (r == NULL)
		return;
	for (c = 0; c < SPOOL_CLASSES; c++)
		leave(&r->strands[c]);
	list_remove(&r->link);
	buf_release(&r->text);
	free(r);
}

void
readers_leave(struct spool *s, const struct segment *g)
{
	struct link		*i, *next;
	struct strand		*t;

	LIST_EACH(i, next, &s->readers) {
		t = &LIST_ITEM(i, struct spool_reader, link)->strands[
		    g->class];
		if (t->segment == g)
			leave(t);
	}
}

/* Opens the first segment with something above after.  1, or 0: none. */
static int
enter(struct spool *s, enum spool_class class, struct strand *t)
{
	struct link	*i, *next;
	struct segment	*g;
	char		*path;
	int		 rc;

	LIST_EACH(i, next, &s->segments[class]) {
		g = LIST_ITEM(i, struct segment, link);
		if (g->last <= t->after)
			continue;
		path = segment_path(s, g);
		rc = segment_cursor_open(&t->cursor, path);
		if (rc < 0 && rc != UV_ENOENT)
			log_warn("spool", "%s: %s", path, errstr(rc));
		free(path);
		if (rc == 0) {
			t->segment = g;
			return 1;
		}
		t->after = g->last;
	}
	return 0;
}

/* Sees to it that the strand has its next record, where there is one. */
static void
pull(struct spool *s, enum spool_class class, struct strand *t)
{
	struct segment	*g;
	int		 rc;

	while (!t->has) {
		if (t->segment == NULL && !enter(s, class, t))
			return;
		g = t->segment;
		rc = segment_cursor_next(&t->cursor, g->sealed, &t->record);
		if (rc == 1) {
			t->has = t->record.seq > t->after;
			continue;
		}
		if (rc == 0 && !g->sealed)
			return;		/* it may grow */
		if (rc < 0)
			log_warn("spool", "%s: a segment cannot be read: %s",
			    s->dir, errstr(rc));
		if (g->last > t->after)
			t->after = g->last;
		leave(t);
	}
}

int
spool_next(struct spool_reader *r, struct spool_item *item)
{
	struct strand	*t, *least;
	int		 c, class;

	do {
		least = NULL;
		class = 0;
		for (c = 0; c < SPOOL_CLASSES; c++) {
			t = &r->strands[c];
			pull(r->s, (enum spool_class)c, t);
			if (t->has && (least == NULL ||
			    t->record.seq < least->record.seq)) {
				least = t;
				class = c;
			}
		}
		if (least == NULL)
			return 0;
		least->has = 0;
		least->after = least->record.seq;
	} while (least->after <= r->s->state.acked);
	buf_clear(&r->text);
	buf_add(&r->text, least->record.text, least->record.len);
	item->seq = least->record.seq;
	item->class = (enum spool_class)class;
	item->text = buf_str(&r->text);
	item->len = r->text.len;
	return 1;
}

int
spool_each(struct spool *s, uint64_t after,
    int (*each)(const struct spool_item *, void *), void *arg)
{
	struct spool_reader	*r = spool_reader_new(s, after);
	struct spool_item	 item;
	uint64_t		 end = s->next;
	int			 rc = 0;

	while (rc == 0 && spool_next(r, &item) && item.seq < end)
		rc = each(&item, arg);
	spool_reader_free(r);
	return rc;
}

int
spool_each_in(const char *dir, uint64_t after,
    int (*each)(const struct spool_item *, void *), void *arg)
{
	struct spool	s;
	int		rc;

	memset(&s, 0, sizeof(s));
	s.dir = xstrdup(dir);
	list_init(&s.readers);
	if ((rc = spool_list(&s)) == 0)
		rc = spool_each(&s, after, each, arg);
	spool_unlist(&s);
	free(s.dir);
	return rc;
}
