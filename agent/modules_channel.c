/*
 * What goes between a module's process and the agent: lines in both
 * directions by its channel, and its log by stderr.  What a line means for
 * the process is in modules_proc.c.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "module_lines.h"
#include "modules_impl.h"

/* -- what it says -- */

static void
on_line(const char *line, size_t n, void *arg)
{
	struct run		*r = arg;
	struct module_proc	*p = r->p;
	json_t			*o = json_loadb(line, n, 0, NULL);
	const char		*op = json_str(o, "op", "");

	if (r->closing || p == NULL)
		;
	else if (strcmp(op, "event") == 0)
		modules_on_event(p, o);
	else if (strcmp(op, "pong") == 0)
		p->missed = 0;
	else if (strcmp(op, "answer") == 0)
		asks_answer(p, o);
	else if (strcmp(op, "source") == 0)
		proc_take_source(p, o);
	else if (strcmp(op, "ready") == 0)
		proc_take_ready(p);
	else if (strcmp(op, "failed") == 0)
		proc_take_error(p, json_str(o, "error", ""));
	else
		proc_kill(p, "said what is not understood");
	json_decref(o);
}

static void
on_channel(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct run	*r = s->data;

	if (n > 0 && r->p != NULL)
		r->p->bytes += (uint64_t)n;
	if (n < 0) {
		r->eof = 1;
		uv_read_stop(s);
		if (r->exited)
			run_close(r);
	} else if (lines_feed(&r->in, b->base, (size_t)n, MODULE_MAX_LINE,
	    on_line, r) < 0) {
		uv_read_stop(s);
		if (r->p != NULL)
			proc_kill(r->p, "said a line that is too long");
	}
}

/* -- its log: JSON lines, or the last words of one that crashes -- */

static void
on_words_line(const char *line, size_t n, void *arg)
{
	struct run	*r = arg;
	json_t		*o = json_loadb(line, n, 0, NULL);
	const char	*name = r->p != NULL ? r->p->type->name : "module";
	const char	*text = json_str(o, "text", NULL);
	int		 level = log_level_parse(json_str(o, "level", "warn"));

	if (text == NULL)
		log_warn(name, "%.*s", (int)n, line);
	else if (level == LOG_DEBUG)
		log_debug(name, "%s", text);
	else if (level == LOG_INFO)
		log_info(name, "%s", text);
	else if (level == LOG_WARN)
		log_warn(name, "%s", text);
	else {
		log_error(name, "%s", text);
		if (r->p != NULL && r->p->error == NULL)
			proc_take_error(r->p, text);
	}
	json_decref(o);
}

static void
on_words(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct run	*r = s->data;

	if (n < 0)
		uv_read_stop(s);
	else if (lines_feed(&r->said, b->base, (size_t)n, 8192,
	    on_words_line, r) < 0)
		buf_clear(&r->said);	/* the rest of a line that is none */
}

/* All is taken out of it before the loop reads again. */
static void
on_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	static char	room[16384];

	(void)h;
	(void)n;
	*b = uv_buf_init(room, sizeof(room));
}

void
run_listen(struct run *r)
{
	uv_read_start((uv_stream_t *)&r->channel, on_alloc, on_channel);
	uv_read_start((uv_stream_t *)&r->words, on_alloc, on_words);
}

/* -- what it is told -- */

struct said {
	uv_write_t	 req;
	char		*text;
};

static void
on_said(uv_write_t *req, int rc)
{
	struct said	*w = (struct said *)req;

	(void)rc;			/* its end is heard elsewhere */
	free(w->text);
	free(w);
}

void
proc_say(struct module_proc *p, json_t *o)
{
	struct said	*w;
	struct buf	 text = BUF_INIT;
	uv_buf_t	 b;

	if (p->run == NULL || p->run->closing || p->run->eof) {
		json_decref(o);
		return;
	}
	lines_put(&text, o);
	json_decref(o);
	w = xcalloc(1, sizeof(*w));
	b = uv_buf_init(text.p, (unsigned)text.len);
	w->text = buf_take(&text);
	if (uv_write(&w->req, (uv_stream_t *)&p->run->channel, &b, 1,
	    on_said) < 0) {
		free(w->text);
		free(w);
	}
}

/* What the others report. */
void
proc_hear(struct module_proc *p, const json_t *record)
{
	json_t	*o;

	if (!proc_is_up(p))
		return;
	if (uv_stream_get_write_queue_size((uv_stream_t *)&p->run->channel) >
	    MAX_HEAR) {
		p->unheard++;
		return;
	}
	o = json_pack("{ss sO}", "op", "hear", "record", record);
	if (p->unheard > 0)
		json_object_set_new(o, "lost",
		    json_integer((json_int_t)p->unheard));
	p->unheard = 0;
	proc_say(p, o);
}
