/* process-monitor's best source: bpf/process.bpf.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "log.h"
#include "mod_process_monitor.h"

#ifndef HAVE_BPF

int
process_by_bpf(struct process_monitor *s, char **why)
{
	(void)s;
	*why = xstrdup("this agent was built without eBPF programs");
	return -ENOTSUP;
}

#else

#include <sys/sysmacros.h>

#include <bpf/bpf.h>

#include "process.skel.h"
#include "sensor_bpf.h"

struct by_bpf {
	struct process_bpf	*skel;
	struct sensor_ring	 ring;
};

static int
on_record(void *arg, void *data, size_t n)
{
	struct process_monitor		*s = arg;
	const struct process_record	*r = data;
	const char			*text = (const char *)(r + 1);
	struct process_event		 e = { .status = -1 };

	if (n < sizeof(*r) || n - sizeof(*r) < (size_t)r->path_len +
	    r->args_len || r->type >= PROCESS_TYPES)
		return 0;
	e.type = (enum process_type)r->type;
	e.t = wall_of_boot_ns(r->time);
	e.pid = r->pid;
	e.ppid = r->ppid;
	e.uid = r->uid;
	e.loginuid = r->loginuid == UINT32_MAX ? -1 : (int64_t)r->loginuid;
	e.comm = r->comm;
	e.cgroup_id = r->cgroup;
	if (r->path_len > 0)
		e.exe = text;
	e.exe_cut = r->flags & PROCESS_PATH_CUT;
	if (r->args_len > 0) {
		e.args = text + r->path_len;
		e.args_len = r->args_len - 1U;	/* less our own NUL */
	}
	e.args_cut = r->flags & PROCESS_ARGS_CUT;
	e.dev = makedev(r->dev >> 20, r->dev & 0xfffff);
	e.ino = r->ino;
	if (e.type == PROCESS_EXIT)
		e.status = (int)r->exit_code;
	process_report(s, &e);
	return 0;
}

static void
on_lost(void *arg, uint64_t n)
{
	process_lost(arg, "kernel", n);
}

static void
look(struct process_monitor *s)
{
	struct by_bpf	*b = s->own;

	sensor_ring_look(&b->ring);
}

/*
 * Tells the kernel's part where this process's root directory is.  Where it
 * can't be told (Linux before 5.10), paths begin at the mount namespace's.
 */
static void
tell_root(struct by_bpf *b)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int	rc;

	rc = bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.know_root),
	    &opts);
	if (rc < 0)
		log_debug("bpf", "the own root directory is not known: %s",
		    strerror(-rc));
}

static int
open_ring(struct process_monitor *s, struct by_bpf *b)
{
	b->ring = (struct sensor_ring){
		.ring_fd = bpf_map__fd(b->skel->maps.ring),
		.lost_fd = bpf_map__fd(b->skel->maps.lost),
		.lost_slots = PROCESS_TYPES, .look_ms = LOOK_MS,
		.record = on_record, .lost = on_lost, .arg = s };
	return sensor_ring_open(&b->ring, module_loop(s->m));
}

int
process_by_bpf(struct process_monitor *s, char **why)
{
	struct by_bpf	*b = xcalloc(1, sizeof(*b));
	int		 rc;

	sensor_bpf_begin();
	if ((b->skel = process_bpf__open()) == NULL)
		rc = -errno;
	else if ((rc = process_bpf__load(b->skel)) == 0) {
		tell_root(b);
		if ((rc = process_bpf__attach(b->skel)) == 0)
			rc = open_ring(s, b);
	}
	if (rc < 0) {
		*why = sensor_bpf_why(rc);
		process_bpf__destroy(b->skel);
		free(b);
		return rc;
	}
	s->own = b;
	s->stop = look;
	return 0;
}

#endif
