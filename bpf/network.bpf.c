/*
 * TCP connections, at the typed tracepoint inet_sock_set_state: one record
 * when a connection is made, one at its end with the bytes of both ways.
 *
 * Who it is, the current task tells only while it connects or listens; later
 * states come from interrupts, in whoever's time.  So the owner is kept by
 * socket (connecting), or by port (listening) for what is accepted there.
 *
 * Licence: GPL-2.0, for bpf_probe_read_kernel.  Needs CAP_BPF, CAP_PERFMON
 * and the kernel's BTF.  Maps: ring 256 KB; sockets 16,384 of 56 B and
 * listeners 4,096 of 52 B, both least recently used first out; lost 32 B for
 * each CPU.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "network.h"

enum { ESTABLISHED = 1, SYN_SENT = 2, SYN_RECV = 3, CLOSE = 7, LISTEN = 10 };
enum { INET6 = 10, TCP = 6 };
#define FIN_CAME	2	/* 1 << SOCK_DONE of skc_flags */

struct owner {
	__u64	since, cgroup;
	__u32	pid, uid;
	__u16	port;		/* ours: it is gone when the socket closes */
	__u8	in, established;
	__u32	pad;
	char	comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, NETWORK_RING);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NETWORK_TYPES);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NETWORK_SOCKETS);
	__type(key, __u64);
	__type(value, struct owner);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NETWORK_LISTENERS);
	__type(key, __u32);
	__type(value, struct owner);
} listeners SEC(".maps");

static __always_inline void
set_owner(struct owner *o)
{
	__builtin_memset(o, 0, sizeof(*o));
	o->since = bpf_ktime_get_boot_ns();
	o->cgroup = bpf_get_current_cgroup_id();
	o->pid = bpf_get_current_pid_tgid() >> 32;
	o->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(o->comm, sizeof(o->comm));
}

static __always_inline void
emit(const struct sock *sk, enum network_type type, const struct owner *o)
{
	struct network_record	 r;
	const struct tcp_sock	*t = (const struct tcp_sock *)sk;
	__u32			 slot = type;
	__u64			 flags, *n;

	__builtin_memset(&r, 0, sizeof(r));
	r.type = type;
	r.time = bpf_ktime_get_boot_ns();
	r.local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	r.remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == INET6) {
		r.family = 6;
		BPF_CORE_READ_INTO(&r.local, sk,
		    __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&r.remote, sk, __sk_common.skc_v6_daddr);
	} else {
		__u32	a = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__u32	b = BPF_CORE_READ(sk, __sk_common.skc_daddr);

		r.family = 4;
		__builtin_memcpy(r.local, &a, sizeof(a));
		__builtin_memcpy(r.remote, &b, sizeof(b));
	}
	if (type == NETWORK_CLOSE) {
		r.received = BPF_CORE_READ(t, bytes_received);
		if (r.received > 0 && BPF_CORE_READ(sk,
		    __sk_common.skc_flags) & FIN_CAME)
			r.received--;	/* a FIN counts one */
		r.sent = BPF_CORE_READ(t, bytes_sent) -
		    BPF_CORE_READ(t, bytes_retrans);
	}
	if (o) {
		r.pid = o->pid;
		r.uid = o->uid;
		r.since = o->since;
		r.in = o->in;
		if (o->port != 0)
			r.local_port = o->port;
		r.cgroup = o->cgroup;
		__builtin_memcpy(r.comm, o->comm, sizeof(r.comm));
	}
	flags = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >
	    NETWORK_RING / 4 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	if (bpf_ringbuf_output(&ring, &r, sizeof(r), flags) == 0)
		return;
	n = bpf_map_lookup_elem(&lost, &slot);
	if (n)
		*n += 1;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, const struct sock *sk, int old, int new)
{
	__u64		 key = (__u64)sk;
	__u32		 port;
	struct owner	 mine, *o;

	if (BPF_CORE_READ(sk, sk_protocol) != TCP)
		return 0;
	port = BPF_CORE_READ(sk, __sk_common.skc_num);
	switch (new) {
	case SYN_SENT:
		set_owner(&mine);
		bpf_map_update_elem(&sockets, &key, &mine, BPF_ANY);
		return 0;
	case LISTEN:
		set_owner(&mine);
		bpf_map_update_elem(&listeners, &port, &mine, BPF_ANY);
		return 0;
	case ESTABLISHED:
		if (old != SYN_RECV) {
			o = bpf_map_lookup_elem(&sockets, &key);
			if (o) {
				o->established = 1;
				o->port = port;
			}
			emit(sk, NETWORK_CONNECT, o);
			return 0;
		}
		o = bpf_map_lookup_elem(&listeners, &port);
		if (o)
			mine = *o;
		else
			__builtin_memset(&mine, 0, sizeof(mine));
		mine.since = bpf_ktime_get_boot_ns();
		mine.in = mine.established = 1;
		mine.port = port;
		bpf_map_update_elem(&sockets, &key, &mine, BPF_ANY);
		emit(sk, NETWORK_ACCEPT, &mine);
		return 0;
	case CLOSE:
		if (old == LISTEN)
			return 0;
		o = bpf_map_lookup_elem(&sockets, &key);
		emit(sk, old == SYN_SENT || (o && !o->established) ?
		    NETWORK_FAILED : NETWORK_CLOSE, o);
		bpf_map_delete_elem(&sockets, &key);
		return 0;
	}
	return 0;
}

char	LICENSE[] SEC("license") = "GPL";
