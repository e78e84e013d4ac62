/*
 * Linux: systemd, sysv init, runit, s6 and cron, each for root and, where it
 * can, for a user.  The unit and the init script are those of the package.
 * A file for each kind; here is what they share, and the table of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autostart.h"
#include "autostart_linux.h"
#include "buf.h"
#include "file.h"
#include "log.h"
#include "platform.h"

/* -- commands of the system -- */

int
autostart_run(const char *const *argv)
{
	pid_t	pid = fork();
	int	status, null;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return -ENOENT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int
autostart_is_dir(const char *path)
{
	struct stat	st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int
in_path(const char *name)
{
	return RUN("/bin/sh", "-c", "command -v -- \"$0\" >/dev/null", name)
	    == 0;
}

int
autostart_link(struct autostart *s, const char *path, const char *target)
{
	int	rc = autostart_made(s, MADE_FILE, path);

	if (rc < 0)
		return rc;
	unlink(path);
	return symlink(target, path) < 0 ? -errno : 0;
}

void
autostart_replace(struct buf *b, const char *line, size_t n, const char *what,
    const char *with)
{
	const char	*p, *end = line + n;

	while ((p = memmem(line, (size_t)(end - line), what, strlen(what))) !=
	    NULL) {
		buf_add(b, line, (size_t)(p - line));
		buf_adds(b, with);
		line = p + strlen(what);
	}
	buf_add(b, line, (size_t)(end - line));
}

/* -- an update that was cut short -- */

char **
autostart_mend(const struct autostart *s)
{
	const char	*slash = strrchr(s->argv[0], '/');
	char		*updater = xasprintf("%.*s/muster-updater",
			    (int)(slash - s->argv[0]), s->argv[0]);
	const char	*words[] = { updater, "--recover", "--no-start",
			    "--state-dir", s->state_dir, "--run-dir",
			    s->run_dir, "--log-dir", s->log_dir };
	char		**argv = NULL;
	size_t		 i;

	if (access(updater, X_OK) == 0) {
		argv = xcalloc(nitems(words) + 1, sizeof(*argv));
		for (i = 0; i < nitems(words); i++)
			argv[i] = xstrdup(words[i]);
	}
	free(updater);
	return argv;
}

void
autostart_mend_free(char **words)
{
	char	**p;

	for (p = words; p != NULL && *p != NULL; p++)
		free(*p);
	free(words);
}

char *
autostart_mend_line(const struct autostart *s)
{
	char	**words = autostart_mend(s), *quoted, *line;

	if (words == NULL)
		return xstrdup("");
	quoted = autostart_quoted(words);
	line = xasprintf("%s || :; ", quoted);
	free(quoted);
	autostart_mend_free(words);
	return line;
}

/* -- the table -- */

static const struct kind {
	const char	*name;
	int		(*make)(struct autostart *, char **);
	int		(*let_go)(struct autostart *, char **);
	int		(*unmake)(struct autostart *, char **);
} kinds[] = {
	{ "systemd", systemd_make, NULL, systemd_unmake },
	{ "sysv", sysv_make, sysv_let_go, sysv_unmake },
	{ "runit", service_make, service_let_go, NULL },
	{ "s6", service_make, service_let_go, NULL },
	{ "cron", cron_make, NULL, NULL },
};

static const struct kind *
find_kind(const char *name)
{
	size_t	i;

	for (i = 0; i < nitems(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static const char *
found_kind(void)
{
	char	*user = xasprintf("/run/user/%lld/systemd",
		    (long long)platform_uid());
	int	 has_user = autostart_is_dir(user);

	free(user);
	if (!platform_is_admin())
		return has_user ? "systemd" : in_path("crontab") ? "cron" :
		    NULL;
	if (autostart_is_dir("/run/systemd/system"))
		return "systemd";
	if (autostart_is_dir("/run/runit") || access("/run/runit.stopit", F_OK) == 0)
		return "runit";
	if (autostart_is_dir("/run/service/.s6-svscan"))
		return "s6";
	if (autostart_is_dir("/etc/init.d") &&
	    (in_path("update-rc.d") || in_path("chkconfig")))
		return "sysv";
	return autostart_is_dir("/etc/cron.d") ? "cron" : NULL;
}

const char *
autostart_kind(const struct autostart *s, const char *asked, char **why)
{
	const struct kind	*k;

	(void)s;
	if (asked == NULL && (asked = found_kind()) == NULL) {
		*why = xstrdup("nothing here that would start an agent;"
		    " --init-system says what there is");
		return NULL;
	}
	if ((k = find_kind(asked)) == NULL)
		*why = xasprintf("%s: must be systemd, sysv, runit, s6 or"
		    " cron", asked);
	else if (k->make == sysv_make && !platform_is_admin()) {
		*why = xstrdup("sysv: for root alone; cron can do it for a"
		    " user");
		k = NULL;
	}
	return k != NULL ? k->name : NULL;
}

int
autostart_make(struct autostart *s, char **why)
{
	return find_kind(s->kind)->make(s, why);
}

int
autostart_let_go(struct autostart *s, char **why)
{
	const struct kind	*k = find_kind(s->kind);

	return k != NULL && k->let_go != NULL ? k->let_go(s, why) : 0;
}

int
autostart_unmake(struct autostart *s, const char *path, char **why)
{
	const struct kind	*k = find_kind(s->kind);

	if (path == NULL)
		return k != NULL && k->unmake != NULL ? k->unmake(s, why) : 0;
	if (cron_remove(s) < 0) {
		*why = xstrdup("crontab: cannot be changed");
		return -EIO;
	}
	return 0;
}

int
autostart_is_there(struct autostart *s, const char *path)
{
	(void)path;			/* the crontab, the one such thing */
	return cron_is_there(s);
}
