/* The store's documents and batches, its growth, and a full disk. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "storetap.h"

/* Of store_lmdb.h, which pulls in LMDB. */
extern size_t	store_map_first;

static void
write_one(enum store_verb verb, const char *key, const json_t *value)
{
	const struct store_op	op = { verb, "thing", key, value };

	WAIT(store_write(store, &op, 1, HEAR));
}

static void
get(const char *key)
{
	WAIT(store_get(store, "thing", key, HEAR));
}

static void
test_documents(void)
{
	write_one(STORE_ADD, "a", pack("{ss si}", "name", "first", "n", 1));
	is_int("add", rc, 0);
	get("a");
	is_str("get gives what was added", str_at("name"), "first");
	write_one(STORE_ADD, "a", pack("{ss}", "name", "second"));
	is_int("add of a key that is there", rc, -EEXIST);
	get("a");
	is_str("a refused add changes nothing", str_at("name"), "first");
	write_one(STORE_MERGE, "a", pack("{ss}", "more", "yes"));
	get("a");
	ok("merge keeps the other members", rc == 0 && int_at("n") == 1);
	is_str("merge sets its own", str_at("more"), "yes");
	write_one(STORE_BUMP, "a", pack("{si si}", "n", 4, "new", 2));
	get("a");
	is_int("bump adds", int_at("n"), 5);
	is_int("bump starts at 0", int_at("new"), 2);
	write_one(STORE_BUMP, "a", pack("{si}", "name", 1));
	is_int("bump of a string", rc, -EINVAL);
	write_one(STORE_BUMP, "a", pack("{sI}", "n", (json_int_t)INT64_MAX));
	is_int("bump past the largest integer", rc, -ERANGE);
	write_one(STORE_PUT, "a", pack("{ss}", "name", "third"));
	get("a");
	ok("put replaces all", rc == 0 && int_at("n") == -1);
	write_one(STORE_DEL, "a", NULL);
	is_int("del", rc, 0);
	get("a");
	is_int("get after del", rc, -ENOENT);
	write_one(STORE_DEL, "a", NULL);
	is_int("del of what is absent", rc, -ENOENT);
	write_one(STORE_MERGE, "a", pack("{ss}", "x", "y"));
	is_int("merge without a document", rc, -ENOENT);
}

static void
test_bad_input(void)
{
	char	key[STORE_MAX_KEY + 2];

	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	write_one(STORE_PUT, key, pack("{}"));
	is_int("a key too long", rc, -EINVAL);
	key[STORE_MAX_KEY] = '\0';
	write_one(STORE_PUT, key, pack("{}"));
	is_int("the longest key", rc, 0);
	get(key);
	is_int("is found", rc, 0);
	write_one(STORE_DEL, key, NULL);
	write_one(STORE_PUT, "", pack("{}"));
	is_int("an empty key", rc, -EINVAL);
	write_one(STORE_PUT, "\xff", pack("{}"));
	is_int("a key that is not UTF-8", rc, -EINVAL);
	write_one(STORE_PUT, "k", pack("[]"));
	is_int("a value that is no object", rc, -EINVAL);
	write_one(STORE_PUT, "k", NULL);
	is_int("no value", rc, -EINVAL);
	get("");
	is_int("get of an empty key", rc, -EINVAL);
}

