/*
 * What the pipeline says: lines to the job's log, in batches; its steps, its
 * progress, its result.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypto.h"
#include "json.h"
#include "log.h"
#include "queue_line.h"
#include "queue_run.h"

/* Takes a word that must not come to light in the log. */
static void
keep_secret(struct run *r, char *word)
{
	if (word != NULL && strlen(word) >= QUEUE_MIN_SECRET)
		r->secrets[r->n_secrets++] = word;
	else
		free(word);
}

void
output_start(struct run *r)
{
	const struct queue_options	*o = &r->queue->o;

	r->lines = json_array();
	r->steps = json_array();
	r->news = json_pack("{ss si}", "step", "start", "progress", 0);
	keep_secret(r, xstrdup(json_str(r->job, "registrationKey", "")));
	if (o->secret != NULL)
		keep_secret(r, o->secret(r->job, o->arg));
}

void
output_release(struct run *r)
{
	while (r->n_secrets > 0) {
		r->n_secrets--;
		crypto_wipe(r->secrets[r->n_secrets],
		    strlen(r->secrets[r->n_secrets]));
		free(r->secrets[r->n_secrets]);
	}
	json_decref(r->lines);
	json_decref(r->steps);
	json_decref(r->news);
	json_decref(r->result);
	buf_release(&r->part[0]);
	buf_release(&r->part[1]);
	free(r->last_err);
}

const char *
output_step(const struct run *r)
{
	return json_str(json_array_get(r->steps,
	    json_array_size(r->steps) - 1), "name", "start");
}

/* -- the log -- */

static void	flush_later(struct run *);

static void
on_logged(int rc, const json_t *result, void *arg)
{
	struct run	*r = arg;

	(void)result;
	r->logging--;
	if (rc < 0 && rc != -ESTALE)	/* stale: run_renew will hear of it */
		log_warn("queue", "job %s: log lines are lost: %s", r->id,
		    errstr(rc));
	if (r->state == RUN_CHILD && json_array_size(r->lines) > 0)
		flush_later(r);
	run_answered(r);
}

/* Lines from one number up to another, as an array of their own. */
static json_t *
lines_slice(const struct run *r, size_t from, size_t to)
{
	json_t	*lines = json_array();

	for (; from < to; from++)
		json_array_append(lines, json_array_get(r->lines, from));
	return lines;
}

static void
lines_send(struct run *r, size_t from, size_t to)
{
	json_t	*lines = lines_slice(r, from, to);

	r->calls++;
	r->logging++;
	store_log_add(r->queue->o.store, r->id, r->fence, lines, on_logged, r);
	json_decref(lines);
}

/*
 * While the script runs, one call at a time: however much it says, others'
 * writes and our own renewals get between.  At the end all goes at once.
 */
void
output_flush(struct run *r)
{
	size_t	 sent = 0, to, n = json_array_size(r->lines);
	json_t	*rest;

	uv_timer_stop(&r->flush);
	while (sent < n && (r->logging == 0 || r->state != RUN_CHILD)) {
		to = n - sent < STORE_MAX_LINES ? n : sent + STORE_MAX_LINES;
		lines_send(r, sent, to);
		sent = to;
	}
	if (sent > 0) {
		rest = lines_slice(r, sent, n);
		json_decref(r->lines);
		r->lines = rest;
	}
	if (json_object_size(r->news) > 0 && r->state == RUN_CHILD)
		run_renew(r);
}

static void
on_flush(uv_timer_t *t)
{
	output_flush(t->data);
}

static void
flush_later(struct run *r)
{
	if (json_array_size(r->lines) >= QUEUE_LOG_LINES && r->logging == 0)
		output_flush(r);
	else if (!uv_is_active((uv_handle_t *)&r->flush))
		uv_timer_start(&r->flush, on_flush, QUEUE_LOG_MS, 0);
}

/* The store cuts the log, and says so; we only need not send more than it
 * takes, however fast the script talks. */
static int
log_is_full(const struct run *r)
{
	return r->log_bytes > STORE_LOG_MAX;
}

static void
say_text(struct run *r, const char *text, int err)
{
	if (err && *text != '\0') {
		free(r->last_err);
		r->last_err = xstrdup(text);
	}
	if (log_is_full(r))
		return;
	r->log_bytes += strlen(text) + 1;
	json_array_append_new(r->lines, json_pack("{sI ss si ss}", "t",
	    (json_int_t)clock_wall_ms(), "step", output_step(r), "err", err,
	    "text", text));
	flush_later(r);
}

/* -- what is said to us -- */

static void
step_end(struct run *r)
{
	json_t	*last = json_array_get(r->steps, json_array_size(r->steps) - 1);

	if (last != NULL && json_object_get(last, "ended") == NULL)
		json_object_set_new(last, "ended",
		    json_integer(clock_wall_ms()));
}

static void
say_step(struct run *r, char *name)
{
	size_t	n = strlen(name);

	if (n > QUEUE_MAX_STEP)		/* not within a character */
		for (n = QUEUE_MAX_STEP; (name[n] & 0xc0) == 0x80; n--)
			;
	name[n] = '\0';
	step_end(r);
	if (json_array_size(r->steps) >= QUEUE_MAX_STEPS)
		return;
	json_array_append_new(r->steps, json_pack("{ss sI}", "name", name,
	    "started", (json_int_t)clock_wall_ms()));
	json_object_set_new(r->news, "step", json_string(name));
	flush_later(r);
}

static void
say_result(struct run *r, const struct line *l)
{
	struct json_err	e;
	json_t		*result = json_read(l->arg, l->len, &e);

	if (json_is_object(result)) {
		json_decref(r->result);		/* the last one counts */
		r->result = result;
		return;
	}
	/* jansson's own words quote the line, secrets and all. */
	say_text(r, result != NULL ? "the result is no JSON object" :
	    "the result is no JSON", 1);
	json_decref(result);
}

static void
say_line(struct run *r, const char *s, size_t n, int err)
{
	struct line	l = { .kind = LINE_TEXT, .arg = s, .len = n };
	char		*clean;

	if (!err)
		line_parse(s, n, &l);
	if (l.kind == LINE_RESULT) {
		say_result(r, &l);
		return;
	}
	if (l.kind == LINE_PROGRESS) {
		json_object_set_new(r->news, "progress",
		    json_integer(l.number));
		flush_later(r);
		return;
	}
	if (l.kind == LINE_TEXT && !err && log_is_full(r))
		return;
	clean = line_clean(l.arg, l.len, r->secrets, r->n_secrets);
	if (l.kind == LINE_STEP)
		say_step(r, clean);
	else
		say_text(r, clean, err);
	free(clean);
}

/*
 * A long line arrives in pieces, and is put together, so that no secret
 * slips through between two; what goes past our limit is left out.
 */
void
output_line(struct run *r, const char *s, size_t n, int err)
{
	struct buf	*part = &r->part[err ? 1 : 0];
	size_t		 room = QUEUE_MAX_LINE - part->len;

	if (part->len == 0 && n < CHILD_MAX_LINE) {
		say_line(r, s, n, err);
		return;
	}
	buf_add(part, s, n < room ? n : room);
	if (n < CHILD_MAX_LINE) {
		say_line(r, part->p, part->len, err);
		buf_clear(part);
	}
}

void
output_end(struct run *r)
{
	int	i;

	for (i = 0; i < 2; i++)
		if (r->part[i].len > 0)
			say_line(r, r->part[i].p, r->part[i].len, i);
	step_end(r);
}
