/* What autostart_linux*.c share: a file for each kind of service manager. */
#ifndef MUSTER_AGENT_AUTOSTART_LINUX_H
#define MUSTER_AGENT_AUTOSTART_LINUX_H

#include "autostart.h"

struct buf;

/* A file of the package as text, NUL-terminated: NAME_text up to NAME_end. */
#define AUTOSTART_TEXT(name, path)					\
extern const char	name##_text[], name##_end[];			\
__asm__(".pushsection .rodata, \"a\", %progbits\n"			\
    "	.globl " #name "_text, " #name "_end\n"				\
    "	.hidden " #name "_text, " #name "_end\n"			\
    #name "_text:\n"							\
    "	.incbin \"" path "\"\n"						\
    #name "_end:\n"							\
    "	.byte 0\n"							\
    "	.popsection\n")

/* autostart_linux.c */
/* Runs it, its words unheard; 0, or -ENOENT where it is not there, or -EIO
 * where it fails. */
int	autostart_run(const char *const *argv);
#define RUN(...)	autostart_run((const char *const []){ __VA_ARGS__, NULL })
int	autostart_is_dir(const char *path);
/* A link that is noted before it is made; one that is there is replaced. */
int	autostart_link(struct autostart *, const char *path,
	    const char *target);
/* Adds a text with every occurrence of what replaced. */
void	autostart_replace(struct buf *, const char *text, size_t n,
	    const char *what, const char *with);
/* What mends an update that was cut short, to be run before the agent is: the
 * words, which the caller frees with autostart_mend_free(); NULL where there
 * is no updater beside the agent. */
char	**autostart_mend(const struct autostart *);
void	autostart_mend_free(char **words);
/* The same for sh(1): "WORDS || :; ", or ""; the caller frees. */
char	*autostart_mend_line(const struct autostart *);

/* Each: makes it; the service manager lets it go; it has been removed. */
/* autostart_systemd_linux.c */
int	systemd_make(struct autostart *, char **why);
int	systemd_unmake(struct autostart *, char **why);
/* autostart_sysv_linux.c */
int	sysv_make(struct autostart *, char **why);
int	sysv_let_go(struct autostart *, char **why);
int	sysv_unmake(struct autostart *, char **why);
/* autostart_service_linux.c: runit and s6 */
int	service_make(struct autostart *, char **why);
int	service_let_go(struct autostart *, char **why);
/* autostart_cron_linux.c */
int	cron_make(struct autostart *, char **why);
/* A user's table without our line: 0 or -errno. */
int	cron_remove(const struct autostart *);
int	cron_is_there(const struct autostart *);

#endif
