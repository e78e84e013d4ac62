/*
 * Processes: exec with path and arguments, fork, exit, at the scheduler's
 * typed tracepoints.  A record that finds no room in the ring is counted in
 * `lost', by its type.  The reader is woken only when a quarter of the ring
 * is full; else it looks several times a second.
 *
 * Licence: GPL-2.0 (bpf_probe_read_kernel is for such programs alone); all
 * else of muster is ISC.  Needs CAP_BPF, CAP_PERFMON and the kernel's BTF.
 * Maps: ring 1 MB; lost 24 B and scratch 6.4 KB for each CPU; root 16 B.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "process.h"

#define WALK		64		/* names in a path, and mounts on it */
#define WALK_BUF	4096

/* An "and" that the compiler cannot take for needless: the verifier needs
 * it. */
#define BOUND(n, mask)	asm volatile("%0 &= %1" : "+r"(n) : "i"(mask))

struct scratch {
	struct process_record	r;
	char			data[PROCESS_PATH + PROCESS_ARGS + 256];
	char			walk[WALK_BUF + 256];
	__u32			at;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PROCESS_RING);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROCESS_TYPES);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/*
 * The module's own root directory, at which a path begins, as it does in
 * /proc: the module finds its files there also where it lives in a chroot.
 */
struct {
	__u64	dentry, mnt;
} root;

SEC("raw_tp")
int BPF_PROG(know_root)
{
	struct task_struct	*t = (void *)bpf_get_current_task();

	root.dentry = (__u64)BPF_CORE_READ(t, fs, root.dentry);
	root.mnt = (__u64)BPF_CORE_READ(t, fs, root.mnt);
	return 0;
}

/*
 * The path of a file, written backwards into s->walk, from s->at on: kept in
 * memory, or the verifier would follow each length that it could have.  At a
 * mount's root it goes on at the mount's place.  Returns whether that is all
 * of it.
 */
static __always_inline int
walk_path(struct scratch *s, struct file *f)
{
	struct dentry	*d = BPF_CORE_READ(f, f_path.dentry);
	struct vfsmount	*vm = BPF_CORE_READ(f, f_path.mnt);
	int		 i;

	s->at = WALK_BUF;
	for (i = 0; i < WALK; i++) {
		struct dentry	*parent = BPF_CORE_READ(d, d_parent);
		__u32		 len, at;

		if ((__u64)d == root.dentry && (__u64)vm == root.mnt)
			return 1;
		if (d == BPF_CORE_READ(vm, mnt_root)) {
			__u32		 in = bpf_core_field_offset(
					    struct mount, mnt);
			struct mount	*m = (void *)((char *)vm - in);
			struct mount	*up = BPF_CORE_READ(m, mnt_parent);

			if (up == m)
				return 1;
			d = BPF_CORE_READ(m, mnt_mountpoint);
			vm = (void *)((char *)up + in);
			continue;
		}
		if (d == parent)
			return 1;
		len = BPF_CORE_READ(d, d_name.len) & 255;
		at = s->at;
		if (at < len + 1)
			return 0;
		at -= len;
		bpf_probe_read_kernel(&s->walk[at & (WALK_BUF - 1)], len,
		    BPF_CORE_READ(d, d_name.name));
		at -= 1;
		s->walk[at & (WALK_BUF - 1)] = '/';
		s->at = at;
		d = parent;
	}
	return 0;
}

static __always_inline void
add_path(struct scratch *s, struct file *f)
{
	__u32	at, len;

	if (!walk_path(s, f))
		s->r.flags |= PROCESS_PATH_CUT;
	at = s->at;
	len = WALK_BUF - at;
	if (len > PROCESS_PATH - 1) {
		at += len - (PROCESS_PATH - 1);
		len = PROCESS_PATH - 1;
		s->r.flags |= PROCESS_PATH_CUT;
	}
	BOUND(len, PROCESS_PATH - 1);
	BOUND(at, WALK_BUF - 1);
	if (bpf_probe_read_kernel(s->data, len, &s->walk[at]) < 0)
		len = 0;
	s->data[len] = '\0';
	s->r.path_len = len + 1;
}

static __always_inline void
add_args(struct scratch *s, struct task_struct *t)
{
	unsigned long	from = BPF_CORE_READ(t, mm, arg_start);
	unsigned long	n = BPF_CORE_READ(t, mm, arg_end) - from;
	__u32		at = s->r.path_len;

	if (n > PROCESS_ARGS - 1) {
		n = PROCESS_ARGS - 1;
		s->r.flags |= PROCESS_ARGS_CUT;
	}
	BOUND(n, PROCESS_ARGS - 1);
	if (at > PROCESS_PATH)
		return;
	if (bpf_probe_read_user(&s->data[at], n, (void *)from) < 0)
		n = 0;
	s->data[at + n] = '\0';
	s->r.args_len = n + 1;
}

static __always_inline struct scratch *
begin(enum process_type type, struct task_struct *t)
{
	__u32		 zero = 0;
	struct scratch	*s = bpf_map_lookup_elem(&scratch, &zero);

	if (!s)
		return s;
	__builtin_memset(&s->r, 0, sizeof(s->r));
	s->r.type = type;
	s->r.pid = BPF_CORE_READ(t, tgid);
	s->r.ppid = BPF_CORE_READ(t, real_parent, tgid);
	s->r.uid = BPF_CORE_READ(t, cred, uid.val);
	s->r.loginuid = bpf_core_field_exists(t->loginuid) ?
	    BPF_CORE_READ(t, loginuid.val) : (__u32)-1;
	s->r.time = bpf_ktime_get_boot_ns();
	BPF_CORE_READ_STR_INTO(&s->r.comm, t, comm);
	return s;
}

static __always_inline void
end(struct scratch *s)
{
	__u32	 size = sizeof(s->r) + s->r.path_len + s->r.args_len;
	__u32	 type = s->r.type;
	__u64	 flags, *n;

	if (size > sizeof(s->r) + PROCESS_PATH + PROCESS_ARGS)
		return;
	flags = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >
	    PROCESS_RING / 4 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	if (bpf_ringbuf_output(&ring, s, size, flags) == 0)
		return;
	n = bpf_map_lookup_elem(&lost, &type);
	if (n)
		*n += 1;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *t, int old, struct linux_binprm *b)
{
	struct scratch	*s = begin(PROCESS_EXEC, t);
	struct file	*f = BPF_CORE_READ(t, mm, exe_file);

	if (!s)
		return 0;
	s->r.cgroup = bpf_get_current_cgroup_id();
	s->r.ino = BPF_CORE_READ(f, f_inode, i_ino);
	s->r.dev = BPF_CORE_READ(f, f_inode, i_sb, s_dev);
	add_path(s, f);
	add_args(s, t);
	end(s);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *t)
{
	struct scratch	*s;

	if (BPF_CORE_READ(t, pid) != BPF_CORE_READ(t, tgid))
		return 0;		/* a thread */
	if (!(s = begin(PROCESS_FORK, t)))
		return 0;
	s->r.ppid = BPF_CORE_READ(parent, tgid);
	s->r.cgroup = bpf_get_current_cgroup_id();
	end(s);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_process_exit, struct task_struct *t)
{
	struct scratch	*s;

	if (BPF_CORE_READ(t, pid) != BPF_CORE_READ(t, tgid))
		return 0;
	if (!(s = begin(PROCESS_EXIT, t)))
		return 0;
	s->r.exit_code = BPF_CORE_READ(t, exit_code);
	s->r.cgroup = bpf_get_current_cgroup_id();
	end(s);
	return 0;
}

char	LICENSE[] SEC("license") = "GPL";
