/* The runner: stops, a full disk, a kill -9 of the server. */
#include "queuetap.h"

#include <time.h>

static void
test_stop(void)
{
	add_job("stay", "touch $marks/stay; sleep 0.3; make s; result s");
	ok("a job starts", until_mark("stay"));
	add_job("wait1", "make w; result w");
	add_job("wait2", "make w; result w");
	add_job("wait3", "touch $marks/wait3; sleep 0.2; make w; result w");
	stop_queue(0);
	is_str("a patient stop lets it end", status("stay"), "completed");
	start_queue(2, 3000, 60000);
	ok("what waited is done after the start", until("wait3", "completed"));
	add_job("back", "test -e $marks/back && { make b; result b; exit; }; "
	    "touch $marks/back; sleep 60");
	ok("a job starts", until_mark("back"));
	stop_queue(1);
	is_str("an impatient stop hands it back", status("back"), "pending");
	is_int("as if it had not been tried", int_at("attempts"), 0);
	start_queue(2, 3000, 60000);
	ok("it completes after the start", until("back", "completed"));
}

/* Writes documents until the store has no room for even a small one. */
static void
fill_store(void)
{
	char		 text[20000], key[16];
	struct store_op	 op = { STORE_PUT, "fill", key, NULL };
	size_t		 size;
	int		 i = 0;

	for (size = sizeof(text) - 1; size > 10; size /= 4)
		do {
			memset(text, 'x', size);
			text[size] = '\0';
			snprintf(key, sizeof(key), "%d", i++);
			op.value = pack("{ss}", "text", text);
			WAIT(store_write(store, &op, 1, HEAR));
		} while (rc == 0);
}

static void
test_full_disk(void)
{
	const struct rlimit	none = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit		tight = none;
	char			*data = xasprintf("%s/data.mdb", where + 5);
	char			*go = file_join(marks, "go");
	struct stat		 st;

	signal(SIGXFSZ, SIG_IGN);
	add_job("full", "touch $marks/full; "
	    "until test -e $marks/go; do sleep 0.02; done; make full; "
	    "result full; touch $marks/out");
	ok("a job starts", until_mark("full") && stat(data, &st) == 0);
	tight.rlim_cur = (rlim_t)st.st_size + 100000;
	setrlimit(RLIMIT_FSIZE, &tight);
	fill_store();
	is_int("the disk is full", rc, -ENOSPC);
	close(open(go, O_WRONLY | O_CREAT, 0600));
	ok("the script ends", until_mark("out"));
	while (queue_running(queue) > 0)	/* its end is on its way */
		uv_run(&loop, UV_RUN_ONCE);
	WAIT(store_job_release(store, "nobody", HEAR));	/* and was answered */
	is_str("the job has not ended", status("full"), "running");
	setrlimit(RLIMIT_FSIZE, &none);
	ok("with room again it completes", until("full", "completed"));
	free(data);
	free(go);
}

/* -- a killed server -- */

/* The server that is to be killed: its jobs leave marks, then hang. */
static int
serve(char **v)
{
	where = xstrdup(v[0]);
	script = v[1];
	work = v[2];
	artifacts = v[3];
	uv_loop_init(&loop);
	if (open_store() < 0)
		return 1;
	start_queue(2, 30000, 60000);
	uv_run(&loop, UV_RUN_DEFAULT);
	return 0;
}