static void
test_list(void)
{
	char	key[16];
	int	i;

	for (i = 0; i < 25; i++) {
		snprintf(key, sizeof(key), "u/%02d", i);
		write_one(STORE_PUT, key, pack("{si}", "i", i));
	}
	write_one(STORE_PUT, "v/00", pack("{si}", "i", 99));
	WAIT(store_list(store, "thing", "u/", NULL, 10, 0, HEAR));
	ok("a page has its limit", rc == 0 && count_at("items") == 10);
	is_str("next is the last key", str_at("next"), "u/09");
	WAIT(store_list(store, "thing", "u/", "u/19", 10, 0, HEAR));
	ok("the last page ends at the prefix", count_at("items") == 5);
	ok("and has no next", json_is_null(at("next")));
	is_int("behind the key given", int_at("items.0.value.i"), 20);
	WAIT(store_list(store, "thing", "u/", NULL, 10, 1, HEAR));
	is_str("backwards from the end", str_at("items.0.key"), "u/24");
	WAIT(store_list(store, "thing", "u/", "u/05", 10, 1, HEAR));
	ok("backwards to the start", count_at("items") == 5
	    && int_at("items.4.value.i") == 0);
	WAIT(store_list(store, "thing", NULL, NULL, 0, 0, HEAR));
	ok("without a prefix, all", count_at("items") == 26);
	WAIT(store_list(store, "thin", "", NULL, 0, 0, HEAR));
	ok("another kind is empty", rc == 0 && count_at("items") == 0);
}

static void
test_all_or_nothing(void)
{
	const struct store_op	ops[] = {
		{ STORE_ADD, "thing", "x1", pack("{}") },
		{ STORE_BUMP, "thing", "x1", pack("{si}", "n", 1) },
		{ STORE_EVENT, "thingMade", "anna", pack("{}") },
		{ STORE_DEL, "thing", "nowhere", NULL }
	};
	int64_t	before = store_event_last(store);

	WAIT(store_write(store, ops, 4, HEAR));
	is_int("one operation of four fails", rc, -ENOENT);
	get("x1");
	is_int("the others are undone", rc, -ENOENT);
	is_int("the event too", store_event_last(store), before);
	WAIT(store_write(store, ops, 3, HEAR));
	get("x1");
	ok("each sees those before it", rc == 0 && int_at("n") == 1);
	is_int("the event is there", store_event_last(store), before + 1);
}

/* -- many at once -- */

static int	order_next, order_wrong, order_refused;

static void
on_order(int code, const json_t *result, void *arg)
{
	(void)result;
	order_wrong += (intptr_t)arg != order_next++;
	order_refused += code == -EEXIST;
}

static void
test_batch(void)
{
	char		key[16];
	struct store_op	op = { STORE_ADD, "batch", key, NULL };
	intptr_t	i;

	for (i = 0; i < 2000; i++) {	/* the odd ones are there already */
		snprintf(key, sizeof(key), "%d", (int)(i / 2));
		op.value = pack("{si}", "i", (int)i);
		store_write(store, &op, 1, on_order, (void *)i);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	is_int("every write hears", order_next, 2000);
	is_int("in the order of the calls", order_wrong, 0);
	is_int("a refused one undoes only itself", order_refused, 1000);
	WAIT(store_list(store, "batch", "", NULL, 0, 0, HEAR));
	ok("and the others are there", count_at("items") == 1000);
}

static void
test_close_commits(void)
{
	struct store_op	op = { STORE_PUT, "thing", "late", pack("{}") };

	store_write(store, &op, 1, NULL, NULL);
	close_store();
	is_int("opens again", open_store(), 0);
	get("late");
	is_int("what was under way at the close is there", rc, 0);
}

/* -- growth, and no room to grow -- */

/* Writes documents of 64 kB each; the number of those that succeeded. */
static int
fill(const char *kind, int n)
{
	char		*text = xcalloc(1, 65536 + 1), key[16];
	struct store_op	 op = { STORE_PUT, kind, key, NULL };
	json_t		*big;
	int		 i, good = 0;

	memset(text, 'x', 65536);
	big = json_pack("{ss}", "text", text);
	op.value = big;
	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%05d", i);
		WAIT(store_write(store, &op, 1, HEAR));
		good += rc == 0;
	}
	json_decref(big);
	free(text);
	return good;
}

