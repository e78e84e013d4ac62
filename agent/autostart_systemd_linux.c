/* systemd: the unit, and the link by which it is wanted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autostart.h"
#include "autostart_linux.h"
#include "buf.h"
#include "file.h"
#include "log.h"
#include "platform.h"

AUTOSTART_TEXT(unit, "scripts/package/linux/muster-agent.service");

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
	char *const	*first = argv;
	const char	*p;

	for (; *argv != NULL; argv++) {
		buf_adds(b, argv == first ? "\"" : " \"");
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
	char		**mend = autostart_mend(s);
	int		 root = platform_is_admin();
	const char	*p, *end;

	for (p = unit_text; p < unit_end; p = end + 1) {
		end = strchr(p, '\n');
		if (begins(p, "ExecStart=")) {
			buf_adds(&b, "ExecStart=");
			add_words(&b, s->argv);
			buf_addc(&b, '\n');
		} else if (begins(p, "ExecStartPre=")) {
			if (mend == NULL)
				continue;
			/* what fails does not keep the agent from starting */
			buf_adds(&b, "ExecStartPre=-");
			add_words(&b, mend);
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
	autostart_mend_free(mend);
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
int
systemd_make(struct autostart *s, char **why)
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
		rc = autostart_link(s, link, unit);
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

int
systemd_unmake(struct autostart *s, char **why)
{
	(void)s, (void)why;
	reload_systemd();
	return 0;
}
