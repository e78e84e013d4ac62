/* The queue in the store: who is next, leases and fences, ends, counts. */
#include <errno.h>

#include "storetap.h"

enum { LEASE = 60000, TRIES = 3 };

static void
add(const char *id, const char *user, int priority)
{
	WAIT(store_job_add(store, pack("{ss ss si ss}", "id", id, "user", user,
	    "priority", priority, "os", "linux"), HEAR));
}

static const char *
claim(void)
{
	WAIT(store_job_claim(store, "srv", LEASE, TRIES, HEAR));
	return rc == 0 ? str_at("id") : "";
}

/* Gives the running job of the last answer this status. */
static void
finish(const char *id, long long fence, const char *status)
{
	WAIT(store_job_finish(store, id, fence, status, pack("{ss}", "note",
	    status), NULL, 0, HEAR));
}

static void
get(const char *id)
{
	WAIT(store_job_get(store, id, HEAR));
}

static void
test_add(void)
{
	WAIT(store_job_add(store, pack("{ss ss ss si ss ss}", "id", "j1",
	    "user", "anna", "os", "linux", "attempts", 7, "status",
	    "completed", "owner", "me"), HEAR));
	is_int("add", rc, 0);
	is_str("the answer is the job", str_at("os"), "linux");
	is_str("it is pending, whatever was said", str_at("status"), "pending");
	ok("members the store keeps are not the caller's",
	    int_at("attempts") == 0 && at("owner") == NULL);
	ok("it knows when", int_at("created") > 1600000000000LL);
	add("j1", "ben", 0);
	is_int("a second of this id", rc, -EEXIST);
	get("j1");
	is_str("changes nothing", str_at("user"), "anna");
	add("", "anna", 0);
	is_int("without an id", rc, -EINVAL);
	add("j2", "", 0);
	is_int("without a user", rc, -EINVAL);
	get("j2");
	is_int("and it is not there", rc, -ENOENT);
	WAIT(store_job_cancel(store, "j1", HEAR));
	is_str("cancel of a pending job", str_at("status"), "cancelled");
	WAIT(store_job_cancel(store, "j1", HEAR));
	is_int("cancel of an ended one", rc, -EALREADY);
	is_str("shows it all the same", str_at("status"), "cancelled");
	WAIT(store_job_cancel(store, "nobody", HEAR));
	is_int("cancel of an unknown one", rc, -ENOENT);
	is_str("nothing is left to claim", claim(), "");
	is_int("which is said", rc, -EAGAIN);
}

static void
test_order(void)
{
	add("o1", "anna", 0);
	add("o2", "anna", 5);
	add("o3", "anna", -5);
	add("o4", "anna", 5);
	is_str("highest priority first", claim(), "o2");
	is_str("then the oldest", claim(), "o4");
	is_str("then lower ones", claim(), "o1");
	is_str("a negative one last", claim(), "o3");
	WAIT(store_job_release(store, "srv", HEAR));
	is_int("all four are released", int_at("released"), 4);
	for (int i = 0; i < 4; i++) {
		claim();
		finish(str_at("id"), int_at("fence"), "completed");
	}
	is_int("and end", rc, 0);
}

/* Five users, of whom one came first with many: turns go round. */
static void
test_fair(void)
{
	const char	*users[] = { "a", "b", "c", "d", "e" };
	char		 id[32];
	int		 taken[5] = { 0 }, low, high, spread = 0;
	int		 i, n, u;

	for (i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "fa%d", i);
		add(id, "a", 9);
	}
	for (i = 0; i < 80; i++) {
		snprintf(id, sizeof(id), "f%d-%d", i, i);
		add(id, users[1 + i % 4], 0);
	}
	for (n = 0; n < 100; n++) {
		claim();
		for (u = 0; u < 5; u++)
			taken[u] += strcmp(str_at("user"), users[u]) == 0;
		low = high = taken[0];
		for (u = 1; u < 5; u++) {
			low = taken[u] < low ? taken[u] : low;
			high = taken[u] > high ? taken[u] : high;
		}
		spread = high - low > spread ? high - low : spread;
		finish(str_at("id"), int_at("fence"), "completed");
	}
	is_int("no user is ever more than one job ahead", spread, 1);
	is_int("and each has all his own", taken[4], 20);
}

