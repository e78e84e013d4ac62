/* TCP and UDP sockets: who listens, and who is connected to whom; both ends
 * of a connection within this host are put together. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mod_analysis.h"

enum { UDP_BOUND = TCP_CLOSE,		/* as the kernel numbers it */
	MAX_SOCKETS = 100000 };		/* 150 bytes each */

struct sock {
	char		 local[64], remote[64];
	int		 state, tcp;
	uint64_t	 inode;
};

struct socks {
	struct sock	*s;
	size_t		 n;
	uint8_t		 listens[65536 / 8];	/* bit n: TCP port n */
};

/* The kernel's hex, in groups of four bytes of this machine's order. */
static int
read_address(const char *hex, char *out, size_t n)
{
	static const uint8_t	 mapped[12] = { [10] = 0xff, [11] = 0xff };
	const char		*colon = strchr(hex, ':');
	size_t			 len = colon != NULL ? (size_t)(colon - hex) :
				    0, i;
	uint32_t		 word[4];
	char			 text[INET6_ADDRSTRLEN];
	const void		*addr = word;
	unsigned		 port;
	int			 v6 = len == 32;

	if ((len != 8 && len != 32) || sscanf(colon + 1, "%4x", &port) != 1)
		return -1;
	for (i = 0; i < len / 8; i++)
		if (sscanf(hex + 8 * i, "%8x", &word[i]) != 1)
			return -1;
	if (v6 && memcmp(word, mapped, sizeof(mapped)) == 0) {
		addr = &word[3];
		v6 = 0;
	}
	inet_ntop(v6 ? AF_INET6 : AF_INET, addr, text, sizeof(text));
	snprintf(out, n, v6 ? "[%s]:%u" : "%s:%u", text, port);
	return 0;
}

static void
read_table(struct socks *all, const char *path, int tcp)
{
	char		 local[80], remote[80], *line = NULL;
	unsigned	 state;
	struct sock	 k = { .tcp = tcp };
	size_t		 cap = 0;
	FILE		*f = fopen(path, "re");

	while (f != NULL && getline(&line, &cap, f) > 0 &&
	    all->n < MAX_SOCKETS) {
		if (sscanf(line, " %*d: %79s %79s %x %*s %*s %*s %*d %*d %" SCNu64,
		    local, remote, &state, &k.inode) != 4 ||
		    read_address(local, k.local, sizeof(k.local)) < 0 ||
		    read_address(remote, k.remote, sizeof(k.remote)) < 0)
			continue;
		k.state = (int)state;
		all->s = xrealloc(all->s, (all->n + 1) * sizeof(k));
		all->s[all->n++] = k;
	}
	free(line);
	if (f != NULL)
		fclose(f);
}

static int
by_local(const void *a, const void *b)
{
	const struct sock	*x = a, *y = b;
	int			 rc = strcmp(x->local, y->local);

	return rc != 0 ? rc : strcmp(x->remote, y->remote);
}

/* The other end of a connection, where it is on this host. */
static const struct sock *
other_end(const struct socks *all, const struct sock *k)
{
	struct sock	want = { .state = 0 };

	strcpy(want.local, k->remote);
	strcpy(want.remote, k->local);
	return bsearch(&want, all->s, all->n, sizeof(want), by_local);
}

static unsigned
port_of(const char *address)
{
	return (unsigned)atoi(strrchr(address, ':') + 1) & 0xffff;
}

static void
add_listener(struct graph *g, const struct sock *k, const char *owner)
{
	char	name[80], id[100];

	snprintf(name, sizeof(name), "%s:%s", k->tcp ? "tcp" : "udp",
	    k->local);
	if (graph_node(g, "socket", name) != NULL && owner != NULL)
		graph_edge(g, owner, graph_id(id, sizeof(id), "socket", name),
		    "listens");
}

static void
add_connection(struct graph *g, const struct socks *all,
    const struct owners *owners, const struct sock *k, const char *owner)
{
	const struct sock	*peer = other_end(all, k);
	const char		*other = peer != NULL ? owner_of(owners,
				    peer->inode) : NULL;
	char			 id[100];

	unsigned		 port = port_of(k->local);

	if (owner == NULL || (all->listens[port / 8] >> port % 8 & 1))
		return;			/* told from the end that began it */
	if (other != NULL)
		graph_edge(g, owner, other, "connects");
	else if (peer == NULL && graph_node(g, "remote", k->remote) != NULL)
		graph_edge(g, owner, graph_id(id, sizeof(id), "remote",
		    k->remote), "connects");
}

void
graph_sockets(struct graph *g, const struct owners *owners)
{
	struct socks	 all = { .s = NULL };
	const char	*owner;
	unsigned	 port;
	size_t		 i;

	read_table(&all, "/proc/net/tcp", 1);
	read_table(&all, "/proc/net/tcp6", 1);
	read_table(&all, "/proc/net/udp", 0);
	read_table(&all, "/proc/net/udp6", 0);
	if (all.n > 0)
		qsort(all.s, all.n, sizeof(*all.s), by_local);
	for (i = 0; i < all.n; i++)
		if (all.s[i].tcp && all.s[i].state == TCP_LISTEN) {
			port = port_of(all.s[i].local);
			all.listens[port / 8] |= (uint8_t)(1u << port % 8);
		}
	for (i = 0; i < all.n; i++) {
		owner = owner_of(owners, all.s[i].inode);
		if (all.s[i].state == TCP_LISTEN || (!all.s[i].tcp &&
		    all.s[i].state == UDP_BOUND))
			add_listener(g, &all.s[i], owner);
		else if (all.s[i].state == TCP_ESTABLISHED)
			add_connection(g, &all, owners, &all.s[i], owner);
	}
	free(all.s);
}
