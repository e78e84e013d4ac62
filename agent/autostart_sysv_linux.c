/* sysv init: the script, and the links of the runlevels. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autostart.h"
#include "autostart_linux.h"
#include "buf.h"
#include "file.h"
#include "log.h"

AUTOSTART_TEXT(script, "scripts/package/linux/muster-agent.init");

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
			autostart_replace(&to, from.p, from.len,
			    "@BINDIR@/muster-agent", "@EXE@");
			buf_clear(&from);
			autostart_replace(&from, to.p, to.len, words[i].what,
			    words[i].with);
			continue;
		}
		autostart_replace(&to, from.p, from.len, i == 0 ? "@EXE@" :
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

int
sysv_make(struct autostart *s, char **why)
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
int
sysv_let_go(struct autostart *s, char **why)
{
	(void)why;
	note_rc_links(s);
	RUN("chkconfig", "--del", s->name);
	return 0;
}

int
sysv_unmake(struct autostart *s, char **why)
{
	(void)why;
	RUN("update-rc.d", s->name, "remove");
	return 0;
}
