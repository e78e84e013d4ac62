/*
 * The supervisor: reaper of all that its command leaves behind.  It starts
 * the command in a session of its own and waits; when the command ends, when
 * a signal tells it to, or when its parent is gone (the status pipe has no
 * reader, or PDEATHSIG), it asks the command's group to end, and after
 * CHILD_GRACE kills descendants until there are none.  What loses its own
 * parent becomes our child, so none can leave.
 */
#include <string.h>

#include "child.h"
#include "child_impl.h"
#include "log.h"

#ifndef __linux__

void
child_role(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "-P") == 0
	    && strcmp(argv[2], "child") == 0)
		die(EXIT_USAGE, "there is no supervisor on this system");
}

#else

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

enum {
	KILL_PAUSE = 10,	/* ms between two rounds of SIGKILL */
	MAX_FD	= 65536		/* to be closed one by one, on old kernels */
};

enum phase { RUN, TERM, KILL };

struct supervisor {
	pid_t		 main;		/* the command; 0 once it has ended */
	int		 code, sig;	/* how it ended */
	int		 signals;	/* signalfd */
	enum phase	 phase;
	int64_t		 kill_at;
};

/* -- the command -- */

static void
set_limit(int which, const char *text)
{
	struct rlimit	r;
	rlim_t		v = (rlim_t)strtoll(text, NULL, 10);

	if (v == 0 || getrlimit(which, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max != RLIM_INFINITY && v > r.rlim_max
	    ? r.rlim_max : v;
	/* One second of SIGXCPU, then SIGKILL. */
	r.rlim_max = which == RLIMIT_CPU && r.rlim_cur < r.rlim_max
	    ? r.rlim_cur + 1 : r.rlim_cur;
	if (setrlimit(which, &r) < 0)
		die(EXIT_SYSTEM, "setrlimit: %s", strerror(errno));
}

/* The command gets three descriptors, whatever else was left open. */
static void
close_rest(void)
{
	long	top = sysconf(_SC_OPEN_MAX), fd;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, CHILD_STATUS_FD, ~0U, 0) == 0)
		return;
#endif
	for (fd = CHILD_STATUS_FD; fd < top && fd < MAX_FD; fd++)
		close((int)fd);
}

