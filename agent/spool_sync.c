/*
 * When what was written goes to the disk: soon after an event or an alert,
 * later after a metric or a log line, never where the server has it by then.
 * The disk is waited for by a thread of libuv's, not by the loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "log.h"
#include "spool_private.h"

enum { MAX_FILES = 16 };	/* of one turn; the rest has the next */

struct sync_job {
	uv_work_t	 work;
	struct spool	*s;
	char		*files[MAX_FILES];
	size_t		 n;
	int		 rc;
};

static int
sync_file(const char *path)
{
	int	fd, rc = disk_open(path, UV_FS_O_RDWR, &fd);

	if (rc < 0)
		return rc == UV_ENOENT ? 0 : rc;	/* it went meanwhile */
	rc = disk_sync(fd);
	disk_close(&fd);
	return rc;
}

/* In its thread: nothing of the spool but the names. */
static void
job_work(uv_work_t *w)
{
	struct sync_job	*j = w->data;
	size_t		 i;
	int		 rc;

	for (i = 0; i < j->n; i++)
		if ((rc = sync_file(j->files[i])) < 0)
			j->rc = rc;
	if (j->n > 0 && (rc = file_sync_dir_of(j->files[0])) < 0)
		j->rc = rc;
}

static void
let_go(struct spool *s)
{
	if (--s->open > 0)
		return;
	free(s->dir);
	free(s);
}

static void
job_free(struct sync_job *j)
{
	size_t	i;

	for (i = 0; i < j->n; i++)
		free(j->files[i]);
	free(j);
}

static void
job_done(uv_work_t *w, int status)
{
	struct sync_job	*j = w->data;
	struct spool	*s = j->s;

	(void)status;
	if (j->rc < 0)
		log_warn("spool", "%s: cannot be synced: %s", s->dir,
		    errstr(j->rc));
	job_free(j);
	s->syncing = 0;
	let_go(s);
}

/* Takes what is to be synced: its marks go. */
static struct sync_job *
job_new(struct spool *s)
{
	struct sync_job	*j = xcalloc(1, sizeof(*j));
	struct link	*i, *next;
	struct segment	*g;
	int		 c;

	j->s = s;
	j->work.data = j;
	for (c = SPOOL_CLASSES - 1; c >= 0; c--)
		LIST_EACH(i, next, &s->segments[c]) {
			g = LIST_ITEM(i, struct segment, link);
			if (!g->dirty || g->last <= s->state.acked ||
			    j->n == MAX_FILES - 1)
				continue;
			g->dirty = 0;
			j->files[j->n++] = segment_path(s, g);
		}
	if (s->state_dirty) {
		s->state_dirty = 0;
		j->files[j->n++] = file_join(s->dir, "state");
	}
	return j;
}

static void
on_sync(uv_timer_t *t)
{
	struct spool	*s = t->data;
	struct sync_job	*j;

	if (s->syncing) {		/* a slow disk */
		uv_timer_start(t, on_sync, SYNC_SOON_MS, 0);
		return;
	}
	s->sync_at = 0;
	j = job_new(s);
	if (j->n == 0 ||
	    uv_queue_work(s->loop, &j->work, job_work, job_done) < 0) {
		job_free(j);
		return;
	}
	s->syncing = 1;
	s->open++;
}

static void
on_wake(uv_timer_t *t)
{
	struct spool	*s = t->data;

	if (s->on_add != NULL)
		s->on_add(s->on_add_arg);
}

void
sync_start(struct spool *s)
{
	s->open = 1;			/* the owner's */
	if (s->loop == NULL)
		return;
	uv_timer_init(s->loop, &s->sync);
	uv_timer_init(s->loop, &s->wake);
	s->sync.data = s->wake.data = s;
	s->open += 2;
}

void
sync_due(struct spool *s, enum spool_class class)
{
	int64_t	in = class >= SPOOL_EVENT ? SYNC_SOON_MS : SYNC_LATE_MS;
	int64_t	at = clock_mono_ms() + in;

	if (s->loop == NULL)
		return;
	if (s->on_add != NULL)
		uv_timer_start(&s->wake, on_wake, 0, 0);
	if (s->sync_at != 0 && s->sync_at <= at)
		return;
	s->sync_at = at;
	uv_timer_start(&s->sync, on_sync, (uint64_t)in, 0);
}

static void
on_closed(uv_handle_t *h)
{
	let_go(h->data);
}

void
sync_stop(struct spool *s)
{
	if (s->loop != NULL) {
		uv_close((uv_handle_t *)&s->sync, on_closed);
		uv_close((uv_handle_t *)&s->wake, on_closed);
	}
	let_go(s);
}

int
spool_sync(struct spool *s)
{
	struct sync_job	*j;
	int		 rc, n;

	do {
		j = job_new(s);
		n = (int)j->n;
		job_work(&j->work);
		rc = j->rc;
		job_free(j);
	} while (rc == 0 && n == MAX_FILES);
	return rc;
}
