/*
 * The policy's program, at tc's clsact hooks of each interface: finds the
 * generation that serves, the packet's addresses, protocol and ports, asks
 * the generation (policy_lookup.h), counts, reports, drops.
 *
 * What passes goes on to the next filter (TC_ACT_UNSPEC), for others' filters
 * are theirs.  Offsets are relative to the network header: right with and
 * without a link header.
 *
 * Maps: policy_slots (two generations of 4 KB pages), policy_ctl (8 bytes),
 * policy_rate (16 bytes a CPU), policy_ring (256 KB).  Needs a kernel 5.10.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "policy.h"

#define INLINE	static inline __attribute__((always_inline))

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum {
	ICMP = 1, TCP = 6, UDP = 17, FRAGMENT = 44, ICMPV6 = 58, SCTP = 132,
	MAX_HEADERS	= 8,		/* extension headers of IPv6 */
	RING		= 256 * 1024
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
		__uint(max_entries, 1);
		__uint(key_size, 4);
		__uint(value_size, POLICY_PAGE);
	});
} policy_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} policy_ctl SEC(".maps");

struct rate {
	__u64	since, events;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rate);
} policy_rate SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING);
} policy_ring SEC(".maps");

/* Sizes are powers of two, and what has one lies at a multiple of it. */
INLINE const void *
generation_at(void *gen, __u32 word, __u32 size)
{
	__u32	 page = word / POLICY_WORDS;
	__u32	*p = bpf_map_lookup_elem(gen, &page);

	return p != 0 ? p + (word & (POLICY_WORDS - size)) : 0;
}

#define POLICY_AT(gen, word, type) \
	((const type *)generation_at((gen), (word), sizeof(type) / 4))

#include "policy_lookup.h"

/* The generation that serves; NULL: none, or it has just been taken away. */
INLINE void *
serving(void)
{
	__u32	 zero = 0, slot;
	__u64	*ctl = bpf_map_lookup_elem(&policy_ctl, &zero), c;

	if (ctl == 0)
		return 0;
	c = *(volatile __u64 *)ctl;
	slot = POLICY_CTL_SLOT(c);
	if (POLICY_CTL_DEADLINE(c) != 0 &&
	    bpf_ktime_get_boot_ns() < POLICY_CTL_DEADLINE(c))
		slot ^= 1;
	return bpf_map_lookup_elem(&policy_slots, &slot);
}

/* -- the packet -- */

struct packet {
	struct policy_query q;
	__u8	src[16], dst[16];
	__u32	protocol;
	__u16	sport, dport;		/* or ICMP's type and code */
};

INLINE int
load(struct __sk_buff *skb, __u32 at, void *to, __u32 n)
{
	return bpf_skb_load_bytes_relative(skb, at, to, n,
	    BPF_HDR_START_NET);
}

/* What comes after the IP headers, at an offset. */
INLINE int
read_ports(struct __sk_buff *skb, struct packet *k, __u32 at)
{
	__u16	port[2];
	__u8	icmp[2];

	if (k->q.later)
		return 0;
	if (k->protocol == TCP || k->protocol == UDP || k->protocol == SCTP) {
		if (load(skb, at, port, 4) < 0)
			return -1;
		k->sport = bpf_ntohs(port[0]);
		k->dport = bpf_ntohs(port[1]);
	} else if (k->protocol == ICMP || k->protocol == ICMPV6) {
		if (load(skb, at, icmp, 2) < 0)
			return -1;
		k->sport = icmp[0];
		k->dport = icmp[1];
	}
	return 0;
}

INLINE int
read_v4(struct __sk_buff *skb, struct packet *k)
{
	struct iphdr	h;
	__u32		offset, other;

	if (load(skb, 0, &h, sizeof(h)) < 0 || h.version != 4 || h.ihl < 5)
		return -1;
	k->protocol = h.protocol;
	*(__u32 *)k->src = h.saddr;
	*(__u32 *)k->dst = h.daddr;
	other = k->q.dir == POLICY_IN ? h.saddr : h.daddr;
	k->q.hi = (__u64)bpf_ntohl(other) << 32;
	offset = bpf_ntohs(h.frag_off) & 0x1fff;
	k->q.later = offset != 0;
	if (offset == 1 && k->protocol == TCP)
		return -1;
	return read_ports(skb, k, h.ihl * 4);
}

INLINE int
is_extension(__u8 header)
{
	return header == 0 || header == 43 || header == 60 ||
	    header == 135 || header == 139 || header == 140;
}

INLINE int
read_v6(struct __sk_buff *skb, struct packet *k)
{
	struct ipv6hdr	 h;
	const __u8	*other;
	__u8		 next, ext[8];
	__u32		 at = sizeof(h), offset;
	int		 i;

	if (load(skb, 0, &h, sizeof(h)) < 0 || h.version != 6)
		return -1;
	__builtin_memcpy(k->src, &h.saddr, 16);
	__builtin_memcpy(k->dst, &h.daddr, 16);
	other = k->q.dir == POLICY_IN ? k->src : k->dst;
	k->q.hi = bpf_be64_to_cpu(*(const __u64 *)other);
	k->q.lo = bpf_be64_to_cpu(*(const __u64 *)(other + 8));
	k->q.v6 = 1;
	next = h.nexthdr;
	for (i = 0; i < MAX_HEADERS; i++) {
		if (next == FRAGMENT) {
			if (load(skb, at, ext, 8) < 0)
				return -1;
			next = ext[0];
			offset = (__u32)ext[2] << 5 | ext[3] >> 3;
			at += 8;
			if (offset == 0)
				continue;
			if (offset == 1 && next == TCP)
				return -1;
			k->q.later = 1;
			break;
		}
		if (!is_extension(next))
			break;
		if (load(skb, at, ext, 2) < 0)
			return -1;
		next = ext[0];
		at += (ext[1] + 1) * 8;
	}
	if (!k->q.later && (is_extension(next) || next == FRAGMENT))
		return -1;
	k->protocol = next;
	return read_ports(skb, k, at);
}

