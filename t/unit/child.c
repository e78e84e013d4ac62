/* Child processes, by hostile commands; each test is one shell script. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "child.h"
#include "clock.h"
#include "log.h"
#include "tap.h"

static uv_loop_t	 loop;
static struct buf	 out, err;
static int		 lines, longest, ended, code, sig, late;
static char		 dir[] = "/tmp/muster-child.XXXXXX";

static void
on_line(struct child *c, const char *p, size_t n, int is_err, void *arg)
{
	(void)c;
	(void)arg;
	lines++;
	longest = (int)n > longest ? (int)n : longest;
	buf_add(is_err ? &err : &out, p, n);
	buf_addc(is_err ? &err : &out, '|');
}

static void
on_ended(struct child *c, int exit_code, int exit_signal, int timed_out,
    void *arg)
{
	(void)c;
	(void)arg;
	ended++;
	code = exit_code;
	sig = exit_signal;
	late = timed_out;
}

static const struct child_events	events = { on_line, on_ended };

static struct child *
start(struct child_options *o, const char *script)
{
	char		*argv[] = { xstrdup("/bin/sh"), xstrdup("-c"),
			    xstrdup(script), NULL };
	struct child	*c = NULL;
	int		 i, rc;

	buf_clear(&out);
	buf_clear(&err);
	lines = longest = ended = late = 0;
	code = sig = -1;
	o->argv = argv;
	if ((rc = child_start(&c, &loop, o, &events, NULL)) < 0)
		printf("# child_start: %s\n", errstr(rc));
	for (i = 0; i < 3; i++)
		free(argv[i]);
	return c;
}

/* Runs the script to its end; how many ms it took. */
static int64_t
run(struct child_options *o, const char *script)
{
	int64_t	t = clock_mono_ms();

	if (start(o, script) != NULL)
		uv_run(&loop, UV_RUN_DEFAULT);
	return clock_mono_ms() - t;
}

static void
run_for(int64_t ms)
{
	int64_t	end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

/* The process id that a script has written to a file in dir. */
static pid_t
pid_in(const char *name)
{
	char	*path = xasprintf("%s/%s", dir, name);
	FILE	*f;
	int	 pid = 0, i;

	for (i = 0; pid == 0 && i < 2000; i++) {
		run_for(1);
		if ((f = fopen(path, "r")) == NULL)
			continue;
		if (fscanf(f, "%d", &pid) != 1)
			pid = 0;
		fclose(f);
	}
	unlink(path);
	free(path);
	return (pid_t)pid;
}

/* A zombie, which waits for whoever is its parent by now, does not run. */
static int
runs(pid_t pid)
{
	char	 path[32], state = 'X';
	FILE	*f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || (f = fopen(path, "r")) == NULL)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(f);
	return strchr("XZ", state) == NULL;
}

static int
gone_within(pid_t pid, int64_t ms)
{
	int64_t	end = clock_mono_ms() + ms;

	while (runs(pid) && clock_mono_ms() < end)
		run_for(5);
	return !runs(pid);
}

static int
has_children(void)
{
	return waitpid(-1, NULL, WNOHANG) >= 0;
}

/* -- what comes out -- */

static void
test_output(void)
{
	struct child_options	o = { 0 };

	run(&o, "echo a; echo b >&2; printf 'c\\n\\nd'; exit 7");
	is_int("exit code", code, 7);
	is_int("no signal", sig, 0);
	is_str("lines, the last without an end", buf_str(&out), "a|c||d|");
	is_str("stderr", buf_str(&err), "b|");
	is_int("ended() once", ended, 1);
	run(&o, "printf 'a\\000b\\377\\n'");
	ok("binary output", out.len == 5 && memcmp(out.p, "a\0b\377|", 5) == 0);
	run(&o, "echo x >/dev/stderr; echo y >/dev/fd/1");
	ok("the output can be opened by name", strcmp(buf_str(&err), "x|") == 0
	    && strcmp(buf_str(&out), "y|") == 0);
	ok("10,000 lines within a second", run(&o, "i=0; while [ $i -lt 10000 ]"
	    "; do echo line $i; i=$((i+1)); done") < 1000);
	is_int("none is lost", lines, 10000);
	run(&o, "head -c 20000 /dev/zero | tr '\\0' z; echo; echo end");
	is_int("a long line comes in pieces", lines, 4);
	is_int("of this length", longest, CHILD_MAX_LINE);
	ok("and nothing of it is lost", out.len == 20000 + 3 + 4);
	run(&o, "head -c 8192 /dev/zero | tr '\\0' z; echo; echo end");
	is_int("a line of just that length is one, and an empty rest",
	    out.len, 8192 + 1 + 1 + 4);
}

