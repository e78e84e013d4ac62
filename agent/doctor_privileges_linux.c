/*
 * Each privilege that some part of the agent has a use for, tried by doing
 * what it is for: the doctor's own, as whoever runs it.  What the running
 * agent has, it says itself: muster-agent status.
 */
#include <linux/bpf.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "buf.h"
#include "confine.h"
#include "doctor.h"
#include "log.h"
#include "platform.h"
#include "privileges.h"
#include "settings.h"

#ifndef FAN_REPORT_DFID_NAME
#define FAN_REPORT_DFID_NAME	0xc00
#endif

/* A directory to try with: that of the state, once there is one. */
static const char *
state_dir(const struct doctor *d)
{
	const char	*dir = settings_state_dir(d->config->settings);

	return access(dir, X_OK) == 0 ? dir : "/";
}

/* -- the tries: 0 or -errno, -ENOTSUP where it cannot be tried here -- */

static int
bpf(int cmd, union bpf_attr *a)
{
	int	fd = (int)syscall(SYS_bpf, cmd, a, sizeof(*a));

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* A table of prefixes, as policy has them. */
static int
try_bpf(const struct doctor *d)
{
	union bpf_attr	a = { .map_type = BPF_MAP_TYPE_LPM_TRIE,
		.key_size = 8, .value_size = 8, .max_entries = 1,
		.map_flags = BPF_F_NO_PREALLOC };

	(void)d;
	return bpf(BPF_MAP_CREATE, &a);
}

static int
try_program(unsigned type)
{
	static const struct bpf_insn	none[] = {	/* r0 = 0; exit */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT }
	};
	static const char		licence[] = "GPL";
	union bpf_attr			a;

	memset(&a, 0, sizeof(a));
	a.prog_type = type;
	a.insn_cnt = nitems(none);
	a.insns = (uint64_t)(uintptr_t)none;
	a.license = (uint64_t)(uintptr_t)licence;
	return bpf(BPF_PROG_LOAD, &a);
}

static int
try_perfmon(const struct doctor *d)
{
	(void)d;
	return try_program(BPF_PROG_TYPE_RAW_TRACEPOINT);
}

static int
try_net_admin(const struct doctor *d)
{
	int	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n = 65536;
	int	rc = setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n,
		    sizeof(n)) < 0 ? -errno : 0;

	(void)d;
	close(fd);
	return rc;
}

static int
try_net_raw(const struct doctor *d)
{
	int	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int	rc = fd < 0 ? -errno : 0;

	(void)d;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A mark on a whole file system. */
static int
try_sys_admin(const struct doctor *d)
{
	int	fd, rc = 0;

	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC |
	    FAN_REPORT_DFID_NAME, O_RDONLY);
	if (fd < 0)
		return errno == ENOSYS || errno == EINVAL ? -ENOTSUP : -errno;
	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_DELETE |
	    FAN_ONDIR, AT_FDCWD, state_dir(d)) < 0)
		rc = errno == EPERM ? -EPERM : -ENOTSUP;
	close(fd);
	return rc;
}

static int
try_dac_read_search(const struct doctor *d)
{
	_Alignas(struct file_handle) unsigned char	room[
	    sizeof(struct file_handle) + MAX_HANDLE_SZ];
	struct file_handle	*h = (void *)room;
	int			 fd, mount, at, rc = 0;

	h->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, state_dir(d), h, &mount, 0) < 0)
		return errno == EOPNOTSUPP ? -ENOTSUP : -errno;
	at = open(state_dir(d), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if ((fd = open_by_handle_at(at, h, O_PATH | O_CLOEXEC)) < 0)
		rc = -errno;
	else
		close(fd);
	close(at);
	return rc;
}

