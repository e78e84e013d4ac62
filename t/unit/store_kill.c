/*
 * Torture: a process works on a store and tells on a pipe what it was told
 * (every done()); it is killed with SIGKILL at a random moment; the store is
 * opened and must have all that was told, nothing half, no event twice or
 * missing.  Again and again on the same store, for STORE_KILL_SECONDS (3);
 * then for half as long with old events trimmed as well, where only those
 * that are left can be looked at.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "clock.h"
#include "storetap.h"

extern size_t	store_map_first;

enum {
	TRIES = 4, USERS = 5, ID_SIZE = 24,
	PATIENCE = 60000	/* ms; a slow machine kills before much is done */
};

/* -- the process that is killed -- */

static FILE	*told;
static unsigned	 round_no, made;
static int	 trims;			/* old events go, too */

static void	work(void);

/* One write() of a whole line: the parent sees all of it or nothing. */
static void
tell(const char *what, const json_t *job)
{
	fprintf(told, "%s %s\n", what, json_str(job, "id", "?"));
	fflush(told);
}

static void
on_add(int code, const json_t *job, void *arg)
{
	(void)arg;
	if (code == 0)
		tell("added", job);
	work();
}

static void
on_cancel(int code, const json_t *job, void *arg)
{
	(void)arg;
	if (code == 0 && strcmp(json_str(job, "status", ""), "cancelled") == 0)
		tell("ended", job);
	work();
}

static void
on_end(int code, const json_t *job, void *arg)
{
	(void)arg;
	if (code == 0 && json_object_get(job, "ended") != NULL)
		tell("ended", job);
	work();
}

