/*
 * rtnetlink: which interfaces there are, and which filters are on them.
 * libbpf attaches and detaches, but it cannot list what others have, and
 * would take clsact away under them.
 */
#ifdef HAVE_BPF
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "log.h"
#include "mod_policy_tc.h"

enum {
	ROOM	= 32 * 1024,		/* what a dump sends at a time */
	HEARD	= 1024 * 1024		/* a thousand interfaces made at once */
};

/* -- messages -- */

static int
open_socket(unsigned groups)
{
	struct sockaddr_nl	a = { .nl_family = AF_NETLINK,
		.nl_groups = groups };
	int			fd, size = HEARD, rc;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC |
	    (groups != 0 ? SOCK_NONBLOCK : 0), NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int
policy_links_open(void)
{
	return open_socket(RTMGRP_LINK);
}

typedef void (*on_message)(const struct nlmsghdr *, void *arg);

/* Reads until there is no more: 0, -EAGAIN, or the error that was sent.  What
 * each() does may ask again, so the room is this call's own. */
static int
read_messages(int fd, on_message each, void *arg)
{
	char			 room[ROOM]
	    __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr	*h;
	const struct nlmsgerr	*e;
	ssize_t			 n;

	for (;;) {
		if ((n = recv(fd, room, sizeof(room), 0)) < 0)
			return -errno;
		for (h = (const struct nlmsghdr *)(void *)room;
		    NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			e = NLMSG_DATA(h);
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return e->error;
			each(h, arg);
		}
	}
}

/* Asks for a list and reads it. */
static int
dump(void *request, size_t n, on_message each, void *arg)
{
	int	fd = open_socket(0), rc = 0;

	if (fd < 0)
		return fd;
	if (send(fd, request, n, 0) < 0)
		rc = -errno;
	else
		rc = read_messages(fd, each, arg);
	close(fd);
	return rc;
}

/* -- interfaces -- */

struct hearing {
	void	(*each)(const struct policy_link *, void *);
	void	(*gone)(int, void *);
	void	*arg;
};

static void
on_link(const struct nlmsghdr *h, void *arg)
{
	const struct hearing	*hear = arg;
	const struct ifinfomsg	*i = NLMSG_DATA(h);
	const struct rtattr	*a;
	struct policy_link	 l;
	int			 n = (int)IFLA_PAYLOAD(h);

	if (h->nlmsg_type == RTM_DELLINK && i->ifi_family == AF_UNSPEC &&
	    hear->gone != NULL)
		hear->gone(i->ifi_index, hear->arg);
	if (h->nlmsg_type != RTM_NEWLINK || i->ifi_family != AF_UNSPEC)
		return;			/* a bridge tells of its ports too */
	memset(&l, 0, sizeof(l));
	l.ifindex = i->ifi_index;
	l.loopback = (i->ifi_flags & IFF_LOOPBACK) != 0;
	for (a = IFLA_RTA(i); RTA_OK(a, n); a = RTA_NEXT(a, n))
		if (a->rta_type == IFLA_IFNAME &&
		    RTA_PAYLOAD(a) <= sizeof(l.name))
			memcpy(l.name, RTA_DATA(a), RTA_PAYLOAD(a));
	l.name[sizeof(l.name) - 1] = '\0';
	hear->each(&l, hear->arg);
}

int
policy_links_hear(int fd, void (*each)(const struct policy_link *, void *),
    void (*gone)(int, void *), void *arg)
{
	struct hearing	h = { each, gone, arg };
	int		rc = read_messages(fd, on_link, &h);

	return rc == -EAGAIN || rc == -EINTR ? 0 : rc;
}

int
policy_links_list(void (*each)(const struct policy_link *, void *), void *arg)
{
	struct hearing	h = { each, NULL, arg };
	struct {
		struct nlmsghdr		h;
		struct ifinfomsg	i;
	} ask = { .h = { .nlmsg_len = sizeof(ask), .nlmsg_type = RTM_GETLINK,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };

	return dump(&ask, sizeof(ask), on_link, &h);
}

/* -- filters -- */

struct filters {
	int		 others, before, named, all;
};

/* A filter of bpf with our program's name. */
static int
is_named(const struct tcmsg *t, int n)
{
	const struct rtattr	*a, *b;
	int			 m;

	for (a = TCA_RTA(t); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
		if (a->rta_type != TCA_OPTIONS)
			continue;
		m = (int)RTA_PAYLOAD(a);
		for (b = RTA_DATA(a); RTA_OK(b, m); b = RTA_NEXT(b, m))
			if (b->rta_type == 7 &&		/* TCA_BPF_NAME */
			    strncmp(RTA_DATA(b), "muster_", 7) == 0)
				return 1;
	}
	return 0;
}

static void
on_filter(const struct nlmsghdr *h, void *arg)
{
	struct filters		*f = arg;
	const struct tcmsg	*t = NLMSG_DATA(h);
	uint32_t		 priority = TC_H_MAJ(t->tcm_info) >> 16;

	if (h->nlmsg_type != RTM_NEWTFILTER || t->tcm_handle == 0)
		return;			/* 0: the head of a chain */
	f->all++;
	if (priority == POLICY_TC_PRIORITY &&
	    t->tcm_handle == POLICY_TC_HANDLE) {
		f->named = is_named(t, (int)TCA_PAYLOAD(h));
		return;
	}
	f->others++;
	f->before += priority < POLICY_TC_PRIORITY;
}

static int
list_filters(int ifindex, enum policy_dir dir, struct filters *f)
{
	struct {
		struct nlmsghdr	h;
		struct tcmsg	t;
	} ask = { .h = { .nlmsg_len = sizeof(ask),
		.nlmsg_type = RTM_GETTFILTER,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };

	memset(f, 0, sizeof(*f));
	ask.t.tcm_ifindex = ifindex;
	ask.t.tcm_parent = TC_H_MAKE(TC_H_CLSACT, dir == POLICY_IN ?
	    TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
	return dump(&ask, sizeof(ask), on_filter, f);
}

int
policy_tc_others(int ifindex, enum policy_dir dir, int *before)
{
	struct filters	f;

	if (list_filters(ifindex, dir, &f) < 0)
		f.others = f.before = 0;
	*before = f.before;
	return f.others;
}

/* -- ours -- */

static struct bpf_tc_hook
hook_at(int ifindex, enum policy_dir dir)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
	    .attach_point = dir == POLICY_IN ? BPF_TC_INGRESS :
	    BPF_TC_EGRESS);

	return hook;
}

uint32_t
policy_tc_attached(int ifindex, enum policy_dir dir)
{
	struct bpf_tc_hook	hook = hook_at(ifindex, dir);
	struct filters		f;
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = POLICY_TC_HANDLE,
	    .priority = POLICY_TC_PRIORITY);

	if (list_filters(ifindex, dir, &f) < 0 || !f.named ||
	    bpf_tc_query(&hook, &opts) < 0)
		return 0;
	return opts.prog_id;
}

int
policy_tc_attach(int ifindex, enum policy_dir dir, int program, int *made)
{
	struct bpf_tc_hook	hook = hook_at(ifindex, dir);
	struct bpf_tc_hook	whole = hook;
	int			rc;
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = POLICY_TC_HANDLE,
	    .priority = POLICY_TC_PRIORITY, .prog_fd = program);

	whole.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	if ((rc = bpf_tc_hook_create(&whole)) == 0)
		*made = 1;
	else if (rc != -EEXIST)
		return rc;
	if (policy_tc_attached(ifindex, dir) != 0)
		opts.flags = BPF_TC_F_REPLACE;
	return bpf_tc_attach(&hook, &opts);
}

int
policy_tc_detach(int ifindex, enum policy_dir dir)
{
	struct bpf_tc_hook	hook = hook_at(ifindex, dir);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = POLICY_TC_HANDLE,
	    .priority = POLICY_TC_PRIORITY);

	return policy_tc_attached(ifindex, dir) == 0 ? 0 :
	    bpf_tc_detach(&hook, &opts);
}

int
policy_tc_tidy(int ifindex)
{
	struct bpf_tc_hook	hook = hook_at(ifindex, POLICY_IN);
	struct filters		in, out;

	if (list_filters(ifindex, POLICY_IN, &in) < 0 ||
	    list_filters(ifindex, POLICY_OUT, &out) < 0)
		return 0;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	return in.all + out.all > 0 ? 0 : bpf_tc_hook_destroy(&hook);
}

#endif
