/* The lock: who gets it, what the record says, and that in no race there
 * are ever two holders. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "platform.h"
#include "tap.h"

static char	dir[] = "/tmp/muster-lock.XXXXXX";
static char	path[64], other[64];

static void
put_file(const char *name, const char *text)
{
	FILE	*f = fopen(name, "w");

	fputs(text, f);
	fclose(f);
}

static char *
get_file(const char *name)
{
	char	*text = xcalloc(1, 4096);
	FILE	*f = fopen(name, "r");

	if (f != NULL) {
		text[fread(text, 1, 4095, f)] = '\0';
		fclose(f);
	}
	return text;
}

static void
test_one(void)
{
	struct lock		*l, *m;
	struct lock_holder	 h;
	struct stat		 st;
	char			*text;
	int64_t			 t;

	is_int("no file, no status", lock_status(path, &h), -ENOENT);
	is_int("taken", lock_take(&l, path, 0, 0, "1.2"), 0);
	ok("mode 0600", stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	is_int("the descriptor is private", fcntl(lock_fd(l), F_GETFD),
	    FD_CLOEXEC);
	is_int("not twice", lock_take(&m, path, 0, 0, NULL), -EWOULDBLOCK);
	ok("and nothing is given back", m == NULL);
	is_int("not shared either", lock_take(&m, path, LOCK_SHARED, 0, NULL),
	    -EWOULDBLOCK);
	t = clock_mono_ms();
	is_int("a wait ends", lock_take(&m, path, LOCK_WAIT, 100, NULL),
	    -ETIMEDOUT);
	t = clock_mono_ms() - t;
	ok("when it should", t >= 100 && t < 1000);
	is_int("status", lock_status(path, &h), 0);
	ok("held, by us, alive", h.held == 1 && h.pid == getpid()
	    && h.alive == 1);
	ok("since and beat", strlen(h.since) == 24
	    && strcmp(h.since, h.beat) == 0);
	is_str("version", h.version, "1.2");
	usleep(3000);
	is_int("a beat", lock_beat(l), 0);
	lock_status(path, &h);
	ok("moves the beat, not the beginning", strcmp(h.since, h.beat) < 0);
	lock_drop(l);
	is_int("dropped", lock_status(path, &h), 0);
	ok("free, and no record", !h.held && !h.alive && h.pid == 0);
	text = get_file(path);
	is_str("the file is empty", text, "");
	free(text);
	is_int("taken again", lock_take(&l, path, LOCK_INHERIT, 0, NULL), 0);
	is_int("to be inherited", fcntl(lock_fd(l), F_GETFD), 0);
	lock_drop(l);
	lock_drop(NULL);
	is_int("a directory that is not there", lock_take(&l,
	    "/nonexistent/lock", 0, 0, NULL), -ENOENT);
	is_int("a directory", lock_take(&l, dir, 0, 0, NULL), -EISDIR);
}

static void
test_shared(void)
{
	struct lock		*l, *m, *n;
	struct lock_holder	 h;

	is_int("shared", lock_take(&l, path, LOCK_SHARED, 0, "x"), 0);
	is_int("and again", lock_take(&m, path, LOCK_SHARED, 0, "x"), 0);
	is_int("but not alone", lock_take(&n, path, 0, 0, "x"), -EWOULDBLOCK);
	ok("held by nobody in particular", lock_status(path, &h) == 0
	    && h.held && h.pid == 0);
	lock_drop(l);
	is_int("still one", lock_take(&n, path, 0, 0, "x"), -EWOULDBLOCK);
	lock_drop(m);
	is_int("none", lock_take(&n, path, 0, 0, "x"), 0);
	lock_drop(n);
	is_int("a directory can be shared", lock_take(&n, dir, LOCK_SHARED, 0,
	    NULL), 0);
	lock_drop(n);
}

static void
test_record(void)
{
	struct lock		*l;
	struct lock_holder	 h;
	char			*text;

	put_file(path, "pid\t1\nstart\t5\nboot\tx\nsince\t2001\n");
	ok("a stale record", lock_status(path, &h) == 0 && !h.held
	    && h.pid == 1 && !h.alive);
	is_int("never blocks", lock_take(&l, path, 0, 0, NULL), 0);
	ok("and is replaced", lock_status(path, &h) == 0 && h.alive
	    && h.pid == getpid());
	lock_drop(l);
	text = xasprintf("pid\t%d\nstart\t%lld\nboot\tother\n", getpid(),
	    (long long)platform_process_start(getpid()));
	put_file(path, text);
	ok("another boot's process is not alive", lock_status(path, &h) == 0
	    && !h.alive);
	free(text);
	put_file(path, "pid\t-7\nstart\t99999999999999999999\nno tab\n"
	    "since\t01234567890123456789012345678901234567890123456789\n"
	    "\t\n\npid");
	ok("nonsense is read as far as it goes", lock_status(path, &h) == 0
	    && h.pid == 0 && strlen(h.since) == 31);
	put_file(path, "#!/bin/sh\nexit 0\n");
	is_int("any file can be a lock", lock_take(&l, path, 0, 0, "x"), 0);
	is_int("its beat is none", lock_beat(l), 0);
	ok("held", lock_status(path, &h) == 0 && h.held && h.pid == 0);
	lock_drop(l);
	text = get_file(path);
	is_str("and keeps its contents", text, "#!/bin/sh\nexit 0\n");
	free(text);
	unlink(path);
}

/* No room for the record: RLIMIT_FSIZE refuses each byte. */
static void
test_full(void)
{
	struct rlimit		old, none = { 0, RLIM_INFINITY };
	struct lock		*l, *m;
	int			 rc, beat;

	log_init("lock.t", LOG_ERROR, LOG_TEXT);
	signal(SIGXFSZ, SIG_IGN);
	fflush(stdout);
	getrlimit(RLIMIT_FSIZE, &old);
	none.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &none);
	rc = lock_take(&l, path, 0, 0, NULL);
	beat = rc == 0 ? lock_beat(l) : 0;
	setrlimit(RLIMIT_FSIZE, &old);
	is_int("a full disk does not cost the lock", rc, 0);
	is_int("it is told by the beat", beat, -EFBIG);
	is_int("and it is held", lock_take(&m, path, 0, 0, NULL),
	    -EWOULDBLOCK);
	lock_drop(l);
	log_init("lock.t", LOG_INFO, LOG_TEXT);
}

