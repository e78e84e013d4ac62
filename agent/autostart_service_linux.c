/* runit and s6: a directory, and a link to it where they look. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autostart.h"
#include "autostart_linux.h"
#include "buf.h"
#include "file.h"
#include "log.h"

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
		if (autostart_is_dir(dirs[i]))
			return dirs[i];
	return NULL;
}

static char *
service_dir(const struct autostart *s)
{
	return xasprintf("%s/service/%s", s->state_dir, s->name);
}

int
service_make(struct autostart *s, char **why)
{
	const char	*scan = scan_dir(s);
	char		*dir = service_dir(s), *words, *text, *run_file;
	char		*link = NULL, *mend = autostart_mend_line(s);
	int		 rc;

	words = autostart_quoted(s->argv);
	text = xasprintf("#!/bin/sh\nexec 2>&1\n%sexec %s\n", mend, words);
	run_file = file_join(dir, "run");
	if (scan == NULL || !autostart_is_dir(scan)) {
		*why = xasprintf("%s: no directory that it looks at;"
		    " --service-dir says which", scan != NULL ? scan : s->kind);
		rc = -ENOENT;
		goto out;
	}
	link = file_join(scan, s->name);
	if ((rc = autostart_made(s, MADE_TREE, dir)) == 0 &&
	    (rc = file_mkdirs(dir, 0755)) == 0 &&
	    (rc = file_write(run_file, text, strlen(text), 0755)) == 0)
		rc = autostart_link(s, link, dir);
	if (rc < 0)
		*why = xasprintf("%s: %s", dir, errstr(rc));
	else if (strcmp(s->kind, "s6") == 0)
		RUN("s6-svscanctl", "-a", scan);
out:
	free(mend);
	free(words);
	free(text);
	free(run_file);
	free(link);
	free(dir);
	return rc;
}

/* The link goes first: what supervises it must not begin anew. */
int
service_let_go(struct autostart *s, char **why)
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
