/*
 * The log of a job, line after line while the job runs, and at the end a word
 * of how it ended.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "sse_private.h"

static void
log_end(struct follower *f)
{
	struct buf	 b = BUF_INIT;
	char		*text;

	json_object_set_new(f->end, "next", json_integer(f->cursor));
	text = json_text(f->end);
	buf_printf(&b, "event: end\ndata: %s\n\n", text);
	http_stream_write(f->req, b.p, b.len);
	free(text);
	buf_release(&b);
	follower_end(f);
}

static void
on_lines(int rc, const json_t *page, void *arg)
{
	struct follower	*f = arg;
	const json_t	*lines = json_object_get(page, "items");
	struct buf	 b = BUF_INIT;
	json_t		*line;
	char		*text;
	size_t		 i;

	if (follower_gone(f))
		return;
	if (rc < 0) {			/* the job may have been deleted */
		follower_end(f);
		return;
	}
	json_array_foreach(lines, i, line) {
		text = json_text(line);
		buf_clear(&b);
		buf_printf(&b, "id: %lld\ndata: %s\n\n",
		    (long long)f->cursor++, text);
		http_stream_write(f->req, b.p, b.len);
		free(text);
		if (follower_held(f))
			break;
	}
	buf_release(&b);
	if (json_array_size(lines) > 0 || f->more)
		follower_again(f);
	else if (f->end != NULL)
		log_end(f);
}

/* Notes how the job has ended, where it has. */
static int
log_note_end(struct follower *f, const json_t *job)
{
	const char	*status = json_str(job, "status", "");

	if (f->end != NULL || strcmp(status, "pending") == 0 ||
	    strcmp(status, "running") == 0)
		return 0;
	f->end = json_pack("{ss sO*}", "status", status,
	    "error", json_object_get(job, "error"));
	return 1;
}

void
follower_job(struct follower *f, const json_t *job)
{
	if (log_note_end(f, job))
		follower_again(f);
}

void
follower_read_log(struct follower *f)
{
	f->reading = 1;
	f->more = 0;
	store_log_read(f->streams->server->store, f->job, f->cursor,
	    SSE_LINES, on_lines, f);
}

void
streams_lines(struct streams *st, const char *job)
{
	struct link	*l, *next;
	struct follower	*f;

	if (st == NULL)
		return;
	LIST_EACH(l, next, &st->followers) {
		f = LIST_ITEM(l, struct follower, link);
		if (f->job != NULL && strcmp(f->job, job) == 0)
			follower_again(f);
	}
}

void
sse_log(struct call *c, const json_t *job)
{
	struct follower	*f;
	int64_t		 from, last;
	int		 rc;

	if (!follower_fits(c) ||
	    (from = call_number(c, "from", 0, INT64_MAX / 2)) < 0 ||
	    (rc = follower_last_id(c, &last)) < 0)
		return;
	f = follower_new(c, rc > 0 ? last + 1 : from);
	f->job = xstrdup(json_str(job, "id", ""));
	log_note_end(f, job);
	follower_again(f);
}