/* -- in other processes -- */

/* A process that takes the lock, says so, and holds it for a while or until
 * it is killed.  Ours, which a fork would share, it closes. */
static pid_t
holder(const struct lock *ours, int hold_ms, int wait_ms, int *told)
{
	struct lock	*l;
	int		 fd[2];
	pid_t		 pid;
	char		 c = 'x';

	fflush(stdout);
	if (pipe(fd) < 0)
		die(EXIT_SYSTEM, "pipe");
	if ((pid = fork()) == 0) {
		if (ours != NULL)
			close(lock_fd(ours));
		if (lock_take(&l, path, wait_ms != 0 ? LOCK_WAIT : 0, wait_ms,
		    NULL) < 0)
			_exit(1);
		if (write(fd[1], &c, 1) < 0)
			_exit(2);
		usleep((useconds_t)hold_ms * 1000);
		lock_drop(l);
		_exit(0);
	}
	close(fd[1]);
	*told = fd[0];
	return pid;
}

static int
wait_told(int fd)
{
	char	c;
	int	got = read(fd, &c, 1) == 1;

	close(fd);
	return got;
}

static void
test_replaced(void)
{
	struct lock	*l;
	int		 told, rc, status;
	pid_t		 pid;

	is_int("held", lock_take(&l, path, 0, 0, NULL), 0);
	pid = holder(l, 2000, -1, &told);
	usleep(50000);
	unlink(path);
	is_int("the holder hears that its file has no name", lock_beat(l),
	    -ESTALE);
	lock_drop(l);
	ok("the waiter gets a lock", wait_told(told));
	rc = lock_take(&l, path, 0, 0, NULL);
	is_int("on the file that has the name now", rc, -EWOULDBLOCK);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);

	is_int("held again", lock_take(&l, path, 0, 0, NULL), 0);
	pid = holder(l, 2000, 5000, &told);
	usleep(50000);
	put_file(other, "");
	rename(other, path);
	ok("one that waits for a time goes on to the new file at once",
	    wait_told(told));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	lock_drop(l);
}