static pid_t
start_server(void)
{
	pid_t	pid;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		execl(own_exe(), "queue", "serve", where, script, work,
		    artifacts, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void
kill_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Whether the file that a token stands for is there, and whole. */
static int
is_whole(const char *id)
{
	uint8_t	 sum[SHA256_SIZE];
	char	 hex[2 * SHA256_SIZE + 1], *path;
	int	 whole;

	WAIT(store_get(store, "token", id, HEAR));
	path = file_join(artifacts, rc == 0 ? str_at("checksum") : "none");
	whole = file_sha256(path, sum, NULL) == 0
	    && strcmp(hex_encode(sum, sizeof(sum), hex), path
	    + strlen(artifacts) + 1) == 0;
	free(path);
	return whole;
}

/* How many of the jobs with ids "X0" to "Xn-1" completed, and did so once
 * with a whole file. */
static int
count_good(char letter, int n, const json_t *events)
{
	char	id[16];
	json_t	*e;
	size_t	k;
	int	i, ends, good = 0;

	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%c%d", letter, i);
		if (!until(id, "completed"))
			continue;
		ends = 0;
		json_array_foreach(events, k, e)
			ends += strcmp(json_str(json_object_get(e, "data"),
			    "id", ""), id) == 0 && strcmp(json_str(e, "type",
			    ""), "buildJobCompleted") == 0;
		good += (events == NULL || ends == 1) && is_whole(id);
	}
	return good;
}

/* The same, by events read when all had completed. */
static int
count_once(char letter, int n)
{
	json_t	*events;
	int	 good;

	count_good(letter, n, NULL);
	WAIT(store_event_read(store, 0, NULL, 0, HEAR));
	events = json_incref(at("items"));
	good = count_good(letter, n, events);
	json_decref(events);
	return good;
}

/* Two run and hang, ten are queued: all twelve complete, each once. */
static void
test_kill(void)
{
	char	*leftover = file_join(work, "999999"), id[16];
	pid_t	 pid;
	int	 i;

	for (i = 0; i < 12; i++) {
		snprintf(id, sizeof(id), "k%d", i);
		WAIT(store_job_add(store, pack("{ss ss ss}", "id", id,
		    "user", "anna", "do", "id=$MUSTER_JOB_ID; "
		    "case $id in k0|k1) test -e $marks/$id || { "
		    "setsid sleep 60 & echo $! >$marks/$id.pid; "
		    "touch $marks/$id; wait; };; esac; "
		    "make $id; result $id"), HEAR));
	}
	close_store();
	pid = start_server();
	ok("a server of its own runs two", until_mark("k0")
	    && until_mark("k1"));
	kill_server(pid);
	ok("its pipelines end with it", is_gone("k0.pid") && is_gone("k1.pid"));
	mkdir(leftover, 0700);
	ok("the store opens after a kill -9", open_store() == 0);
	start_queue(2, 3000, 60000);
	ok("what was left lying is removed", !file_exists(leftover));
	is_int("all twelve complete, each once, with a whole file",
	    count_once('k', 12), 12);
	status("k0");
	is_int("who ran, at the second attempt", int_at("attempts"), 2);
	status("k2");
	is_int("who waited, at the first", int_at("attempts"), 1);
	stop_queue(0);
	free(leftover);
}

/* A server killed at random moments of quick jobs, again and again. */
static void
test_kill_often(void)
{
	enum { ROUNDS = 8, JOBS = 24 };
	unsigned	seed = (unsigned)time(NULL);
	char		id[16];
	pid_t		pid;
	int		i;

	printf("# seed %u\n", seed);
	srand(seed);
	for (i = 0; i < JOBS; i++) {
		snprintf(id, sizeof(id), "r%d", i);
		WAIT(store_job_add(store, pack("{ss ss ss}", "id", id,
		    "user", i % 2 ? "anna" : "ben", "do", "echo one; "
		    "make $MUSTER_JOB_ID; result r"), HEAR));
	}
	close_store();
	for (i = 0; i < ROUNDS; i++) {
		pid = start_server();
		uv_sleep(10 + (unsigned)(rand() % 80));
		kill_server(pid);
	}
	if (open_store() < 0)
		exit(1);
	start_queue(2, 3000, 60000);
	is_int("every job completes once, with a whole file",
	    count_once('r', JOBS), JOBS);
}

int
main(int argc, char **argv)
{
	child_role(argc, argv);
	if (argc == 6 && strcmp(argv[1], "serve") == 0)
		return serve(argv + 2);
	begin_queue();
	test_stop();
	test_full_disk();
	stop_queue(0);
	test_kill();
	test_kill_often();
	end_queue();
	return done();
}