/* Who has fewest running is next, however long ago he was served. */
static void
test_fewest(void)
{
	long long	fence[3];
	int		i;

	for (i = 0; i < 3; i++) {
		char	id[16];

		snprintf(id, sizeof(id), "w%d", i);
		add(id, "wide", 0);
		claim();
		fence[i] = int_at("fence");
	}
	add("w3", "wide", 9);
	add("n0", "narrow", 0);
	is_str("fewest running", claim(), "n0");
	finish("n0", int_at("fence"), "completed");
	is_str("then the other", claim(), "w3");
	finish("w3", int_at("fence"), "completed");
	for (i = 0; i < 3; i++) {
		char	id[16];

		snprintf(id, sizeof(id), "w%d", i);
		finish(id, fence[i], "completed");
	}
}

static void
test_fence(void)
{
	long long	old;

	add("l1", "anna", 0);
	claim();
	old = int_at("fence");
	is_int("first attempt", int_at("attempts"), 1);
	is_str("its owner", str_at("owner"), "srv");
	WAIT(store_job_update(store, "l1", old, pack("{si}", "progress", 40),
	    LEASE, HEAR));
	ok("update", rc == 0 && int_at("progress") == 40);
	WAIT(store_job_update(store, "l1", old, pack("{ss}", "user", "eve"),
	    LEASE, HEAR));
	is_int("update of a member that the store keeps", rc, -EINVAL);
	WAIT(store_job_update(store, "l1", old + 1, NULL, LEASE, HEAR));
	is_int("update with another fence", rc, -ESTALE);
	WAIT(store_job_release(store, "other", HEAR));
	is_int("another owner's release", int_at("released"), 0);
	WAIT(store_job_update(store, "l1", old, NULL, 1, HEAR));
	is_int("a lease of 1 ms", rc, 0);
	add("l2", "anna", 100);
	uv_sleep(3);
	is_str("a lapsed lease goes first", claim(), "l1");
	is_int("second attempt", int_at("attempts"), 2);
	ok("a new fence", int_at("fence") > old);
	finish("l1", old, "completed");
	is_int("finish with the old fence", rc, -ESTALE);
	WAIT(store_log_add(store, "l1", old, pack("[{ss}]", "text", "x"),
	    HEAR));
	is_int("log with the old fence", rc, -ESTALE);
	WAIT(store_job_release(store, "srv", HEAR));
	is_str("released at once", claim(), "l1");
	is_int("third attempt", int_at("attempts"), 3);
	WAIT(store_job_release(store, "srv", HEAR));
	is_str("after that the next job is taken", claim(), "l2");
	finish("l2", int_at("fence"), "completed");
	get("l1");
	is_str("and this one has failed", str_at("status"), "failed");
	is_str("with the reason", str_at("error"),
	    "interrupted 3 times and given up");
}

static void
test_finish(void)
{
	const struct store_op	bad[] = {
		{ STORE_ADD, "token", "t1", pack("{ss}", "job", "e1") },
		{ STORE_DEL, "token", "nowhere", NULL }
	};
	long long		fence;

	add("e1", "anna", 0);
	claim();
	fence = int_at("fence");
	WAIT(store_job_finish(store, "e1", fence, "completed", NULL, bad, 2,
	    HEAR));
	is_int("an operation that fails", rc, -ENOENT);
	get("e1");
	is_str("leaves the job running", str_at("status"), "running");
	finish("e1", fence, "running");
	is_int("a status that is no end", rc, -EINVAL);
	finish("e1", fence, "done");
	is_int("a status that is none", rc, -EINVAL);
	WAIT(store_job_finish(store, "e1", fence, "completed", pack("{ss}",
	    "checksum", "00"), bad, 1, HEAR));
	is_str("finish", str_at("status"), "completed");
	ok("it knows when", int_at("ended") >= int_at("started"));
	ok("no lease is left", at("lease") == NULL);
	WAIT(store_get(store, "token", "t1", HEAR));
	is_int("its operation is done", rc, 0);
	finish("e1", fence, "failed");
	is_int("a second end", rc, -ESTALE);
}

static void
test_hand_back(void)
{
	long long	fence;

	add("h1", "anna", 0);
	claim();
	fence = int_at("fence");
	finish("h1", fence, "pending");
	is_str("handed back", str_at("status"), "pending");
	ok("as it was", at("owner") == NULL && int_at("attempts") == 0);
	is_str("and claimed again", claim(), "h1");
	is_int("as the first attempt", int_at("attempts"), 1);
	ok("under a new fence", int_at("fence") > fence);
	fence = int_at("fence");
	WAIT(store_job_cancel(store, "h1", HEAR));
	ok("cancel of a running job asks", rc == 0
	    && json_is_true(at("cancel"))
	    && strcmp(str_at("status"), "running") == 0);
	WAIT(store_job_update(store, "h1", fence, NULL, LEASE, HEAR));
	ok("its owner hears of it", json_is_true(at("cancel")));
	finish("h1", fence, "pending");
	is_str("handed back it is cancelled", str_at("status"), "cancelled");
	add("h2", "anna", 0);
	claim();
	WAIT(store_job_cancel(store, "h2", HEAR));
	WAIT(store_job_release(store, "srv", HEAR));
	is_str("a lapsed job to be cancelled is not run", claim(), "");
	get("h2");
	is_str("but cancelled", str_at("status"), "cancelled");
}