static void
test_killed(void)
{
	struct lock_holder	 h;
	struct lock		*l;
	int			 told, status;
	pid_t			 pid = holder(NULL, 60000, 0, &told);

	wait_told(told);
	ok("another process holds it", lock_status(path, &h) == 0 && h.held
	    && h.alive && h.pid == pid);
	kill(pid, SIGSTOP);
	is_int("a stopped one is not robbed", lock_take(&l, path, LOCK_WAIT,
	    50, NULL), -ETIMEDOUT);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ok("killed: the record is stale", lock_status(path, &h) == 0
	    && !h.held && !h.alive && h.pid == pid);
	is_int("and the lock free", lock_take(&l, path, 0, 0, NULL), 0);
	lock_drop(l);
}

/* Contenders mark a shared word while they hold it; one removes the file
 * as the last thing while it holds the lock. */
enum { CONTENDERS = 6, ROUNDS = 300 };

struct shared {
	volatile int	inside, twice, done;
};

static void
contend(struct shared *s, int me)
{
	struct lock	*l;
	int		 i;

	for (i = 0; i < ROUNDS; i++) {
		if (lock_take(&l, path, LOCK_WAIT, i % 2 ? -1 : 10000, NULL)
		    < 0)
			_exit(1);
		if (__atomic_exchange_n(&s->inside, me, __ATOMIC_SEQ_CST) != 0)
			s->twice++;
		usleep((useconds_t)(i * 7 % 50));
		__atomic_store_n(&s->inside, 0, __ATOMIC_SEQ_CST);
		if (me == 1 && i % 10 == 0)
			unlink(path);
		lock_drop(l);
		__atomic_add_fetch(&s->done, 1, __ATOMIC_SEQ_CST);
	}
	_exit(0);
}

static void
test_race(void)
{
	struct shared	*s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t		 pid[CONTENDERS];
	int		 i, status, good = 1;

	fflush(stdout);
	for (i = 0; i < CONTENDERS; i++)
		if ((pid[i] = fork()) == 0)
			contend(s, i + 1);
	for (i = 0; i < CONTENDERS; i++) {
		waitpid(pid[i], &status, 0);
		good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	ok("all had their turns", good && s->done == CONTENDERS * ROUNDS);
	is_int("never two holders", s->twice, 0);
	munmap(s, sizeof(*s));
}

/* kill -9 at any moment: the next one always gets it. */
static void
test_kill_race(void)
{
	struct lock	*l;
	int		 i, told, status, failed = 0;
	pid_t		 pid;

	for (i = 0; i < 200; i++) {
		pid = holder(NULL, 1000, 0, &told);
		usleep((useconds_t)(i * 13 % 2000));
		kill(pid, i % 3 ? SIGKILL : SIGSTOP);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(told);
		if (lock_take(&l, path, 0, 0, NULL) < 0)
			failed++;
		else
			lock_drop(l);
	}
	is_int("a killed holder is never in the way", failed, 0);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		die(EXIT_SYSTEM, "%s", dir);
	snprintf(path, sizeof(path), "%s/l", dir);
	snprintf(other, sizeof(other), "%s/m", dir);
	test_one();
	test_shared();
	test_record();
	test_full();
	test_replaced();
	test_killed();
	test_race();
	test_kill_race();
	unlink(path);
	unlink(other);
	rmdir(dir);
	return done();
}
