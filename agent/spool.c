/*
 * The spool's rules: what is added where, what goes when it is full or too
 * old or the server has it, and what is counted.  Records of a class go to
 * its last segment until that has its size; whole segments go.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypto.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "spool_private.h"

enum {
	MAX_WORD	= 64,		/* of type and module */
	MAX_SEGMENT	= 1024 * 1024	/* read as a whole to be counted */
};

/* -- segments that go -- */

static struct segment *
first_of(const struct spool *s, int class)
{
	return list_empty(&s->segments[class]) ? NULL :
	    LIST_ITEM(s->segments[class].next, struct segment, link);
}

static struct segment *
last_of(const struct spool *s, int class)
{
	return list_empty(&s->segments[class]) ? NULL :
	    LIST_ITEM(s->segments[class].prev, struct segment, link);
}

static void
segment_seal(struct spool *s, struct segment *g)
{
	g->sealed = 1;
	if (g == last_of(s, g->class))
		disk_close(&s->fds[g->class]);
}

static void
segment_remove(struct spool *s, struct segment *g)
{
	char	*path = segment_path(s, g);

	segment_seal(s, g);
	readers_leave(s, g);
	disk_unlink(path);
	free(path);
	list_remove(&g->link);
	s->bytes -= g->bytes;
	free(g);
}

static void
keep_state(struct spool *s)
{
	int	rc = state_write(s);

	if (rc < 0)
		log_warn("spool", "%s/state: cannot be written: %s", s->dir,
		    errstr(rc));
}

/* Not for the server any more: what is in it and not acknowledged is lost. */
static void
give_up(struct spool *s, struct segment *g)
{
	uint64_t	above, missing;

	segment_survey(s, g, s->state.acked, &above, &missing);
	s->state.lost[g->class] += above + missing;
	segment_remove(s, g);
	keep_state(s);
}

/* Segments that are the server's as a whole go; the one that is written to
 * only from a length on, so that not each acknowledgement removes a file. */
static void
tidy(struct spool *s, uint64_t length)
{
	struct segment	*g;
	uint64_t	 above, missing;
	int		 c;

	for (c = 0; c < SPOOL_CLASSES; c++)
		while ((g = first_of(s, c)) != NULL &&
		    g->last <= s->state.acked &&
		    (g->sealed || g->bytes >= length)) {
			segment_survey(s, g, s->state.acked, &above,
			    &missing);
			s->state.lost[c] += missing;
			segment_remove(s, g);
		}
}

static void
expire(struct spool *s)
{
	int64_t		 limit = clock_wall_ms() - s->max_age_ms;
	struct segment	*g;
	int		 c;

	if (s->max_age_ms <= 0)
		return;
	for (c = 0; c < SPOOL_CLASSES; c++)
		while ((g = first_of(s, c)) != NULL && g->newest_ms < limit)
			give_up(s, g);
}

/* So that need more bytes of this class fit: 0 or -ENOSPC. */
static int
make_room(struct spool *s, enum spool_class class, uint64_t need)
{
	uint64_t	max = (uint64_t)s->max_bytes;
	int		c = 0;

	if (s->bytes + need > max)
		tidy(s, 0);
	while (s->bytes + need > max) {
		while (c <= (int)class && first_of(s, c) == NULL)
			c++;
		if (c > (int)class)
			return -ENOSPC;
		if (!s->full++)
			log_warn("spool", "%s: is full: what is oldest and"
			    " least goes", s->dir);
		give_up(s, first_of(s, c));
	}
	return 0;
}

/* -- adding -- */

/* The segment that the class's next record goes to, and its descriptor. */
static int
segment_to_add(struct spool *s, enum spool_class class, struct segment **out)
{
	struct segment	*g = last_of(s, class);
	uint8_t		 head[SEGMENT_HEAD];
	char		*path;
	int		 rc;

	if (g != NULL && !g->sealed && (int64_t)g->bytes >= s->segment_bytes)
		segment_seal(s, g);
	if (g == NULL || g->sealed) {
		g = xcalloc(1, sizeof(*g));
		g->class = class;
		g->first = s->next;
		g->last = s->next - 1;
		g->first_nth = g->end_nth = s->nth[class];
	}
	*out = g;
	if (s->fds[class] >= 0)
		return 0;
	path = segment_path(s, g);
	rc = disk_open(path, UV_FS_O_WRONLY | UV_FS_O_CREAT | (g->bytes == 0 ?
	    UV_FS_O_TRUNC : 0), &s->fds[class]);
	free(path);
	if (rc == 0 && g->bytes == 0) {
		segment_head(head, class, g->first_nth);
		rc = disk_write(s->fds[class], head, sizeof(head), "", 0, 0);
	}
	if (g->bytes == 0) {		/* a new one */
		if (rc < 0) {
			disk_close(&s->fds[class]);
			free(g);
			return rc;
		}
		list_append(&s->segments[class], &g->link);
		g->bytes = sizeof(head);
		s->bytes += sizeof(head);
	}
	return rc;
}

