/* platform.h against what the system says by other ways. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "platform.h"
#include "tap.h"

static char	dir[] = "/tmp/muster-platform.XXXXXX";

/* A command's first line of output. */
static char *
output_of(const char *command)
{
	static char	line[512];
	FILE		*f = popen(command, "r");

	line[0] = '\0';
	if (f == NULL)
		return line;
	if (fgets(line, sizeof(line), f) != NULL)
		line[strcspn(line, "\n")] = '\0';
	pclose(f);
	return line;
}

static int64_t
number_of(const char *command)
{
	return strtoll(output_of(command), NULL, 10);
}

/* Whether b lies between two readings a and c that were taken around it. */
static int
between(int64_t a, int64_t b, int64_t c)
{
	if (a <= b && b <= c)
		return 1;
	printf("# %lld not in [%lld, %lld]\n", (long long)b, (long long)a,
	    (long long)c);
	return 0;
}

static int
near(int64_t got, int64_t want, int64_t by)
{
	return between(want - by, got, want + by);
}

static void
dir_is(const char *title, const char *which, const char *want)
{
	char	*got = platform_dir(which);

	is_str(title, got, want);
	free(got);
}

static void
test_dirs_as_user(void)
{
	setenv("HOME", "/home/u", 1);
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	setenv("XDG_CONFIG_HOME", "relative", 1);
	dir_is("state below HOME", "state", "/home/u/.local/state/muster");
	dir_is("run below state without a session", "run",
	    "/home/u/.local/state/muster/run");
	dir_is("log below HOME", "log", "/home/u/.local/state/muster/log");
	dir_is("a relative XDG variable is ignored", "config",
	    "/home/u/.config/muster");
	setenv("XDG_STATE_HOME", "/x/state", 1);
	setenv("XDG_RUNTIME_DIR", "/x/run", 1);
	setenv("XDG_CONFIG_HOME", "/x/conf", 1);
	dir_is("XDG_STATE_HOME", "state", "/x/state/muster");
	dir_is("XDG_RUNTIME_DIR", "run", "/x/run/muster");
	dir_is("log in XDG_STATE_HOME", "log", "/x/state/muster/log");
	dir_is("XDG_CONFIG_HOME", "config", "/x/conf/muster");
	ok("not an administrator", !platform_is_admin());
}

static void
test_dirs(void)
{
	if (!platform_is_admin()) {
		test_dirs_as_user();
		return;
	}
	dir_is("root's state", "state", "/var/lib/muster");
	dir_is("root's run", "run", "/run/muster");
	dir_is("root's log", "log", "/var/log/muster");
	dir_is("root's configuration", "config", "/etc/muster");
	ok("another user: seteuid", seteuid(65534) == 0);
	test_dirs_as_user();
	ok("root again", seteuid(0) == 0);
}

