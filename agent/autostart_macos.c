/*
 * macOS: a property list for launchd, a daemon's for root and else an
 * agent's of the user.  Compiled by make cross; what it does on a real macOS
 * is not tested in this project.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autostart.h"
#include "buf.h"
#include "file.h"
#include "log.h"
#include "platform.h"

extern char	**environ;

const char *
autostart_kind(const struct autostart *s, const char *asked, char **why)
{
	(void)s;
	if (asked == NULL || strcmp(asked, "launchd") == 0)
		return "launchd";
	*why = xasprintf("%s: macOS has launchd alone", asked);
	return NULL;
}

static void
add_xml(struct buf *b, const char *tag, const char *text)
{
	buf_printf(b, "<%s>", tag);
	for (; *text != '\0'; text++)
		switch (*text) {
		case '<':	buf_adds(b, "&lt;"); break;
		case '>':	buf_adds(b, "&gt;"); break;
		case '&':	buf_adds(b, "&amp;"); break;
		default:	buf_addc(b, *text);
		}
	buf_printf(b, "</%s>\n", tag);
}

static char *
plist(const struct autostart *s)
{
	struct buf	 b = BUF_INIT;
	char		*label = xasprintf("muster.%s", s->name);
	char *const	*word;

	buf_adds(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\""
	    " \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
	    "<plist version=\"1.0\"><dict>\n<key>Label</key>\n");
	add_xml(&b, "string", label);
	buf_adds(&b, "<key>ProgramArguments</key>\n<array>\n");
	for (word = s->argv; *word != NULL; word++)
		add_xml(&b, "string", *word);
	buf_adds(&b, "</array>\n<key>RunAtLoad</key><true/>\n"
	    "<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/>"
	    "</dict>\n<key>AbandonProcessGroup</key><true/>\n"
	    "<key>Umask</key><integer>63</integer>\n</dict></plist>\n");
	free(label);
	return buf_take(&b);
}

static char *
plist_path(const struct autostart *s)
{
	const char	*home = getenv("HOME");

	if (platform_is_admin())
		return xasprintf("/Library/LaunchDaemons/muster.%s.plist",
		    s->name);
	return xasprintf("%s/Library/LaunchAgents/muster.%s.plist",
	    home != NULL ? home : "", s->name);
}

int
autostart_make(struct autostart *s, char **why)
{
	char	*path = plist_path(s), *text = plist(s);
	int	 rc = autostart_file(s, path, text, 0644);

	if (rc < 0)
		*why = xasprintf("%s: %s", path, errstr(rc));
	free(path);
	free(text);
	return rc;
}

/* Unloaded, so that launchd does not keep what has no file any more. */
int
autostart_let_go(struct autostart *s, char **why)
{
	char	*domain = platform_is_admin() ? xstrdup("system") :
		    xasprintf("gui/%ld", (long)getuid());
	char	*target = xasprintf("%s/muster.%s", domain, s->name);
	char	 launchctl[] = "/bin/launchctl", bootout[] = "bootout";
	char	*argv[] = { launchctl, bootout, target, NULL };
	pid_t	 pid;

	(void)why;
	if (posix_spawn(&pid, launchctl, NULL, NULL, argv, environ) == 0)
		waitpid(pid, NULL, 0);	/* it fails where none is loaded */
	free(domain);
	free(target);
	return 0;
}

int
autostart_unmake(struct autostart *s, const char *path, char **why)
{
	(void)s, (void)path, (void)why;
	return 0;
}

int
autostart_is_there(struct autostart *s, const char *path)
{
	(void)s, (void)path;
	return 0;
}