static int
append(struct spool *s, enum spool_class class, const char *text, size_t len)
{
	struct segment_record	 r = { s->next, s->nth[class], text, len };
	struct segment		*g;
	uint8_t			 head[RECORD_HEAD];
	int			 rc;

	if ((rc = segment_to_add(s, class, &g)) < 0)
		return rc;
	segment_record_head(head, &r);
	rc = disk_write(s->fds[class], head, sizeof(head), text, len,
	    g->bytes);
	if (rc < 0) {		/* what came of it is no record */
		if (disk_truncate(s->fds[class], g->bytes) < 0)
			segment_seal(s, g);
		return rc;
	}
	g->bytes += sizeof(head) + len;
	s->bytes += sizeof(head) + len;
	g->last = s->next++;
	g->end_nth = ++s->nth[class];
	g->newest_ms = clock_wall_ms();
	g->dirty = 1;
	if (s->next >= s->state.limit) {
		s->state.limit = s->next + SPOOL_SET_ASIDE;
		keep_state(s);
	}
	sync_due(s, class);
	return 0;
}

/* The record's text, with a time in it; NULL: it is none. */
static char *
text_of(const json_t *record)
{
	const char	*type = json_str(record, "type", "");
	const char	*module = json_str(record, "module", "");
	json_t		*copy = NULL;
	char		*text;

	if (*type == '\0' || strlen(type) > MAX_WORD || *module == '\0' ||
	    strlen(module) > MAX_WORD)
		return NULL;
	if (!json_is_number(json_object_get(record, "t"))) {
		copy = json_copy((json_t *)(uintptr_t)record);
		json_object_set_new(copy, "t",
		    json_integer(clock_wall_ms()));
		record = copy;
	}
	text = json_text(record);
	json_decref(copy);
	return text;
}

int
spool_add(struct spool *s, enum spool_class class, const json_t *record)
{
	char	*text = text_of(record);
	size_t	 len = text != NULL ? strlen(text) : 0;
	int	 rc = text == NULL ? -EINVAL : len > SPOOL_MAX_RECORD ?
		    -EMSGSIZE : 0;

	if (rc == 0) {
		expire(s);
		rc = make_room(s, class, SEGMENT_HEAD + RECORD_HEAD + len);
	}
	if (rc == 0)
		rc = append(s, class, text, len);
	free(text);
	if (rc < 0) {
		s->state.lost[class]++;
		keep_state(s);
	}
	if (rc < 0 && !s->failing)
		log_warn("spool", "%s: a record cannot be kept: %s", s->dir,
		    errstr(rc));
	s->failing = rc < 0;
	return rc;
}

/* -- what the server says -- */

void
spool_ack(struct spool *s, uint64_t seq)
{
	if (seq <= s->state.acked || seq >= s->next)
		return;
	s->state.acked = seq;
	keep_state(s);
	tidy(s, SEGMENT_TIDY);
	s->full = s->full && s->bytes * 2 > (uint64_t)s->max_bytes;
}

uint64_t
spool_acked(const struct spool *s)
{
	return s->state.acked;
}

const char *
spool_name(const struct spool *s)
{
	return s->name;
}

void
spool_refused(struct spool *s, enum spool_class class)
{
	s->state.lost[class]++;
	keep_state(s);
}

void
spool_tell_losses(struct spool *s)
{
	json_t		*lost, *total, *o;
	uint64_t	 now[SPOOL_CLASSES], any = 0;
	int		 c;

	memcpy(now, s->state.lost, sizeof(now));
	lost = json_object();
	total = json_object();
	for (c = 0; c < SPOOL_CLASSES; c++) {
		any += now[c] - s->state.told[c];
		json_object_set_new(lost, spool_class_name(c), json_integer(
		    (json_int_t)(now[c] - s->state.told[c])));
		json_object_set_new(total, spool_class_name(c),
		    json_integer((json_int_t)now[c]));
	}
	o = json_pack("{s{so so} ss ss}", "data", "lost", lost, "total",
	    total, "module", "spool", "type", "spool.lost");
	if (any > 0 && spool_add(s, SPOOL_ALERT, o) == 0) {
		memcpy(s->state.told, now, sizeof(now));
		keep_state(s);
	}
	json_decref(o);
}

