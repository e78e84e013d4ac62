/*
 * Many processes race for one lock while holders are killed and stopped at
 * random.  Who has the lock binds a socket's abstract name, which the kernel
 * gives to one at a time and takes back from who is killed: if that name is
 * taken, there are two holders.  A watcher asks the kernel again and again
 * whether the lock is held, and measures the longest time that it was not.
 * LOCK_RACE_PROCESSES (100) for LOCK_RACE_SECONDS (3).
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "tap.h"

enum {
	HOLD_US		= 3000,		/* at most */
	STOP_MS		= 300,		/* likewise */
	CHAOS_US	= 4000		/* between two blows, on average */
};

static struct shared {
	atomic_int	holder;		/* its PID, while it says so */
	atomic_int	kills;		/* odd while one dies */
	atomic_long	taken, two, errors;
} *shared;

static char	path[64];

static void
nap(long us)
{
	struct timespec	ts = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

static int
bind_name(int s)
{
	struct sockaddr_un	a = { .sun_family = AF_UNIX };

	/* behind the NUL: abstract */
	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", path);
	return bind(s, (struct sockaddr *)&a, sizeof(a));
}

/*
 * Whether the name is ours, and nobody else the holder.  A process that is
 * killed may lose the lock before the name, so while one dies the name may
 * be taken; of a live holder it may not.  That none died is asked before and
 * after: we may lie still for long between the two.
 */
static int
is_alone(int s)
{
	int	kills, rc;

	for (;;) {
		kills = shared->kills;
		rc = bind_name(s);
		if (rc == 0 || (kills % 2 == 0 && kills == shared->kills))
			return rc == 0;
		nap(100);
	}
}

/* Waits for ever, for a while, or not at all: as scripts do. */
static int
take(struct lock **l)
{
	switch (random() % 4) {
	case 0:
		return lock_take(l, path, 0, 0, "");
	case 1:
		return lock_take(l, path, LOCK_WAIT, random() % 200, "");
	case 2:
		return lock_take(l, path, LOCK_WAIT | LOCK_FLOCK, -1, "");
	default:
		return lock_take(l, path, LOCK_WAIT, -1, "");
	}
}

static void
race(unsigned seed)
{
	struct lock	*l;
	int		 name, rc;

	srandom(seed);
	for (;;) {
		name = socket(AF_UNIX, SOCK_DGRAM, 0);
		rc = take(&l);
		if (rc == -EWOULDBLOCK || rc == -ETIMEDOUT) {
			close(name);
			nap(random() % 20000);
			continue;
		}
		if (rc < 0) {
			shared->errors++;
			_exit(1);
		}
		if (!is_alone(name))
			shared->two++;
		shared->taken++;
		shared->holder = (int)getpid();
		nap(random() % HOLD_US);
		shared->holder = 0;
		close(name);
		lock_drop(l);
	}
}

static pid_t
start(unsigned seed)
{
	pid_t	pid = fork();

	if (pid == 0)
		race(seed);
	return pid;
}

/* One blow: to the holder if there is one, else to anybody. */
static void
strike(pid_t *pids, int n)
{
	int	i = (int)(random() % n), who = shared->holder, k;

	for (k = 0; who != 0 && k < n; k++)
		if (pids[k] == who)
			i = k;
	if (random() % 3 == 0) {
		kill(pids[i], SIGSTOP);
		nap(random() % (STOP_MS * 1000));
		kill(pids[i], SIGCONT);
		return;
	}
	shared->kills++;
	kill(pids[i], SIGKILL);
	waitpid(pids[i], NULL, 0);
	nap(1000);			/* files are closed a bit later */
	shared->kills++;
	pids[i] = start((unsigned)random());
}

/* In a process of its own: the longest time without a holder, in ms. */
static int64_t
watch(int64_t until)
{
	struct lock_holder	h;
	int64_t			since = 0, now, longest = 0;

	while ((now = clock_mono_ms()) < until) {
		if (lock_status(path, &h) < 0 || h.held)
			since = now;
		else if (since != 0 && now - since > longest)
			longest = now - since;
		nap(1000);
	}
	return longest;
}

static int64_t
number(const char *name, int64_t absent)
{
	const char	*text = getenv(name);

	return text != NULL ? strtoll(text, NULL, 10) : absent;
}

static pid_t	*pids;

int
main(void)
{
	int	 n = (int)number("LOCK_RACE_PROCESSES", 100), i;
	int64_t	 until, longest = -1, blows = 0;
	pid_t	 watcher;
	int	 tell[2];

	pids = calloc((size_t)n, sizeof(*pids));
	snprintf(path, sizeof(path), "/tmp/muster-race.%ld", (long)getpid());
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	srandom((unsigned)getpid());
	for (i = 0; i < n; i++)
		pids[i] = start((unsigned)random());
	until = clock_mono_ms() + 1000 * number("LOCK_RACE_SECONDS", 3);
	if (pipe(tell) < 0)
		return 111;
	if ((watcher = fork()) == 0) {
		longest = watch(until);
		_exit(write(tell[1], &longest, sizeof(longest)) < 0);
	}
	while (clock_mono_ms() < until) {
		strike(pids, n);
		blows++;
		nap(random() % (2 * CHAOS_US));
	}
	if (read(tell[0], &longest, sizeof(longest)) < 0)
		longest = -1;
	waitpid(watcher, NULL, 0);
	shared->kills++;		/* for good */
	for (i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
	unlink(path);
	printf("# %d processes, %ld times taken, %lld blows, longest without a"
	    " holder %lld ms\n", n, (long)shared->taken, (long long)blows,
	    (long long)longest);
	ok("it was taken again and again", shared->taken > 100);
	is_int("never two holders", shared->two, 0);
	is_int("no attempt failed", shared->errors, 0);
	ok("never none for a second", longest >= 0 && longest < 1000);
	free(pids);
	return done();
}
