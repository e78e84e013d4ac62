/*
 * Addresses that are not reached: those of indicators, with the confidence
 * that blocking asks for, in a map of bpf/blocking.bpf.c, which is asked at
 * connect, sendmsg and for each packet that comes.
 *
 * Feeds change the map by what differs, so that what stays listed is never
 * open in between; what expires is taken out each minute.  Nothing is pinned:
 * without this process all is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mod_threat_intel.h"

#ifndef HAVE_BPF

int
intel_block_start(struct threat_intel *t, const char *cgroup,
    const json_t *management, char **why)
{
	(void)t, (void)cgroup, (void)management;
	*why = xstrdup("this agent was built without eBPF programs");
	return -ENOTSUP;
}

void
intel_block_fill(struct threat_intel *t)
{
	(void)t;
}

void
intel_block_status(const struct threat_intel *t, json_t *o)
{
	(void)t, (void)o;
}

#else

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "blocking.h"
#include "file.h"
#include "blocking.skel.h"
#include "policy_keep.h"
#include "sensor.h"
#include "sensor_bpf.h"

enum {
	EXPIRE_MS	= 60 * 1000,
	LOOK_MS		= 1000,
	MAX_MOUNTINFO	= 1024 * 1024,
	PROGRAMS	= 5
};

struct intel_block {
	struct threat_intel	*t;
	struct blocking_bpf	*skel;
	struct bpf_link		*links[PROGRAMS];
	struct sensor_ring	 ring;
	struct policy_keep	*keep;
	uv_timer_t		 expire;
	struct blocking_net	*nets, *fresh;	/* in the map; to be in it */
	size_t			 n, n_fresh, cap_fresh;
	struct blocking_net	 kept[BLOCKING_KEPT];
	size_t			 n_kept;
	uint64_t		 left_out;	/* no room for them */
	uint64_t		 wide;		/* see intel_is_wide() */
	uint64_t		 lost;
	int			 fault;		/* of filling the map */
};

/* -- what is blocked -- */

static int
net_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct blocking_net));
}

static int
take_net(const struct intel_hit *h, void *arg)
{
	struct intel_block	*b = arg;
	struct blocking_net	*n;

	if (h->value.kind != INTEL_IP ||
	    h->confidence < b->t->block_confidence)
		return 0;
	if (intel_is_wide(&h->value)) {
		b->wide++;
		return 0;
	}
	if (b->n_fresh == BLOCKING_NETS) {
		b->left_out++;
		return 0;
	}
	if (b->n_fresh == b->cap_fresh) {
		b->cap_fresh = b->cap_fresh * 2 + 256;
		b->fresh = xrealloc(b->fresh, b->cap_fresh *
		    sizeof(*b->fresh));
	}
	n = &b->fresh[b->n_fresh++];
	memset(n, 0, sizeof(*n));
	n->prefix = h->value.prefix;
	memcpy(n->addr, h->value.data, sizeof(n->addr));
	return 0;
}

static size_t
unique(struct blocking_net *list, size_t n)
{
	size_t	i, kept = 0;

	if (n == 0)
		return 0;
	qsort(list, n, sizeof(*list), net_order);
	for (i = 1; i < n; i++)
		if (net_order(&list[i], &list[kept]) != 0)
			list[++kept] = list[i];
	return kept + 1;
}

/* Both lists are in order: adds what is new, then takes away what is gone. */
static void
apply(struct intel_block *b)
{
	int		fd = bpf_map__fd(b->skel->maps.blocked), c, pass;
	uint32_t	one = 1;
	size_t		i, k;

	b->fault = 0;
	for (pass = 0; pass < 2; pass++)
		for (i = k = 0; i < b->n || k < b->n_fresh;) {
			c = i == b->n ? 1 : k == b->n_fresh ? -1 :
			    net_order(&b->nets[i], &b->fresh[k]);
			if (c > 0 && pass == 0 && bpf_map_update_elem(fd,
			    &b->fresh[k], &one, BPF_ANY) < 0)
				b->fault = -errno;
			if (c < 0 && pass == 1)
				bpf_map_delete_elem(fd, &b->nets[i]);
			i += c <= 0;
			k += c >= 0;
		}
}