static void
on_claim(int code, const json_t *job, void *arg)
{
	static const char *const ends[] = { "completed", "completed", "failed",
	    "pending", "cancelled" };
	const char	*id = json_str(job, "id", "");
	int64_t		 fence = json_int(job, "fence", 0);
	char		 line[300];
	struct store_op	 op = { STORE_ADD, "token", id, NULL };

	(void)arg;
	if (code < 0) {
		work();
		return;
	}
	memset(line, 'l', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	op.value = pack("{ss}", "job", id);
	store_log_add(store, id, fence, pack("[{ss} {ss}]", "text", line,
	    "text", id), NULL, NULL);
	if (rand() % 20 == 0) {		/* left to its lease */
		work();
		return;
	}
	code = rand() % 5;
	store_job_finish(store, id, fence, ends[code], pack("{si}", "round",
	    (int)round_no), &op, code < 2, on_end, NULL);
}

/* It is told beforehand, too: done and not yet told is no fault. */
static void
on_delete(int code, const json_t *job, void *arg)
{
	(void)arg;
	if (code == 0)
		tell("deleted", job);
	work();
}

static void
delete(const char *id)
{
	const struct store_op	op = { STORE_DROP, "token", id, NULL };

	fprintf(told, "deleting %s\n", id);
	fflush(told);
	store_job_delete(store, id, &op, 1, on_delete, NULL);
}

static void
on_trim(int code, const json_t *result, void *arg)
{
	(void)code;
	(void)result;
	(void)arg;
	work();
}

static void
work(void)
{
	char	id[ID_SIZE], user[8];

	snprintf(id, sizeof(id), "%u-%u", round_no, made);
	snprintf(user, sizeof(user), "user%d", rand() % USERS);
	switch (rand() % (trims ? 10 : 9)) {
	case 0: case 1: case 2: case 3:
		made++;
		store_job_add(store, pack("{ss ss si}", "id", id, "user", user,
		    "priority", rand() % 3), on_add, NULL);
		return;
	case 4:
		snprintf(id, sizeof(id), "%u-%u", round_no,
		    (unsigned)rand() % (made + 1));
		store_job_cancel(store, id, on_cancel, NULL);
		return;
	case 5:
		snprintf(id, sizeof(id), "%u-%u", round_no,
		    (unsigned)rand() % (made + 1));
		delete(id);
		return;
	case 9:
		store_event_trim(store, INT64_MAX, 5, on_trim, NULL);
		return;
	default:
		store_job_claim(store, "victim", rand() % 4 ? 60000 : 1, TRIES,
		    on_claim, NULL);
	}
}

static int
victim(char **v)
{
	int	i;

	where = v[0];
	round_no = (unsigned)strtoul(v[1], NULL, 10);
	trims = v[2][0] == '1';
	srand(round_no);
	store_map_first = 512 * 1024;	/* so that it also grows at times */
	told = fdopen(3, "w");
	uv_loop_init(&loop);
	if (told == NULL || open_store() < 0)
		return 1;
	store_job_release(store, "victim", NULL, NULL);
	for (i = 0; i < 8; i++)
		work();
	uv_run(&loop, UV_RUN_DEFAULT);
	return 1;			/* it has work for ever */
}

/* -- the one who kills -- */

static json_t	*adds, *ends;		/* ids that were told of */
static json_t	*asked, *gone;		/* to be deleted; deleted */
static int	 bad_told, bad_events, bad_jobs, rounds;

static void
note(char *line)
{
	char	*id = strchr(line, ' ');
	json_t	*of;

	line[strcspn(line, "\n")] = '\0';
	if (id == NULL)
		return;
	*id++ = '\0';
	of = strcmp(line, "added") == 0 ? adds :
	    strcmp(line, "deleting") == 0 ? asked :
	    strcmp(line, "deleted") == 0 ? gone : ends;
	if (of != asked && json_object_get(of, id) != NULL)
		bad_told++;		/* told twice */
	json_object_set_new(of, id, json_true());
}

static void
one_round(void)
{
	char	no[16], line[128];
	int	fd[2];
	FILE	*f;
	pid_t	pid;

	snprintf(no, sizeof(no), "%d", ++rounds);
	fflush(stdout);
	if (pipe(fd) < 0 || (pid = fork()) < 0) {
		puts("Bail out! no process");
		exit(1);
	}
	if (pid == 0) {
		dup2(fd[1], 3);
		execl(own_exe(), "store_kill", "victim", where, no,
		    trims ? "1" : "0", (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	f = fdopen(fd[0], "r");
	if (fgets(line, sizeof(line), f) == NULL)	/* it works */
		bad_told++;
	else
		note(line);
	uv_sleep((unsigned)(rand() % 120));
	kill(pid, SIGKILL);
	while (fgets(line, sizeof(line), f) != NULL)
		note(line);
	fclose(f);
	waitpid(pid, NULL, 0);
}

/* What the events say of each job: {id: {"added":n,"ended":n}}. */
static json_t *
read_events(int64_t *last)
{
	json_t		*jobs = json_object(), *e, *j;
	const char	*type, *id;
	int64_t		 after = store_event_first(store) - 1;
	size_t		 i;

	for (;;) {
		WAIT(store_event_read(store, after, NULL, 0, HEAR));
		json_array_foreach(at("items"), i, e) {
			bad_events += json_int(e, "seq", 0) != after + 1;
			after = json_int(e, "seq", 0);
			type = json_str(e, "type", "");
			id = json_str(json_object_get(e, "data"), "id", "");
			if ((j = json_object_get(jobs, id)) == NULL)
				json_object_set_new(jobs, id,
				    j = json_pack("{si si}", "added", 0,
				    "ended", 0));
			type = strcmp(type, "buildJobAdded") == 0 ? "added" :
			    strcmp(type, "buildJobStarted") == 0 ? "started" :
			    "ended";
			json_object_set_new(j, type,
			    json_integer(json_int(j, type, 0) + 1));
		}
		if (count_at("items") == 0)
			break;
	}
	*last = after;
	return jobs;
}

static void
check_job(const json_t *job, const json_t *events, json_t *counts)
{
	const char	*id = json_str(job, "id", "");
	const char	*status = json_str(job, "status", "");
	const json_t	*e = json_object_get(events, id);
	int		 over = json_object_get(job, "ended") != NULL;
	int		 token;

	json_object_set_new(counts, status,
	    json_integer(json_int(counts, status, 0) + 1));
	if (!trims) {
		bad_events += json_int(e, "added", 0) != 1;
		bad_events += json_int(e, "ended", 0) != over;
	}
	bad_told += json_object_get(ends, id) != NULL && !over;
	bad_told += json_object_get(gone, id) != NULL;
	/* The token came with the end, and only so. */
	WAIT(store_get(store, "token", id, HEAR));
	token = rc == 0;
	bad_jobs += token != (strcmp(status, "completed") == 0);
}

/* Nothing of a job that is not there. */
static void
check_gone(const char *id)
{
	WAIT(store_get(store, "token", id, HEAR));
	bad_jobs += rc != -ENOENT;
	WAIT(store_log_read(store, id, 0, 0, HEAR));
	bad_jobs += count_at("items") != 0;
}

static void
check_jobs(const json_t *events)
{
	static const char *const words[] = { "pending", "running", "completed",
	    "failed", "cancelled" };
	json_t		*counts = json_object(), *page = NULL, *job;
	const char	*id;
	char		*cursor = NULL;
	size_t		 i;

	do {
		WAIT(store_job_list(store, NULL, NULL, cursor, 0, HEAR));
		json_decref(page);
		page = json_incref(answer);
		free(cursor);
		cursor = str_at("next") ? xstrdup(str_at("next")) : NULL;
		json_array_foreach(json_object_get(page, "items"), i, job)
			check_job(job, events, counts);
	} while (cursor != NULL);
	json_decref(page);
	WAIT(store_job_stats(store, HEAR));
	for (i = 0; i < 5; i++)
		bad_jobs += int_at(words[i]) != json_int(counts, words[i], 0);
	json_object_foreach(adds, id, job) {
		WAIT(store_job_get(store, id, HEAR));
		bad_told += rc != 0 && json_object_get(asked, id) == NULL;
	}
	json_object_foreach(asked, id, job) {
		WAIT(store_job_get(store, id, HEAR));
		if (rc == -ENOENT)
			check_gone(id);
	}
	json_decref(counts);
}

static void
check(void)
{
	json_t	*events;
	int64_t	 last;

	if (open_store() < 0) {
		puts("Bail out! the store does not open");
		exit(1);
	}
	events = read_events(&last);
	bad_events += last != store_event_last(store);
	check_jobs(events);
	json_decref(events);
	close_store();
}

/* Every job that is left can still be claimed and ended. */
static void
drain(void)
{
	int	left = 0;

	if (open_store() < 0)
		return;
	WAIT(store_job_release(store, "victim", HEAR));
	for (;;) {
		WAIT(store_job_claim(store, "heir", 600000, 1000, HEAR));
		if (rc < 0)
			break;
		left++;
		WAIT(store_job_finish(store, str_at("id"), int_at("fence"),
		    "failed", NULL, NULL, 0, HEAR));
	}
	is_int("at the end nothing is left but nothing to claim", rc, -EAGAIN);
	WAIT(store_job_stats(store, HEAR));
	ok("and every job has ended", int_at("pending") == 0
	    && int_at("running") == 0);
	is_int("no user has any", json_object_size(at("users")), 0);
	printf("# %d rounds, %zu jobs, %d of them left for the end\n", rounds,
	    json_object_size(adds), left);
	close_store();
}

int
main(int argc, char **argv)
{
	const char	*s = getenv("STORE_KILL_SECONDS");
	int64_t		 start = clock_mono_ms();
	int64_t		 end = start + (s ? atoi(s) : 3) * 1000;
	unsigned	 seed = (unsigned)time(NULL);

	if (argc == 5 && strcmp(argv[1], "victim") == 0)
		return victim(argv + 2);
	if (argc > 1)
		seed = (unsigned)strtoul(argv[1], NULL, 10);
	printf("# seed %u\n", seed);
	srand(seed);
	begin_store();
	adds = json_object();
	ends = json_object();
	asked = json_object();
	gone = json_object();
	for (; trims < 2; trims++) {
		while (clock_mono_ms() < end || (trims > 0 &&
		    json_object_size(gone) == 0 &&
		    clock_mono_ms() < start + PATIENCE)) {
			one_round();
			check();
		}
		end += (end - start) / 2;
	}
	is_int("what was told is there, and was told once", bad_told, 0);
	is_int("events have no gap and no double", bad_events, 0);
	is_int("counters and tokens fit the jobs", bad_jobs, 0);
	drain();
	ok("some were deleted", json_object_size(gone) > 0);
	json_decref(adds);
	json_decref(ends);
	json_decref(asked);
	json_decref(gone);
	pack_end();
	end_store();
	return done();
}
