/* Jobs with what belongs to them in one transaction, limits of a user's
 * waiting jobs, their place among those that wait, and logs that only grow. */
#include <errno.h>

#include "storetap.h"

static void
submit(const char *id, const char *user, int priority, size_t max,
    const struct store_op *ops, size_t n)
{
	WAIT(store_job_submit(store, pack("{ss ss si}", "id", id, "user",
	    user, "priority", priority), max, ops, n, HEAR));
}

static const char *
claim(void)
{
	WAIT(store_job_claim(store, "srv", 60000, 3, HEAR));
	return rc == 0 ? str_at("id") : "";
}

static void
finish(const char *id, long long fence)
{
	WAIT(store_job_finish(store, id, fence, "completed", NULL, NULL, 0,
	    HEAR));
}

static void
test_ops(void)
{
	struct store_op	ops[] = {
		{ STORE_ADD, "idem", "k1", pack("{ss}", "job", "j1") },
		{ STORE_APPEND, "audit", NULL, pack("{ss}", "who", "anna") }
	};

	submit("j1", "anna", 0, 0, ops, 2);
	is_int("a job with operations", rc, 0);
	WAIT(store_get(store, "idem", "k1", HEAR));
	is_str("they are done", str_at("job"), "j1");
	submit("j2", "anna", 0, 0, ops, 2);
	is_int("one of them fails", rc, -EEXIST);
	WAIT(store_job_get(store, "j2", HEAR));
	is_int("then there is no job", rc, -ENOENT);
	submit("j1", "anna", 0, 0, &ops[1], 1);
	is_int("an id that is there", rc, -EEXIST);
	WAIT(store_list(store, "audit", "", NULL, 0, 0, HEAR));
	is_int("nothing else was appended by all that", count_at("items"), 1);
	ops[0].key = "k2";
	WAIT(store_job_cancel_ops(store, "j1", ops, 2, HEAR));
	is_str("a cancel does them, too", str_at("status"), "cancelled");
	ops[0].key = "k3";
	WAIT(store_job_cancel_ops(store, "j1", ops, 2, HEAR));
	is_int("one that comes too late", rc, -EALREADY);
	WAIT(store_get(store, "idem", "k3", HEAR));
	is_int("does not", rc, -ENOENT);
}

static void
test_append(void)
{
	struct store_op	twice[] = {
		{ STORE_APPEND, "audit", NULL, pack("{ss si si}", "who", "ben",
		    "seq", 77, "t", 1) },
		{ STORE_APPEND, "audit", NULL, pack("{ss}", "who", "cleo") },
		{ STORE_ADD, "idem", "k1", pack("{}") }
	};

	WAIT(store_write(store, twice, 3, HEAR));
	is_int("a write that fails", rc, -EEXIST);
	WAIT(store_write(store, twice, 2, HEAR));
	is_int("and one that does not", rc, 0);
	WAIT(store_write(store, &(struct store_op){ STORE_APPEND, "other",
	    NULL, pack("{}") }, 1, HEAR));
	WAIT(store_list(store, "audit", "", NULL, 0, 0, HEAR));
	is_int("numbers have no gap", int_at("items.2.value.seq"), 3);
	is_int("nor a double", int_at("items.3.value.seq"), 4);
	ok("the time is the store's",
	    int_at("items.2.value.t") > 1600000000000LL);
	is_str("the key is the number", str_at("items.3.key"),
	    "00000000000000000004");
	is_str("in their order", str_at("items.3.value.who"), "cleo");
	WAIT(store_list(store, "other", "", NULL, 0, 0, HEAR));
	is_int("each kind counts for itself", int_at("items.0.value.seq"), 1);
	close_store();
	open_store();
	WAIT(store_write(store, twice + 1, 1, HEAR));
	WAIT(store_list(store, "audit", "", NULL, 1, 1, HEAR));
	is_int("and goes on after a start", int_at("items.0.value.seq"), 5);
	WAIT(store_write(store, &(struct store_op){ STORE_APPEND, "audit",
	    NULL, NULL }, 1, HEAR));
	is_int("nothing is no value", rc, -EINVAL);
}

static void
test_quota(void)
{
	int	i, good = 0;
	char	id[8];

	for (i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "q%d", i);
		submit(id, "dora", 0, 3, NULL, 0);
		good += rc == 0;
	}
	is_int("three may wait", good, 3);
	is_int("the fourth is refused", rc, -EDQUOT);
	submit("e0", "emil", 0, 3, NULL, 0);
	is_int("another user's is not", rc, 0);
	claim();
	claim();
	submit("q9", "dora", 0, 3, NULL, 0);
	is_int("when one is taken there is room", rc, 0);
	while (claim()[0] != '\0')
		finish(str_at("id"), int_at("fence"));
}

static long long
ahead(const char *id)
{
	WAIT(store_job_place(store, id, HEAR));
	return rc == 0 ? int_at("ahead") : -1;
}

/* The place that is told is the one that claims then give. */
static void
test_place(void)
{
	static const struct { const char *id, *user; int priority; } jobs[] = {
		{ "a1", "a", 0 }, { "a2", "a", 0 }, { "a3", "a", 0 },
		{ "b1", "b", 0 }, { "b2", "b", -1 }, { "b3", "b", 0 },
		{ "c1", "c", 0 }, { "a4", "a", 5 }, { "d1", "d", 0 },
	};
	enum { N = sizeof(jobs) / sizeof(jobs[0]) };
	long long	told[N];
	int		i, n, right = 0;
	const char	*id;

	for (i = 0; i < N; i++)
		submit(jobs[i].id, jobs[i].user, jobs[i].priority, 0, NULL, 0);
	for (i = 0; i < N; i++)
		told[i] = ahead(jobs[i].id);
	is_int("one with priority is its user's first", told[7], 0);
	for (n = 0; (id = claim())[0] != '\0'; n++) {
		for (i = 0; i < N && strcmp(jobs[i].id, id) != 0; i++)
			continue;
		if (i < N && told[i] == n)
			right++;
		else
			printf("# %s came as %d, told was %lld\n", id, n,
			    i < N ? told[i] : -1);
	}
	is_int("all places came true", right, N);
	is_int("what runs has none before it", ahead("a1"), 0);
	ok("and is told to run", strcmp(str_at("status"), "running") == 0
	    && int_at("running") >= N);
	is_int("what is not there", ahead("zz"), -1);
	is_int("is told so", rc, -ENOENT);
}

int
main(void)
{
	begin_store();
	is_int("open", open_store(), 0);
	test_ops();
	test_append();
	test_quota();
	test_place();
	pack_end();
	end_store();
	return done();
}
