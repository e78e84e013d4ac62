/*
 * Torture: a process builds, deletes and cleans up, with every grace at 0,
 * short tokens and few different contents, so that what one pass moves or
 * removes the next build publishes again.  It is killed at a random moment.  Then every token
 * that gives out a file must find it, whole, in its place or in the trash;
 * after one more pass, in its place.  At the end, with all jobs deleted, no
 * file may be left.  For CLEANUP_KILL_SECONDS (3).
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanuptap.h"

enum {
	CONTENTS = 30, HOUR = 3600 * 1000,
	PATIENCE = 60000	/* ms; a slow machine kills before much is done */
};

static unsigned	 round_no, made;

/* -- the process that is killed -- */

static void	work(void);

static void
on_worked(int code, const json_t *result, void *arg)
{
	(void)code;
	(void)result;
	(void)arg;
	work();
}

struct build {			/* published, not yet recorded */
	uv_timer_t	timer;
	char		id[32], content[32];
	int64_t		fence;
};

static void
on_build_closed(uv_handle_t *h)
{
	free(h->data);
}

/* The token's file is wanted for half a second at most, such that it is an
 * orphan soon. */
static void
on_record(uv_timer_t *t)
{
	struct build	*b = t->data;
	int64_t		 expires = clock_wall_ms() - ARTIFACT_LATE
			    + rand() % 500;
	char		 hash[2 * SHA256_SIZE + 1];
	char		*key = xasprintf("anna/%s", b->id);
	json_t		*token = token_for(b->id, b->content, expires);
	json_t		*patch = json_pack("{sI}", "tokenExpires",
			    (json_int_t)expires);

	store_job_finish(store, b->id, b->fence, "completed", patch,
	    (struct store_op[]){
	    { STORE_PUT, "token", key, token },
	    { STORE_PUT, "token-hash", hash_key(&server, "download", b->id,
	    hash), token } }, 2, on_worked, NULL);
	json_decref(patch);
	json_decref(token);
	free(key);
	uv_close((uv_handle_t *)t, on_build_closed);
}

/* Publishes, and some passes later records. */
static void
on_claimed(int code, const json_t *job, void *arg)
{
	struct build	*b;

	(void)arg;
	if (code < 0) {
		work();
		return;
	}
	b = xcalloc(1, sizeof(*b));
	b->fence = json_int(job, "fence", 0);
	snprintf(b->id, sizeof(b->id), "%s", json_str(job, "id", ""));
	snprintf(b->content, sizeof(b->content), "content %d",
	    rand() % CONTENTS);
	publish_content(b->content);
	uv_timer_init(&loop, &b->timer);
	b->timer.data = b;
	uv_timer_start(&b->timer, on_record, (uint64_t)rand() % 60, 0);
}

static void
on_look(int code, const json_t *job, void *arg)
{
	(void)arg;
	if (code < 0)
		work();
	else
		job_delete(&server, job, NULL, on_worked, NULL);
}

static void
work(void)
{
	char	id[32];

	switch (rand() % 6) {
	case 0:
	case 1:
		snprintf(id, sizeof(id), "%u-%u", round_no, made++);
		store_job_add(store, pack("{ss ss}", "id", id, "user",
		    "anna"), on_worked, NULL);
		return;
	case 2:
		snprintf(id, sizeof(id), "%u-%u", round_no,
		    (unsigned)rand() % (made + 1));
		store_job_get(store, id, on_look, NULL);
		return;
	default:
		store_job_claim(store, "victim", 60000, 10, on_claimed, NULL);
	}
}

static void
on_again(uv_timer_t *t)
{
	(void)t;
	server.cleanup->due = 1;
	cleanup_go_on(server.cleanup);
}

static int
victim(char **v)
{
	uv_timer_t	again;
	int		i;

	store_dir = v[0];
	where = xasprintf("lmdb:%s/store", store_dir);
	round_no = (unsigned)strtoul(v[1], NULL, 10);
	srand(round_no);
	uv_loop_init(&loop);
	if (open_store() < 0)
		return 1;
	begin_cleanup();
	store_job_release(store, "victim", NULL, NULL);
	server.cleanup->keep_jobs = HOUR;
	uv_timer_init(&loop, &again);
	uv_timer_start(&again, on_again, 0, 3);
	for (i = 0; i < 4; i++)
		work();
	uv_run(&loop, UV_RUN_DEFAULT);
	return 1;			/* it has work for ever */
}

/* -- the one who kills -- */

static int		bad_lost, bad_half, bad_away, tokens;
static long long	trashed, removed, restored;

