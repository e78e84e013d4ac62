/*
 * System calls that are refused, with EPERM, to the agent and to modules.
 * Lists of what is refused, not of what is allowed: two C libraries and six
 * libraries below us change what they call, and a monitor that dies of a new
 * kernel's call protects nobody; capabilities and landlock refuse the rest.
 *
 * A hand-written filter: a list and 60 lines.  libseccomp would be one more
 * library to build for each target, and its strength, many architectures in
 * one filter, is not needed: a call of another architecture is refused.
 */
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "confine_private.h"
#include "log.h"

#if defined(__x86_64__)
#define THIS_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH	AUDIT_ARCH_AARCH64
#else
#define THIS_ARCH	0		/* no filter here: -ENOSYS */
#endif
#define X32_BIT		0x40000000u

/* Nothing that the agent starts changes the kernel or the machine. */
static const int both[] = {
	SYS_init_module, SYS_finit_module, SYS_delete_module,
	SYS_kexec_load, SYS_kexec_file_load, SYS_reboot,
	SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl,
	SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex,
	SYS_sethostname, SYS_setdomainname,
#ifdef SYS_iopl
	SYS_iopl, SYS_ioperm, SYS_uselib,
#endif
};

/* A module starts nothing, and needs no other's memory, no other view of
 * files, and nothing that goes around this filter. */
static const int module[] = {
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_mount, SYS_umount2, SYS_pivot_root,
	SYS_chroot, SYS_unshare, SYS_setns, SYS_mknodat, SYS_userfaultfd,
	SYS_keyctl, SYS_add_key, SYS_request_key, SYS_personality,
	SYS_syslog, SYS_vhangup,
	425, 426, 427,		/* io_uring_setup, _enter, _register */
	428, 429, 430, 431, 432, 433, 442	/* the new calls for mounts */
};

/* A module has loaded its programs before. */
static const int bpf_commands[] = {
	BPF_PROG_LOAD, BPF_PROG_ATTACH, BPF_LINK_CREATE
};

enum {
	NEW_NAMESPACES	= CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
	    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
	MAX_FILTER	= 2 * (nitems(both) + nitems(module) +
	    nitems(bpf_commands)) + 24
};

struct filter {
	struct sock_filter	code[MAX_FILTER];
	unsigned short		n;
};

static void
add(struct filter *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	f->code[f->n++] = (struct sock_filter){ code, yes, no, k };
}

static void
add_load(struct filter *f, size_t offset)
{
	add(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void
add_end(struct filter *f, uint32_t what)
{
	add(f, BPF_RET | BPF_K, what, 0, 0);
}

/* If what is loaded is k, the call fails so. */
static void
add_refusal(struct filter *f, uint32_t k, uint32_t error)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
	add_end(f, SECCOMP_RET_ERRNO | error);
}

static void
add_list(struct filter *f, const int *list, size_t n, uint32_t error)
{
	size_t	i;

	for (i = 0; i < n; i++)
		add_refusal(f, (uint32_t)list[i], error);
}

/* Both machines are little endian: the low half of an argument is first. */
static void
add_module(struct filter *f)
{
	add_list(f, module, nitems(module), EPERM);
	/* Its flags lie in memory, where no filter sees them; without it the
	 * C libraries use clone. */
	add_refusal(f, 435, ENOSYS);			/* clone3 */
	add(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
	add_load(f, offsetof(struct seccomp_data, args[0]));
	add(f, BPF_JMP | BPF_JSET | BPF_K, (uint32_t)NEW_NAMESPACES, 0, 1);
	add_end(f, SECCOMP_RET_ERRNO | EPERM);
	add_end(f, SECCOMP_RET_ALLOW);
	add(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 1, 0);
	add_end(f, SECCOMP_RET_ALLOW);
	add_load(f, offsetof(struct seccomp_data, args[0]));
	add_list(f, bpf_commands, nitems(bpf_commands), EACCES);
}

/* A program of another architecture, which a task may run, is not filtered:
 * the agent has not the capabilities for what the list holds anyway. */
int
confine_seccomp(enum confine_who who)
{
	struct filter		f = { .n = 0 };
	struct sock_fprog	program;
	long			rc;

	if (THIS_ARCH == 0)
		return -ENOSYS;
	add_load(&f, offsetof(struct seccomp_data, arch));
	add(&f, BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0);
	add_end(&f, who == CONFINE_AGENT ? SECCOMP_RET_ALLOW :
	    SECCOMP_RET_ERRNO | EPERM);
	add_load(&f, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	add(&f, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	add_end(&f, SECCOMP_RET_ERRNO | EPERM);
#endif
	add_list(&f, both, nitems(both), EPERM);
	if (who == CONFINE_MODULE)
		add_module(&f);
	add_end(&f, SECCOMP_RET_ALLOW);
	program = (struct sock_fprog){ f.n, f.code };
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (rc > 0)
		return -EBUSY;		/* a thread has another filter */
	return rc < 0 ? (errno == EINVAL ? -ENOSYS : -errno) : 0;
}
