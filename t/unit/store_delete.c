/* What goes from the store: jobs with all that is theirs, old events. */
#include <errno.h>

#include "clock.h"
#include "storetap.h"

enum { LEASE = 60000, TRIES = 3 };

static void
add(const char *id, const char *user)
{
	WAIT(store_job_add(store, pack("{ss ss}", "id", id, "user", user),
	    HEAR));
}

/* Runs the job that is next and ends it, with a log and a token. */
static void
build(const char *status)
{
	char		*id;
	long long	 fence;
	struct store_op	 op = { STORE_PUT, "token", NULL, NULL };

	WAIT(store_job_claim(store, "srv", LEASE, TRIES, HEAR));
	id = xstrdup(str_at("id"));
	fence = int_at("fence");
	WAIT(store_log_add(store, id, fence, pack("[{ss} {ss} {ss}]", "text",
	    "one", "text", "two", "text", "three"), HEAR));
	op.key = id;
	op.value = pack("{ss}", "job", id);
	WAIT(store_job_finish(store, id, fence, status, NULL, &op, 1, HEAR));
	free(id);
}

static void
delete(const char *id)
{
	const struct store_op	ops[] = {
		{ STORE_DROP, "token", id, NULL },
		{ STORE_DROP, "token-hash", id, NULL },
	};

	WAIT(store_job_delete(store, id, ops, 2, HEAR));
}

static void
test_drop(void)
{
	struct store_op	op = { STORE_PUT, "thing", "a", NULL };

	op.value = pack("{si}", "n", 1);
	WAIT(store_write(store, &op, 1, HEAR));
	op = (struct store_op){ STORE_DROP, "thing", "a", NULL };
	WAIT(store_write(store, &op, 1, HEAR));
	is_int("drop", rc, 0);
	WAIT(store_get(store, "thing", "a", HEAR));
	is_int("what was dropped is not there", rc, -ENOENT);
	WAIT(store_write(store, &op, 1, HEAR));
	is_int("a second drop is no error", rc, 0);
	op.key = "";
	WAIT(store_write(store, &op, 1, HEAR));
	is_int("drop without a key", rc, -EINVAL);
}

static void
test_delete(void)
{
	add("d1", "anna");
	delete("d1");
	is_int("a pending job is not deleted", rc, -EBUSY);
	build("completed");
	add("d2", "anna");
	build("failed");
	add("d3", "ben");
	WAIT(store_job_claim(store, "srv", LEASE, TRIES, HEAR));
	delete("d3");
	is_int("nor a running one", rc, -EBUSY);
	WAIT(store_job_get(store, "d3", HEAR));
	is_str("it still runs", str_at("status"), "running");

	delete("d1");
	is_int("a completed job goes", rc, 0);
	is_str("the answer is the job as it was", str_at("status"),
	    "completed");
	WAIT(store_job_get(store, "d1", HEAR));
	is_int("it is not there", rc, -ENOENT);
	WAIT(store_log_read(store, "d1", 0, 0, HEAR));
	ok("nor its log", rc == 0 && count_at("items") == 0);
	WAIT(store_get(store, "token", "d1", HEAR));
	is_int("nor what the operations dropped", rc, -ENOENT);
	WAIT(store_job_stats(store, HEAR));
	is_int("nor is it counted", int_at("completed"), 0);
	is_int("others are", int_at("failed"), 1);
	is_int("and those that run", int_at("users.ben.running"), 1);
	WAIT(store_job_list(store, "anna", NULL, NULL, 0, HEAR));
	ok("nor in the user's list", count_at("items") == 1
	    && strcmp(str_at("items.0.id"), "d2") == 0);
	WAIT(store_job_list(store, NULL, "completed", NULL, 0, HEAR));
	is_int("nor in that of its status", count_at("items"), 0);
	delete("d1");
	is_int("a second time it is unknown", rc, -ENOENT);
	WAIT(store_log_read(store, "d2", 0, 0, HEAR));
	is_int("another's log is whole", count_at("items"), 3);
	WAIT(store_event_read(store, 0, NULL, 0, HEAR));
	is_str("its events stay", str_at("items.0.data.id"), "d1");
	add("d1", "anna");
	is_int("the id may be used again", rc, 0);
	WAIT(store_log_read(store, "d1", 0, 0, HEAR));
	is_int("with an empty log", count_at("items"), 0);
}

static void
test_all_or_nothing(void)
{
	const struct store_op	bad[] = {
		{ STORE_DROP, "token", "d2", NULL },
		{ STORE_DEL, "thing", "never was", NULL },
	};

	WAIT(store_job_delete(store, "d2", bad, 2, HEAR));
	is_int("an operation that fails", rc, -ENOENT);
	WAIT(store_job_get(store, "d2", HEAR));
	is_int("leaves the job", rc, 0);
	WAIT(store_log_read(store, "d2", 0, 0, HEAR));
	is_int("and its log", count_at("items"), 3);
	WAIT(store_get(store, "token", "d2", HEAR));
	is_int("and what was dropped before it", rc, 0);
	WAIT(store_job_stats(store, HEAR));
	is_int("and the counts", int_at("failed"), 1);
	WAIT(store_job_delete(store, "", NULL, 0, HEAR));
	is_int("a job without an id", rc, -EINVAL);
}