void
intel_block_fill(struct threat_intel *t)
{
	struct intel_block	*b = t->block;

	if (b == NULL)
		return;
	b->n_fresh = b->left_out = b->wide = 0;
	if (t->t != NULL)
		intel_each(t->t, clock_wall_ms() / 1000, take_net, b);
	b->n_fresh = unique(b->fresh, b->n_fresh);
	apply(b);
	if (b->fault < 0)
		log_error("intel", "addresses cannot be blocked: %s; a kernel"
		    " before 5.19 lets no confined process change its maps",
		    errstr(b->fault));
	free(b->nets);
	b->nets = b->fresh;
	b->n = b->n_fresh;
	b->fresh = NULL;
	b->n_fresh = b->cap_fresh = 0;
}

static void
on_expire(uv_timer_t *timer)
{
	struct intel_block	*b = timer->data;

	intel_block_fill(b->t);
}

/* -- what never is -- */

static void
add_kept(struct intel_block *b, const struct policy_cidr *c)
{
	static const uint8_t	mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff };
	struct blocking_net	n = { .prefix = c->len };
	uint32_t		one = 1;

	if (!c->v6) {
		memcpy(n.addr, mapped, sizeof(mapped));
		memcpy(n.addr + 12, c->addr, 4);
		n.prefix += 96;
	} else
		memcpy(n.addr, c->addr, sizeof(n.addr));
	if (b->n_kept < BLOCKING_KEPT && bpf_map_update_elem(
	    bpf_map__fd(b->skel->maps.kept), &n, &one, BPF_ANY) == 0)
		b->kept[b->n_kept++] = n;
}

/* This host itself first: a feed that lists it would cut it from itself. */
static void
on_kept_changed(void *arg)
{
	static const struct policy_cidr	self[] = {
		{ { 127 }, 0, 8 }, { { [15] = 1 }, 1, 128 }
	};
	struct intel_block		*b = arg;
	const struct policy_rule	*rules;
	size_t				 i, k, n;

	while (b->n_kept > 0)
		bpf_map_delete_elem(bpf_map__fd(b->skel->maps.kept),
		    &b->kept[--b->n_kept]);
	for (i = 0; i < nitems(self); i++)
		add_kept(b, &self[i]);
	rules = policy_keep_rules(b->keep, &n);
	for (i = 0; i < n; i++)
		for (k = 0; !rules[i].source && k < rules[i].n_cidrs; k++)
			add_kept(b, &rules[i].cidrs[k]);
}

/* -- what was blocked -- */

static void
add_process(json_t *o, int64_t pid, uint32_t uid)
{
	struct proc_info	p;

	json_object_set_new(o, "pid", json_integer(pid));
	json_object_set_new(o, "uid", json_integer(uid));
	if (proc_info(pid, &p) < 0)
		return;
	json_object_set_new(o, "comm", text_json(p.comm));
	if (p.exe[0] != '\0')
		json_object_set_new(o, "exe", text_json(p.exe));
}

static int
on_record(void *arg, void *data, size_t size)
{
	struct intel_block		*b = arg;
	const struct blocking_record	*r = data;
	struct intel_hit		 hits[INTEL_MAX_HITS];
	struct intel_value		 v = { .kind = INTEL_IP,
		.prefix = 128, .len = 16 };
	char				 text[INTEL_MAX_VALUE + 64];
	json_t				*o;
	size_t				 n = 0;

	if (size < sizeof(*r))
		return 0;
	memcpy(v.data, r->remote, sizeof(r->remote));
	if (b->t->t != NULL)
		n = intel_find(b->t->t, &v, clock_wall_ms() / 1000, hits);
	o = json_pack("{ss ss si sI so}", "what", r->in ? "packet" :
	    "connect", "remoteAddress", intel_value_text(&v, text,
	    sizeof(text)), "protocol", r->protocol, "time",
	    (json_int_t)wall_of_boot_ns(r->time), "hits",
	    intel_hits_json(hits, n));
	if (!r->in) {
		json_object_set_new(o, "remotePort", json_integer(r->port));
		add_process(o, r->pid, r->uid);
	}
	module_event(b->t->m, SPOOL_ALERT, "blocked", o);
	return 0;
}

static uint64_t
counted(const struct intel_block *b, uint32_t what)
{
	int		 cpus = libbpf_num_possible_cpus(), i;
	uint64_t	*room = xcalloc((size_t)(cpus > 0 ? cpus : 1),
	    sizeof(*room)), sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.counts), &what,
	    room) == 0)
		for (i = 0; i < cpus; i++)
			sum += room[i];
	free(room);
	return sum;
}

