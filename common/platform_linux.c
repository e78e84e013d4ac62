/* Linux: XDG directories, what /proc and /etc tell of the machine and of
 * processes, the program and its unit. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "platform.h"

const char	platform_os[] = "linux";

enum {
	SMALL_FILE	= 4096	/* os-release, /proc/PID/stat and such */
};

/* -- where things live -- */

static const struct place {
	const char	*which, *root;	/* root's directory */
	const char	*var;		/* the XDG variable, */
	const char	*home;		/* what stands for it below $HOME, */
	const char	*tail;		/* and the rest */
} places[] = {
	{ "state", "/var/lib/muster", "XDG_STATE_HOME", ".local/state",
	    "muster" },
	{ "run", "/run/muster", "XDG_RUNTIME_DIR", NULL, "muster" },
	{ "log", "/var/log/muster", "XDG_STATE_HOME", ".local/state",
	    "muster/log" },
	{ "config", "/etc/muster", "XDG_CONFIG_HOME", ".config", "muster" }
};

static char *
home_dir(void)
{
	const char	*home = getenv("HOME");
	struct passwd	 pw, *found = NULL;
	char		 text[1024];

	if (home != NULL && home[0] == '/')
		return xstrdup(home);
	if (getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) == 0 &&
	    found != NULL)
		return xstrdup(pw.pw_dir);
	return xstrdup("/");
}

char *
platform_dir(const char *which)
{
	const struct place	*p = places;
	const char		*base;
	char			*home, *dir;

	while (strcmp(p->which, which) != 0)
		if (++p == places + nitems(places))
			die(EXIT_BUG, "platform_dir: %s", which);
	if (platform_is_admin())
		return xstrdup(p->root);
	/* The XDG specification has relative paths ignored. */
	if ((base = getenv(p->var)) != NULL && base[0] == '/')
		return xasprintf("%s/%s", base, p->tail);
	if (p->home == NULL) {		/* no session made a run directory */
		home = platform_dir("state");
		dir = xasprintf("%s/run", home);
	} else {
		home = home_dir();
		dir = xasprintf("%s/%s/%s", home, p->home, p->tail);
	}
	free(home);
	return dir;
}

/* -- who we are -- */

/* A small file as a string without the newline at its end. */
static int
read_small(const char *path, char *out, size_t n)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t	got;

	if (fd < 0)
		return -errno;
	got = read(fd, out, n - 1);
	close(fd);
	if (got < 0)
		return -errno;
	if (got > 0 && out[got - 1] == '\n')
		got--;
	out[got] = '\0';
	return 0;
}

int
platform_machine_id(char *out, size_t n)
{
	static const char *const paths[] = {
		"/etc/machine-id", "/var/lib/dbus/machine-id"
	};
	char	text[64] = "";
	size_t	i;

	for (i = 0; i < nitems(paths); i++) {
		if (read_small(paths[i], text, sizeof(text)) < 0)
			continue;
		/* Not yet set at a first boot: empty or "uninitialized". */
		if (strspn(text, "0123456789abcdef") != 32 || text[32] != '\0')
			continue;
		return snprintf(out, n, "%s", text) < (int)n ? 0 : -ERANGE;
	}
	return -ENOENT;
}

/* The value of a line KEY=value or KEY="value" in text, cut out in place. */
static char *
shell_value(char *text, const char *key)
{
	size_t	 n = strlen(key);
	char	*line, *next = NULL;

	for (line = strtok_r(text, "\n", &next); line != NULL;
	    line = strtok_r(NULL, "\n", &next)) {
		if (strncmp(line, key, n) != 0 || line[n] != '=')
			continue;
		line += n + 1;
		n = strlen(line);
		if (n > 1 && (*line == '"' || *line == '\'') &&
		    line[n - 1] == *line) {
			line[n - 1] = '\0';
			line++;
		}
		return line;
	}
	return NULL;
}

