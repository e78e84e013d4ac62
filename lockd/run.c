/* The command that runs while the lock is held. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "lockd.h"
#include "log.h"

int
run_instead(char **argv)
{
	execvp(argv[0], argv);
	log_error(NULL, "%s: %s", argv[0], strerror(errno));
	return errno == ENOENT || errno == ENOTDIR ? 127 : 126;
}

/* Those that we hand on, and the one that tells of the command's end. */
static void
watched_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
}

/* What the terminal sends goes to the whole group: the command has it. */
static void
hand_on(pid_t pid, const siginfo_t *si)
{
	if (si->si_signo != SIGCHLD && si->si_code != SI_KERNEL)
		kill(pid, si->si_signo);
}

static void
beat_due(struct lock *beat, int64_t beat_ms, int64_t *next)
{
	int	rc;

	if (beat == NULL || clock_mono_ms() < *next)
		return;
	*next += beat_ms;
	if ((rc = lock_beat(beat)) < 0)
		log_warn(NULL, "cannot rewrite the record: %s", errstr(rc));
}

/* Waits for a signal, at most until the next beat is due. */
static void
wait_signal(const sigset_t *set, siginfo_t *si, const struct lock *beat,
    int64_t next)
{
	int64_t		left = next - clock_mono_ms();
	struct timespec	ts;

	si->si_signo = SIGCHLD;		/* where none comes */
	left = left > 0 ? left : 0;
	ts.tv_sec = (time_t)(left / 1000);
	ts.tv_nsec = (long)(left % 1000) * 1000000;
	if (beat != NULL)
		sigtimedwait(set, si, &ts);
	else
		sigwaitinfo(set, si);
}

int
run_command(char **argv, struct lock *beat, int64_t beat_ms)
{
	int64_t		next = clock_mono_ms() + beat_ms;
	sigset_t	set, old;
	siginfo_t	si;
	int		status;
	pid_t		pid;

	watched_signals(&set);
	/* With SIGCHLD ignored, as a careless parent may leave it, there
	 * would be no exit code to pass on. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, &old);
	if ((pid = fork()) < 0)
		die(EXIT_SYSTEM, "fork: %s", strerror(errno));
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		_exit(run_instead(argv));
	}
	while (waitpid(pid, &status, WNOHANG) != pid) {
		wait_signal(&set, &si, beat, next);
		hand_on(pid, &si);
		beat_due(beat, beat_ms, &next);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
	    : WEXITSTATUS(status);
}