/* The program of a process that nobody else may look into, which we make. */
static int
try_sys_ptrace(const struct doctor *d)
{
	char	exe[PATH_MAX], path[48], c = 0;
	int	fds[2], rc = 0;
	pid_t	pid;

	(void)d;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	if ((pid = fork()) == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		if (write(fds[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
	if (pid < 0 || read(fds[0], &c, 1) != 1 ||
	    readlink(path, exe, sizeof(exe)) < 0)
		rc = -errno;
	if (pid > 0 && kill(pid, SIGKILL) == 0)
		waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	return rc;
}

static int
try_updates(const struct doctor *d)
{
	char	*path = platform_program(), *slash;
	int	 rc = 0;

	(void)d;
	if (path != NULL && (slash = strrchr(path, '/')) != NULL &&
	    slash > path) {
		*slash = '\0';
		if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0)
			rc = -errno;
	}
	free(path);
	return rc;
}

static int
try_children(const struct doctor *d)
{
	enum { NOBODY = 65534 };
	int	status = 0;
	pid_t	pid = fork();

	(void)d;
	if (pid == 0) {
		if (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		    setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(errno);
		pause();
	}
	if (pid < 0)
		return -errno;
	while (usleep(1000), waitpid(pid, &status, WNOHANG) == 0)
		if (kill(pid, SIGTERM) < 0)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
}

/* -- the table, and who needs it -- */

static const struct try {
	uint64_t	caps;
	const char	*name;
	int		(*run)(const struct doctor *);
} tries[] = {
	{ CONFINE_BPF, "CAP_BPF", try_bpf },
	{ CONFINE_PERFMON, "CAP_PERFMON, CAP_BPF", try_perfmon },
	{ CONFINE_NET_ADMIN, "CAP_NET_ADMIN", try_net_admin },
	{ CONFINE_NET_RAW, "CAP_NET_RAW", try_net_raw },
	{ CONFINE_SYS_ADMIN, "CAP_SYS_ADMIN", try_sys_admin },
	{ CONFINE_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
	    try_dac_read_search },
	{ CONFINE_SYS_PTRACE, "CAP_SYS_PTRACE", try_sys_ptrace },
	{ CONFINE_CHOWN | CONFINE_DAC_OVERRIDE | CONFINE_FOWNER,
	    "CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER", try_updates },
	{ CONFINE_KILL | CONFINE_SETGID | CONFINE_SETUID,
	    "CAP_KILL, CAP_SETGID, CAP_SETUID", try_children },
};

static void
add_users(struct buf *b, uint64_t caps)
{
	const struct privilege_use	*u;
	const char			*comma = "";
	size_t				 i;

	for (i = 0; (u = privilege_use(i)) != NULL; i++)
		if (u->caps & caps) {
			buf_printf(b, "%s%s", comma, u->who);
			comma = ", ";
		}
}

/* All in one line: what works, what does not and for whom. */
enum doctor_verdict
doctor_privileges(struct doctor *d, char **what, char **mend)
{
	struct buf	good = BUF_INIT, bad = BUF_INIT;
	size_t		i;
	int		rc;

	for (i = 0; i < nitems(tries); i++) {
		if (!(privileges_wanted() & tries[i].caps))
			continue;
		rc = tries[i].run(d);
		if (rc == 0) {
			buf_printf(&good, "%s%s", good.len > 0 ? ", " : "",
			    tries[i].name);
		} else if (rc != -ENOTSUP) {
			buf_printf(&bad, "%s%s: %s (for ", bad.len > 0 ?
			    "; " : "", tries[i].name, errstr(rc));
			add_users(&bad, tries[i].caps);
			buf_addc(&bad, ')');
		}
	}
	if (bad.len == 0) {
		*what = xasprintf("tried: %s", buf_str(&good));
		buf_release(&good);
		buf_release(&bad);
		return DOCTOR_OK;
	}
	*what = buf_take(&bad);
	*mend = xstrdup("run the agent as root, or give it these in its unit"
	    " (AmbientCapabilities=); what lacks them works by its next best"
	    " source, or not");
	buf_release(&good);
	return DOCTOR_WARN;
}

/* Also when it counts no more, for then it is said why. */
enum doctor_verdict
doctor_memlock(struct doctor *d, char **what, char **mend)
{
	(void)d;
	if (!confine_memlock_counts()) {
		*what = xstrdup("no limit on this kernel for eBPF");
		return DOCTOR_OK;
	}
	*what = xstrdup("this kernel, older than 5.11, counts eBPF as locked"
	    " memory, of which there is little");
	*mend = xstrdup("LimitMEMLOCK=infinity in the unit, or ulimit -l"
	    " unlimited before the start");
	return DOCTOR_WARN;
}

/* In a child, which is lost for anything else. */
enum doctor_verdict
doctor_confine(struct doctor *d, char **what, char **mend)
{
	char	*without = NULL, *why = NULL, text[200] = "";
	int	 fds[2], rc;
	pid_t	 pid;
	ssize_t	 n;

	(void)mend;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return DOCTOR_SKIP;
	if ((pid = fork()) == 0) {
		rc = confine(0, state_dir(d), 0, &without, &why);
		n = write(fds[1], rc < 0 ? why : without != NULL ? without :
		    "", strlen(rc < 0 ? why : without != NULL ? without :
		    ""));
		_exit(n < 0 || rc < 0);
	}
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &rc, 0) < 0)
		return DOCTOR_SKIP;
	*what = rc != 0 ? xasprintf("modules cannot be confined, and do not"
	    " run: %s", text) : text[0] != '\0' ? xasprintf("modules are"
	    " confined without %s", text) : xstrdup("modules are confined by"
	    " no-new-privileges, landlock and seccomp");
	return rc != 0 ? DOCTOR_FAIL : text[0] != '\0' ? DOCTOR_WARN :
	    DOCTOR_OK;
}
