/*
 * process-monitor by netlink, the kernel's process connector.  It tells pids
 * alone: the rest is read from /proc, where a short-lived process is gone
 * already.  Its messages are numbered for each CPU, which shows what was
 * lost.
 */
#include <sys/socket.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "mod_process_monitor.h"

enum {
	RCVBUF	= 4 * 1024 * 1024,	/* the kernel's memory, only while a
					 * flood fills it */
	MAX_CPUS = 1024
};

struct by_netlink {
	int		 fd;
	uv_poll_t	 poll;
	uint32_t	 seq[MAX_CPUS];
	uint8_t		 known[MAX_CPUS];
};

static void
count_seq(struct process_monitor *s, uint32_t cpu, uint32_t seq)
{
	struct by_netlink	*n = s->own;

	if (cpu >= MAX_CPUS)
		return;
	if (n->known[cpu] && seq != n->seq[cpu] + 1)
		process_lost(s, "netlink", seq - n->seq[cpu] - 1);
	n->known[cpu] = 1;
	n->seq[cpu] = seq;
}

static void
report(struct process_monitor *s, enum process_type type, int64_t pid,
    int64_t ppid, uint64_t ns, int status)
{
	struct process_event	 e = { .type = type, .pid = pid,
		.ppid = ppid, .uid = -1, .loginuid = -1, .status = status };
	struct proc_info	 p;
	char			 args[1025];
	char			 path[48];
	FILE			*f;

	e.t = wall_of_boot_ns(ns);
	if (type != PROCESS_EXIT && proc_info(pid, &p) == 0) {
		e.ppid = p.ppid;
		e.uid = p.uid;
		e.loginuid = p.loginuid;
		e.comm = p.comm;
		e.cgroup = p.cgroup;
		if (p.exe[0] != '\0')
			e.exe = p.exe;
		snprintf(path, sizeof(path), "/proc/%lld/cmdline",
		    (long long)pid);
		if (type == PROCESS_EXEC && (f = fopen(path, "re")) != NULL) {
			e.args_len = fread(args, 1, sizeof(args) - 1, f);
			fclose(f);
			e.args_cut = e.args_len == sizeof(args) - 1;
			if (e.args_len > 0)
				e.args = args;
		}
	}
	process_report(s, &e);
}

static void
on_message(struct process_monitor *s, const struct proc_event *e, uint32_t seq)
{
	count_seq(s, e->cpu, seq);
	switch ((unsigned)e->what) {
	case PROC_EVENT_EXEC:
		report(s, PROCESS_EXEC, e->event_data.exec.process_tgid, -1,
		    e->timestamp_ns, -1);
		break;
	case PROC_EVENT_FORK:
		if (e->event_data.fork.child_pid ==
		    e->event_data.fork.child_tgid)
			report(s, PROCESS_FORK,
			    e->event_data.fork.child_tgid,
			    e->event_data.fork.parent_tgid, e->timestamp_ns,
			    -1);
		break;
	case PROC_EVENT_EXIT:
		if (e->event_data.exit.process_pid ==
		    e->event_data.exit.process_tgid)
			report(s, PROCESS_EXIT,
			    e->event_data.exit.process_tgid, -1,
			    e->timestamp_ns,
			    (int)e->event_data.exit.exit_code);
		break;
	}
}

static void
on_datagram(struct process_monitor *s, char *p, size_t n)
{
	struct nlmsghdr	*h = (struct nlmsghdr *)(void *)p;
	struct cn_msg	*c;
	struct proc_event e;

	for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*c)))
			continue;
		c = NLMSG_DATA(h);
		if (c->id.idx != CN_IDX_PROC || c->id.val != CN_VAL_PROC ||
		    h->nlmsg_len - NLMSG_LENGTH(sizeof(*c)) < c->len ||
		    c->len < offsetof(struct proc_event, event_data) + 16)
			continue;
		memset(&e, 0, sizeof(e));
		memcpy(&e, c->data, c->len < sizeof(e) ? c->len : sizeof(e));
		on_message(s, &e, c->seq);
	}
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	_Alignas(8) static char	 room[8192];
	struct process_monitor	*s = poll->data;
	struct by_netlink	*n = s->own;
	struct sockaddr_nl	 from = { 0 };
	socklen_t		 len;
	ssize_t			 got;
	int			 i;

	(void)status;
	(void)events;
	for (i = 0; i < 1000; i++) {
		len = sizeof(from);
		got = recvfrom(n->fd, room, sizeof(room), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &len);
		if (got < 0 && errno == ENOBUFS)
			continue;		/* the numbers tell how many */
		if (got <= 0)
			return;
		if (from.nl_pid == 0)		/* the kernel's own */
			on_datagram(s, room, (size_t)got);
	}
}

/* 0 or -errno. */
static int
subscribe(int fd)
{
	_Alignas(8) char	 room[NLMSG_SPACE(sizeof(struct cn_msg) +
	    sizeof(enum proc_cn_mcast_op))];
	struct nlmsghdr		*h = (struct nlmsghdr *)(void *)room;
	struct cn_msg		*c;
	enum proc_cn_mcast_op	 op = PROC_CN_MCAST_LISTEN;

	memset(room, 0, sizeof(room));
	h->nlmsg_len = NLMSG_LENGTH(sizeof(*c) + sizeof(op));
	h->nlmsg_type = NLMSG_DONE;
	h->nlmsg_pid = (uint32_t)getpid();
	c = NLMSG_DATA(h);
	c->id.idx = CN_IDX_PROC;
	c->id.val = CN_VAL_PROC;
	c->len = sizeof(op);
	memcpy(c->data, &op, sizeof(op));
	return send(fd, room, h->nlmsg_len, 0) < 0 ? -errno : 0;
}

int
process_by_netlink(struct process_monitor *s, char **why)
{
	struct sockaddr_nl	 at = { .nl_family = AF_NETLINK,
		.nl_groups = CN_IDX_PROC };
	struct by_netlink	*n = xcalloc(1, sizeof(*n));
	int			 size = RCVBUF, rc = 0;

	n->fd = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_CONNECTOR);
	if (n->fd < 0)
		rc = -errno;
	if (rc == 0 && setsockopt(n->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) < 0)
		setsockopt(n->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (rc == 0 && bind(n->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		rc = -errno;
	if (rc == 0)
		rc = subscribe(n->fd);
	if (rc < 0) {
		*why = rc == -EPERM ? xstrdup("CAP_NET_ADMIN is missing") :
		    xasprintf("the kernel has no process connector: %s",
		    strerror(-rc));
		if (n->fd >= 0)
			close(n->fd);
		free(n);
		return rc;
	}
	s->own = n;
	uv_poll_init(module_loop(s->m), &n->poll, n->fd);
	n->poll.data = s;
	uv_poll_start(&n->poll, UV_READABLE, on_readable);
	return 0;
}