void
intel_block_status(const struct threat_intel *t, json_t *o)
{
	const struct intel_block	*b = t->block;

	if (b == NULL)
		return;
	json_object_set_new(o, "addresses", json_integer((json_int_t)b->n));
	json_object_set_new(o, "leftOut",
	    json_integer((json_int_t)b->left_out));
	json_object_set_new(o, "tooWide", json_integer((json_int_t)b->wide));
	json_object_set_new(o, "kept", json_integer((json_int_t)b->n_kept));
	json_object_set_new(o, "connects",
	    json_integer((json_int_t)counted(b, BLOCKING_CONNECTS)));
	json_object_set_new(o, "packets",
	    json_integer((json_int_t)counted(b, BLOCKING_PACKETS)));
	json_object_set_new(o, "untold",
	    json_integer((json_int_t)counted(b, BLOCKING_LOST)));
}

/* -- life -- */

/* Where cgroup2 is mounted; freed by the caller; NULL: nowhere. */
static char *
cgroup_root(void)
{
	struct buf	 b = BUF_INIT;
	char		*line, *next, *sep, *path = NULL;

	if (file_read("/proc/self/mountinfo", MAX_MOUNTINFO, &b) < 0)
		return NULL;
	for (line = strtok_r(b.p, "\n", &next); line != NULL && path == NULL;
	    line = strtok_r(NULL, "\n", &next)) {
		if ((sep = strstr(line, " - cgroup2 ")) == NULL)
			continue;
		*sep = '\0';
		if (sscanf(line, "%*s %*s %*s %*s %ms", &path) != 1)
			path = NULL;
	}
	buf_release(&b);
	return path;
}

static int
attach(struct intel_block *b, int cgroup)
{
	struct bpf_program	*programs[PROGRAMS] = {
		b->skel->progs.on_connect4, b->skel->progs.on_connect6,
		b->skel->progs.on_sendmsg4, b->skel->progs.on_sendmsg6,
		b->skel->progs.on_packet
	};
	size_t			 i;

	for (i = 0; i < PROGRAMS; i++)
		if ((b->links[i] = bpf_program__attach_cgroup(programs[i],
		    cgroup)) == NULL)
			return -errno;
	b->ring = (struct sensor_ring){
		.ring_fd = bpf_map__fd(b->skel->maps.ring),
		.lost_fd = bpf_map__fd(b->skel->maps.counts),
		.look_ms = LOOK_MS, .record = on_record, .arg = b };
	return sensor_ring_open(&b->ring, module_loop(b->t->m));
}

/* Detaches what is attached: all is open again. */
static void
release(struct intel_block *b)
{
	size_t	i;

	for (i = 0; i < PROGRAMS; i++)
		bpf_link__destroy(b->links[i]);
	blocking_bpf__destroy(b->skel);
	free(b);
}

static int
load(struct intel_block *b, const char *path, char **why)
{
	int	fd, rc;

	if (path == NULL) {
		*why = xstrdup("no cgroup2 is mounted");
		return -ENOENT;
	}
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		*why = xasprintf("%s: %s", path, errstr(-errno));
		return -ENOENT;
	}
	sensor_bpf_begin();
	if ((b->skel = blocking_bpf__open_and_load()) == NULL)
		rc = -errno;
	else
		rc = attach(b, fd);
	if (rc < 0)
		*why = sensor_bpf_why(rc);
	close(fd);
	return rc;
}

int
intel_block_start(struct threat_intel *t, const char *cgroup,
    const json_t *management, char **why)
{
	struct intel_block	*b = xcalloc(1, sizeof(*b));
	char			*path = cgroup != NULL ? xstrdup(cgroup) :
				    cgroup_root();
	int			 rc;

	b->t = t;
	rc = load(b, path, why);
	free(path);
	if (rc == 0)
		rc = policy_keep_start(&b->keep, module_loop(t->m),
		    module_state_dir(t->m), management, on_kept_changed, b,
		    why);
	if (rc < 0) {
		release(b);
		return rc;
	}
	on_kept_changed(b);
	t->block = b;
	uv_timer_init(module_loop(t->m), &b->expire);
	b->expire.data = b;
	uv_timer_start(&b->expire, on_expire, EXPIRE_MS, EXPIRE_MS);
	return 0;
}

#endif