static void
test_oldest(void)
{
	char	id[16], *cursor;
	int	i;

	for (i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "old%d", i);
		add(id, i % 2 ? "anna" : "ben");
	}
	WAIT(store_job_oldest(store, NULL, 3, HEAR));
	is_str("the oldest first", str_at("items.0.id"), "d2");
	is_str("whatever its status", str_at("items.1.status"), "running");
	is_int("a page has its limit", count_at("items"), 3);
	cursor = xstrdup(str_at("next"));
	delete("d2");
	WAIT(store_job_oldest(store, cursor, 3, HEAR));
	is_str("the next page goes on", str_at("items.0.id"), "old0");
	free(cursor);
	cursor = xstrdup(str_at("next"));
	WAIT(store_job_oldest(store, cursor, 3, HEAR));
	ok("to the end", count_at("items") == 2 && json_is_null(at("next")));
	free(cursor);
	WAIT(store_job_oldest(store, "x", 3, HEAR));
	is_int("a bad cursor", rc, -EINVAL);
	WAIT(store_job_oldest(store, NULL, 3, HEAR));
	is_str("without what was deleted", str_at("items.0.id"), "d3");
}

/* -- events -- */

static void
happen(const char *user, int n)
{
	struct store_op	op = { STORE_EVENT, "x", user, NULL };

	for (; n > 0; n--) {
		op.value = pack("{si}", "n", n);
		WAIT(store_write(store, &op, 1, HEAR));
	}
}

static void
test_trim(void)
{
	int64_t	last, cut, now = clock_wall_ms();

	is_int("nothing is trimmed at first", store_event_first(store), 1);
	last = store_event_last(store);
	WAIT(store_event_trim(store, 1000, 0, HEAR));
	ok("nothing is so old", rc == 0 && int_at("trimmed") == 0
	    && int_at("first") == 1);
	WAIT(store_event_trim(store, now + 60000, 4, HEAR));
	is_int("as many as the limit go", int_at("trimmed"), 4);
	is_int("the first is the fifth", int_at("first"), 5);
	is_int("which is told", store_event_first(store), 5);
	WAIT(store_event_read(store, 0, NULL, 0, HEAR));
	is_int("from the start the fifth is read", int_at("items.0.seq"), 5);
	ok("with a gap", json_is_true(at("gap")) && int_at("first") == 5);
	WAIT(store_event_read(store, 3, "anna", 0, HEAR));
	ok("also for one user", json_is_true(at("gap"))
	    && int_at("items.0.seq") >= 5);
	WAIT(store_event_read(store, 4, NULL, 0, HEAR));
	ok("behind the last that went there is none",
	    json_is_false(at("gap")) && int_at("items.0.seq") == 5);
	is_int("the rest is there", count_at("items"), last - 4);

	uv_sleep(5);
	cut = clock_wall_ms();
	uv_sleep(5);
	happen("anna", 3);
	happen(NULL, 2);
	WAIT(store_event_trim(store, cut, 0, HEAR));
	is_int("what came later stays", store_event_first(store), last + 1);
	WAIT(store_event_read(store, last, NULL, 0, HEAR));
	ok("all of it", count_at("items") == 5 && json_is_false(at("gap")));
	WAIT(store_event_read(store, last, "", 0, HEAR));
	is_int("nobody's too", count_at("items"), 2);

	close_store();
	if (open_store() < 0)
		return;
	is_int("the mark outlives the process", store_event_first(store),
	    last + 1);
	WAIT(store_event_trim(store, now + 60000, 0, HEAR));
	is_int("all can go", store_event_first(store), last + 6);
	is_int("the numbers stay used", store_event_last(store), last + 5);
	WAIT(store_event_read(store, 0, NULL, 0, HEAR));
	ok("nothing is read", count_at("items") == 0
	    && json_is_true(at("gap")) && int_at("next") == last + 5);
	WAIT(store_event_read(store, 0, "anna", 0, HEAR));
	is_int("nor of a user", count_at("items"), 0);
	happen("anna", 1);
	WAIT(store_event_read(store, last + 5, "anna", 0, HEAR));
	ok("the next has the next number", int_at("items.0.seq") == last + 6
	    && json_is_false(at("gap")));
	WAIT(store_event_trim(store, INT64_MAX, 0, HEAR));
	is_int("and goes in its turn", int_at("trimmed"), 1);
}

/* A store that is filled and emptied does not grow. */
static void
test_flat(void)
{
	char	id[24], *path = file_join(store_dir, "store/data.mdb");
	uv_fs_t	req;
	int64_t	size[2] = { 0, 0 };
	int	i, round;

	for (round = 0; round < 6; round++) {
		for (i = 0; i < 60; i++) {
			snprintf(id, sizeof(id), "f%d-%d", round, i);
			add(id, "anna");
			build("completed");
			WAIT(store_job_oldest(store, NULL, 1, HEAR));
			delete(id);
		}
		WAIT(store_event_trim(store, INT64_MAX, 0, HEAR));
		uv_fs_stat(NULL, &req, path, NULL);
		size[round > 1] = (int64_t)req.statbuf.st_size;
		uv_fs_req_cleanup(&req);
	}
	ok("the file does not grow from deleted jobs", size[1] <= size[0]);
	printf("# %lld, then %lld bytes\n", (long long)size[0],
	    (long long)size[1]);
	free(path);
}

int
main(void)
{
	begin_store();
	if (open_store() < 0)
		return 1;
	test_drop();
	test_delete();
	test_all_or_nothing();
	test_oldest();
	test_trim();
	WAIT(store_job_release(store, "srv", HEAR));
	for (;;) {
		WAIT(store_job_claim(store, "srv", LEASE, 1, HEAR));
		if (rc < 0)
			break;
		WAIT(store_job_finish(store, str_at("id"), int_at("fence"),
		    "failed", NULL, NULL, 0, HEAR));
	}
	test_flat();
	pack_end();
	end_store();
	return done();
}