static void
test_growth(void)
{
	close_store();
	free(where);
	where = xasprintf("lmdb:%s/small", store_dir);
	store_map_first = 256 * 1024;
	is_int("opens with a small map", open_store(), 0);
	is_int("4 MB go into a map of 256 kB", fill("grow", 64), 64);
	close_store();
	is_int("opens again, still asking for the small map", open_store(), 0);
	WAIT(store_list(store, "grow", "", NULL, 0, 0, HEAR));
	ok("nothing is lost", rc == 0 && count_at("items") == 64);
}

/* Another process reads the store while we have it open. */
static int
read_elsewhere(void)
{
	pid_t	pid;
	int	status;

	fflush(stdout);
	if ((pid = fork()) == 0) {	/* our store's handles stay unused */
		execl(own_exe(), "store", "read", where, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	    WEXITSTATUS(status) : -1;
}

static int
reader(const char *at_where)
{
	uv_loop_init(&loop);
	where = xstrdup(at_where);
	if (open_store() < 0)
		return 2;
	WAIT(store_list(store, "grow", "", NULL, 0, 0, HEAR));
	close_store();
	uv_loop_close(&loop);
	free(where);
	return rc == 0 && count_at("items") == 64 ? 0 : 3;
}

static off_t
file_size(void)
{
	char		*path = xasprintf("%s/data.mdb", where + 5);
	struct stat	 st;

	if (stat(path, &st) < 0)
		st.st_size = -1;
	free(path);
	return st.st_size;
}

static void
test_full_disk(void)
{
	const struct rlimit	none = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit		tight = none;
	int			good;

	signal(SIGXFSZ, SIG_IGN);
	tight.rlim_cur = (rlim_t)file_size() + 512 * 1024;
	setrlimit(RLIMIT_FSIZE, &tight);
	good = fill("full", 64);
	ok("some writes fit", good > 0 && good < 64);
	is_int("the others are refused for want of room", rc, -ENOSPC);
	WAIT(store_list(store, "full", "", NULL, 0, 0, HEAR));
	is_int("those that were told of are there", count_at("items"), good);

	/* A large and a small one in one batch: the small one has room. */
	write_one(STORE_DEL, "late", NULL);
	{
		char		*text = xcalloc(1, 1024 * 1024 + 1);
		struct store_op	 ops[2] = {
		    { STORE_PUT, "full", "large", NULL },
		    { STORE_PUT, "full", "little", pack("{}") } };

		memset(text, 'y', 1024 * 1024);
		ops[0].value = pack("{ss}", "text", text);
		order_next = order_wrong = 0;
		store_write(store, &ops[0], 1, on_order, (void *)0);
		WAIT(store_write(store, &ops[1], 1, HEAR));
		ok("a small write beside a large one succeeds",
		    rc == 0 && order_next == 1);
		free(text);
	}
	setrlimit(RLIMIT_FSIZE, &none);
	is_int("with room again all goes on", fill("full", 64), 64);
	close_store();
	is_int("and opens", open_store(), 0);
	WAIT(store_list(store, "grow", "", NULL, 0, 0, HEAR));
	ok("nothing older is lost", rc == 0 && count_at("items") == 64);
}

static void
test_bad_places(void)
{
	struct store	*s = NULL;
	char		*why = NULL;

	is_int("another engine's name", store_open(&s, &loop, "sqlite:/x",
	    &why), -EINVAL);
	ok("is named in the words", why != NULL && strstr(why, "sqlite:/x"));
	free(why);
	why = NULL;
	is_int("a place that cannot be", store_open(&s, &loop,
	    "lmdb:/dev/null/x", &why), -ENOTDIR);
	ok("is named in the words", why && strstr(why, "/dev/null/x"));
	free(why);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "read") == 0)
		return reader(argv[2]);
	begin_store();
	is_int("opens where nothing is", open_store(), 0);
	test_documents();
	test_bad_input();
	test_list();
	test_all_or_nothing();
	test_batch();
	test_close_commits();
	test_growth();
	is_int("another process reads it", read_elsewhere(), 0);
	test_full_disk();
	test_bad_places();
	pack_end();
	end_store();
	return done();
}