/* What this host needs to keep its address, its neighbours and the size of
 * its packets. */
INLINE int
is_kept(const struct packet *k)
{
	__u32	in = k->q.dir == POLICY_IN, ours = 68, theirs = 67;

	if (k->q.later)
		return 0;
	if (k->protocol == ICMPV6)
		return k->q.v6 && ((k->sport >= 130 && k->sport <= 136) ||
		    k->sport == 143 || k->sport == 2);
	if (k->protocol == ICMP)
		return !k->q.v6 && k->sport == 3 && k->dport == 4;
	if (k->protocol != UDP)
		return 0;
	if (k->q.v6) {
		ours = 546;
		theirs = 547;
	}
	return in ? k->sport == theirs && k->dport == ours :
	    k->sport == ours && k->dport == theirs;
}

INLINE __u32
judge(struct __sk_buff *skb, void *gen, const struct policy_head *h,
    struct packet *k)
{
	__u32	v;
	int	rc;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		rc = read_v4(skb, k);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		rc = read_v6(skb, k);
	else
		return POLICY_VALUE(POLICY_ALLOW, POLICY_N_OTHER, 0);
	if (rc < 0)
		return h->malformed;
	if (is_kept(k))
		return POLICY_VALUE(POLICY_KEEP, POLICY_N_KEPT, 0);
	if (k->protocol == ICMP || k->protocol == ICMPV6)
		k->q.key = k->q.src_key = k->protocol << 16;
	else {
		k->q.key = k->protocol << 16 | k->dport;
		k->q.src_key = k->protocol << 16 | k->sport;
	}
	v = policy_judge(gen, h, &k->q);
	return v != 0 ? v : h->fallback[k->q.dir & 1];
}

/* -- what is told -- */

INLINE void
count(void *gen, const struct policy_head *h, __u32 slot, __u64 packets,
    __u64 bytes)
{
	__u32			 stripe;
	struct policy_count	*c;

	if (slot >= h->slots)
		return;
	stripe = bpf_get_smp_processor_id() & h->stripe_mask;
	c = (struct policy_count *)POLICY_AT(gen, h->counters +
	    (stripe * h->slots + slot) * 4, struct policy_count);
	if (c == 0)
		return;
	__sync_fetch_and_add(&c->packets, packets);
	__sync_fetch_and_add(&c->bytes, bytes);
}

INLINE int
may_tell(__u64 now)
{
	__u32		 zero = 0;
	struct rate	*r = bpf_map_lookup_elem(&policy_rate, &zero);

	if (r == 0)
		return 0;
	if (now - r->since >= 1000000000ull) {
		r->since = now;
		r->events = 0;
	}
	return r->events++ < POLICY_EVENTS_PER_SECOND;
}

INLINE void
tell(struct __sk_buff *skb, void *gen, const struct policy_head *h,
    const struct packet *k, __u32 v)
{
	__u64			 now = bpf_ktime_get_boot_ns();
	struct policy_event	*e;

	if (!may_tell(now)) {
		count(gen, h, POLICY_N_SUPPRESSED, 1, skb->len);
		return;
	}
	if ((e = bpf_ringbuf_reserve(&policy_ring, sizeof(*e), 0)) == 0) {
		count(gen, h, POLICY_N_LOST, 1, skb->len);
		return;
	}
	e->ns = now;
	__builtin_memcpy(e->src, k->src, 16);
	__builtin_memcpy(e->dst, k->dst, 16);
	e->ifindex = skb->ifindex;
	e->length = skb->len;
	e->value = v;
	e->slot = POLICY_SLOT(v);
	e->sport = k->sport;
	e->dport = k->dport;
	e->dir = k->q.dir;
	e->v6 = k->q.v6;
	e->protocol = (__u8)k->protocol;
	e->audit = h->audit != 0;
	__builtin_memcpy(e->document, h->document, 8);
	bpf_ringbuf_submit(e, 0);
	count(gen, h, POLICY_N_EVENTS, 1, 0);
}

/* -- the hooks -- */

INLINE int
filter(struct __sk_buff *skb, __u8 dir)
{
	const struct policy_head *h;
	struct packet		 k = { .q = { .dir = dir } };
	void			*gen;
	__u32			 v, segments;

	/* Twice: once more where its slot was emptied in between. */
	if ((gen = serving()) == 0 && (gen = serving()) == 0)
		return TC_ACT_UNSPEC;
	h = POLICY_AT(gen, 0, struct policy_head);
	if (h == 0 || h->magic != POLICY_MAGIC)
		return TC_ACT_UNSPEC;
	v = judge(skb, gen, h, &k);
	segments = skb->gso_segs;
	count(gen, h, POLICY_SLOT(v), segments != 0 ? segments : 1,
	    skb->len);
	if (POLICY_LOG(v))
		tell(skb, gen, h, &k, v);
	return POLICY_RANK(v) == POLICY_DENY && !h->audit ? TC_ACT_SHOT :
	    TC_ACT_UNSPEC;
}

SEC("tc")
int
muster_in(struct __sk_buff *skb)
{
	return filter(skb, POLICY_IN);
}

SEC("tc")
int
muster_out(struct __sk_buff *skb)
{
	return filter(skb, POLICY_OUT);
}
