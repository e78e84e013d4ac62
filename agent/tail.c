/*
 * The set of followed files.  Something happens in a directory, or a second
 * has gone: then there is a turn, which reads what is new in each file, for
 * as long as the rate allows; what it does not allow waits in the file.
 * Every few turns, and when a file's path leads to another one, the patterns
 * are matched anew.  Where files are left is written after each turn.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "tail_private.h"

enum {
	POLL_MS		= 1000,		/* where nobody tells us */
	SOON_MS		= 20,		/* several events make one turn */
	MATCH_MS	= 5000,
	MAX_DIRS	= 32,		/* that are watched; others are polled */
	MAX_STATE	= 512 * 1024	/* 64 paths of 4 KB */
};

struct tail {
	struct tail_options o;
	const char	*const *patterns;
	char		*state_file;
	struct link	 files;
	size_t		 n;
	struct tail_position *left;	/* of the last run; not found yet */
	size_t		 n_left;
	int		 first;		/* no file of positions was there */
	int		 changed;	/* positions, since they were written */
	uv_timer_t	 timer;
	uv_fs_event_t	 dirs[MAX_DIRS];
	char		*dir_names[MAX_DIRS];
	size_t		 n_dirs;
	int64_t		 matched;	/* mono, ms */
	int64_t		 filled;	/* mono, ms: when the budget was */
	int64_t		 budget;	/* lines */
	int		 open;		/* handles */
	char		 chunk[TAIL_CHUNK];
};

static void	on_turn(uv_timer_t *);

/* -- positions -- */

static void
load(struct tail *t)
{
	struct buf	b = BUF_INIT;
	struct json_err	e = { .path = "" };
	char		words[300];
	int		rc = file_read(t->state_file, MAX_STATE, &b);

	t->first = rc == UV_ENOENT;
	if (rc == 0 && tail_positions_read(buf_str(&b), b.len, &t->left,
	    &t->n_left, &e) < 0)
		log_warn("logs", "%s: is damaged (%s): files are followed"
		    " from their beginning", t->state_file,
		    json_err_str(&e, words, sizeof(words)));
	buf_release(&b);
}

/* Not synced: after a power cut some lines come again. */
static void
save(struct tail *t)
{
	struct tail_position	 all[TAIL_MAX_FILES];
	struct link		*i, *next;
	size_t			 n = 0;
	char			*text, *fresh;
	uv_fs_t			 req;
	int			 rc;

	LIST_EACH(i, next, &t->files)
		all[n++] = LIST_ITEM(i, struct tail_file, link)->at;
	text = tail_positions_write(all, n);
	fresh = xasprintf("%s.new", t->state_file);
	remove(fresh);
	if ((rc = file_create(fresh, text, strlen(text), 0600)) == 0) {
		rc = uv_fs_rename(NULL, &req, fresh, t->state_file, NULL);
		uv_fs_req_cleanup(&req);
	}
	if (rc < 0)
		log_warn("logs", "%s: cannot be written: %s", t->state_file,
		    errstr(rc));
	t->changed = 0;
	free(fresh);
	free(text);
}

/* -- which files -- */

static void
on_event(uv_fs_event_t *h, const char *name, int events, int status)
{
	struct tail	*t = h->data;

	(void)name;
	(void)events;
	(void)status;
	if (uv_timer_get_due_in(&t->timer) > SOON_MS)
		uv_timer_start(&t->timer, on_turn, SOON_MS, 0);
}

static void
on_closed(uv_handle_t *h)
{
	struct tail	*t = h->data;

	if (--t->open > 0)
		return;
	while (t->n_dirs > 0)
		free(t->dir_names[--t->n_dirs]);
	tail_positions_free(t->left, t->n_left);
	free(t->state_file);
	free(t);
}

static void
watch_dir_of(struct tail *t, const char *path)
{
	const char	*slash = strrchr(path, '/');
	char		*dir = slash == NULL ? xstrdup(".") :
			    slash == path ? xstrdup("/") :
			    xstrndup(path, (size_t)(slash - path));
	uv_fs_event_t	*h = &t->dirs[t->n_dirs];
	size_t		 i;

	for (i = 0; i < t->n_dirs; i++)
		if (strcmp(t->dir_names[i], dir) == 0)
			break;
	if (i < t->n_dirs || t->n_dirs == MAX_DIRS) {
		free(dir);
		return;
	}
	uv_fs_event_init(t->o.loop, h);
	h->data = t;
	t->open++;
	t->dir_names[t->n_dirs++] = dir;
	uv_fs_event_start(h, on_event, dir, 0);	/* else it is polled */
}

static struct tail_file *
find(struct tail *t, const struct tail_file *f)
{
	struct link		*i, *next;
	struct tail_file	*x;

	LIST_EACH(i, next, &t->files) {
		x = LIST_ITEM(i, struct tail_file, link);
		if (x->at.dev == f->at.dev && x->at.ino == f->at.ino)
			return x;
	}
	return NULL;
}

static void
add(struct tail *t, struct tail_file *f)
{
	f->matched = 1;
	list_append(&t->files, &f->link);
	t->n++;
	t->changed = 1;
}

/* What was renamed while we did not run: its rest comes first. */
struct renamed {
	struct tail		*t;
	const struct tail_position *p;
	int			 found;
};