static int
mode_of(const char *path)
{
	struct stat	st;

	return stat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void
test_private_dir(void)
{
	char	*p = xasprintf("%s/a/b", dir), *l = xasprintf("%s/l", dir);
	char	*f = xasprintf("%s/f", dir), *s = xasprintf("%s/l/", dir);

	is_int("made with those above it", platform_private_dir(p), 0);
	is_int("mode 0700", mode_of(p), 0700);
	ok("opened to all", chmod(p, 0755) == 0);
	is_int("made private again", platform_private_dir(p), 0);
	is_int("mode 0700 again", mode_of(p), 0700);
	ok("a symbolic link to it", symlink(p, l) == 0);
	is_int("a link is refused", platform_private_dir(l), -ENOTDIR);
	is_int("a link with a slash too", platform_private_dir(s), -ENOTDIR);
	ok("a file", close(open(f, O_CREAT | O_WRONLY, 0644)) == 0);
	ok("a file is refused", platform_private_dir(f) < 0);
	is_int("its mode stays", mode_of(f), 0644);
	if (platform_is_admin()) {
		ok("given away", chown(p, 65534, 65534) == 0);
		is_int("another's is refused", platform_private_dir(p),
		    -EPERM);
	}
	free(p);
	free(l);
	free(f);
	free(s);
}

static void
test_identity(void)
{
	char		 id[40] = "", boot[40], name[200], small[8];
	const char	*want;
	int		 rc = platform_machine_id(id, sizeof(id));

	want = output_of("cat /etc/machine-id /var/lib/dbus/machine-id "
	    "2>/dev/null | grep -xE '[0-9a-f]{32}'");
	if (*want != '\0') {
		is_int("machine id read", rc, 0);
		is_str("machine id", id, want);
		is_int("too small a place for it",
		    platform_machine_id(small, sizeof(small)), -ERANGE);
	} else
		is_int("no machine id", rc, -ENOENT);
	platform_boot_id(boot);
	is_str("boot id", boot,
	    output_of("cat /proc/sys/kernel/random/boot_id"));
	is_int("name of the system", platform_os_name(name, sizeof(name)), 0);
	is_str("as os-release and uname have it", name,
	    output_of("(. /etc/os-release; printf '%s, ' \"$PRETTY_NAME\") "
	    "2>/dev/null; echo \"$(uname -s) $(uname -r)\""));
	is_str("architecture", platform_arch,
	    output_of("uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/'"));
	is_int("uid", platform_uid(), geteuid());
}

/* Field 22 counted from behind: a stat line has 52 fields. */
static int64_t
start_of(int pid)
{
	char	*command = xasprintf("awk '{print $(NF-30)}' /proc/%d/stat",
		    pid);
	int64_t	 start = number_of(command);

	free(command);
	return start;
}

static void
test_process_start(void)
{
	char		*strange = xasprintf("%s/a) R 1 (b c", dir);
	char		*copy = xasprintf("cp /bin/sleep '%s'", strange);
	char		*comm;
	siginfo_t	 info;
	pid_t		 pid;

	is_int("own start", platform_process_start(getpid()),
	    start_of(getpid()));
	ok("started since the boot", platform_process_start(getpid()) > 0);
	is_int("no process 0", platform_process_start(0), 0);
	is_int("no process -1", platform_process_start(-1), 0);
	is_int("no process 2^40", platform_process_start(1LL << 40), 0);
	ok("a program with a mean name", system(copy) == 0);
	if ((pid = fork()) == 0) {
		execl(strange, strange, "60", (char *)NULL);
		_exit(127);
	}
	comm = xasprintf("cat /proc/%d/comm", pid);
	while (strcmp(output_of(comm), "a) R 1 (b c") != 0)
		usleep(1000);
	is_int("its start", platform_process_start(pid), start_of(pid));
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	is_int("a zombie is no process", platform_process_start(pid), 0);
	waitpid(pid, NULL, 0);
	is_int("a reaped one neither", platform_process_start(pid), 0);
	free(strange);
	free(copy);
	free(comm);
}

static void
test_peer_cred(void)
{
	int64_t	uid = -7, pid = -7;
	int	fds[2], tcp = socket(AF_INET, SOCK_STREAM, 0);

	ok("a pair of sockets",
	    socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	is_int("peer read", platform_peer_cred(fds[0], &uid, &pid), 0);
	is_int("peer's uid", uid, geteuid());
	is_int("peer's pid", pid, getpid());
	is_int("TCP has none", platform_peer_cred(tcp, &uid, &pid), -ENOTSUP);
	is_int("a closed descriptor", platform_peer_cred(-1, &uid, &pid),
	    -EBADF);
	close(fds[0]);
	close(fds[1]);
	close(tcp);
}

/* Refused first, says so with a byte, then waits; 0 when it went so. */
static int
wait_for_lock(const char *path, int tell)
{
	int	fd = open(path, O_RDWR);

	if (platform_lock(fd, 0, 0) != -EWOULDBLOCK || write(tell, "w", 1) != 1)
		return 1;
	return platform_lock(fd, 0, 1) == 0 ? 0 : 2;
}

static void
test_lock(void)
{
	char	*path = xasprintf("%s/lock", dir), byte;
	int	 a = open(path, O_RDWR | O_CREAT, 0600), status = -1;
	int	 b = open(path, O_RDWR), c, tell[2];
	pid_t	 pid;

	is_int("free", platform_lock_held(a), 0);
	is_int("taken", platform_lock(a, 0, 0), 0);
	is_int("again by its owner", platform_lock(a, 0, 0), 0);
	is_int("its owner is not refused", platform_lock_held(a), 0);
	is_int("held, seen by another", platform_lock_held(b), 1);
	is_int("another is refused", platform_lock(b, 0, 0), -EWOULDBLOCK);
	is_int("another reader too", platform_lock(b, 1, 0), -EWOULDBLOCK);
	close(c = open(path, O_RDWR));
	is_int("closing a third one frees nothing", platform_lock_held(b), 1);
	ok("a pipe", pipe(tell) == 0);
	if ((pid = fork()) == 0) {
		close(a);
		_exit(wait_for_lock(path, tell[1]));
	}
	ok("another process is refused and waits",
	    read(tell[0], &byte, 1) == 1);
	close(a);
	waitpid(pid, &status, 0);
	is_int("a waiter gets it", status, 0);
	is_int("free when the holder is gone", platform_lock_held(b), 0);
	a = open(path, O_RDWR);
	is_int("shared", platform_lock(a, 1, 0), 0);
	is_int("shared by two", platform_lock(b, 1, 0), 0);
	is_int("no writer beside readers", platform_lock(a, 0, 0),
	    -EWOULDBLOCK);
	close(a);
	close(b);
	free(path);
}

static int64_t
sum_jiffies(void)
{
	return number_of("awk '/^cpu /{for(i=2;i<=9;i++)s+=$i; "
	    "printf \"%.0f\\n\", s}' /proc/stat");
}

#define NET(field)							\
	"sed 's/:/ /' /proc/net/dev | awk 'NR>2&&$1!=\"lo\"{s+=$" field \
	"} END{printf \"%.0f\\n\", s}'"
#define DISK(field)							\
	"for d in /sys/block/*; do [ ! -e $d/device ] || cat $d/stat; done |" \
	" awk '{s+=$" field "} END{printf \"%.0f\\n\", s*512}'"

static void
test_counters(void)
{
	struct platform_sample	s;
	int64_t			cpu = sum_jiffies(), in = number_of(NET("2"));
	int64_t			out = number_of(NET("10"));
	int64_t			rd = number_of(DISK("3")), wr;

	wr = number_of(DISK("7"));
	is_int("sample", platform_sample(&s), 0);
	ok("cpu ticks", between(cpu, s.cpu_total, sum_jiffies()));
	ok("they are the sum of their parts", near(s.cpu_user + s.cpu_system +
	    s.cpu_idle + s.cpu_iowait + s.cpu_steal, s.cpu_total, 0));
	is_int("cpus", s.cpus, sysconf(_SC_NPROCESSORS_ONLN));
	ok("bytes received",
	    between(in, s.net_received, number_of(NET("2"))));
	ok("bytes sent", between(out, s.net_sent, number_of(NET("10"))));
	ok("bytes read", between(rd, s.disk_read, number_of(DISK("3"))));
	ok("bytes written", between(wr, s.disk_written, number_of(DISK("7"))));
}

static void
test_present_values(void)
{
	struct platform_sample	s;
	struct sysinfo		i;
	struct timespec		t;
	double			load[3];
	int64_t			processes;

	processes = number_of("ls /proc | grep -c '^[0-9]'");
	platform_sample(&s);
	sysinfo(&i);
	getloadavg(load, 3);
	clock_gettime(CLOCK_BOOTTIME, &t);
	is_int("memory", s.mem_total, i.totalram * i.mem_unit);
	ok("available memory", s.mem_available > 0 &&
	    s.mem_available <= s.mem_total);
	ok("available memory as the kernel has it", near(s.mem_available,
	    number_of("awk '/^MemAvailable/{printf \"%.0f\\n\", $2 * 1024}' "
	    "/proc/meminfo"), 64 << 20));
	is_int("swap", s.swap_total, i.totalswap * i.mem_unit);
	ok("free swap", near(s.swap_free, (int64_t)(i.freeswap * i.mem_unit),
	    16 << 20));
	ok("load", fabs(s.load[0] - load[0]) < 0.5 &&
	    fabs(s.load[1] - load[1]) < 0.3 &&
	    fabs(s.load[2] - load[2]) < 0.3);
	ok("uptime", near(s.uptime_s, t.tv_sec, 1));
	ok("processes", near(s.processes, processes, 30));
	ok("root file system", near(s.disk_total,
	    number_of("df -B1 --output=size / | tail -n 1"), 0));
	ok("used of it", near(s.disk_used,
	    number_of("df -B1 --output=used / | tail -n 1"), 64 << 20));
	ok("free of it", near(s.disk_free,
	    number_of("df -B1 --output=avail / | tail -n 1"), 64 << 20));
	if (access("/proc/pressure/cpu", R_OK) == 0)
		ok("pressure", s.pressure_cpu >= 0 && s.pressure_memory >= 0 &&
		    s.pressure_io >= 0 && s.pressure_cpu <= 100);
}

static void
test_self(void)
{
	struct platform_sample	 s, later;
	size_t			 n = 32 << 20;
	volatile char		*p;
	clock_t			 until;

	platform_sample(&s);
	p = memset(xmalloc(n), 1, n);
	for (until = clock() + CLOCKS_PER_SEC / 10; clock() < until; )
		p[0]++;
	platform_sample(&later);
	ok("own memory grows by what was taken",
	    near(later.self_rss - s.self_rss, (int64_t)n, 16 << 20));
	ok("own time grows by what was burnt",
	    later.self_cpu_us - s.self_cpu_us >= 100000 &&
	    near(later.self_cpu_us, (int64_t)(clock() * 1000000 /
	    CLOCKS_PER_SEC), 20000));
	free((void *)(uintptr_t)p);
}

static int
open_files(void)
{
	DIR	*d = opendir("/proc/self/fd");
	int	 n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
test_cost(void)
{
	struct platform_sample	s;
	int			i, files = open_files();
	struct timespec		a, b;
	void			*top = sbrk(0);
	int64_t			us;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < 100; i++)
		platform_sample(&s);
	clock_gettime(CLOCK_MONOTONIC, &b);
	us = ((b.tv_sec - a.tv_sec) * 1000000 +
	    (b.tv_nsec - a.tv_nsec) / 1000) / 100;
	printf("# %lld us a sample\n", (long long)us);
	is_int("no descriptor is left open", open_files(), files);
	ok("the heap does not grow", sbrk(0) == top);
}

int
main(void)
{
	char	*clean;

	if (mkdtemp(dir) == NULL)
		return 111;
	chmod(dir, 0755);
	test_dirs();
	test_private_dir();
	test_identity();
	test_process_start();
	test_peer_cred();
	test_lock();
	test_counters();
	test_present_values();
	test_self();
	test_cost();
	clean = xasprintf("rm -rf '%s'", dir);
	ok("cleaned up", system(clean) == 0);
	free(clean);
	return done();
}
