/* A confined process: what it can do still, and what no longer. */
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <netinet/in.h>

#include "../../agent/confine_landlock.c"
#include "../../agent/confine_linux.c"
#include "../../agent/confine_seccomp.c"
#include "file.h"
#include "tap.h"

/* Runs what() confined, in a child: its exit code. */
static int
confined(uint64_t caps, const char *dir, int (*what)(const char *))
{
	char	*without, *why;
	int	 status;
	pid_t	 pid = fork();

	if (pid == 0) {
		if (confine(caps, dir, 0, &without, &why) < 0) {
			printf("# %s\n", why);
			fflush(stdout);
			_exit(99);
		}
		if (without != NULL)
			printf("# without %s\n", without);
		fflush(stdout);
		_exit(what(dir));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 +
	    WTERMSIG(status);
}

static int
has_caps(const char *dir)
{
	(void)dir;
	return confine_has() == CONFINE_NET_ADMIN ? 0 : 1;
}

static int
has_none(const char *dir)
{
	(void)dir;
	return confine_has() == 0 &&
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
}

static int
writes_below(const char *dir)
{
	char	*path = file_join(dir, "x");

	return file_write(path, "x", 1, 0600) == 0 &&
	    unlink(path) == 0 ? 0 : 1;
}

static int
writes_elsewhere(const char *dir)
{
	char	*path = xasprintf("%s-not", dir);

	return open(path, O_WRONLY | O_CREAT, 0600) < 0 &&
	    (errno == EACCES || errno == EROFS) ? 0 : 1;
}

static int
reads(const char *dir)
{
	(void)dir;
	return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : 1;
}

static int
executes(const char *dir)
{
	char	name[] = "/bin/true", *argv[] = { name, NULL };

	(void)dir;
	execv(name, argv);
	return errno == EPERM ? 0 : 1;
}

static int
refuses(const char *dir)
{
	union bpf_attr	a;
	int		sv[2];

	(void)dir;
	memset(&a, 0, sizeof(a));
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 || errno != EPERM)
		return 1;
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		return 2;
	if (mount("none", "/mnt", "tmpfs", 0, "") == 0 || errno != EPERM)
		return 3;
	if (syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a)) >= 0 ||
	    errno != EACCES)
		return 4;
	if (syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &a, sizeof(a)) >= 0 ||
	    errno == EACCES)
		return 5;		/* which a running module needs */
	if (syscall(425, 1, NULL) >= 0 || errno != EPERM)
		return 6;		/* io_uring_setup */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
		return 7;
	return 0;
}

static void *
thread(void *arg)
{
	return arg;
}

static int
goes_on(const char *dir)
{
	pthread_t	t;
	int		status;
	pid_t		pid;

	(void)dir;
	if (pthread_create(&t, NULL, thread, NULL) != 0 ||
	    pthread_join(t, NULL) != 0)
		return 1;
	if ((pid = fork()) == 0)
		_exit(0);
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 2;
}

static int
connects(const char *dir)
{
	struct sockaddr_in	a = { .sin_family = AF_INET,
		.sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)dir;
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 &&
	    errno == EACCES ? 0 : 1;
}

static int
landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    CREATE_VERSION);
}

int
main(void)
{
	char	dir[] = "/tmp/muster-confine-XXXXXX";
	int	abi = landlock_abi();

	if (mkdtemp(dir) == NULL)
		return 1;
	is_str("capabilities have names", confine_cap_name(39), "CAP_BPF");
	is_int("none stays", confined(0, dir, has_none), 0);
	if (geteuid() == 0)
		is_int("what is asked for stays", confined(CONFINE_NET_ADMIN,
		    dir, has_caps), 0);
	is_int("files are read", confined(0, dir, reads), 0);
	is_int("and written below the directory", confined(0, dir,
	    writes_below), 0);
	if (abi > 0)
		is_int("but not elsewhere", confined(0, dir,
		    writes_elsewhere), 0);
	if (abi >= 4)
		is_int("TCP goes nowhere", confined(0, dir, connects), 0);
	is_int("no program is started", confined(0, dir, executes), 0);
	is_int("calls that no module needs are refused", confined(0, dir,
	    refuses), 0);
	is_int("threads and processes are not", confined(0, dir, goes_on), 0);
	rmdir(dir);
	return done();
}
