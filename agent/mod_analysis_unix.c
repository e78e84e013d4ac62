/*
 * Unix sockets: who listens where, and who is connected to him.  /proc/net/unix
 * does not tell which two belong together; the kernel's socket diagnosis does,
 * to everybody.  Accepted sockets have the name of the one that listened, and
 * who connected mostly has none.
 */
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "mod_analysis.h"

enum {
	MAX_SOCKETS	= 50000,	/* 128 bytes each */
	ROOM		= 64 * 1024,	/* of one part of the answer */
	WAIT_S		= 5		/* for the kernel, which answers at
					 * once */
};

struct unix_sock {
	uint32_t	inode, peer;
	int		listens;
	char		name[112];	/* sun_path has 108; "" for none */
};

struct unix_socks {
	struct unix_sock *s;
	size_t		 n;
};

static int
ask(int fd)
{
	struct {
		struct nlmsghdr		h;
		struct unix_diag_req	r;
	} q = {
		.h = { .nlmsg_len = sizeof(q),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.r = { .sdiag_family = AF_UNIX, .udiag_states = UINT32_MAX,
		    .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER }
	};

	return send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0;
}

/* A name of the abstract kind begins with NUL, which is written as '@'. */
static void
set_name(struct unix_sock *k, const char *p, size_t n)
{
	size_t	i;

	for (i = 0; i < n && i + 1 < sizeof(k->name); i++) {
		if (p[i] == '\0' && p[0] != '\0')
			break;
		k->name[i] = p[i] == '\0' ? '@' : p[i];
	}
	k->name[i] = '\0';
}

static void
take(struct unix_socks *all, const struct nlmsghdr *h)
{
	const struct unix_diag_msg	*m = NLMSG_DATA(h);
	const struct nlattr		*a = (const void *)(m + 1);
	struct unix_sock		 k = { .inode = m->udiag_ino };
	size_t				 left, len;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return;
	left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m));
	k.listens = m->udiag_state == TCP_LISTEN ||
	    (m->udiag_type == SOCK_DGRAM && m->udiag_state == TCP_CLOSE);
	for (; left >= sizeof(*a) && a->nla_len >= sizeof(*a) &&
	    a->nla_len <= left; a = (const void *)((const char *)a + len)) {
		if (a->nla_type == UNIX_DIAG_NAME)
			set_name(&k, (const char *)(a + 1), a->nla_len -
			    sizeof(*a));
		else if (a->nla_type == UNIX_DIAG_PEER &&
		    a->nla_len >= sizeof(*a) + sizeof(k.peer))
			memcpy(&k.peer, a + 1, sizeof(k.peer));
		len = NLA_ALIGN(a->nla_len);
		if (len > left)
			break;
		left -= len;
	}
	if (all->n == MAX_SOCKETS || (k.name[0] == '\0' && k.peer == 0))
		return;
	if ((all->n & (all->n - 1)) == 0)
		all->s = xrealloc(all->s, (all->n * 2 + 1) * sizeof(k));
	all->s[all->n++] = k;
}

/* 0 at the end of the answer, or -errno. */
static int
read_all(struct unix_socks *all)
{
	static _Alignas(8) char	 room[ROOM];
	struct timeval		 wait = { .tv_sec = WAIT_S };
	const struct nlmsghdr	*h;
	ssize_t			 n;
	int			 fd, rc;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	rc = ask(fd);
	while (rc == 0) {
		if ((n = recv(fd, room, sizeof(room), 0)) <= 0) {
			rc = n < 0 ? -errno : -EIO;
			break;
		}
		for (h = (const void *)room; NLMSG_OK(h, (size_t)n);
		    h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				goto out;
			if (h->nlmsg_type == NLMSG_ERROR) {
				rc = ((const struct nlmsgerr *)
				    NLMSG_DATA(h))->error;
				goto out;
			}
			take(all, h);
		}
	}
out:
	close(fd);
	return rc;
}

static int
by_inode(const void *a, const void *b)
{
	const struct unix_sock	*x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static void
add_listener(struct graph *g, const struct owners *owners,
    const struct unix_sock *k)
{
	const char	*owner = owner_of(owners, k->inode);
	char		 name[160], id[200];

	snprintf(name, sizeof(name), "unix:%s", k->name);
	if (owner != NULL && graph_node(g, "socket", name) != NULL)
		graph_edge(g, owner, graph_id(id, sizeof(id), "socket", name),
		    "listens");
}

/* From who has no name to who has one. */
static void
add_connection(struct graph *g, const struct unix_socks *all,
    const struct owners *owners, const struct unix_sock *k)
{
	struct unix_sock	 want = { .inode = k->peer };
	const struct unix_sock	*peer = bsearch(&want, all->s, all->n,
				    sizeof(want), by_inode);
	const char		*from, *to;

	if (k->name[0] != '\0' || peer == NULL || peer->name[0] == '\0')
		return;
	from = owner_of(owners, k->inode);
	to = owner_of(owners, peer->inode);
	if (from != NULL && to != NULL && strcmp(from, to) != 0)
		graph_edge(g, from, to, "connects");
}

void
graph_unix(struct graph *g, const struct owners *owners)
{
	struct unix_socks	all = { .s = NULL };
	size_t			i;
	int			rc = read_all(&all);

	if (rc < 0)
		log_debug("analysis", "unix sockets: %s", errstr(rc));
	if (all.n > 0)
		qsort(all.s, all.n, sizeof(*all.s), by_inode);
	for (i = 0; i < all.n; i++)
		if (all.s[i].listens && all.s[i].name[0] != '\0')
			add_listener(g, owners, &all.s[i]);
		else
			add_connection(g, &all, owners, &all.s[i]);
	free(all.s);
}
