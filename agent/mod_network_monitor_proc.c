/*
 * Sockets by /proc/net, looked at each second: new ones are reported, and
 * those that have gone.  The process is found by its descriptors, which are
 * searched only when something new is there.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "mod_network_monitor.h"

enum {
	SCAN_MS		= 1000,
	MAX_SOCKETS	= 8192,
	MAX_FDS		= 4096,		/* of one process that are looked at */
	ESTABLISHED	= 1,
	LISTEN		= 10
};

struct socket {
	uint64_t	inode;
	uint8_t		local[16], remote[16];
	int		local_port, remote_port;
	int		family, state, udp, in;
	int64_t		pid, uid;
};

struct by_proc {
	struct socket	*list;
	size_t		 n;
	int		 tcp, first;
	uint64_t	 listening[65536 / 64];	/* ports, a bit each */
	uint64_t	 overflow;
};

static int
by_inode(const void *a, const void *b)
{
	const struct socket	*x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static struct socket *
find(const struct by_proc *b, uint64_t inode)
{
	struct socket	key = { .inode = inode };

	return b->n > 0 ? bsearch(&key, b->list, b->n, sizeof(key),
	    by_inode) : NULL;
}

/* "0100007F:1F90", words in the machine's order; 0 or -EBADMSG. */
static int
read_address(const char *s, int family, uint8_t out[16], int *port)
{
	int		i, words = family == 6 ? 4 : 1;
	char		hex[9] = "";
	uint32_t	w;

	memset(out, 0, 16);
	for (i = 0; i < words; i++) {
		if (strlen(s) < 9)
			return -EBADMSG;
		memcpy(hex, s, 8);
		w = (uint32_t)strtoul(hex, NULL, 16);
		memcpy(out + i * 4, &w, sizeof(w));
		s += 8;
	}
	if (*s != ':')
		return -EBADMSG;
	*port = (int)strtoul(s + 1, NULL, 16);
	return 0;
}

static void
take_line(struct by_proc *b, const char *line, int family, int udp)
{
	char		local[40], remote[40];
	unsigned	state;
	unsigned long	uid;
	unsigned long long inode;
	struct socket	s = { .family = family, .udp = udp };

	if (sscanf(line, " %*d: %39s %39s %x %*s %*s %*s %lu %*d %llu", local,
	    remote, &state, &uid, &inode) != 5 || inode == 0)
		return;
	if (read_address(local, family, s.local, &s.local_port) < 0 ||
	    read_address(remote, family, s.remote, &s.remote_port) < 0)
		return;
	s.state = (int)state;
	s.inode = inode;
	s.uid = (int64_t)uid;
	if (!udp && state == LISTEN) {
		b->listening[s.local_port / 64] |= UINT64_C(1) <<
		    s.local_port % 64;
		return;
	}
	if (!udp && state != ESTABLISHED)
		return;
	if (b->n >= MAX_SOCKETS) {
		b->overflow++;
		return;
	}
	if (b->n % 256 == 0)
		b->list = xrealloc(b->list, (b->n + 256) *
		    sizeof(*b->list));
	b->list[b->n++] = s;
}

static void
read_table(struct by_proc *b, const char *path, int family, int udp)
{
	char	 line[512];
	FILE	*f = fopen(path, "re");

	if (f == NULL)
		return;			/* a kernel without this family */
	while (fgets(line, sizeof(line), f) != NULL)
		take_line(b, line, family, udp);
	fclose(f);
}

/* -- whose a socket is -- */

static void
look_in(struct by_proc *b, int64_t pid)
{
	char		 path[64], link[64];
	struct dirent	*e;
	struct socket	*s;
	ssize_t		 n;
	DIR		*d;
	int		 left = MAX_FDS;

	snprintf(path, sizeof(path), "/proc/%lld/fd", (long long)pid);
	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL && left-- > 0) {
		n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
		if (n <= 8 || strncmp(link, "socket:[", 8) != 0)
			continue;
		link[n] = '\0';
		s = find(b, strtoull(link + 8, NULL, 10));
		if (s != NULL)
			s->pid = pid;
	}
	closedir(d);
}

static void
find_owners(struct by_proc *b)
{
	struct dirent	*e;
	DIR		*d = opendir("/proc");

	while (d != NULL && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]))
			look_in(b, strtoll(e->d_name, NULL, 10));
	if (d != NULL)
		closedir(d);
}

/* -- a look -- */

static void
report(struct network_monitor *m, const struct socket *s,
    enum network_type type)
{
	struct proc_info	 p;
	struct network_event	 e = { .type = type, .protocol = s->udp ?
		"udp" : "tcp", .source = "proc", .t = clock_wall_ms(),
		.family = s->family, .local = s->local, .remote = s->remote,
		.local_port = s->local_port, .remote_port = s->remote_port,
		.in = s->in, .pid = s->pid, .uid = s->uid, .received = -1,
		.sent = -1 };

	if (s->pid > 0 && proc_info(s->pid, &p) == 0)
		e.comm = p.comm;
	network_report(m, &e);
}

static void
scan(struct network_monitor *m)
{
	struct by_proc	*b = m->proc, now;
	size_t		 i, fresh = 0;
	struct socket	*old;

	memset(&now, 0, sizeof(now));
	now.tcp = b->tcp;
	read_table(&now, "/proc/net/udp", 4, 1);
	read_table(&now, "/proc/net/udp6", 6, 1);
	if (now.tcp) {
		read_table(&now, "/proc/net/tcp", 4, 0);
		read_table(&now, "/proc/net/tcp6", 6, 0);
	}
	if (now.n > 0)
		qsort(now.list, now.n, sizeof(*now.list), by_inode);
	for (i = 0; i < now.n; i++) {
		struct socket	*s = &now.list[i];

		s->in = !s->udp && (now.listening[s->local_port / 64] >>
		    s->local_port % 64 & 1) != 0;
		if ((old = find(b, s->inode)) != NULL) {
			s->pid = old->pid;
			s->in = old->in;
		} else
			fresh++;
	}
	if (fresh > 0)
		find_owners(&now);
	for (i = 0; i < now.n && !b->first; i++)
		if (find(b, now.list[i].inode) == NULL)
			report(m, &now.list[i], now.list[i].in ?
			    NETWORK_ACCEPT : NETWORK_CONNECT);
	for (i = 0; i < b->n; i++)
		if (find(&now, b->list[i].inode) == NULL)
			report(m, &b->list[i], NETWORK_CLOSE);
	if (now.overflow > 0)
		network_lost(m, "limit", now.overflow);
	free(b->list);
	*b = now;
}

static void
on_scan(uv_timer_t *t)
{
	scan(t->data);
}

void
network_by_proc(struct network_monitor *m, int tcp)
{
	struct by_proc	*b = xcalloc(1, sizeof(*b));

	b->tcp = tcp;
	b->first = 1;
	m->proc = b;
	scan(m);
	uv_timer_start(&m->scan, on_scan, SCAN_MS, SCAN_MS);
}
