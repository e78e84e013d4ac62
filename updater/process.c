/* Processes that are not, or no longer, our children. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "clock.h"
#include "platform.h"
#include "updater.h"

int
process_runs(int64_t pid, int64_t start)
{
	return pid > 0 && start > 0 && platform_process_start(pid) == start;
}

/* A descriptor of that very process, or -1: between the look at its start
 * time and what is done by it, its PID cannot become another's. */
static int
process_fd(int64_t pid, int64_t start)
{
#ifdef SYS_pidfd_open
	int	fd = pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;

	if (fd >= 0 && !process_runs(pid, start)) {
		close(fd);
		return -1;
	}
	return fd;
#else
	(void)pid, (void)start;
	return -1;
#endif
}

int
process_wait(int64_t pid, int64_t start, int64_t ms)
{
	int64_t		until = clock_mono_ms() + ms, left;
	struct pollfd	p = { .fd = process_fd(pid, start), .events = POLLIN };

	while (process_runs(pid, start)) {
		if ((left = until - clock_mono_ms()) <= 0)
			break;
		if (p.fd >= 0)
			poll(&p, 1, (int)(left < INT_MAX ? left : INT_MAX));
		else
			uv_sleep(UPDATE_POLL_MS);
	}
	if (p.fd >= 0)
		close(p.fd);
	return process_runs(pid, start) ? -ETIMEDOUT : 0;
}

static int
process_signal(int64_t pid, int64_t start, int sig)
{
	int	rc = 0;
#ifdef SYS_pidfd_send_signal
	int	fd = process_fd(pid, start);

	if (fd >= 0) {
		if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0)
			rc = -errno;
		close(fd);
		return rc;
	}
#endif
	if (process_runs(pid, start) && kill((pid_t)pid, sig) < 0)
		rc = -errno;
	return rc;
}

int
process_end(int64_t pid, int64_t start)
{
	int	rc;

	if ((rc = process_signal(pid, start, SIGTERM)) < 0)
		return rc;
	if (process_wait(pid, start, UPDATE_TERM_MS) == 0)
		return 0;
	if ((rc = process_signal(pid, start, SIGKILL)) < 0)
		return rc;
	return process_wait(pid, start, UPDATE_KILL_MS);
}

/* In the child, between fork and exec: nothing here allocates. */
static int
become(const char *const *argv, const char *output, int gate)
{
	sigset_t	none;
	char		go;
	int		in, out, sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if ((in = open("/dev/null", O_RDONLY)) < 0 ||
	    (out = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0 ||
	    dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return errno;
	if (in > 2)
		close(in);
	if (out > 2)
		close(out);
	if (read(gate, &go, 1) != 1)
		_exit(0);		/* the updater died: never begun */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	return errno;
}

int
process_prepare(const char *const *argv, const char *output, int64_t *pid,
    int *gate)
{
	int	pair[2], e;
	pid_t	got;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	if ((got = fork()) == 0) {
		close(pair[0]);
		e = become(argv, output, pair[1]);
		(void)!write(pair[1], &e, sizeof(e));
		_exit(127);
	}
	e = errno;
	close(pair[1]);
	if (got < 0) {
		close(pair[0]);
		return -e;
	}
	*pid = got;
	*gate = pair[0];
	return 0;
}

int
process_begin(int gate)
{
	int	e = 0;
	ssize_t	n;

	if (send(gate, "g", 1, MSG_NOSIGNAL) == 1 || errno == EPIPE) {
		do
			n = read(gate, &e, sizeof(e));
		while (n < 0 && errno == EINTR);
	} else
		e = errno;
	close(gate);
	return -e;		/* the exec itself closes the other end */
}

int
process_ended(int64_t pid, int *good, char *text, size_t n)
{
	int	status;

	if (pid <= 0 || waitpid((pid_t)pid, &status, WNOHANG) != pid)
		return 0;
	*good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (WIFSIGNALED(status))
		snprintf(text, n, "signal %d", WTERMSIG(status));
	else
		snprintf(text, n, "exit code %d", WEXITSTATUS(status));
	return 1;
}
