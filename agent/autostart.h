/*
 * Autostart: what starts this agent at boot (for root) or at login.  All that
 * is made is written to a receipt, autostart.json in the state directory,
 * before it is made; taking it back goes by that list, and ends with a look
 * whether anything of it is left.
 */
#ifndef MUSTER_AUTOSTART_H
#define MUSTER_AUTOSTART_H

#include <jansson.h>

struct agent_config;

enum autostart_what {
	MADE_FILE,		/* or a link */
	MADE_TREE,		/* a directory that is ours, with all in it */
	MADE_OTHER		/* the system's own: a line, a value */
};

struct autostart {
	const char	*kind;		/* "systemd", ... */
	const char	*name;		/* of the service */
	char		**argv;		/* starts the agent; absolute */
	const char	*state_dir, *run_dir, *log_dir;
	int		 moved;		/* one of them is not the default */
	const char	*scan_dir;	/* runit's, s6's; NULL: theirs */
	char		*receipt;	/* its path */
	json_t		*made;		/* [{"what","path"}] */
};

/* autostart.c */
/* Enables or disables; the exit code. */
int	autostart_main(const struct agent_config *, int enable);
/* Notes what is about to be made.  0 or -errno. */
int	autostart_made(struct autostart *, enum autostart_what,
	    const char *path);
/* autostart_made(), and the file itself, whole or not at all. */
int	autostart_file(struct autostart *, const char *path, const char *text,
	    int mode);
/* Arguments in single quotes, for sh(1); the caller frees. */
char	*autostart_quoted(char *const *argv);

/*
 * autostart_linux.c, autostart_windows.c, autostart_macos.c; each 0, or
 * -errno with *why (freed by the caller).
 */
/* What this host has; NULL with *why. */
const char *autostart_kind(const struct autostart *, const char *asked,
	    char **why);
int	autostart_make(struct autostart *, char **why);
/* Before what was made is removed: the service manager lets it go. */
int	autostart_let_go(struct autostart *, char **why);
/* Removes a MADE_OTHER, or hears that the rest has been removed (NULL). */
int	autostart_unmake(struct autostart *, const char *path, char **why);
/* Whether a MADE_OTHER is there. */
int	autostart_is_there(struct autostart *, const char *path);

#endif
