/*
 * What a process of the agent gives up: capabilities, new privileges, system
 * calls, files.  On other systems than Linux there is nothing of that kind
 * that a process could do to itself, and these do nothing.
 */
#ifndef MUSTER_CONFINE_H
#define MUSTER_CONFINE_H

#include <stdint.h>

#include <jansson.h>

/* A set of Linux capabilities, by their names without linux/capability.h. */
#define CONFINE_CAP(n)		(UINT64_C(1) << (n))
#define CONFINE_CHOWN		CONFINE_CAP(0)
#define CONFINE_DAC_OVERRIDE	CONFINE_CAP(1)
#define CONFINE_DAC_READ_SEARCH	CONFINE_CAP(2)
#define CONFINE_FOWNER		CONFINE_CAP(3)
#define CONFINE_KILL		CONFINE_CAP(5)
#define CONFINE_SETGID		CONFINE_CAP(6)
#define CONFINE_SETUID		CONFINE_CAP(7)
#define CONFINE_NET_ADMIN	CONFINE_CAP(12)
#define CONFINE_NET_RAW		CONFINE_CAP(13)
#define CONFINE_SYS_PTRACE	CONFINE_CAP(19)
#define CONFINE_SYS_ADMIN	CONFINE_CAP(21)
#define CONFINE_SYS_RESOURCE	CONFINE_CAP(24)
#define CONFINE_PERFMON		CONFINE_CAP(38)
#define CONFINE_BPF		CONFINE_CAP(39)

enum {
	CONFINE_TCP	= 1,	/* it connects to other hosts by TCP itself */
	/* It looks into other processes, /proc/PID/exe and fd, which landlock
	 * would forbid: it goes without, and *without says so. */
	CONFINE_PROC	= 2
};

/*
 * For a module's process, once it has opened what needs privileges: of its
 * capabilities only caps stay; no new privileges; it reads files where it
 * may, writes below dir alone, starts no program, and makes none of the
 * system calls that no module needs: the list is in confine_seccomp.c.  It
 * must have no other thread yet.  0, or -errno with *why, freed by the
 * caller.  What the kernel does not have is left out, and *without says so
 * ("landlock (kernel 5.10)"), freed by the caller, NULL where all is there.
 */
int	confine(uint64_t caps, const char *dir, unsigned flags,
	    char **without, char **why);

/*
 * For the agent itself, which starts modules, tasks and the updater: only
 * caps and what those were given stay, no new privileges, no system calls
 * that change the kernel or the machine.  The same return.
 */
int	confine_agent(uint64_t caps, char **without, char **why);

/* Before Linux 5.11 what eBPF programs take counts as locked memory, of which
 * a user has little: allows all that may be, for this process and those that
 * it starts.  Whether it still counts. */
void	confine_memlock(void);
int	confine_memlock_counts(void);

/* Those of caps that this process does not have, as an array of names
 * ("CAP_BPF"), a new reference. */
json_t	*confine_lacks(uint64_t caps);
uint64_t confine_has(void);		/* what it has: the permitted set */
/* "CAP_BPF", or "capability 63" where it has no name here. */
const char *confine_cap_name(int number);

#endif
