/*
 * A report is kept first and then given to the sender, if there is one and it
 * takes it.  The file has just what is kept; it is written whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "errors.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "settings.h"

struct errors {
	char		*path;
	json_t		*kept;		/* array, oldest first */
	json_t		*recent;	/* texts sent, to when: mono, ms */
	uv_timer_t	 timer;
	int		(*send)(const json_t *, void *);
	void		*arg;
	int		 changed;	/* since the file was written */
};

/* -- the file -- */

static void
read_line(json_t *kept, const char *p, size_t n)
{
	struct json_err	 e;
	json_t		*o = json_read(p, n, &e);

	if (json_is_object(o) && json_array_size(kept) < ERRORS_MAX)
		json_array_append(kept, o);
	json_decref(o);
}

/* What is no record is passed over: a line that a full disk cut. */
static json_t *
read_file(const char *path)
{
	struct buf	 b = BUF_INIT;
	json_t		*kept = json_array();
	const char	*p, *end;
	int		 rc = file_read(path, ERRORS_MAX_FILE, &b);

	if (rc < 0 && rc != UV_ENOENT && rc != -ENOENT)
		log_warn("errors", "%s: cannot be read: %s", path,
		    errstr(rc));
	for (p = buf_str(&b); (end = strchr(p, '\n')) != NULL; p = end + 1)
		read_line(kept, p, (size_t)(end - p));
	buf_release(&b);
	return kept;
}

/* Drops the oldest where it is too much. */
static int
write_file(const char *path, json_t *kept)
{
	struct buf	 b = BUF_INIT;
	char		*text;
	size_t		 i;
	int		 rc;

	while (json_array_size(kept) > ERRORS_MAX)
		json_array_remove(kept, 0);
again:
	buf_clear(&b);
	for (i = 0; i < json_array_size(kept); i++) {
		text = json_text(json_array_get(kept, i));
		buf_printf(&b, "%s\n", text);
		free(text);
	}
	if (b.len > ERRORS_MAX_FILE) {
		json_array_remove(kept, 0);
		goto again;
	}
	rc = b.len > 0 || file_exists(path) ?
	    file_write(path, buf_str(&b), b.len, 0600) : 0;
	buf_release(&b);
	return rc;
}

static void
write_kept(struct errors *e)
{
	int	rc = write_file(e->path, e->kept);

	if (rc < 0)
		log_warn("errors", "%s: cannot be written: %s", e->path,
		    errstr(rc));
	e->changed = 0;
}

/* -- records -- */

static json_t *
make_record(const char *where, const char *text)
{
	json_t	*o = json_pack("{ss ss sI s{ss ss sI}}", "type", "error",
		    "module", where, "t", (json_int_t)clock_wall_ms(),
		    "data", "text", text, "version", MUSTER_VERSION, "count",
		    (json_int_t)1);

	return o != NULL ? o : make_record(where, "(not UTF-8)");
}

static const char *
text_of(const json_t *record)
{
	return json_str(json_object_get(record, "data"), "text", "");
}

/* One more of what is kept already: 1, or 0 where it is new. */
static int
count_again(json_t *kept, const char *where, const char *text)
{
	json_t	*v, *data;
	size_t	 i;

	json_array_foreach(kept, i, v) {
		if (strcmp(json_str(v, "module", ""), where) != 0 ||
		    strcmp(text_of(v), text) != 0)
			continue;
		data = json_object_get(v, "data");
		json_object_set_new(data, "count", json_integer(
		    json_int(data, "count", 1) + 1));
		return 1;
	}
	return 0;
}

/* Whether the same was sent a moment ago; forgets what is older. */
static int
was_sent(struct errors *e, const char *text)
{
	int64_t		 now = clock_mono_ms();
	const char	*key;
	void		*next;
	json_t		*when;

	json_object_foreach_safe(e->recent, next, key, when)
		if (now - json_integer_value(when) > ERRORS_SAME_MS)
			json_object_del(e->recent, key);
	return json_object_get(e->recent, text) != NULL;
}

/* -- sending -- */

static void
send_kept(struct errors *e, int all)
{
	json_t	*v;
	size_t	 i = 0;

	while (e->send != NULL && i < json_array_size(e->kept)) {
		v = json_array_get(e->kept, i);
		if (!all && was_sent(e, text_of(v))) {
			i++;
			continue;
		}
		if (e->send(v, e->arg) < 0)
			break;
		json_object_set_new(e->recent, text_of(v),
		    json_integer(clock_mono_ms()));
		json_array_remove(e->kept, i);
		e->changed = 1;
	}
	if (e->changed)
		write_kept(e);
}

static void
on_timer(uv_timer_t *t)
{
	send_kept(t->data, 1);
}

void
errors_flush(struct errors *e)
{
	if (e != NULL)
		send_kept(e, 1);
}

void
errors_report(struct errors *e, const char *where, const char *fmt, ...)
{
	struct buf	b = BUF_INIT;
	va_list		ap;

	if (e == NULL)
		return;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (b.len > ERRORS_MAX_TEXT)
		b.p[b.len = ERRORS_MAX_TEXT] = '\0';
	if (!count_again(e->kept, where, buf_str(&b))) {
		json_array_append_new(e->kept, make_record(where,
		    buf_str(&b)));
		e->changed = 1;		/* a count can wait for the timer */
		send_kept(e, 0);
	}
	buf_release(&b);
}

void
errors_note(const char *state_dir, const char *where, const char *text)
{
	char	*path = file_join(state_dir, "error_reports.jsonl");
	json_t	*kept = read_file(path);

	if (!count_again(kept, where, text))
		json_array_append_new(kept, make_record(where, text));
	write_file(path, kept);
	json_decref(kept);
	free(path);
}

/* -- the whole -- */

struct errors *
errors_new(uv_loop_t *loop, const char *state_dir)
{
	struct errors	*e = xcalloc(1, sizeof(*e));

	e->path = file_join(state_dir, "error_reports.jsonl");
	e->kept = read_file(e->path);
	e->recent = json_object();
	uv_timer_init(loop, &e->timer);
	e->timer.data = e;
	uv_timer_start(&e->timer, on_timer, ERRORS_RETRY_MS,
	    ERRORS_RETRY_MS);
	return e;
}

void
errors_sender(struct errors *e, int (*send)(const json_t *, void *),
    void *arg)
{
	e->send = send;
	e->arg = arg;
	send_kept(e, 1);
}

size_t
errors_kept(const struct errors *e)
{
	return json_array_size(e->kept);
}

void
errors_stop(struct errors *e)
{
	write_kept(e);
	e->send = NULL;
	uv_close((uv_handle_t *)&e->timer, NULL);
}

void
errors_free(struct errors *e)
{
	if (e == NULL)
		return;
	json_decref(e->kept);
	json_decref(e->recent);
	free(e->path);
	free(e);
}
