/*
 * Linux: systemd, sysv init, runit, s6 and cron, each for root and, where it
 * can, for a user.  The unit and the init script are those of the package.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autostart.h"
#include "buf.h"
#include "file.h"
#include "log.h"
#include "platform.h"

#define TEXT(name, path)						\
extern const char	name##_text[], name##_end[];			\
__asm__(".pushsection .rodata, \"a\", %progbits\n"			\
    "	.globl " #name "_text, " #name "_end\n"				\
    "	.hidden " #name "_text, " #name "_end\n"			\
    #name "_text:\n"							\
    "	.incbin \"" path "\"\n"						\
    #name "_end:\n"							\
    "	.byte 0\n"							\
    "	.popsection\n")

TEXT(unit, "scripts/package/linux/muster-agent.service");
TEXT(script, "scripts/package/linux/muster-agent.init");

/* -- commands of the system -- */

/* Runs it, its words unheard; 0, or -ENOENT where it is not there, or -EIO
 * where it fails. */
static int
run(const char *const *argv)
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

#define RUN(...)	run((const char *const []){ __VA_ARGS__, NULL })

static int
is_dir(const char *path)
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

/* A link that is noted before it is made; one that is there is replaced. */
static int
link_to(struct autostart *s, const char *path, const char *target)
{
	int	rc = autostart_made(s, MADE_FILE, path);

	if (rc < 0)
		return rc;
	unlink(path);
	return symlink(target, path) < 0 ? -errno : 0;
}

/* -- systemd -- */

static char *
unit_dir(void)
{
	char	*config, *dir;

	if (platform_is_admin())
		return xstrdup("/etc/systemd/system");
	config = platform_dir("config");	/* .../muster */
	*strrchr(config, '/') = '\0';
	dir = xasprintf("%s/systemd/user", config);
	free(config);
	return dir;
}

/* Words as systemd takes a command line apart. */
static void
add_words(struct buf *b, char *const *argv)
{
	const char	*p;

	for (; *argv != NULL; argv++) {
		buf_adds(b, " \"");
		for (p = *argv; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				buf_addc(b, '\\');
			else if (*p == '%' || *p == '$')
				buf_addc(b, *p);
			buf_addc(b, *p);
		}
		buf_addc(b, '"');
	}
}

static int
begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

static char *
make_unit(const struct autostart *s)
{
	struct buf	 b = BUF_INIT;
	int		 root = platform_is_admin();
	const char	*p, *end;

	for (p = unit_text; p < unit_end; p = end + 1) {
		end = strchr(p, '\n');
		if (begins(p, "ExecStart=")) {
			buf_adds(&b, "ExecStart=");
			add_words(&b, s->argv);
			buf_addc(&b, '\n');
		} else if ((!root || s->moved) && (begins(p, "State") ||
		    begins(p, "Logs") || begins(p, "Runtime"))) {
			continue;	/* the agent makes its own */
		} else if (!root && (begins(p, "Wants=") ||
		    begins(p, "After="))) {
			continue;	/* no such targets of a user */
		} else if (!root && begins(p, "Capability")) {
			continue;	/* which a user's manager cannot set */
		} else if (!root && begins(p, "WantedBy=")) {
			buf_adds(&b, "WantedBy=default.target\n");
		} else {
			buf_add(&b, p, (size_t)(end + 1 - p));
		}
	}
	return buf_take(&b);
}

static void
reload_systemd(void)
{
	if (platform_is_admin())
		RUN("systemctl", "daemon-reload");
	else
		RUN("systemctl", "--user", "daemon-reload");
}

/* The link is what systemctl enable makes, and needs nobody who listens. */
static int
make_systemd(struct autostart *s, char **why)
{
	const char	*wants = platform_is_admin() ? "multi-user" :
			    "default";
	char		*dir = unit_dir(), *text = make_unit(s);
	char		*unit = xasprintf("%s/%s.service", dir, s->name);
	char		*link = xasprintf("%s/%s.target.wants/%s.service",
			    dir, wants, s->name);
	char		*link_dir = xstrndup(link, (size_t)(strrchr(link, '/')
			    - link));
	int		 rc;

	if ((rc = file_mkdirs(link_dir, 0755)) == 0 &&
	    (rc = autostart_file(s, unit, text, 0644)) == 0)
		rc = link_to(s, link, unit);
	if (rc < 0)
		*why = xasprintf("%s: %s", unit, errstr(rc));
	else
		reload_systemd();
	if (rc == 0 && !platform_is_admin())
		log_info("autostart", "it starts at your login; loginctl"
		    " enable-linger makes that the boot");
	free(link_dir);
	free(link);
	free(unit);
	free(text);
	free(dir);
	return rc;
}

static int
unmake_systemd(struct autostart *s, char **why)
{
	(void)s, (void)why;
	reload_systemd();
	return 0;
}

