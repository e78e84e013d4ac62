/* What blocking.bpf.c shares with the module threat-intel. */
#ifndef MUSTER_BPF_BLOCKING_H
#define MUSTER_BPF_BLOCKING_H

#include <linux/types.h>

enum {
	BLOCKING_RING	= 64 * 1024,	/* 900 records */
	BLOCKING_NETS	= 262144,	/* networks; 64 B of memory each */
	BLOCKING_KEPT	= 1024,		/* that are never blocked */
	BLOCKING_TOLD	= 4096		/* addresses told in this second */
};

enum blocking_count { BLOCKING_CONNECTS, BLOCKING_PACKETS, BLOCKING_LOST, BLOCKING_COUNTS };

/* A network; IPv4 as ::ffff:a.b.c.d, prefix 96 and more. */
struct blocking_net {
	__u32	prefix;
	__u8	addr[16];
};

struct blocking_record {
	__u64	time;		/* ns since boot */
	__u8	remote[16];
	__u32	pid, uid;	/* of who connects; 0: a packet that came */
	__u16	port;		/* remote, of who connects */
	__u8	protocol, in;
	__u32	pad;
};

#endif
