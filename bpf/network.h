/* What network.bpf.c writes to its ring, and the module reads. */
#ifndef MUSTER_BPF_NETWORK_H
#define MUSTER_BPF_NETWORK_H

#include <linux/types.h>

enum {
	NETWORK_RING	= 256 * 1024,	/* 2,300 records; it is mapped twice */
	NETWORK_SOCKETS	= 16384,	/* whose owner is remembered */
	NETWORK_LISTENERS = 4096
};

enum network_type { NETWORK_CONNECT, NETWORK_ACCEPT, NETWORK_CLOSE,
	NETWORK_FAILED, NETWORK_TYPES };

/* Addresses as on the wire; v4 in the first four bytes. */
struct network_record {
	__u8	type, family;	/* 4 or 6 */
	__u8	in;		/* accepted, of a close */
	__u8	pad;
	__u16	local_port, remote_port;
	__u8	local[16], remote[16];
	__u32	pid, uid;	/* pid 0: not known */
	__u64	time, since;	/* ns since boot; since: of its opening, 0:
				 * before the program was */
	__u64	received, sent;
	__u64	cgroup;
	char	comm[16];
};

#endif
