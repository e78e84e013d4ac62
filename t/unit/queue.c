/* The runner: jobs that go well, that fail, that are cancelled. */
#include "queuetap.h"

static void
test_good(void)
{
	uint8_t	 sum[SHA256_SIZE];
	char	 hex[2 * SHA256_SIZE + 1], *path;
	struct stat st;
	long long took;

	add_job("good", "echo ::step first; echo yes; echo one; "
	    "echo two >&2; echo ::progress 40; echo ::step second; "
	    "test -s job.json; make hello; result a.tgz");
	ok("a job completes", until("good", "completed"));
	took = int_at("ended") - int_at("created");
	printf("# %lld ms from added to completed\n", took);
	crypto_sha256("hello", 5, sum);
	hex_encode(sum, sizeof(sum), hex);
	is_str("its checksum is that of the file", str_at("checksum"), hex);
	is_int("and so is the size", int_at("size"), 5);
	is_str("members of the result are its own", str_at("fileName"),
	    "a.tgz");
	ok("but for the path", at("file") == NULL);
	is_str("finish adds its own", str_at("extra"), "from finish");
	is_int("progress ends at 100", int_at("progress"), 100);
	is_str("the steps have names", str_at("steps.1.name"), "second");
	ok("and times", int_at("steps.1.ended") >= int_at("steps.1.started")
	    && int_at("steps.1.started") >= int_at("steps.0.ended"));
	path = file_join(artifacts, hex);
	ok("the file is in its place", stat(path, &st) == 0);
	is_int("for us alone", st.st_mode & 0777, 0600);
	free(path);
	WAIT(store_get(store, "token", "good", HEAR));
	is_str("what finish stored is there", str_at("checksum"), hex);
	WAIT(store_log_read(store, "good", 0, 0, HEAR));
	is_int("the log has the lines", count_at("items"), 3);
	is_str("from the first", str_at("items.0.text"), "yes");
	is_str("each with its step", str_at("items.1.step"), "first");
	ok("and its stream", int_at("items.1.err") == 0
	    && int_at("items.2.err") == 1);
	while (!is_empty(work))
		uv_run(&loop, UV_RUN_ONCE);
	ok("the directory goes", is_empty(work));
}

static void
test_bad(void)
{
	static const struct {
		const char	*id, *what, *error;
	} bad[] = {
		{ "exit", "echo ::step pack; echo no tape >&2; exit 3",
		    "pack: no tape" },
		{ "mute", "exit 3", "start: exit code 3" },
		{ "killed", "kill -9 $$",
		    "start: killed by signal 9 (Killed)" },
		{ "no-result", "echo ::step last", "last: the pipeline ended "
		    "without a result" },
		{ "no-file", "result x", "publish: out: no such file or "
		    "directory" },
		{ "outside", "ln -s /etc etc; echo '::result "
		    "{\"file\":\"etc/passwd\"}'",
		    "publish: etc/passwd: no such file or directory" },
		{ "directory", "mkdir out; result x",
		    "publish: out: not a file" },
		{ "wrong-sum", "make hello; result x ',\"checksum\":\"00\"'",
		    "publish: out: its checksum is not the one in the result" },
		{ "unwanted", "make hello; result unwanted",
		    "publish: permission denied" },
		{ "twice", "make hello; result twice", "publish: its record "
		    "cannot be stored: file already exists" },
		{ "spoilt", "make hello; result spoilt", "publish: its record "
		    "cannot be stored: invalid argument" },
		{ "bad-json", "echo ::result nonsense", "start: the pipeline "
		    "ended without a result" },
		{ "no-object", "echo ::result []; exit 2", "start: the result "
		    "is no JSON object" },
		{ "unprepared", "", "prepare: operation not permitted" }
	};
	const struct store_op	taken = { STORE_PUT, "token", "taken",
				    pack("{ss}", "checksum", "earlier") };
	size_t	i;

	store_write(store, &taken, 1, NULL, NULL);
	for (i = 0; i < nitems(bad); i++) {
		add_job(bad[i].id, bad[i].what);
		ok(bad[i].id, until(bad[i].id, "failed"));
		is_str("and says why", str_at("error"), bad[i].error);
	}
	WAIT(store_get(store, "token", "taken", HEAR));
	is_str("a refused end stores nothing", str_at("checksum"), "earlier");
	WAIT(store_get(store, "token", "unwanted", HEAR));
	is_int("nor does a finish that said no", rc, -ENOENT);
}

