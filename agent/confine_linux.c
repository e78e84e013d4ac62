/*
 * Capabilities, no-new-privileges and the order of it all: the bounding set
 * needs CAP_SETPCAP, so it goes first; landlock and seccomp need
 * no-new-privileges; seccomp comes last, for it forbids what was done here.
 * Raw system calls: libcap-ng would be one more library to build for each
 * target, for three calls.
 */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "confine.h"
#include "confine_private.h"
#include "log.h"

enum { MAX_CAP = 63 };

/* Where one that keeps CAP_BPF may pin its maps, if it is there. */
#define PINS	"/sys/fs/bpf/muster"

static const char *const names[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID",
	"KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
	"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
	"SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
	"AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE",
	"MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE"
};

const char *
confine_cap_name(int n)
{
	static char	text[32];

	if (n >= 0 && (size_t)n < nitems(names))
		snprintf(text, sizeof(text), "CAP_%s", names[n]);
	else
		snprintf(text, sizeof(text), "capability %d", n);
	return text;
}

/* -- the kernel -- */

static int
is_older(int major, int minor)
{
	struct utsname	u;
	int		a, b;

	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &a, &b) != 2)
		return 0;
	return a < major || (a == major && b < minor);
}

int
confine_memlock_counts(void)
{
	struct rlimit	r;

	return is_older(5, 11) && getrlimit(RLIMIT_MEMLOCK, &r) == 0 &&
	    r.rlim_cur != RLIM_INFINITY;
}

void
confine_memlock(void)
{
	struct rlimit	r = { RLIM_INFINITY, RLIM_INFINITY };

	if (!is_older(5, 11) || setrlimit(RLIMIT_MEMLOCK, &r) == 0 ||
	    getrlimit(RLIMIT_MEMLOCK, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &r);
}

/* -- the sets: two words each, the kernel's version 3 -- */

static int
caps_get(struct __user_cap_data_struct d[2])
{
	struct __user_cap_header_struct	h = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return syscall(SYS_capget, &h, d) < 0 ? -errno : 0;
}

uint64_t
confine_has(void)
{
	struct __user_cap_data_struct	d[2];

	return caps_get(d) < 0 ? 0 : (uint64_t)d[1].permitted << 32 |
	    d[0].permitted;
}

/* Linux 5.8 took CAP_BPF and CAP_PERFMON out of CAP_SYS_ADMIN. */
static uint64_t
known(uint64_t caps)
{
	return is_older(5, 8) && caps & (CONFINE_BPF | CONFINE_PERFMON) ?
	    (caps & ~(CONFINE_BPF | CONFINE_PERFMON)) | CONFINE_SYS_ADMIN :
	    caps;
}

json_t *
confine_lacks(uint64_t caps)
{
	json_t		*list = json_array();
	uint64_t	 has = confine_has();
	int		 i;

	caps = known(caps);
	for (i = 0; i <= MAX_CAP; i++)
		if (caps & ~has & CONFINE_CAP(i))
			json_array_append_new(list,
			    json_string(confine_cap_name(i)));
	return list;
}

/* What a program started later could get: less of it where we may say so.
 * A number that the kernel does not know is the end. */
static int
drop_later(uint64_t keep)
{
	int	i;

	for (i = 0; i <= MAX_CAP; i++) {
		if (keep & CONFINE_CAP(i))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, i, 0, 0) < 0 &&
		    errno != EINVAL)
			return -errno;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 &&
		    errno != EINVAL && errno != EPERM)
			return -errno;
	}
	return 0;
}

static int
drop_now(uint64_t keep)
{
	struct __user_cap_header_struct	h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct	d[2];
	uint32_t			w[2];
	int				i, rc;

	if ((rc = caps_get(d)) < 0)
		return rc;
	w[0] = (uint32_t)keep;
	w[1] = (uint32_t)(keep >> 32);
	for (i = 0; i < 2; i++) {
		d[i].permitted &= w[i];
		d[i].effective = d[i].permitted;
		d[i].inheritable &= w[i];
	}
	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

static int
drop(uint64_t keep, char **why)
{
	int	rc;

	if ((rc = drop_later(keep)) < 0 || (rc = drop_now(keep)) < 0)
		*why = xasprintf("capabilities cannot be dropped: %s",
		    errstr(rc));
	else if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		rc = -errno;
		*why = xasprintf("no-new-privileges cannot be set: %s",
		    errstr(rc));
	}
	return rc;
}

/* One of the two layers: what the kernel lacks is noted, not a fault. */
static int
layer(int rc, const char *name, struct buf *lack, char **why)
{
	struct utsname	u;

	if (rc == -ENOSYS || rc == -EOPNOTSUPP) {
		buf_printf(lack, "%s%s (Linux %s %s)", lack->len > 0 ?
		    ", " : "", name, uname(&u) == 0 ? u.release : "",
		    rc == -ENOSYS ? "has none" : "does not let it");
		return 0;
	}
	if (rc < 0)
		*why = xasprintf("%s: %s", name, errstr(rc));
	return rc;
}

static void
say_lack(struct buf *lack, char **without)
{
	*without = lack->len > 0 ? buf_take(lack) : NULL;
	buf_release(lack);
}

int
confine(uint64_t caps, const char *dir, unsigned flags, char **without,
    char **why)
{
	struct buf	lack = BUF_INIT;
	int		rc;

	*without = *why = NULL;
	if ((rc = drop(known(caps), why)) < 0)
		goto out;
	if (flags & CONFINE_PROC)
		buf_adds(&lack, "landlock (it would hide other processes)");
	else if ((rc = layer(confine_landlock(dir, caps & CONFINE_BPF ?
	    PINS : NULL, flags), "landlock", &lack, why)) < 0)
		goto out;
	rc = layer(confine_seccomp(CONFINE_MODULE), "seccomp", &lack, why);
out:
	say_lack(&lack, without);
	return rc;
}

int
confine_agent(uint64_t caps, char **without, char **why)
{
	struct buf	lack = BUF_INIT;
	int		rc;

	*without = *why = NULL;
	if ((rc = drop(known(caps), why)) == 0)
		rc = layer(confine_seccomp(CONFINE_AGENT), "seccomp", &lack,
		    why);
	say_lack(&lack, without);
	return rc;
}