static void
one_round(void)
{
	char	no[16];
	pid_t	pid;

	snprintf(no, sizeof(no), "%u", ++round_no);
	fflush(stdout);
	if ((pid = fork()) < 0) {
		puts("Bail out! no process");
		exit(1);
	}
	if (pid == 0) {
		execl(own_exe(), "cleanup_kill", "victim", store_dir, no,
		    (char *)NULL);
		_exit(127);
	}
	uv_sleep(40 + (unsigned)rand() % 150);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Whether what is at this path is whole; -1 where nothing is. */
static int
is_whole(const char *path, const char *name)
{
	uint8_t	sum[SHA256_SIZE];
	char	hex[2 * SHA256_SIZE + 1];

	if (file_sha256(path, sum, NULL) < 0)
		return -1;
	return strcmp(hex_encode(sum, sizeof(sum), hex), name) == 0;
}

static void
check_token(const json_t *token, int strict)
{
	const char	*name = json_str(token, "sha256", "");
	char		*place = file_join(server.artifact_dir, name);
	char		*trash = xasprintf("%s/" ARTIFACT_TRASH "/%s",
			    server.artifact_dir, name);
	int		 at_place = is_whole(place, name);
	int		 at_trash = is_whole(trash, name);

	tokens++;
	if (at_place < 0 && at_trash < 0)
		bad_lost++;
	bad_half += at_place == 0 || at_trash == 0;
	bad_away += strict && at_place < 0;
	free(place);
	free(trash);
}

static void
check_tokens(int strict)
{
	char		*after = NULL;
	json_t		*page, *item;
	size_t		 i;

	do {
		WAIT(store_list(store, "token", "", after, 0, 0, HEAR));
		page = json_incref(answer);
		free(after);
		after = str_at("next") ? xstrdup(str_at("next")) : NULL;
		json_array_foreach(json_object_get(page, "items"), i, item)
			if (artifact_live(json_object_get(item, "value"),
			    clock_wall_ms() - ARTIFACT_LATE))
				check_token(json_object_get(item, "value"),
				    strict);
		json_decref(page);
	} while (after != NULL);
}

static void
check(void)
{
	if (open_store() < 0) {
		puts("Bail out! the store does not open");
		exit(1);
	}
	begin_cleanup();
	server.cleanup->keep_jobs = HOUR;
	check_tokens(0);
	pass(0);
	trashed += passed_int("orphans");
	removed += passed_int("files");
	restored += passed_int("restored");
	check_tokens(1);
	end_cleanup();
	close_store();
}

static void
on_nothing(int code, const json_t *result, void *arg)
{
	(void)code;
	(void)result;
	--*(int *)arg;
}

/* Deletes all jobs, and lets passes take the rest. */
static void
drain(void)
{
	int		 left, i, n;
	json_t		*page, *job;
	size_t		 k;

	if (open_store() < 0)
		return;
	begin_cleanup();
	WAIT(store_job_release(store, "victim", HEAR));
	do {
		WAIT(store_job_claim(store, "heir", 60000, 100, HEAR));
		if (rc == 0)
			WAIT(store_job_finish(store, str_at("id"),
			    int_at("fence"), "failed", NULL, NULL, 0, HEAR));
	} while (rc == 0);
	do {
		WAIT(store_job_oldest(store, NULL, 100, HEAR));
		page = json_incref(answer);
		n = left = (int)count_at("items");
		json_array_foreach(json_object_get(page, "items"), k, job)
			job_delete(&server, job, NULL, on_nothing, &left);
		while (left > 0)
			uv_run(&loop, UV_RUN_ONCE);
		json_decref(page);
	} while (n > 0);
	for (i = 0; i < 3; i++) {
		uv_sleep(40);
		pass(0);
	}
	for (i = left = 0; i < CONTENTS; i++) {
		char	content[32];

		snprintf(content, sizeof(content), "content %d", i);
		left += where_is(content) != NOWHERE;
	}
	is_int("when all jobs have gone no file is left", left, 0);
	WAIT(store_list(store, "token", "", NULL, 0, 0, HEAR));
	is_int("nor a token", count_at("items"), 0);
	WAIT(store_list(store, "token-hash", "", NULL, 0, 0, HEAR));
	is_int("nor its hash", count_at("items"), 0);
	end_cleanup();
	close_store();
}

int
main(int argc, char **argv)
{
	const char	*s = getenv("CLEANUP_KILL_SECONDS");
	int64_t		 stop = clock_mono_ms() + (s ? atoi(s) : 3) * 1000;
	unsigned	 seed = (unsigned)time(NULL);

	crypto_init();
	log_init("cleanup_kill", LOG_NONE, LOG_TEXT);
	if (argc == 4 && strcmp(argv[1], "victim") == 0)
		return victim(argv + 2);
	if (argc > 1)
		seed = (unsigned)strtoul(argv[1], NULL, 10);
	printf("# seed %u\n", seed);
	srand(seed);
	begin_store();
	while (clock_mono_ms() < stop || ((tokens == 0 || trashed + removed == 0)
	    && clock_mono_ms() < stop + PATIENCE)) {
		one_round();
		check();
	}
	printf("# %u rounds, %d looks at tokens; after them %lld files moved "
	    "out, %lld back, %lld removed\n", round_no, tokens, trashed,
	    restored, removed);
	is_int("no file that a token gives out is lost", bad_lost, 0);
	is_int("nor half", bad_half, 0);
	is_int("nor away after a pass", bad_away, 0);
	ok("tokens were looked at", tokens > 0);
	ok("and files moved", trashed + removed > 0);
	drain();
	pack_end();
	end_store();
	return done();
}
