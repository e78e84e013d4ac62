/* The layers below confine.h, on Linux. */
#ifndef MUSTER_CONFINE_PRIVATE_H
#define MUSTER_CONFINE_PRIVATE_H

enum confine_who { CONFINE_AGENT, CONFINE_MODULE };

/* confine_landlock.c: 0, -ENOSYS or -EOPNOTSUPP (not here), or -errno.  Each
 * of the directories may be NULL, pins may be missing. */
int	confine_landlock(const char *dir, const char *pins, unsigned flags);
/* confine_seccomp.c: the same. */
int	confine_seccomp(enum confine_who);

#endif