void
spool_on_add(struct spool *s, void (*on_add)(void *), void *arg)
{
	s->on_add = on_add;
	s->on_add_arg = arg;
}

void
spool_status(const struct spool *s, struct spool_status *st)
{
	struct link	*i, *next;
	struct segment	*g;
	uint64_t	 above, missing;
	int		 c;

	memset(st, 0, sizeof(*st));
	st->next = s->next;
	st->acked = s->state.acked;
	st->bytes = (int64_t)s->bytes;
	memcpy(st->lost, s->state.lost, sizeof(st->lost));
	for (c = 0; c < SPOOL_CLASSES; c++)
		LIST_EACH(i, next, &s->segments[c]) {
			g = LIST_ITEM(i, struct segment, link);
			if (g->last <= s->state.acked)
				continue;
			segment_survey(s, g, s->state.acked, &above,
			    &missing);
			st->kept[c] += above;
			st->lost[c] += missing;
		}
}

/* -- begin and end -- */

static int
open_all(struct spool *s, char **why)
{
	int64_t	now = clock_wall_ms() * 1000;
	uint8_t	none[SPOOL_NAME] = { 0 };
	int	rc;

	if ((rc = platform_private_dir(s->dir)) < 0)
		*why = xasprintf("%s: cannot be made private: %s", s->dir,
		    errstr(rc));
	else if ((rc = state_open(s)) < 0)
		*why = xasprintf("%s/state: cannot be opened: %s", s->dir,
		    errstr(rc));
	else if ((rc = spool_list(s)) < 0)
		*why = xasprintf("%s: cannot be read: %s", s->dir,
		    errstr(rc));
	if (rc < 0)
		return rc;
	/* Microseconds, so that even a state that was lost or put back from
	 * a copy has no number twice, as long as the clock goes forward. */
	if (now > 0 && s->next < (uint64_t)now)
		s->next = (uint64_t)now;
	if (s->next < s->state.limit)
		s->next = s->state.limit;
	if (s->next <= s->state.acked)
		s->next = s->state.acked + 1;
	s->state.limit = s->next + SPOOL_SET_ASIDE;
	if (memcmp(s->state.name, none, sizeof(none)) == 0)
		crypto_random(s->state.name, sizeof(s->state.name));
	hex_encode(s->state.name, sizeof(s->state.name), s->name);
	keep_state(s);
	return 0;
}

int
spool_open(struct spool **out, const struct spool_options *o, char **why)
{
	struct spool	*s = xcalloc(1, sizeof(*s));
	int64_t		 part = o->max_bytes / SEGMENT_PARTS;
	int		 c, rc;

	*out = NULL;
	*why = NULL;
	s->dir = xstrdup(o->dir);
	s->loop = o->loop;
	s->max_bytes = o->max_bytes > SPOOL_MIN_BYTES ? o->max_bytes :
	    SPOOL_MIN_BYTES;
	s->max_age_ms = o->max_age_ms;
	s->segment_bytes = part < MAX_SEGMENT ? part : MAX_SEGMENT;
	s->state_fd = -1;
	list_init(&s->readers);
	for (c = 0; c < SPOOL_CLASSES; c++) {
		s->fds[c] = -1;
		list_init(&s->segments[c]);
	}
	if ((rc = open_all(s, why)) < 0) {
		spool_unlist(s);
		disk_close(&s->state_fd);
		free(s->dir);
		free(s);
		return rc;
	}
	sync_start(s);
	if (s->loop != NULL) {
		expire(s);
		sync_due(s, SPOOL_EVENT);
	}
	*out = s;
	return 0;
}

void
spool_close(struct spool *s)
{
	int	c;

	if (s == NULL)
		return;
	assert(list_empty(&s->readers));
	s->on_add = NULL;
	s->state.limit = s->next;
	keep_state(s);
	for (c = 0; c < SPOOL_CLASSES; c++)
		disk_close(&s->fds[c]);
	disk_close(&s->state_fd);
	spool_unlist(s);
	sync_stop(s);
}