int
platform_os_name(char *out, size_t n)
{
	char		 text[SMALL_FILE], *name = NULL;
	struct utsname	 u;

	if (uname(&u) < 0)
		return -errno;
	if (read_small("/etc/os-release", text, sizeof(text)) == 0 ||
	    read_small("/usr/lib/os-release", text, sizeof(text)) == 0)
		name = shell_value(text, "PRETTY_NAME");
	snprintf(out, n, "%s%s%s %s", name ? name : "", name ? ", " : "",
	    u.sysname, u.release);
	return 0;
}

void
platform_boot_id(char out[40])
{
	if (read_small("/proc/sys/kernel/random/boot_id", out, 40) < 0)
		out[0] = '\0';
}

/*
 * Field 22 of /proc/PID/stat.  The name, field 2, stands in parentheses and
 * may hold spaces and parentheses itself: fields are counted from the last.
 */
int64_t
platform_process_start(int64_t pid)
{
	char	 path[48], text[SMALL_FILE], *p;
	int64_t	 start;
	int	 field;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	if (pid <= 0 || read_small(path, text, sizeof(text)) < 0)
		return 0;
	if ((p = strrchr(text, ')')) == NULL || p[1] != ' ' ||
	    strchr("ZXx", p[2]) != NULL)
		return 0;
	p += 2;
	for (field = 3; field < 22; field++)
		if ((p = strchr(p, ' ')) == NULL)
			return 0;
		else
			p++;
	/* The first processes of a boot may have started in tick 0. */
	start = strtoll(p, NULL, 10);
	return start > 0 ? start : 1;
}

void
platform_become_part(const char *name)
{
	char	shown[16];

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(shown, sizeof(shown), "m-%s", name);
	prctl(PR_SET_NAME, shown);
}

void
platform_limit_memory(int64_t bytes)
{
	struct rlimit	r = { (rlim_t)bytes, (rlim_t)bytes };

#ifndef __SANITIZE_ADDRESS__	/* whose own memory would count */
	setrlimit(RLIMIT_DATA, &r);
#endif
	r.rlim_cur = r.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &r);
}

/* Fields 14 and 15 are ticks, 24 is pages. */
int
platform_process_cost(int64_t pid, int64_t *cpu_us, int64_t *rss)
{
	char	 path[48], text[SMALL_FILE], *p;
	int64_t	 v[25] = { 0 };
	int	 field;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	if (pid <= 0 || read_small(path, text, sizeof(text)) < 0)
		return -ESRCH;
	if ((p = strrchr(text, ')')) == NULL || p[1] != ' ')
		return -EBADMSG;
	p += 3;
	for (field = 4; field <= 24; field++)
		v[field] = strtoll(p, &p, 10);
	*cpu_us = (v[14] + v[15]) * 1000000 / sysconf(_SC_CLK_TCK);
	*rss = v[24] * sysconf(_SC_PAGESIZE);
	return 0;
}

int
platform_self_path(char *out, size_t n)
{
	return (size_t)snprintf(out, n, "/proc/self/exe") < n ? 0 : -ENOBUFS;
}

/* -- the program and its service -- */

char *
platform_program(void)
{
	static const char	gone[] = " (deleted)";
	char			path[PATH_MAX];
	size_t			n = sizeof(path), m = strlen(gone);

	if (uv_exepath(path, &n) < 0)
		return NULL;
	if (n > m && strcmp(path + n - m, gone) == 0)
		path[n - m] = '\0';
	return xstrdup(path);
}

/* INVOCATION_ID is passed on to children, so the cgroup has to agree. */
char *
platform_unit(int *user)
{
	struct buf	 b = BUF_INIT;
	char		*unit = NULL, *line, *end, *name;

	*user = 0;
	if (getenv("INVOCATION_ID") == NULL ||
	    file_read("/proc/self/cgroup", 65536, &b) < 0)
		goto out;
	if ((line = strstr(buf_str(&b), "0::/")) == NULL)
		goto out;
	if ((end = strchr(line, '\n')) != NULL)
		*end = '\0';
	name = strrchr(line, '/') + 1;
	*user = strstr(line, "/user@") != NULL;
	if (strlen(name) > strlen(".service") && strcmp(name + strlen(name) -
	    strlen(".service"), ".service") == 0 &&
	    strncmp(name, "user@", 5) != 0)
		unit = xstrdup(name);
out:
	buf_release(&b);
	return unit;
}
