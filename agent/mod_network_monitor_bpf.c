/* network-monitor's best source: bpf/network.bpf.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mod_network_monitor.h"

#ifndef HAVE_BPF

int
network_by_bpf(struct network_monitor *s, char **why)
{
	(void)s;
	*why = xstrdup("this agent was built without eBPF programs");
	return -ENOTSUP;
}

#else

#include "network.skel.h"
#include "sensor_bpf.h"

enum { LOOK_MS = 200 };

struct by_bpf {
	struct network_bpf	*skel;
	struct sensor_ring	 ring;
};

static int
on_record(void *arg, void *data, size_t n)
{
	struct network_monitor		*s = arg;
	const struct network_record	*r = data;
	struct network_event		 e = { .protocol = "tcp",
		.source = "ebpf", .received = -1, .sent = -1, .uid = -1 };

	if (n < sizeof(*r) || r->type >= NETWORK_TYPES)
		return 0;
	e.type = (enum network_type)r->type;
	e.t = wall_of_boot_ns(r->time);
	e.since = r->since > 0 ? wall_of_boot_ns(r->since) : 0;
	e.family = r->family;
	e.local = r->local;
	e.remote = r->remote;
	e.local_port = r->local_port;
	e.remote_port = r->remote_port;
	e.in = r->in;
	e.pid = r->pid;
	if (r->pid > 0) {
		e.uid = r->uid;
		e.comm = r->comm;
	}
	e.cgroup = r->cgroup;
	if (e.type == NETWORK_CLOSE) {
		e.received = (int64_t)r->received;
		e.sent = (int64_t)r->sent;
	}
	network_report(s, &e);
	return 0;
}

static void
on_lost(void *arg, uint64_t n)
{
	network_lost(arg, "kernel", n);
}

static void
look(struct network_monitor *s)
{
	struct by_bpf	*b = s->own;

	sensor_ring_look(&b->ring);
}

static int
open_ring(struct network_monitor *s, struct by_bpf *b)
{
	b->ring = (struct sensor_ring){
		.ring_fd = bpf_map__fd(b->skel->maps.ring),
		.lost_fd = bpf_map__fd(b->skel->maps.lost),
		.lost_slots = NETWORK_TYPES, .look_ms = LOOK_MS,
		.record = on_record, .lost = on_lost, .arg = s };
	return sensor_ring_open(&b->ring, module_loop(s->m));
}

int
network_by_bpf(struct network_monitor *s, char **why)
{
	struct by_bpf	*b = xcalloc(1, sizeof(*b));
	int		 rc;

	sensor_bpf_begin();
	if ((b->skel = network_bpf__open()) == NULL)
		rc = -errno;
	else if ((rc = network_bpf__load(b->skel)) == 0 &&
	    (rc = network_bpf__attach(b->skel)) == 0)
		rc = open_ring(s, b);
	if (rc < 0) {
		*why = sensor_bpf_why(rc);
		network_bpf__destroy(b->skel);
		free(b);
		return rc;
	}
	s->own = b;
	s->stop = look;
	return 0;
}

#endif
