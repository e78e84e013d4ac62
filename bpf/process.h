/* What process.bpf.c writes to its ring, and the module reads. */
#ifndef MUSTER_BPF_PROCESS_H
#define MUSTER_BPF_PROCESS_H

#include <linux/types.h>

enum {
	PROCESS_RING	= 1024 * 1024,	/* 2,500 life cycles; it is mapped
					 * twice, which counts as memory */
	PROCESS_PATH	= 1024,		/* bytes of a path, its end is kept */
	PROCESS_ARGS	= 1024		/* bytes of arguments, their begin */
};

enum process_type { PROCESS_EXEC, PROCESS_FORK, PROCESS_EXIT, PROCESS_TYPES };

#define PROCESS_PATH_CUT	1
#define PROCESS_ARGS_CUT	2

/* Followed by path_len bytes of path and args_len of arguments, each ended by
 * a NUL. */
struct process_record {
	__u8	type, flags;
	__u16	path_len, args_len, pad;
	__u32	pid, ppid;
	__u32	uid, loginuid;
	__u32	exit_code;	/* as wait(2) has it */
	__u32	dev;		/* the kernel's dev_t of the executable */
	__u64	ino;
	__u64	cgroup;
	__u64	time;		/* ns since boot */
	char	comm[16];
};

#endif
