/* The ring of events: what was dropped, and what could not be told. */
#ifdef HAVE_BPF
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mod_policy_kernel.h"
#include "mod_policy_private.h"

struct policy_events {
	struct module		*m;
	const struct policy_kernel *kernel;
	struct ring_buffer	*ring;
	uv_poll_t		 poll;
	const struct policy_doc	*docs[2];
	const struct policy_head *head;		/* whose counters these are */
	uint64_t		 suppressed, lost;
	int64_t			 since;
};

/* The rule's id, or what it is instead. */
static const char *
slot_name(const struct policy_events *e, const struct policy_event *v)
{
	size_t	i = v->slot - POLICY_N_FIRST_RULE, d;

	if (v->slot == POLICY_N_MALFORMED)
		return "malformed";
	if (v->slot < POLICY_N_FIRST_RULE)
		return "default";
	for (d = 0; d < 2; d++)
		if (e->docs[d] != NULL && i < e->docs[d]->n_rules &&
		    memcmp(e->docs[d]->sha256, v->document,
		    sizeof(v->document)) == 0)
			return e->docs[d]->rules[i].id;
	return "unknown";		/* of a policy that has gone */
}

static int
on_event(void *arg, void *data, size_t n)
{
	struct policy_events	*e = arg;
	const struct policy_event *v = data;
	char			 src[64] = "", dst[64] = "", name[8];
	char			 device[IF_NAMESIZE] = "", hex[17];
	int			 family = v->v6 ? AF_INET6 : AF_INET, i;
	int			 drops = POLICY_RANK(v->value) == POLICY_DENY;

	if (n < sizeof(*v))
		return 0;
	uv_inet_ntop(family, v->src, src, sizeof(src));
	uv_inet_ntop(family, v->dst, dst, sizeof(dst));
	if_indextoname(v->ifindex, device);
	for (i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", v->document[i]);
	module_event(e->m, SPOOL_EVENT, !drops ? "policy-passed" : v->audit ?
	    "policy-would-drop" : "policy-dropped", json_pack("{ss ss ss ss"
	    " ss ss si si sI ss}", "rule", slot_name(e, v),
	    "direction", v->dir == POLICY_OUT ? "egress" : "ingress",
	    "interface", device, "protocol",
	    policy_protocol_name(v->protocol, name), "src", src, "dst", dst,
	    "sport", v->sport, "dport", v->dport, "length",
	    (json_int_t)v->length, "policy", hex));
	return 0;
}

static void
on_ring(uv_poll_t *p, int status, int events)
{
	struct policy_events	*e = p->data;

	(void)status;
	(void)events;
	ring_buffer__consume(e->ring);
}

int
policy_events_start(struct policy_events **out, struct module *m,
    const struct policy_kernel *kernel, char **why)
{
	struct policy_events	*e = xcalloc(1, sizeof(*e));
	int			 rc;

	e->m = m;
	e->kernel = kernel;
	e->since = clock_wall_ms();
	e->ring = ring_buffer__new(policy_kernel_ring(kernel), on_event, e,
	    NULL);
	rc = e->ring == NULL ? -errno : uv_poll_init(module_loop(m), &e->poll,
	    ring_buffer__epoll_fd(e->ring));
	if (rc < 0) {
		*why = xasprintf("the ring of events: %s", errstr(rc));
		return rc;		/* the process ends */
	}
	e->poll.data = e;
	uv_poll_start(&e->poll, UV_READABLE, on_ring);
	*out = e;
	return 0;
}

void
policy_events_rules(struct policy_events *e, const struct policy_doc *steady,
    const struct policy_doc *trial)
{
	e->docs[0] = steady;
	e->docs[1] = trial;
}

static void
gap(struct policy_events *e, uint64_t now, uint64_t *seen, const char *where,
    int64_t at)
{
	if (now > *seen)
		module_gap(e->m, "policy", where, e->since, at, now - *seen);
	*seen = now;
}

void
policy_events_gaps(struct policy_events *e)
{
	struct policy_state	 s;
	const struct policy_head *h;
	int64_t			 at = clock_wall_ms();

	if (policy_kernel_state(e->kernel, &s) < 0)
		return;
	h = policy_kernel_head(e->kernel, s.deadline_ns > policy_boot_ns() ?
	    !s.slot : s.slot);
	if (h != e->head) {		/* another: it counts from zero */
		e->head = h;
		e->suppressed = e->lost = 0;
	}
	if (h != NULL) {
		gap(e, policy_head_count(h, POLICY_N_SUPPRESSED).packets,
		    &e->suppressed, "limit", at);
		gap(e, policy_head_count(h, POLICY_N_LOST).packets, &e->lost,
		    "kernel", at);
	}
	e->since = at;
}

#endif
