/*
 * The segments that a directory has.  A name tells class and first number, a
 * head the place within its class; only the last segment of each class is
 * read, to find where it ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "log.h"
#include "spool_private.h"

enum { MAX_LISTED = 4096 };	/* of all classes: no spool of ours has more
				 * than a hundred */
#define NOT_KNOWN	UINT64_MAX	/* a nth whose head is damaged */

static const char *const names[SPOOL_CLASSES] = {
	"metric", "log", "event", "alert"
};

const char *
spool_class_name(enum spool_class c)
{
	return names[c];
}

char *
segment_path(const struct spool *s, const struct segment *g)
{
	return xasprintf("%s/%s-%016" PRIx64 ".seg", s->dir, names[g->class],
	    g->first);
}

/* CLASS-16HEXDIGITS.seg, or -EINVAL. */
static int
name_read(const char *name, struct segment *g)
{
	const char	*dash = strchr(name, '-');
	char		*end;
	size_t		 i;

	if (dash == NULL || strspn(dash + 1, "0123456789abcdef") != 16 ||
	    strcmp(dash + 17, ".seg") != 0)
		return -EINVAL;
	for (i = 0; i < SPOOL_CLASSES; i++)
		if (strlen(names[i]) == (size_t)(dash - name) &&
		    strncmp(name, names[i], (size_t)(dash - name)) == 0)
			break;
	if (i == SPOOL_CLASSES)
		return -EINVAL;
	g->class = (enum spool_class)i;
	g->first = strtoull(dash + 1, &end, 16);
	return g->first <= INT64_MAX ? 0 : -EINVAL;
}

/* Size, age and head of its file. */
static int
look_at(const struct spool *s, struct segment *g)
{
	uint8_t			 head[SEGMENT_HEAD];
	enum spool_class	 class;
	char			*path = segment_path(s, g);
	uv_fs_t			 req;
	size_t			 n;
	int			 fd = -1, rc = disk_open(path, UV_FS_O_RDONLY, &fd);

	free(path);
	if (rc < 0)
		return rc;
	if ((rc = disk_read(fd, head, sizeof(head), 0, &n)) == 0 &&
	    (segment_head_read(head, n, &class, &g->first_nth) < 0 ||
	    class != g->class))
		g->first_nth = NOT_KNOWN;
	if (rc == 0 && (rc = uv_fs_fstat(NULL, &req, fd, NULL)) == 0) {
		g->bytes = req.statbuf.st_size;
		g->newest_ms = (int64_t)req.statbuf.st_mtim.tv_sec * 1000;
		uv_fs_req_cleanup(&req);
	}
	disk_close(&fd);
	return rc;
}

static void
insert(struct link *list, struct segment *g)
{
	struct link	*i = list->prev;

	while (i != list && LIST_ITEM(i, struct segment, link)->first >
	    g->first)
		i = i->prev;
	list_append(i->next, &g->link);		/* that is: before it */
}

static int
add_name(struct spool *s, const char *name)
{
	struct segment	*g = xcalloc(1, sizeof(*g));
	int		 rc = name_read(name, g);

	if (rc < 0 || (rc = look_at(s, g)) < 0) {
		free(g);
		return rc == UV_ENOENT || rc == -EINVAL ? 0 : rc;
	}
	insert(&s->segments[g->class], g);
	s->bytes += g->bytes;
	return 0;
}

/* Finds where the last segment of its class ends. */
static void
read_last(const struct spool *s, struct segment *g)
{
	struct segment_cursor	c = SEGMENT_CURSOR_NONE;
	struct segment_record	r;
	char			*path = segment_path(s, g);
	uint64_t		 end = SEGMENT_HEAD;

	g->last = g->first;
	g->end_nth = g->first_nth != NOT_KNOWN ? g->first_nth : 0;
	if (segment_cursor_open(&c, path) == 0)
		while (segment_cursor_next(&c, 1, &r) == 1) {
			if (r.seq > g->last)
				g->last = r.seq;
			if (r.nth >= g->end_nth)
				g->end_nth = r.nth + 1;
			end += RECORD_HEAD + r.len;
		}
	/* nothing is added behind damage: a reader that waits for the rest
	 * of a record would take the next ones for it */
	g->sealed = end != g->bytes || g->first_nth == NOT_KNOWN;
	segment_cursor_close(&c);
	free(path);
}

static void
join(struct spool *s, struct link *list)
{
	struct link	*i, *next;
	struct segment	*g, *after;

	LIST_EACH(i, next, list) {
		g = LIST_ITEM(i, struct segment, link);
		if (next == list) {
			read_last(s, g);
			s->nth[g->class] = g->end_nth;
			if (g->last >= s->next)
				s->next = g->last + 1;
			return;
		}
		after = LIST_ITEM(next, struct segment, link);
		g->last = after->first - 1;
		g->end_nth = after->first_nth;
		g->sealed = 1;
	}
}

int
spool_list(struct spool *s)
{
	uv_dirent_t	entry;
	uv_fs_t		req;
	int		i, n, rc;

	for (i = 0; i < SPOOL_CLASSES; i++)
		list_init(&s->segments[i]);
	if ((n = uv_fs_scandir(NULL, &req, s->dir, 0, NULL)) > MAX_LISTED)
		log_warn("spool", "%s: has %d files, only %d are looked at",
		    s->dir, n, MAX_LISTED);
	rc = n < 0 ? n : 0;
	for (i = 0; i < MAX_LISTED && rc == 0 &&
	    uv_fs_scandir_next(&req, &entry) == 0; i++)
		rc = add_name(s, entry.name);
	uv_fs_req_cleanup(&req);
	for (i = 0; i < SPOOL_CLASSES; i++)
		join(s, &s->segments[i]);
	return rc;
}

void
spool_unlist(struct spool *s)
{
	struct link	*i, *next;
	int		 c;

	for (c = 0; c < SPOOL_CLASSES; c++)
		LIST_EACH(i, next, &s->segments[c]) {
			list_remove(i);
			free(LIST_ITEM(i, struct segment, link));
		}
}

void
segment_survey(const struct spool *s, const struct segment *g,
    uint64_t after, uint64_t *above, uint64_t *missing)
{
	struct segment_cursor	c = SEGMENT_CURSOR_NONE;
	struct segment_record	r;
	uint64_t		 nth = g->first_nth;
	char			*path = segment_path(s, g);

	*above = *missing = 0;
	if (segment_cursor_open(&c, path) == 0)
		while (segment_cursor_next(&c, 1, &r) == 1) {
			*above += r.seq > after;
			if (nth != NOT_KNOWN && r.nth > nth)
				*missing += r.nth - nth;
			nth = r.nth + 1;
		}
	if (nth != NOT_KNOWN && g->end_nth != NOT_KNOWN && g->end_nth > nth)
		*missing += g->end_nth - nth;
	segment_cursor_close(&c);
	free(path);
}