static void
try_renamed(const char *path, void *arg)
{
	struct renamed		*r = arg;
	struct tail_file	*f = r->found || r->t->n >= TAIL_MAX_FILES ?
				    NULL : tail_file_open(path);

	if (f == NULL)
		return;
	if (find(r->t, f) != NULL || !tail_file_resume(f, r->p)) {
		tail_file_free(f);
		return;
	}
	r->found = f->gone = 1;
	add(r->t, f);
}

static void
find_renamed(struct tail *t, const struct tail_position *p)
{
	struct renamed	 r = { t, p, 0 };
	char		*pattern = xasprintf("%s*", p->path);

	if (strpbrk(p->path, "*?[") == NULL)
		tail_glob(pattern, TAIL_MAX_FILES, try_renamed, &r);
	free(pattern);
}

static void
found(const char *path, void *arg)
{
	struct tail		*t = arg;
	struct tail_file	*f, *known;
	size_t			 i;
	int			 resumed = 0, had = 0;

	watch_dir_of(t, path);
	if (t->n >= TAIL_MAX_FILES || (f = tail_file_open(path)) == NULL)
		return;
	if ((known = find(t, f)) != NULL) {
		known->matched = 1;
		tail_file_free(f);
		return;
	}
	for (i = 0; i < t->n_left && !resumed; i++)
		if (strcmp(t->left[i].path, path) == 0) {
			had = 1;
			resumed = tail_file_resume(f, &t->left[i]);
			if (!resumed)
				find_renamed(t, &t->left[i]);
		}
	if (t->first && !had)
		tail_file_to_end(f);
	if (t->n >= TAIL_MAX_FILES)
		tail_file_free(f);
	else
		add(t, f);
}

static void
match(struct tail *t)
{
	struct link		*i, *next;
	struct tail_file	*f;
	size_t			 k;

	LIST_EACH(i, next, &t->files)
		LIST_ITEM(i, struct tail_file, link)->matched = 0;
	for (k = 0; t->patterns[k] != NULL; k++)
		tail_glob(t->patterns[k], TAIL_MAX_FILES, found, t);
	/* what is not at a path of ours any more is read to its end */
	LIST_EACH(i, next, &t->files) {
		f = LIST_ITEM(i, struct tail_file, link);
		f->gone |= !f->matched;
	}
	t->first = 0;
	tail_positions_free(t->left, t->n_left);
	t->left = NULL;
	t->n_left = 0;
	t->matched = clock_mono_ms();
}

/* -- turns -- */

static void
fill_budget(struct tail *t)
{
	int64_t	now = clock_mono_ms();
	int64_t	more = (now - t->filled) * t->o.rate / 1000;

	if (more <= 0)
		return;
	t->filled = now;
	t->budget = t->budget + more > t->o.rate ? t->o.rate :
	    t->budget + more;
}

/* 1 where the file has more for us at once. */
static int
read_file(struct tail *t, struct tail_file *f)
{
	uint64_t	was = f->at.offset;
	int		rc;

	do {
		rc = tail_file_read(f, &t->o, t->chunk, &t->budget);
	} while (rc == 1 && t->budget > 0 && !f->dropping);
	t->changed |= f->at.offset != was;
	if (rc < 0)
		log_warn("logs", "%s: cannot be read: %s", f->at.path,
		    errstr(rc));
	if (rc < 1 && f->gone) {
		list_remove(&f->link);
		tail_file_free(f);
		t->n--;
		t->changed = 1;
		return 0;
	}
	if (!f->gone && tail_file_replaced(f))
		t->matched = 0;		/* look for the new one */
	return rc == 1;
}

static void
on_turn(uv_timer_t *h)
{
	struct tail	*t = h->data;
	struct link	*i, *next;
	int		 more = 0;

	fill_budget(t);
	if (t->matched == 0 || clock_mono_ms() - t->matched >= MATCH_MS)
		match(t);
	LIST_EACH(i, next, &t->files)
		more |= read_file(t, LIST_ITEM(i, struct tail_file, link));
	if (t->changed)
		save(t);
	uv_timer_start(&t->timer, on_turn, more || t->matched == 0 ? SOON_MS :
	    POLL_MS, 0);
}

/* -- begin and end -- */

struct tail *
tail_new(const struct tail_options *o, const char *const *patterns)
{
	struct tail	*t = xcalloc(1, sizeof(*t));

	t->o = *o;
	t->patterns = patterns;
	t->state_file = xstrdup(o->state_file);
	list_init(&t->files);
	load(t);
	t->filled = clock_mono_ms();
	t->budget = o->rate;
	uv_timer_init(o->loop, &t->timer);
	t->timer.data = t;
	t->open = 1;
	uv_timer_start(&t->timer, on_turn, 0, 0);
	return t;
}

void
tail_stop(struct tail *t)
{
	struct link	*i, *next;
	size_t		 k;

	if (t == NULL)
		return;
	if (t->changed)
		save(t);
	LIST_EACH(i, next, &t->files) {
		list_remove(i);
		tail_file_free(LIST_ITEM(i, struct tail_file, link));
	}
	for (k = 0; k < t->n_dirs; k++)
		uv_close((uv_handle_t *)&t->dirs[k], on_closed);
	uv_close((uv_handle_t *)&t->timer, on_closed);
}

size_t
tail_count(const struct tail *t)
{
	return t->n;
}