static void
test_list(void)
{
	int	i, seen = 0, sorted = 1;
	long long last = 0;
	char	*cursor = NULL;

	WAIT(store_job_list(store, NULL, NULL, NULL, 7, HEAR));
	is_str("newest first", str_at("items.0.id"), "h2");
	do {
		WAIT(store_job_list(store, "a", "completed", cursor, 7, HEAR));
		for (i = 0; i < (int)count_at("items"); i++, seen++) {
			json_t	*job = json_array_get(at("items"), (size_t)i);

			sorted &= seen == 0 || json_int(job, "seq", 0) < last;
			sorted &= strcmp(json_str(job, "user", ""), "a") == 0;
			last = json_int(job, "seq", 0);
		}
		free(cursor);
		cursor = str_at("next") ? xstrdup(str_at("next")) : NULL;
	} while (cursor != NULL);
	ok("pages give each once, in order", seen == 20 && sorted);
	WAIT(store_job_list(store, "a", "pending", NULL, 0, HEAR));
	ok("a status without jobs is empty", rc == 0 && count_at("items") == 0);
	WAIT(store_job_list(store, "stranger", NULL, NULL, 0, HEAR));
	ok("a stranger has none", rc == 0 && count_at("items") == 0);
	WAIT(store_job_list(store, NULL, "done", NULL, 0, HEAR));
	is_int("a status that is none", rc, -EINVAL);
	WAIT(store_job_list(store, NULL, NULL, "-1", 0, HEAR));
	is_int("a cursor that is none", rc, -EINVAL);
	WAIT(store_job_list(store, "", NULL, NULL, 0, HEAR));
	is_int("a user that is none", rc, -EINVAL);
}

/* The counters against a count of all jobs. */
static void
test_stats(void)
{
	const char	*words[] = { "pending", "running", "completed",
			    "failed", "cancelled" };
	long long	 counted[5] = { 0 }, all = 0;
	size_t		 i;

	add("s1", "anna", 0);
	add("s2", "anna", 0);
	add("s3", "ben", 0);
	claim();
	for (i = 0; i < 5; i++) {
		WAIT(store_job_list(store, NULL, words[i], NULL, 0, HEAR));
		counted[i] = (long long)count_at("items");
	}
	WAIT(store_job_stats(store, HEAR));
	for (i = 0; i < 5; i++) {
		is_int(words[i], int_at(words[i]), counted[i]);
		all += counted[i];
	}
	is_int("users with jobs at work", json_object_size(at("users")), 2);
	is_int("of one", int_at("users.anna.pending")
	    + int_at("users.anna.running"), 2);
	WAIT(store_job_list(store, NULL, NULL, NULL, 0, HEAR));
	is_int("and all together", count_at("items"), all);
}

/* One turn of the loop: an add, and a claim that sees it. */
static void
test_same_turn(void)
{
	while (claim()[0] != '\0')
		finish(str_at("id"), int_at("fence"), "completed");
	store_job_add(store, pack("{ss ss}", "id", "t1", "user", "anna"),
	    NULL, NULL);
	is_str("a claim sees the add before it", claim(), "t1");
	finish("t1", int_at("fence"), "completed");
	WAIT(store_job_claim(store, "srv", 0, TRIES, HEAR));
	is_int("a claim without a lease", rc, -EINVAL);
	WAIT(store_job_claim(store, "", LEASE, TRIES, HEAR));
	is_int("a claim without an owner", rc, -EINVAL);
}

int
main(void)
{
	begin_store();
	if (open_store() < 0)
		return 1;
	test_add();
	test_order();
	test_fair();
	test_fewest();
	test_fence();
	test_finish();
	test_hand_back();
	test_list();
	test_stats();
	close_store();
	is_int("opens again", open_store(), 0);
	WAIT(store_job_get(store, "s1", HEAR));
	is_int("and jobs are there", rc, 0);
	test_same_turn();
	pack_end();
	end_store();
	return done();
}