static _Noreturn void
command(char **argv, pid_t supervisor)
{
	char	**cmd = argv + CHILD_ARG_COMMAND;
	sigset_t  none;

	/* Should the supervisor be killed, at least this one goes too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != supervisor)
		_exit(EXIT_SYSTEM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (chdir(argv[CHILD_ARG_DIR]) < 0)
		die(126, "%s: %s", argv[CHILD_ARG_DIR], strerror(errno));
	errno = 0;
	if (nice(atoi(argv[CHILD_ARG_NICE])) == -1 && errno != 0)
		die(126, "nice %s: %s", argv[CHILD_ARG_NICE],
		    strerror(errno));
	set_limit(RLIMIT_CPU, argv[CHILD_ARG_CPU]);
	set_limit(RLIMIT_AS, argv[CHILD_ARG_MEMORY]);
	set_limit(RLIMIT_FSIZE, argv[CHILD_ARG_FILE]);
	set_limit(RLIMIT_NOFILE, argv[CHILD_ARG_FILES]);
	close_rest();
	execvp(cmd[0], cmd);
	die(errno == ENOENT || errno == ENOTDIR ? 127 : 126, "%s: %s", cmd[0],
	    strerror(errno));
}

/* -- those who are left -- */

struct process {
	pid_t	pid, parent;
};

/* The parent of a process as /proc/PID/stat tells it; 0 where it is gone.
 * The name in it may hold anything but is the only thing in parentheses. */
static pid_t
parent_of(pid_t pid)
{
	char	 path[32], text[512], *p;
	int	 fd;
	ssize_t	 n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	if ((p = strrchr(text, ')')) == NULL || strlen(p) < 5)
		return 0;
	return (pid_t)atoi(p + 4);		/* ") S 123" */
}

static size_t
list_processes(struct process **list)
{
	DIR		*d = opendir("/proc");
	struct dirent	*e;
	size_t		 n = 0, cap = 0;

	*list = NULL;
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		if (n == cap) {
			cap = cap * 2 + 256;
			*list = xrealloc(*list, cap * sizeof(**list));
		}
		(*list)[n].pid = (pid_t)atoi(e->d_name);
		(*list)[n].parent = parent_of((*list)[n].pid);
		n++;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

static int
by_pid(const void *a, const void *b)
{
	const struct process	*x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Whether we are an ancestor; the list is sorted.  It is no snapshot, so
 * the way up is not longer than it is. */
static int
is_ours(const struct process *list, size_t n, const struct process *p)
{
	pid_t	self = getpid();
	size_t	steps;

	for (steps = 0; p != NULL && steps < n; steps++) {
		struct process	key = { .pid = p->parent };

		if (p->parent == self)
			return 1;
		p = bsearch(&key, list, n, sizeof(*list), by_pid);
	}
	return 0;
}

static void
signal_all(int sig)
{
	struct process	*list;
	size_t		 n = list_processes(&list), i;

	if (n > 0)			/* else there is no list */
		qsort(list, n, sizeof(*list), by_pid);
	for (i = 0; i < n; i++)
		if (is_ours(list, n, &list[i]))
			kill(list[i].pid, sig);
	free(list);
}

/* -- the watch -- */

static void
begin_end(struct supervisor *s)
{
	if (s->phase != RUN)
		return;
	s->phase = TERM;
	s->kill_at = clock_mono_ms() + CHILD_GRACE;
	if (s->main == 0)
		signal_all(SIGTERM);
	else if (kill(-s->main, SIGTERM) < 0)
		kill(s->main, SIGTERM);		/* before its setsid() */
}

/* Whether there is nobody left. */
static int
reap(struct supervisor *s)
{
	int	status;
	pid_t	pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != s->main)
			continue;
		s->main = 0;
		s->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
		s->sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	}
	return pid < 0 && errno == ECHILD;
}

static int
wait_time(const struct supervisor *s)
{
	int64_t	left = s->kill_at - clock_mono_ms();

	if (s->phase == RUN)
		return -1;
	if (s->phase == KILL)
		return KILL_PAUSE;
	return left > 0 ? (int)left : 0;
}

static void
take_signals(struct supervisor *s)
{
	struct signalfd_siginfo	si;

	while (read(s->signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		if (si.ssi_signo != SIGCHLD)
			begin_end(s);
}

static void
watch(struct supervisor *s)
{
	struct pollfd	p[2] = {
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = CHILD_STATUS_FD, .events = 0 }	/* POLLERR: no reader */
	};

	while (!reap(s)) {
		if (s->main == 0)
			begin_end(s);
		poll(p, 2, wait_time(s));
		take_signals(s);
		if (p[1].revents != 0) {
			p[1].fd = -1;
			begin_end(s);
		}
		if (s->phase == TERM && clock_mono_ms() >= s->kill_at)
			s->phase = KILL;
		if (s->phase == KILL)
			signal_all(SIGKILL);
	}
}

/* -- begin and end -- */

static void
open_signals(struct supervisor *s)
{
	sigset_t	set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		die(EXIT_SYSTEM, "signalfd: %s", strerror(errno));
}

/* Our own standard descriptors would keep the pipes from ending. */
static void
close_output(void)
{
	int	fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static _Noreturn void
proc_child(char **argv)
{
	struct supervisor	s = { .phase = RUN };
	char			text[CHILD_STATUS_SIZE];
	pid_t			self = getpid();
	int			n;

	if (fcntl(CHILD_STATUS_FD, F_SETFD, FD_CLOEXEC) < 0)
		die(EXIT_USAGE, "-P child: for our own use");
	prctl(PR_SET_NAME, "muster-child");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die(EXIT_SYSTEM, "cannot become a reaper: %s",
		    strerror(errno));
	open_signals(&s);
	s.main = fork();
	if (s.main < 0)
		die(EXIT_SYSTEM, "fork: %s", strerror(errno));
	if (s.main == 0) {
		signal(SIGPIPE, SIG_DFL);
		command(argv, self);
	}
	close_output();
	watch(&s);
	n = snprintf(text, sizeof(text), CHILD_STATUS_FORMAT, s.code, s.sig);
	if (write(CHILD_STATUS_FD, text, (size_t)n) < 0)
		exit(EXIT_SYSTEM);	/* nobody reads it: no parent */
	exit(s.sig != 0 ? 128 + s.sig : s.code);
}

void
child_role(int argc, char **argv)
{
	if (argc < 3 || strcmp(argv[1], "-P") != 0
	    || strcmp(argv[2], "child") != 0)
		return;
	if (argc <= CHILD_ARG_COMMAND)
		die(EXIT_USAGE, "-P child: for our own use");
	proc_child(argv);
}

#endif
