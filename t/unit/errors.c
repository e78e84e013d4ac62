/* Errors: kept until somebody takes them, once and counted, within bounds. */
#include <unistd.h>

#include "errors.h"
#include "file.h"
#include "json.h"
#include "tap.h"

static int	takes, sent;
static char	last[64];

static int
sender(const json_t *record, void *arg)
{
	(void)arg;
	if (!takes)
		return -1;
	sent++;
	snprintf(last, sizeof(last), "%s", json_str(json_object_get(record,
	    "data"), "text", ""));
	return 0;
}

static size_t
lines(const char *path)
{
	struct buf	b = BUF_INIT;
	size_t		n = 0, i;

	file_read(path, ERRORS_MAX_FILE, &b);
	for (i = 0; i < b.len; i++)
		n += b.p[i] == '\n';
	buf_release(&b);
	return n;
}

static void
finish(struct errors *e, uv_loop_t *loop)
{
	errors_stop(e);
	uv_run(loop, UV_RUN_DEFAULT);
	errors_free(e);
}

int
main(void)
{
	char		 dir[] = "/tmp/muster-errors.XXXXXX", *path;
	uv_loop_t	 loop;
	struct errors	*e;
	int		 i;

	if (mkdtemp(dir) == NULL || uv_loop_init(&loop) < 0)
		return 111;
	path = file_join(dir, "error_reports.jsonl");
	e = errors_new(&loop, dir);
	errors_report(e, "update", "step %s failed", "check");
	errors_report(e, "update", "step %s failed", "check");
	is_int("without a sender it is kept, once", errors_kept(e), 1);
	is_int("in the file", lines(path), 1);
	errors_sender(e, sender, NULL);
	is_int("a sender that refuses leaves it", errors_kept(e), 1);
	finish(e, &loop);

	errors_note(dir, "start", "noted");
	e = errors_new(&loop, dir);
	is_int("the next agent has it, and what was noted", errors_kept(e), 2);
	takes = 1;
	errors_sender(e, sender, NULL);
	is_int("sent when that can be", sent, 2);
	is_str("in order", last, "noted");
	is_int("and the file is empty", lines(path), 0);
	errors_report(e, "start", "noted");
	is_int("the same soon after waits", sent, 2);
	errors_flush(e);
	is_int("for its turn", sent, 3);

	takes = 0;
	for (i = 0; i < 1000; i++)
		errors_report(e, "flood", "%d %0400d", i, i);
	ok("bounded in records", errors_kept(e) <= ERRORS_MAX);
	ok("and in bytes", lines(path) > 10 && lines(path) <= ERRORS_MAX);
	finish(e, &loop);
	unlink(path);
	rmdir(dir);
	free(path);
	uv_loop_close(&loop);
	return done();
}
