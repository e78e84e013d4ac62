/* The store's logs of jobs, and its events. */
#include <errno.h>

#include "storetap.h"

static int64_t	watched_seq, watch_calls;
static int	watched_lines, watched_early;
static char	watched_job[16];

static void
on_watch(int64_t seq, const char *job, void *arg)
{
	(void)arg;
	watched_early += store_event_last(store) < seq;
	watch_calls++;
	watched_seq = seq;
	if (job != NULL) {
		watched_lines++;
		snprintf(watched_job, sizeof(watched_job), "%s", job);
	}
}

static long long
start_job(const char *id, const char *user)
{
	store_job_add(store, pack("{ss ss}", "id", id, "user", user), NULL,
	    NULL);
	WAIT(store_job_claim(store, "srv", 60000, 3, HEAR));
	return int_at("fence");
}

static void
test_lines(void)
{
	long long	fence = start_job("a", "anna");

	WAIT(store_log_read(store, "a", 0, 0, HEAR));
	ok("a log begins empty", rc == 0 && count_at("items") == 0
	    && int_at("next") == 0);
	WAIT(store_log_add(store, "a", fence, pack("[{ss} {ss}]", "text", "one",
	    "text", "two"), HEAR));
	ok("add tells the next number", rc == 0 && int_at("next") == 2);
	is_int("who watches hears of the lines", watched_lines, 1);
	is_str("and of which job", watched_job, "a");
	WAIT(store_log_add(store, "a", fence, pack("[{ss}]", "text", "three"),
	    HEAR));
	WAIT(store_log_read(store, "a", 1, 0, HEAR));
	ok("read from a number", count_at("items") == 2
	    && int_at("next") == 3);
	is_str("in order", str_at("items.0.text"), "two");
	WAIT(store_log_read(store, "a", 0, 2, HEAR));
	ok("read of so many", count_at("items") == 2 && int_at("next") == 2);
	WAIT(store_log_read(store, "a", 3, 0, HEAR));
	ok("read behind the end", count_at("items") == 0
	    && int_at("next") == 3);
	WAIT(store_log_read(store, "a", -1, 0, HEAR));
	is_int("a negative number", rc, -EINVAL);
	WAIT(store_log_add(store, "a", fence, pack("[{ss} s]", "text", "x",
	    "no line"), HEAR));
	is_int("a line that is no object", rc, -EINVAL);
	WAIT(store_log_add(store, "a", fence, pack("{}"), HEAR));
	is_int("lines that are no array", rc, -EINVAL);
	WAIT(store_log_add(store, "nobody", 1, pack("[]"), HEAR));
	is_int("the log of an unknown job", rc, -ENOENT);
	WAIT(store_log_read(store, "ab", 0, 0, HEAR));
	ok("another job's log is its own", count_at("items") == 0);
	WAIT(store_job_finish(store, "a", fence, "completed", NULL, NULL, 0,
	    HEAR));
	WAIT(store_log_add(store, "a", fence, pack("[{ss}]", "text", "late"),
	    HEAR));
	is_int("after the end nothing is added", rc, -ESTALE);
}

static void
test_limit(void)
{
	long long	 fence = start_job("big", "anna"), next = 0;
	char		*text = xcalloc(1, 8001);
	const json_t	*line;
	size_t		 bytes = 0, i, n;
	int		 batch;

	memset(text, 'z', 8000);
	for (batch = 0; batch < 12; batch++) {
		json_t	*lines = json_array();

		for (i = 0; i < 60; i++)
			json_array_append_new(lines, json_pack("{ss}", "text",
			    text));
		WAIT(store_log_add(store, "big", fence, lines, HEAR));
		json_decref(lines);
	}
	is_int("adding past the limit is no error", rc, 0);
	next = int_at("next");
	WAIT(store_log_read(store, "big", 0, 0, HEAR));
	n = count_at("items");
	ok("lines are kept up to the limit", (long long)n == next
	    && n < 12 * 60);
	for (i = 0; i < n; i++) {
		char	*s = json_text(json_array_get(at("items"), i));

		bytes += strlen(s);
		free(s);
	}
	ok("which is in bytes", bytes <= STORE_LOG_MAX
	    && bytes > STORE_LOG_MAX - 10000);
	line = json_array_get(at("items"), n - 1);
	ok("and the last line says so",
	    strstr(json_str(line, "text", ""), "limit") != NULL);
	watched_lines = 0;
	WAIT(store_log_add(store, "big", fence, pack("[{ss}]", "text", "x"),
	    HEAR));
	is_int("nothing comes behind it", int_at("next"), next);
	is_int("and nobody is told", watched_lines, 0);
	WAIT(store_job_finish(store, "big", fence, "failed", NULL, NULL, 0,
	    HEAR));
	free(text);
}

static void
test_events(void)
{
	const struct store_op	op = { STORE_EVENT, "agentOnline", NULL,
				    pack("{ss}", "agent", "x") };
	int64_t			last = store_event_last(store);
	size_t			i;
	int			gaps = 0;

	is_int("three events for each of two jobs", last, 6);
	WAIT(store_event_read(store, 0, NULL, 0, HEAR));
	is_int("all from the start", count_at("items"), 6);
	is_int("next is the last", int_at("next"), 6);
	for (i = 0; i < count_at("items"); i++)
		gaps += json_int(json_array_get(at("items"), i), "seq", 0)
		    != (int64_t)i + 1;
	is_int("without gaps", gaps, 0);
	is_str("in order", str_at("items.0.type"), "buildJobAdded");
	is_str("in order", str_at("items.1.type"), "buildJobStarted");
	is_str("in order", str_at("items.2.type"), "buildJobCompleted");
	is_str("in order", str_at("items.5.type"), "buildJobFailed");
	is_str("with the job", str_at("items.2.data.status"), "completed");
	start_job("b", "ben");
	watch_calls = 0;
	WAIT(store_write(store, &op, 1, HEAR));
	is_int("who watches hears of it, once", watch_calls, 1);
	is_int("and of its number", watched_seq, 9);
	is_int("never before it can be read", watched_early, 0);
	WAIT(store_event_read(store, 2, "anna", 2, HEAR));
	ok("one user's, so many", count_at("items") == 2
	    && int_at("items.0.seq") == 3);
	is_int("next is where they end", int_at("next"), 4);
	WAIT(store_event_read(store, 4, "anna", 0, HEAR));
	ok("the rest", count_at("items") == 2);
	is_int("next passes over the others'", int_at("next"), 9);
	WAIT(store_event_read(store, 0, "ann", 0, HEAR));
	is_int("a stranger's", count_at("items"), 0);
	WAIT(store_event_read(store, 0, "", 0, HEAR));
	ok("nobody's", count_at("items") == 1
	    && strcmp(str_at("items.0.type"), "agentOnline") == 0);
	WAIT(store_event_read(store, -1, NULL, 0, HEAR));
	is_int("a negative number", rc, -EINVAL);
	close_store();
	if (open_store() == 0)
		is_int("the numbers go on after a start",
		    store_event_last(store), 9);
}

int
main(void)
{
	begin_store();
	if (open_store() < 0)
		return 1;
	store_watch(store, on_watch, NULL);
	test_lines();
	test_limit();
	test_events();
	pack_end();
	end_store();
	return done();
}
