/*
 * The wire between the compiler of a policy (agent/policy_compile.c) and the
 * program that enforces it (policy.bpf.c): what lies where in a generation.
 *
 * A generation is one array map, its pages one run of 32-bit words, and holds
 * everything that one policy needs, counters too: so one slot of an outer
 * map changes all of it at once.  Offsets count words from its beginning; 0
 * is "none", for the head lies there.
 *
 * An address finds its class in a tree of nodes of 64 branches, compressed
 * by bitmaps.  A class stands for all rules whose CIDR holds the address: a
 * value for those that name neither protocol nor ports, and trees for the
 * others.  These have 24 bits of key, protocol and port, four at each node;
 * an interval lies where its parts are whole, and a look-up takes the
 * greatest value on its way down.  Trees share what is the same in the class
 * of the CIDR around theirs, so nested CIDRs compose and none is copied.
 */
#ifndef MUSTER_BPF_POLICY_H
#define MUSTER_BPF_POLICY_H

#include <linux/types.h>

enum {
	POLICY_MAGIC	= 0x6d757031,	/* "mup1": changes with the layout */
	POLICY_PAGE	= 4096,		/* bytes; one entry of the map */
	POLICY_WORDS	= POLICY_PAGE / 4,
	POLICY_MAX_WORDS = 64 * 1024 * 1024,	/* 256 MB */
	POLICY_STRIPES	= 16,		/* CPUs that count apart, at most */
	POLICY_LEVELS4	= 6,		/* 32 bits by 6 */
	POLICY_LEVELS6	= 22,		/* 128 bits by 6 */
	POLICY_MAX_SKIP	= 24,		/* bits of a node's skip */
	POLICY_KEY_BITS	= 24,		/* protocol and port */
	POLICY_KEY_LEVELS = 6,		/* 4 bits each */
	POLICY_PROTO_LEVELS = 2		/* those of the protocol */
};

enum policy_dir { POLICY_IN, POLICY_OUT };

/*
 * A verdict's value: the greater one decides.  Two bits of rank, then the
 * complement of the rule's slot, so that the first rule of a rank is the
 * greatest, then whether it is logged.  0: no rule matched.
 */
enum policy_rank { POLICY_ALLOW = 1, POLICY_DENY = 2, POLICY_KEEP = 3 };
#define POLICY_MAX_SLOT	0x1fffffff
#define POLICY_VALUE(rank, slot, log) \
	((__u32)(rank) << 30 | (__u32)(POLICY_MAX_SLOT - (slot)) << 1 | (log))
#define POLICY_RANK(v)	((v) >> 30)
#define POLICY_SLOT(v)	(POLICY_MAX_SLOT - ((v) >> 1 & POLICY_MAX_SLOT))
#define POLICY_LOG(v)	((v) & 1)

/* Slots of counters before the rules'. */
enum {
	POLICY_N_DEFAULT_IN,		/* no rule matched */
	POLICY_N_DEFAULT_OUT,
	POLICY_N_KEPT,			/* what the host itself needs */
	POLICY_N_MALFORMED,
	POLICY_N_OTHER,			/* neither IPv4 nor IPv6 */
	POLICY_N_EVENTS,		/* reported */
	POLICY_N_SUPPRESSED,		/* events beyond the rate */
	POLICY_N_LOST,			/* events that found the ring full */
	POLICY_N_FIRST_KEPT,		/* invariants of the agent's */
	POLICY_MAX_KEPT	= 16,
	POLICY_N_FIRST_RULE = POLICY_N_FIRST_KEPT + POLICY_MAX_KEPT
};

struct policy_head {			/* 64 words */
	__u32	magic;
	__u32	words;			/* before the counters */
	__u32	slots;			/* counters of one stripe */
	__u32	stripe_mask;
	__u32	counters;		/* where they are */
	__u32	audit;			/* count, do not drop */
	__u32	fallback[2];		/* by direction: the default's value */
	__u32	malformed;		/* its value */
	__u32	pad[3];
	struct policy_root {
		__u32	node;		/* 0: there is only the class */
		__u32	klass;
	}	root[2][2];		/* by direction; IPv4, IPv6 */
	__u8	document[32];		/* SHA-256 */
	__u8	kept[32];		/* of the invariants' list */
	__u32	spare[28];
};

struct policy_node {			/* 8 words */
	__u64	children;		/* a bit for each of 64 branches */
	__u64	leaves;			/* where a run of equal leaves begins */
	__u32	child_base, leaf_base;
	__u32	skip;			/* bits << 24 | what they must be */
	__u32	miss;			/* the class where they are not */
};

struct policy_class {			/* 4 words */
	__u32	value;			/* any protocol, any port */
	__u32	dst, src;		/* by destination, source port */
	__u32	later;			/* fragments but the first */
};

struct policy_ports {			/* 32 words */
	__u32	value[16];
	__u32	child[16];
};

struct policy_count {			/* 4 words */
	__u64	packets, bytes;
};

/* A packet, as a generation is asked about it: policy_lookup.h. */
struct policy_query {
	__u64	hi, lo;			/* the other side's address; IPv4 is
					 * the first 32 bits */
	__u32	key, src_key;		/* protocol << 16 | port */
	__u8	dir, v6, later;		/* a fragment but the first */
};

/* ctl, one entry: which slot of the outer map serves.  While a deadline is
 * set, the other one does, until then.  One word, so that both change as
 * one. */
#define POLICY_CTL(deadline_ns, slot)	((__u64)(deadline_ns) << 1 | (slot))
#define POLICY_CTL_DEADLINE(c)	((c) >> 1)	/* CLOCK_BOOTTIME; 0: none */
#define POLICY_CTL_SLOT(c)	((c) & 1)

enum { POLICY_EVENTS_PER_SECOND = 64 };	/* and CPU: a flood is not told
					 * packet by packet */

struct policy_event {			/* in the ring */
	__u64	ns;			/* CLOCK_BOOTTIME */
	__u8	src[16], dst[16];	/* IPv4 in the first four */
	__u32	ifindex, length;
	__u32	value, slot;
	__u16	sport, dport;		/* 0: there are none */
	__u8	dir, v6, protocol, audit;
	__u8	document[8];		/* the beginning of its SHA-256 */
};

#endif
