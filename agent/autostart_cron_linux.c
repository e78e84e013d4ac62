/* cron: a line that it runs at its start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autostart.h"
#include "autostart_linux.h"
#include "buf.h"
#include "log.h"
#include "platform.h"

/* '%' is an end of line to cron. */
static char *
cron_line(const struct autostart *s)
{
	char		*mend = autostart_mend_line(s);
	char		*words = autostart_quoted(s->argv), *line;
	struct buf	 b = BUF_INIT;

	line = xasprintf("%s%s", mend, words);
	autostart_replace(&b, line, strlen(line), "%", "\\%");
	free(mend);
	free(line);
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

int
cron_make(struct autostart *s, char **why)
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

int
cron_remove(const struct autostart *s)
{
	return edit_crontab(s, "");
}

int
cron_is_there(const struct autostart *s)
{
	char	*mark = xasprintf(" # muster: %s", s->name);
	int	 rc = RUN("/bin/sh", "-c", "crontab -l | grep -qF -- \"$0\"",
		    mark);

	free(mark);
	return rc == 0;
}