static void
test_output(void)
{
	json_t	*line;
	char	*text;
	size_t	 i, leaks = 0;

	add_job("masked", "echo the k3y-of-the-job is; echo hush-hush >&2; "
	    "head -c 8185 /dev/zero | tr '\\0' y; echo k3y-of-the-job; "
	    "head -c 100000 /dev/zero | tr '\\0' x; echo; "
	    "printf 'a\\033[1mb\\377c\\n'; echo ::progress 101; "
	    "echo after; make m; result m");
	ok("a talkative job completes", until("masked", "completed"));
	WAIT(store_log_read(store, "masked", 0, 0, HEAR));
	text = json_text(at("items"));
	ok("no secret is in the log", strstr(text, "k3y-of-the-job") == NULL
	    && strstr(text, "hush-hush") == NULL);
	free(text);
	json_array_foreach(at("items"), i, line)
		leaks += strstr(json_str(line, "text", ""), "***") != NULL;
	is_int("three lines show that one was", leaks, 3);
	leaks = 0;
	json_array_foreach(at("items"), i, line)
		leaks += strlen(json_str(line, "text", "")) > QUEUE_MAX_LINE;
	is_int("no line is longer than our limit", leaks, 0);
	ok("what is no text is made one", strstr(text = json_text(answer),
	    "a [1mb?c") != NULL);
	ok("a progress that is none is text", strstr(text, "::progress 101")
	    != NULL);
	free(text);

	add_job("flood", "yes 0123456789012345678901234567890123456789 | "
	    "head -n 200000; make f; result f");
	ok("a flood of lines is no harm", until("flood", "completed"));
	WAIT(store_log_read(store, "flood", 0, 0, HEAR));
	is_str("the log begins with the first",
	    str_at("items.0.text"), "0123456789012345678901234567890123456789");
}

static void
test_cancel(void)
{
	add_job("long", "setsid sleep 60 & "
	    "echo $! >$marks/long.pid; touch $marks/long; wait");
	ok("a long job starts", until_mark("long"));
	WAIT(store_job_cancel(store, "long", HEAR));
	is_str("it still runs", str_at("status"), "running");
	queue_cancel(queue, "long");
	ok("and is cancelled", until("long", "cancelled"));
	ok("with all its processes", is_gone("long.pid"));
	add_job("heard", "touch $marks/heard; sleep 60");
	ok("another starts", until_mark("heard"));
	WAIT(store_job_cancel(store, "heard", HEAR));
	ok("a cancel is heard at the lease's renewal as well",
	    until("heard", "cancelled"));
}

static void
test_timeout(void)
{
	stop_queue(0);
	start_queue(2, 3000, 1000);
	add_job("slow", "echo ::step nap; sleep 60");
	ok("a job that takes too long fails", until("slow", "failed"));
	is_str("and says so", str_at("error"), "nap: not done after 1 s");
	stop_queue(0);
	start_queue(2, 3000, 60000);
}

static void
test_takeover(void)
{
	add_job("lost", "test -e $marks/lost && { make l; result l; exit; }; "
	    "touch $marks/lost; sleep 60");
	ok("a job starts", until_mark("lost"));
	store_job_release(store, "test", NULL, NULL);
	WAIT(store_job_claim(store, "other", 1, 3, HEAR));
	is_str("another takes it over, and falls silent", str_at("id"), "lost");
	ok("it is taken anew and completes", until("lost", "completed"));
	is_int("at the third attempt", int_at("attempts"), 3);
}

static void
test_many(void)
{
	char	id[24];
	int	i, good = 0;

	for (i = 0; i < 30; i++) {
		snprintf(id, sizeof(id), "many%d", i);
		add_job(id, "make same; result x");
	}
	for (i = 0; i < 30; i++) {
		snprintf(id, sizeof(id), "many%d", i);
		good += until(id, "completed");
	}
	is_int("thirty jobs in two slots complete", good, 30);
	is_int("nothing runs then", queue_running(queue), 0);
}

int
main(int argc, char **argv)
{
	child_role(argc, argv);
	begin_queue();
	test_good();
	test_bad();
	test_output();
	test_cancel();
	test_timeout();
	test_takeover();
	test_many();
	end_queue();
	return done();
}