static void
test_input(void)
{
	struct child_options	o = { 0 };
	size_t			n = 4 << 20;
	char			*big = xcalloc(1, n);

	run(&o, "cat; echo end");
	is_str("stdin is empty", buf_str(&out), "end|");
	o.input = "a\nb";
	o.input_len = 3;
	run(&o, "cat");
	is_str("input arrives, and ends", buf_str(&out), "a|b|");
	o.input = big;
	o.input_len = n;
	run(&o, "wc -c");
	is_int("four megabytes", atoi(buf_str(&out)), (int)n);
	run(&o, "exec <&-; echo x");
	is_str("a command need not read", buf_str(&out), "x|");
	is_int("and is not disturbed", code, 0);
	free(big);
}

static void
test_options(void)
{
	char	 home[] = "A=b c", path[] = "PATH=/bin:/usr/bin", want[64];
	char	*env[] = { home, path, NULL };
	struct child_options	o = { .env = env, .dir = dir };

	run(&o, "echo \"$A-$HOME\"; pwd");
	ok("environment and directory", strncmp(buf_str(&out), "b c-|", 5) == 0
	    && strstr(out.p, dir) != NULL);
	o = (struct child_options){ .max_files = 17, .max_file = 4096,
	    .max_memory = 1 << 30, .max_cpu_s = 5, .nice = 3 };
	run(&o, "ulimit -n; ulimit -f; ulimit -v; ulimit -t; nice");
	snprintf(want, sizeof(want), "17|8|1048576|5|%d|",
	    getpriority(PRIO_PROCESS, 0) + 3);	/* added to our own */
	is_str("limits", buf_str(&out), want);
	o = (struct child_options){ .max_file = 4096 };
	run(&o, "exec head -c 10000 /dev/zero >$0.x");
	is_int("a file too large", sig, SIGXFSZ);
	unlink("/bin/sh.x");
	o = (struct child_options){ .max_cpu_s = 1 };
	run(&o, "while :; do :; done");
	is_int("the processor's time", sig, SIGXCPU);
	is_int("its code", code, 128 + SIGXCPU);
	run(&o, "kill -9 $$");
	ok("a signal", sig == SIGKILL && code == 137 && !late);
}

