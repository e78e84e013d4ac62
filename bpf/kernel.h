/*
 * The few kernel structures that the programs here look into, with the few
 * members that they read: where each one really is, libbpf finds in the
 * running kernel's BTF when it loads a program.  Members that some kernel
 * has under another name are asked for with bpf_core_field_exists().
 *
 * Written by hand, so that no vmlinux.h of 130,000 lines is kept; what the
 * kernel promises to programs is taken from linux/bpf.h.
 */
#ifndef MUSTER_BPF_KERNEL_H
#define MUSTER_BPF_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>

typedef _Bool	bool;
#define true	1
#define false	0

#pragma clang attribute push(__attribute__((preserve_access_index)), \
    apply_to = record)

struct qstr {
	const unsigned char	*name;
	__u32			 len;
};

struct super_block {
	__u32		s_dev;
};

struct timespec64 {
	__s64		tv_sec;
	long		tv_nsec;
};

struct inode {
	unsigned long		 i_ino;
	__s64			 i_size;
	struct super_block	*i_sb;
};

struct dentry {
	struct dentry	*d_parent;
	struct qstr	 d_name;
	struct inode	*d_inode;
};

struct vfsmount {
	struct dentry	*mnt_root;
};

struct mount {
	struct mount	*mnt_parent;
	struct dentry	*mnt_mountpoint;
	struct vfsmount	 mnt;
};

struct path {
	struct vfsmount	*mnt;
	struct dentry	*dentry;
};

struct file {
	struct path	 f_path;
	struct inode	*f_inode;
};

struct linux_binprm {
	const char	*filename;
	const char	*interp;
	int		 argc;
};

typedef struct {
	__u32		val;
} kuid_t;

struct cred {
	kuid_t		uid, euid;
};

struct mm_struct {
	struct file	*exe_file;
	unsigned long	 arg_start, arg_end;
};

struct fs_struct {
	struct path	root;
};

struct task_struct {
	int			 pid, tgid;
	struct task_struct	*real_parent, *group_leader;
	const struct cred	*cred;
	struct mm_struct	*mm;
	struct fs_struct	*fs;
	kuid_t			 loginuid;
	int			 exit_code;
	__u64			 start_boottime;
	char			 comm[16];
};

struct in6_addr___muster {
	__u8		addr[16];
};

struct sock_common {
	__u32		skc_daddr, skc_rcv_saddr;
	__u16		skc_dport, skc_num;
	unsigned short	skc_family;
	unsigned long	skc_flags;
	struct in6_addr___muster skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common	__sk_common;
	__u16			sk_protocol;
};

struct tcp_sock {
	__u64		bytes_received, bytes_sent, bytes_retrans;
};

#pragma clang attribute pop

#endif
