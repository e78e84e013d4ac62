/* The runner: stops, a full disk, a kill -9 of the server. */
#include "queuetap.h"

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

static void
test_kill(void)
{
	const char	*ids[4] = { "k0", "k1", "k2", "k3" };
	char		*leftover = file_join(work, "999999");
	pid_t		 pid;
	int		 i, good = 0, tries = 0;

	for (i = 0; i < 4; i++)
		WAIT(store_job_add(store, pack("{ss ss ss}", "id", ids[i],
		    "user", "anna", "do", "id=$MUSTER_JOB_ID; "
		    "test -e $marks/$id && { make $id; result $id; exit; }; "
		    "setsid sleep 60 & echo $! >$marks/$id.pid; "
		    "touch $marks/$id; wait"),
		    HEAR));
	close_store();
	fflush(stdout);
	if ((pid = fork()) == 0) {
		execl(own_exe(), "queue", "serve", where, script, work,
		    artifacts, (char *)NULL);
		_exit(127);
	}
	ok("a server of its own runs two", until_mark("k0")
	    && until_mark("k1"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok("its pipelines end with it", is_gone("k0.pid") && is_gone("k1.pid"));
	mkdir(leftover, 0700);
	ok("the store opens after a kill -9", open_store() == 0);
	start_queue(2, 3000, 60000);
	ok("what was left lying is removed", !file_exists(leftover));
	for (i = 0; i < 2; i++) {
		good += until(ids[i], "completed");
		tries += int_at("attempts") == 2;
	}
	is_int("those that ran complete", good, 2);
	is_int("each at its second attempt", tries, 2);
	for (i = 2; i < 4; i++)		/* these hang at first, by design */
		until_mark(ids[i]);
	free(leftover);
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
	end_queue();
	return done();
}