static void
test_refused(void)
{
	char	 none[] = "/nonexistent/command", dev[] = "/dev/null";
	char	*argv[] = { none, NULL };
	struct child_options	o = { .argv = argv };
	struct child		*c = NULL;

	buf_clear(&err);
	ended = 0;
	is_int("no such command starts", child_start(&c, &loop, &o, &events,
	    NULL), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok("and ends with 127", ended == 1 && code == 127);
	ok("with a reason", strstr(buf_str(&err),
	    "/nonexistent/command: No such file") != NULL);
	argv[0] = dev;
	child_start(&c, &loop, &o, &events, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok("what cannot be executed ends with 126", ended == 2 && code == 126);
	o.dir = "/nonexistent";
	run(&o, "true");
	is_int("no such directory: 126", code, 126);
}

/* -- nothing survives -- */

/* A double-forked daemon in a session of its own that ignores signals. */
static char *
daemon_script(const char *name, const char *rest)
{
	return xasprintf("(setsid sh -c 'trap \"\" TERM HUP INT; "
	    "(trap \"\" TERM HUP; echo $$ >%s/%s.tmp; mv %s/%s.tmp %s/%s; "
	    "while :; do sleep 1; done) & wait' >/dev/null 2>&1 &) %s", dir,
	    name, dir, name, dir, name, rest);
}

static void
test_kill(void)
{
	struct child_options	o = { 0 };
	struct child		*c;
	char			*script;
	pid_t			 pid;
	int64_t			 t;

	c = start(&o, "echo $$; sleep 60");
	while (lines == 0)
		uv_run(&loop, UV_RUN_ONCE);
	t = clock_mono_ms();
	child_kill(c);
	child_kill(c);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok("killed at once", clock_mono_ms() - t < 5000 && sig == SIGTERM
	    && ended == 1);

	c = start(&o, "trap '' TERM; echo $$; while :; do sleep 1; done");
	while (lines == 0)
		uv_run(&loop, UV_RUN_ONCE);
	t = clock_mono_ms();
	child_kill(c);
	uv_run(&loop, UV_RUN_DEFAULT);
	t = clock_mono_ms() - t;
	ok("who ignores SIGTERM goes after the grace", t >= CHILD_GRACE
	    && t < CHILD_GRACE + 500 && sig == SIGKILL);

	c = start(&o, "kill -STOP $$");
	run_for(50);
	child_kill(c);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok("a stopped one goes", ended == 1);

	c = start(&o, "true");
	child_kill(c);
	uv_run(&loop, UV_RUN_DEFAULT);
	is_int("a kill right after the start", ended, 1);

	script = daemon_script("d1", "; sleep 60");
	c = start(&o, script);
	pid = pid_in("d1");
	ok("a daemon runs", runs(pid));
	t = clock_mono_ms();
	child_kill(c);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok("it is gone within a second of child_kill",
	    clock_mono_ms() - t < 1000 && !runs(pid));
	free(script);

	script = daemon_script("d2", "; while ! [ -e $D/d2 ]; do sleep 0.01; "
	    "done; exit 3");
	setenv("D", dir, 1);
	t = run(&o, script);
	pid = pid_in("d2");
	ok("a daemon does not survive its command's end", pid > 0
	    && !runs(pid));
	is_int("whose code stays", code, 3);
	free(script);

	o.timeout_ms = 100;
	t = run(&o, "sleep 60");
	/* From the loop's time, which may be some ms old at the start. */
	ok("the time limit", late == 1 && t >= 80 && t < 5000
	    && sig == SIGTERM);
	o.timeout_ms = 60000;
	run(&o, "true");
	ok("not reached", late == 0 && code == 0);
	ok("no process is left of all these", !has_children());
}

/* kill -9 of who started it: a process of its own has to be that. */
static void
test_parent_killed(void)
{
	struct child_options	o = { 0 };
	char			*script = daemon_script("d3", "; echo $$ "
				    ">$D/main.tmp; mv $D/main.tmp $D/main; "
				    "sleep 60");
	pid_t			 parent, daemon_pid, main_pid;
	int			 fd[2];
	char			 c;

	if (pipe(fd) < 0)
		die(EXIT_SYSTEM, "pipe");
	if ((parent = fork()) == 0) {
		close(fd[0]);
		fcntl(fd[1], F_SETFD, FD_CLOEXEC);
		uv_loop_fork(&loop);
		start(&o, script);
		uv_run(&loop, UV_RUN_DEFAULT);
		_exit(0);
	}
	close(fd[1]);
	daemon_pid = pid_in("d3");
	main_pid = pid_in("main");
	ok("command and daemon run", runs(daemon_pid) && runs(main_pid));
	kill(parent, SIGKILL);
	ok("kill -9 of the parent", read(fd[0], &c, 1) == 0);
	waitpid(parent, NULL, 0);
	ok("leaves no command", gone_within(main_pid, 1000));
	ok("and no daemon", gone_within(daemon_pid, 1000));
	close(fd[0]);
	free(script);
}

static void
test_supervisor_killed(void)
{
	struct child_options	o = { 0 };
	struct child		*c = start(&o, "echo $$; sleep 60");

	while (lines == 0)
		uv_run(&loop, UV_RUN_ONCE);
	kill(child_pid(c), SIGKILL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok("a killed supervisor is told", ended == 1 && sig == SIGKILL);
	ok("and its command goes with it", gone_within(atoi(buf_str(&out)),
	    1000));
}

static void
test_descriptors(void)
{
	struct child_options	o = { 0 };
	int			fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int			i, before = fd;

	close(fd);
	run(&o, "ls /proc/self/fd | tr '\\n' ' '");
	is_str("the command has three descriptors (and ls its own)",
	    buf_str(&out), "0 1 2 3 |");
	for (i = 0; i < 50; i++)
		run(&o, "true");
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	is_int("fifty children leave no descriptor", fd, before);
	close(fd);
}

int
main(int argc, char **argv)
{
	child_role(argc, argv);
	if (mkdtemp(dir) == NULL)
		die(EXIT_SYSTEM, "%s", dir);
	setenv("D", dir, 1);
	uv_loop_init(&loop);
	test_output();
	test_input();
	test_options();
	test_refused();
	test_kill();
	test_parent_killed();
	test_supervisor_killed();
	test_descriptors();
	is_int("nothing is left on the loop", uv_loop_close(&loop), 0);
	buf_release(&out);
	buf_release(&err);
	rmdir(dir);
	return done();
}
