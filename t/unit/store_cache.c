/* Reads after writes: what is kept parsed is never older than what anybody
 * was told of. */
#include <errno.h>
#include <time.h>

#include "storetap.h"

enum { KEYS = 600, ROUNDS = 4000 };	/* more keys than places */

static int	model[KEYS];		/* what was told of last */
static int	coming[KEYS];		/* what is being written */
static int	wrong, under_way;

static const char *
key_of(int i)
{
	static char	key[16];

	snprintf(key, sizeof(key), "k%d", i);
	return key;
}

static int	seen;			/* n of the document, or -1 */

static void
on_read(int code, const json_t *doc, void *arg)
{
	(void)arg;
	seen = code == 0 ? (int)json_int(doc, "n", -2) : -1;
}

static int
read_now(int i)
{
	seen = -3;
	store_get(store, "thing", key_of(i), on_read, NULL);
	return seen;
}

/* Nobody can have been told of more, and this one is told now. */
static void
on_written(int code, const json_t *unused, void *arg)
{
	int	*m = arg, i = (int)(m - model);

	(void)unused;
	under_way--;
	if (code != 0)
		wrong++;
	*m = coming[i];
	if (read_now(i) != *m)
		wrong++;
}

static void
write_now(int i, int n)
{
	const struct store_op	op = { STORE_PUT, "thing", key_of(i),
				    pack("{si}", "n", n) };

	coming[i] = n;
	under_way++;
	store_write(store, &op, 1, on_written, &model[i]);
}

/* Reads between writes that are under way, each key written once in a turn:
 * the old is right, and the new. */
static void
test_random(unsigned seed)
{
	int	i, k, n;

	srand(seed);
	for (i = 0; i < KEYS; i++)
		write_now(i, 0);
	while (under_way > 0)
		uv_run(&loop, UV_RUN_ONCE);
	for (n = 1; n <= ROUNDS; n++) {
		k = rand() % KEYS;
		if (coming[k] == model[k])
			write_now(k, n);
		for (i = 0; i < 4; i++) {
			k = rand() % 2 ? k : rand() % KEYS;
			read_now(k);
			wrong += seen != model[k] && seen != coming[k];
		}
		if (rand() % 8 == 0)
			uv_run(&loop, UV_RUN_NOWAIT);
	}
	while (under_way > 0)
		uv_run(&loop, UV_RUN_ONCE);
	for (k = 0; k < KEYS; k++)
		wrong += read_now(k) != coming[k];
	printf("# seed %u\n", seed);
	is_int("no read was older than what was told", wrong, 0);
	pack_end();
}

/* -- one record -- */

static json_t	*held;

static void
on_hold(int code, const json_t *doc, void *arg)
{
	(void)arg;
	(void)code;
	json_decref(held);
	held = json_incref((json_t *)(uintptr_t)doc);
}

static const json_t *
hold(void)
{
	store_get(store, "thing", "k0", on_hold, NULL);
	return held;
}

static void
test_same(void)
{
	const json_t	*first = hold();
	const struct store_op	add = { STORE_ADD, "thing", "k0",
				    pack("{si}", "n", 1) };
	const struct store_op	put = { STORE_PUT, "thing", "k0",
				    pack("{si}", "n", 77) };
	const struct store_op	del = { STORE_DEL, "thing", "k0", NULL };

	json_incref(held);		/* so that its place is not reused */
	ok("unchanged, the very same is given out", hold() == first);
	WAIT(store_write(store, &add, 1, HEAR));
	is_int("a write is refused", rc, -EEXIST);
	ok("and the record is as it was",
	    json_equal(held, hold()) && read_now(0) != 1);
	WAIT(store_write(store, &put, 1, HEAR));
	ok("changed, another", hold() != first);
	is_int("with what was written", read_now(0), 77);
	WAIT(store_write(store, &del, 1, HEAR));
	is_int("removed, none", read_now(0), -1);
	json_decref((json_t *)(uintptr_t)first);
	json_decref(held);
	held = NULL;
}

/* -- many in one commit, and long ones -- */

static void
test_many(void)
{
	enum { CALLS = 25, OPS = 24 };
	struct store_op	 ops[OPS];
	const json_t	*value;
	char		 keys[OPS][16];
	int		 i, j, bad = 0;

	for (i = 0; i < KEYS; i++)
		read_now(i);
	for (i = 0; i < CALLS; i++) {
		value = pack("{si}", "n", 100000 + i);
		for (j = 0; j < OPS; j++) {
			snprintf(keys[j], sizeof(keys[j]), "k%d",
			    i * OPS + j);
			ops[j] = (struct store_op){ STORE_PUT, "thing",
			    keys[j], value };
		}
		store_write(store, ops, OPS, NULL, NULL);
		store_write(store, ops, OPS, NULL, NULL);
	}
	WAIT(store_write(store, ops, 1, HEAR));
	for (i = 0; i < CALLS * OPS; i++)
		bad += read_now(i) != 100000 + i / OPS;
	is_int("of more than are noted, none is old", bad, 0);
	pack_end();
}

static void
test_long(void)
{
	static char	text[20000];
	struct store_op	op = { STORE_PUT, "thing", "k1", NULL };
	int		i;

	memset(text, 'x', sizeof(text) - 1);
	for (i = 0; i < 2; i++) {
		op.value = pack("{ss si}", "text", text, "n", i);
		WAIT(store_write(store, &op, 1, HEAR));
		is_int("a long one is read", read_now(1), i);
		is_int("and again", read_now(1), i);
	}
	pack_end();
}

/* -- jobs -- */

static char	status[16];

static void
on_job(int code, const json_t *job, void *arg)
{
	(void)arg;
	snprintf(status, sizeof(status), "%s", code == 0 ?
	    json_str(job, "status", "?") : "none");
}

static const char *
job_now(void)
{
	store_job_get(store, "j", on_job, NULL);
	return status;
}

/* In the answer itself: what it tells must be what a read gives. */
static void
on_change(int code, const json_t *job, void *arg)
{
	const char	*want = arg;

	if (strcmp(job_now(), want) != 0)
		wrong++;
	on_answer(code, job, NULL);
}

static void
test_jobs(void)
{
	union { const char *in; void *out; }	w[4] = { { "pending" },
	    { "running" }, { "completed" }, { "none" } };
	int64_t	fence;

	wrong = 0;
	is_str("no job yet", job_now(), "none");
	WAIT(store_job_add(store, pack("{ss ss}", "id", "j", "user", "u"),
	    on_change, w[0].out));
	WAIT(store_job_claim(store, "me", 1000, 3, on_change, w[1].out));
	fence = int_at("fence");
	WAIT(store_job_finish(store, "j", fence, "completed", NULL, NULL, 0,
	    on_change, w[2].out));
	WAIT(store_job_delete(store, "j", NULL, 0, on_change, w[3].out));
	is_int("a job is read as it was told", wrong, 0);
	is_str("and gone when it was removed", job_now(), "none");
	pack_end();
}

int
main(void)
{
	begin_store();
	is_int("opens", open_store(), 0);
	test_random((unsigned)time(NULL));
	test_same();
	test_many();
	test_long();
	test_jobs();
	pack_end();
	end_store();
	return done();
}
