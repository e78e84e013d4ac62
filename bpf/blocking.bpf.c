/*
 * Addresses of indicators are not reached, and do not reach: at connect(2) and
 * sendmsg(2) of any process in the cgroup, which fail with EPERM, and for
 * packets that come to its sockets, which are dropped.  What is in kept stays
 * open, whatever a feed says.
 *
 * Attached by links that go with the process: without the module all is open.
 *
 * Licence: GPL-2.0.  Needs CAP_BPF and CAP_NET_ADMIN, no BTF.  Maps: blocked
 * and kept, tries that take memory as they fill; told 4,096 of 24 B; ring
 * 64 KB; counts 24 B for each CPU.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "blocking.h"

enum { IPV4_SOURCE = 12, IPV4_PROTOCOL = 9, IPV6_NEXT = 6, IPV6_SOURCE = 8 };
#define SECOND	1000000000ull

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BLOCKING_NETS);
	__type(key, struct blocking_net);
	__type(value, __u32);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BLOCKING_KEPT);
	__type(key, struct blocking_net);
	__type(value, __u32);
} kept SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BLOCKING_TOLD);
	__type(key, __u8[16]);
	__type(value, __u64);
} told SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BLOCKING_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, BLOCKING_RING);
} ring SEC(".maps");

static __always_inline void
count(__u32 what)
{
	__u64	*n = bpf_map_lookup_elem(&counts, &what);

	if (n)
		*n += 1;
}

static __always_inline int
is_blocked(const struct blocking_net *a)
{
	return bpf_map_lookup_elem(&blocked, a) &&
	    !bpf_map_lookup_elem(&kept, a);
}

/* One address once a second: a flood is counted, not told. */
static __always_inline void
tell(struct blocking_record *r)
{
	__u64	*last = bpf_map_lookup_elem(&told, r->remote);

	r->time = bpf_ktime_get_boot_ns();
	if (last && r->time - *last < SECOND)
		return;
	bpf_map_update_elem(&told, r->remote, &r->time, BPF_ANY);
	if (bpf_ringbuf_output(&ring, r, sizeof(*r), 0) != 0)
		count(BLOCKING_LOST);
}

/* -- who connects or sends -- */

static __always_inline int
judge(struct bpf_sock_addr *c, const struct blocking_net *a)
{
	struct blocking_record	r;

	if (!is_blocked(a))
		return 1;
	count(BLOCKING_CONNECTS);
	__builtin_memset(&r, 0, sizeof(r));
	__builtin_memcpy(r.remote, a->addr, sizeof(r.remote));
	r.pid = bpf_get_current_pid_tgid() >> 32;
	r.uid = (__u32)bpf_get_current_uid_gid();
	r.port = bpf_ntohs((__u16)c->user_port);
	r.protocol = (__u8)c->protocol;
	tell(&r);
	return 0;
}

static __always_inline int
judge4(struct bpf_sock_addr *c)
{
	struct blocking_net	a = { .prefix = 128 };
	__u32			ip = c->user_ip4;

	a.addr[10] = a.addr[11] = 0xff;
	__builtin_memcpy(a.addr + 12, &ip, sizeof(ip));
	return judge(c, &a);
}

static __always_inline int
judge6(struct bpf_sock_addr *c)
{
	struct blocking_net	a = { .prefix = 128 };
	__u32			w[4] = { c->user_ip6[0], c->user_ip6[1],
				    c->user_ip6[2], c->user_ip6[3] };

	__builtin_memcpy(a.addr, w, sizeof(w));
	return judge(c, &a);
}

SEC("cgroup/connect4")
int
on_connect4(struct bpf_sock_addr *c)
{
	return judge4(c);
}

SEC("cgroup/connect6")
int
on_connect6(struct bpf_sock_addr *c)
{
	return judge6(c);
}

SEC("cgroup/sendmsg4")
int
on_sendmsg4(struct bpf_sock_addr *c)
{
	return judge4(c);
}

SEC("cgroup/sendmsg6")
int
on_sendmsg6(struct bpf_sock_addr *c)
{
	return judge6(c);
}

/* -- what comes -- */

SEC("cgroup_skb/ingress")
int
on_packet(struct __sk_buff *skb)
{
	struct blocking_net	a = { .prefix = 128 };
	struct blocking_record	r;
	int			v4 = skb->protocol == bpf_htons(ETH_P_IP);

	if (v4) {
		a.addr[10] = a.addr[11] = 0xff;
		if (bpf_skb_load_bytes(skb, IPV4_SOURCE, a.addr + 12, 4) < 0)
			return 1;
	} else if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
	    bpf_skb_load_bytes(skb, IPV6_SOURCE, a.addr, 16) < 0) {
		return 1;
	}
	if (!is_blocked(&a))
		return 1;
	count(BLOCKING_PACKETS);
	__builtin_memset(&r, 0, sizeof(r));
	__builtin_memcpy(r.remote, a.addr, sizeof(r.remote));
	r.in = 1;
	bpf_skb_load_bytes(skb, v4 ? IPV4_PROTOCOL : IPV6_NEXT, &r.protocol,
	    1);
	tell(&r);
	return 0;
}

char	LICENSE[] SEC("license") = "GPL";