/* -- sysv init -- */

/* Every occurrence. */
static void
add_replaced(struct buf *b, const char *line, size_t n, const char *what,
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

static char *
make_script(const struct autostart *s)
{
	char		*args = autostart_quoted(s->argv + 1);
	char		*exe = autostart_quoted((char *[]){ s->argv[0],
			    NULL });
	const struct {
		const char	*what, *with;
	} words[] = {
		{ "@BINDIR@/muster-agent", exe }, { "@ARGS@", args },
		{ "/var/lib/muster", s->state_dir },
		{ "/var/log/muster", s->log_dir },
		{ "/run/muster", s->run_dir },
		{ "muster-agent", s->name },
	};
	struct buf	 from = BUF_INIT, to = BUF_INIT;
	size_t		 i;

	buf_adds(&from, script_text);
	/* The name last, and not in what was put in before. */
	for (i = nitems(words); i-- > 0;) {
		buf_clear(&to);
		if (i == nitems(words) - 1) {
			add_replaced(&to, from.p, from.len,
			    "@BINDIR@/muster-agent", "@EXE@");
			buf_clear(&from);
			add_replaced(&from, to.p, to.len, words[i].what,
			    words[i].with);
			continue;
		}
		add_replaced(&to, from.p, from.len, i == 0 ? "@EXE@" :
		    words[i].what, words[i].with);
		buf_clear(&from);
		buf_add(&from, to.p, to.len);
	}
	buf_release(&to);
	free(args);
	free(exe);
	return buf_take(&from);
}

/* Which links there are to be is the LSB header's word; what update-rc.d or
 * chkconfig made of it is found by name. */
static void
note_rc_links(struct autostart *s)
{
	char	*pattern = xasprintf("/etc/rc[0-9S].d/[SK][0-9][0-9]%s",
		    s->name);
	glob_t	 g;
	size_t	 i;

	if (glob(pattern, 0, NULL, &g) == 0) {
		for (i = 0; i < g.gl_pathc; i++)
			autostart_made(s, MADE_FILE, g.gl_pathv[i]);
		globfree(&g);
	}
	free(pattern);
}

static int
make_sysv(struct autostart *s, char **why)
{
	char	*path = xasprintf("/etc/init.d/%s", s->name);
	char	*text = make_script(s);
	int	 rc = autostart_file(s, path, text, 0755);

	if (rc < 0) {
		*why = xasprintf("%s: %s", path, errstr(rc));
		goto out;
	}
	rc = RUN("update-rc.d", s->name, "defaults");
	if (rc == -ENOENT)
		rc = RUN("chkconfig", "--add", s->name);
	note_rc_links(s);
	if (rc < 0)
		*why = xasprintf("%s: no update-rc.d and no chkconfig that"
		    " registers it", path);
out:
	free(path);
	free(text);
	return rc;
}

/* The tools forget it; that needs the script to be there (chkconfig) or to
 * be gone (update-rc.d). */
static int
let_go_sysv(struct autostart *s, char **why)
{
	(void)why;
	note_rc_links(s);
	RUN("chkconfig", "--del", s->name);
	return 0;
}

static int
unmake_sysv(struct autostart *s, char **why)
{
	(void)why;
	RUN("update-rc.d", s->name, "remove");
	return 0;
}

/* -- runit and s6: a directory, and a link to it where they look -- */

static const char *
scan_dir(const struct autostart *s)
{
	static const char *const	runit[] = { "/etc/service",
		"/service", "/var/service" };
	static const char *const	s6[] = { "/run/service", "/service",
		"/etc/service" };
	const char *const		*dirs = strcmp(s->kind, "s6") == 0 ?
					    s6 : runit;
	size_t				 i;

	if (s->scan_dir != NULL)
		return s->scan_dir;
	for (i = 0; i < nitems(runit); i++)
		if (is_dir(dirs[i]))
			return dirs[i];
	return NULL;
}

static char *
service_dir(const struct autostart *s)
{
	return xasprintf("%s/service/%s", s->state_dir, s->name);
}

static int
make_service(struct autostart *s, char **why)
{
	const char	*scan = scan_dir(s);
	char		*dir = service_dir(s), *words, *text, *run_file;
	char		*link = NULL;
	int		 rc;

	words = autostart_quoted(s->argv);
	text = xasprintf("#!/bin/sh\nexec 2>&1\nexec %s\n", words);
	run_file = file_join(dir, "run");
	if (scan == NULL || !is_dir(scan)) {
		*why = xasprintf("%s: no directory that it looks at;"
		    " --service-dir says which", scan != NULL ? scan : s->kind);
		rc = -ENOENT;
		goto out;
	}
	link = file_join(scan, s->name);
	if ((rc = autostart_made(s, MADE_TREE, dir)) == 0 &&
	    (rc = file_mkdirs(dir, 0755)) == 0 &&
	    (rc = file_write(run_file, text, strlen(text), 0755)) == 0)
		rc = link_to(s, link, dir);
	if (rc < 0)
		*why = xasprintf("%s: %s", dir, errstr(rc));
	else if (strcmp(s->kind, "s6") == 0)
		RUN("s6-svscanctl", "-a", scan);
out:
	free(words);
	free(text);
	free(run_file);
	free(link);
	free(dir);
	return rc;
}

/* The link goes first: what supervises it must not begin anew. */
static int
let_go_service(struct autostart *s, char **why)
{
	const char	*scan = scan_dir(s);
	char		*dir = service_dir(s), *link;
	int		 tries;

	(void)why;
	if (scan != NULL) {
		link = file_join(scan, s->name);
		unlink(link);
		free(link);
	}
	if (strcmp(s->kind, "runit") == 0) {
		RUN("sv", "-w", "30", "exit", dir);
	} else {
		RUN("s6-svc", "-dx", dir);
		for (tries = 300; tries > 0 && RUN("s6-svok", dir) == 0;
		    tries--)
			usleep(100 * 1000);
		if (scan != NULL)
			RUN("s6-svscanctl", "-an", scan);
	}
	free(dir);
	return 0;
}

/* -- cron -- */

/* '%' is an end of line to cron. */
static char *
cron_line(const struct autostart *s)
{
	char		*words = autostart_quoted(s->argv);
	struct buf	 b = BUF_INIT;

	add_replaced(&b, words, strlen(words), "%", "\\%");
	free(words);
	words = xasprintf("@reboot %s%s >/dev/null 2>&1 # muster: %s\n",
	    platform_is_admin() ? "root " : "", buf_str(&b), s->name);
	buf_release(&b);
	return words;
}

/* The user's table without our line and, where line is not "", with it. */
static int
edit_crontab(const struct autostart *s, const char *line)
{
	char	*mark = xasprintf(" # muster: %s", s->name);
	int	 rc = RUN("/bin/sh", "-c",
		    "t=$(crontab -l 2>/dev/null | grep -vF -- \"$0\" || :)\n"
		    "if [ -n \"$t$1\" ]; then\n"
		    "	printf '%s' \"${t:+$t\n}$1\" | crontab -\n"
		    "elif crontab -l >/dev/null 2>&1; then\n"
		    "	crontab -r\n"
		    "fi", mark, line);

	free(mark);
	return rc;
}

static int
make_cron(struct autostart *s, char **why)
{
	char	*line = cron_line(s), *path = NULL, *text = NULL;
	int	 rc;

	if (platform_is_admin()) {
		path = xasprintf("/etc/cron.d/%s", s->name);
		rc = autostart_file(s, path, line, 0644);
	} else if ((rc = autostart_made(s, MADE_OTHER, "crontab")) == 0) {
		rc = edit_crontab(s, line);
	}
	if (rc < 0)
		*why = xasprintf("%s: %s", path != NULL ? path : "crontab",
		    errstr(rc));
	free(text);
	free(path);
	free(line);
	return rc;
}

/* -- the table -- */

static const struct kind {
	const char	*name;
	int		(*make)(struct autostart *, char **);
	int		(*let_go)(struct autostart *, char **);
	int		(*unmake)(struct autostart *, char **);
} kinds[] = {
	{ "systemd", make_systemd, NULL, unmake_systemd },
	{ "sysv", make_sysv, let_go_sysv, unmake_sysv },
	{ "runit", make_service, let_go_service, NULL },
	{ "s6", make_service, let_go_service, NULL },
	{ "cron", make_cron, NULL, NULL },
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
	int	 has_user = is_dir(user);

	free(user);
	if (!platform_is_admin())
		return has_user ? "systemd" : in_path("crontab") ? "cron" :
		    NULL;
	if (is_dir("/run/systemd/system"))
		return "systemd";
	if (is_dir("/run/runit") || access("/run/runit.stopit", F_OK) == 0)
		return "runit";
	if (is_dir("/run/service/.s6-svscan"))
		return "s6";
	if (is_dir("/etc/init.d") &&
	    (in_path("update-rc.d") || in_path("chkconfig")))
		return "sysv";
	return is_dir("/etc/cron.d") ? "cron" : NULL;
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
	else if (k->make == make_sysv && !platform_is_admin()) {
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
	if (edit_crontab(s, "") < 0) {
		*why = xstrdup("crontab: cannot be changed");
		return -EIO;
	}
	return 0;
}

int
autostart_is_there(struct autostart *s, const char *path)
{
	char	*mark = xasprintf(" # muster: %s", s->name);
	int	 rc;

	(void)path;			/* the crontab, the one such thing */
	rc = RUN("/bin/sh", "-c", "crontab -l | grep -qF -- \"$0\"", mark);
	free(mark);
	return rc == 0;
}
