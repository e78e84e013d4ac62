/*
 * Names that this host looked for: the answers of DNS that come to it by UDP,
 * from a packet socket that takes nothing else.  What is not read is counted:
 * answers by TCP, of which the first packet of each connection is seen,
 * fragments, and what is damaged.  DNS inside TLS or HTTPS nobody can see.
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mod_network_monitor.h"
#include "sensor_dns.h"

enum {
	ROOM	= 65536,	/* of one packet */
	AT_ONCE	= 256,		/* packets before the loop has its turn */
	BUFFER	= 1024 * 1024,	/* about a thousand answers that wait */
	UDP = 17, TCP = 6, PORT = 53
};

struct dns {
	struct network_monitor	*s;
	uv_poll_t		 poll;
	uv_timer_t		 timer;
	int			 fd;
};

#define L(code, k)		{ (code), 0, 0, (k) }
#define J(code, k, yes, no)	{ BPF_JMP | (code) | BPF_K, (yes), (no), (k) }
#define ABS(size)		(BPF_LD | (size) | BPF_ABS)
#define IND(size)		(BPF_LD | (size) | BPF_IND)
#define PKTTYPE			((uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE))

/*
 * From the network header on: comes from port 53 by UDP, or is the first of a
 * TCP connection to port 53 (SYN and ACK); of IPv4's fragments the first.
 * What this host sends is left out, for on the loopback all would come twice.
 */
static const struct sock_filter	filter[] = {
/* 0 */	L(ABS(BPF_B), PKTTYPE),
/* 1 */	J(BPF_JEQ, PACKET_OUTGOING, 23, 0),
/* 2 */	L(ABS(BPF_B), 0),
/* 3 */	L(BPF_ALU | BPF_RSH | BPF_K, 4),
/* 4 */	J(BPF_JEQ, 6, 12, 0),
/* 5 */	J(BPF_JEQ, 4, 0, 19),
/* 6 */	L(ABS(BPF_H), 6),
/* 7 */	J(BPF_JSET, 0x1fff, 17, 0),
/* 8 */	L(BPF_LDX | BPF_B | BPF_MSH, 0),
/* 9 */	L(IND(BPF_H), 0),
/* 10 */ J(BPF_JEQ, PORT, 0, 14),
/* 11 */ L(ABS(BPF_B), 9),
/* 12 */ J(BPF_JEQ, UDP, 13, 0),
/* 13 */ J(BPF_JEQ, TCP, 0, 11),
/* 14 */ L(IND(BPF_B), 13),
/* 15 */ L(BPF_ALU | BPF_AND | BPF_K, 0x12),
/* 16 */ J(BPF_JEQ, 0x12, 9, 8),
/* 17 */ L(ABS(BPF_H), 40),
/* 18 */ J(BPF_JEQ, PORT, 0, 6),
/* 19 */ L(ABS(BPF_B), 6),
/* 20 */ J(BPF_JEQ, UDP, 5, 0),
/* 21 */ J(BPF_JEQ, TCP, 0, 3),
/* 22 */ L(ABS(BPF_B), 53),
/* 23 */ L(BPF_ALU | BPF_AND | BPF_K, 0x12),
/* 24 */ J(BPF_JEQ, 0x12, 1, 0),
/* 25 */ L(BPF_RET | BPF_K, 0),
/* 26 */ L(BPF_RET | BPF_K, ROOM),
};

/* -- one packet -- */

/* Where the UDP payload is: 1; 0 for what is no answer by UDP. */
static int
payload(const uint8_t *p, size_t n, const uint8_t **at, size_t *len)
{
	size_t	head;

	if (n < 1)
		return 0;
	if (p[0] >> 4 == 4) {
		head = (size_t)(p[0] & 15) * 4;
		if (n < 20 || head < 20 || p[9] != UDP ||
		    p[6] & 0x20)	/* more fragments */
			return 0;
	} else {
		head = 40;
		if (n < 40 || p[6] != UDP)
			return 0;
	}
	if (n < head + 8)
		return 0;
	*len = (size_t)p[head + 4] << 8 | p[head + 5];
	if (*len < 8 || *len > n - head)
		return 0;		/* cut */
	*at = p + head + 8;
	*len -= 8;
	return 1;
}

static void
add_ends(json_t *o, const uint8_t *p)
{
	int		 v4 = p[0] >> 4 == 4;
	char		 text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, p + (v4 ? 12 : 8), text,
	    sizeof(text));
	json_object_set_new(o, "server", json_string(text));
	inet_ntop(v4 ? AF_INET : AF_INET6, p + (v4 ? 16 : 24), text,
	    sizeof(text));
	json_object_set_new(o, "localAddress", json_string(text));
}

static void
report(struct network_monitor *s, const uint8_t *packet,
    const struct dns_message *m)
{
	json_t	*o, *list;
	char	 word[16];
	size_t	 i;

	s->dns++;
	if (!limit_take(s->limit, "dns", m->name))
		return;
	list = json_array();
	for (i = 0; i < m->n_answers; i++)
		json_array_append_new(list, json_string(m->answers[i].text));
	o = json_pack("{ss ss sI ss ss si so}", "protocol", "dns", "source",
	    "packet", "time", (json_int_t)clock_wall_ms(), "name", m->name,
	    "type", dns_type_word(m->type, word), "rcode", m->rcode,
	    "answers", list);
	if (m->n_more > 0)
		json_object_set_new(o, "moreAnswers",
		    json_integer((json_int_t)m->n_more));
	if (m->truncated)
		json_object_set_new(o, "truncated", json_true());
	add_ends(o, packet);
	module_event(s->m, SPOOL_EVENT, "dns", o);
}

static void
take_packet(struct network_monitor *s, const uint8_t *p, size_t n)
{
	static struct dns_message	m;
	const uint8_t			*at;
	size_t				 len;
	int				 rc;

	if (!payload(p, n, &at, &len)) {
		s->dns_unread++;
		return;
	}
	rc = dns_read(&m, at, len);
	if (rc == 0)
		report(s, p, &m);
	else if (rc != -ENOENT)
		s->dns_unread++;
}

static void
on_packets(uv_poll_t *poll, int status, int events)
{
	static uint8_t	room[ROOM];
	struct dns	*d = poll->data;
	ssize_t		 n;
	int		 i;

	(void)status, (void)events;
	for (i = 0; i < AT_ONCE; i++) {
		if ((n = recv(d->fd, room, sizeof(room), MSG_DONTWAIT)) < 0)
			return;
		take_packet(d->s, room, (size_t)n);
	}
}

/* What the kernel dropped, as its buffer was full. */
static void
on_look(uv_timer_t *t)
{
	struct dns		*d = t->data;
	struct tpacket_stats	 stats;
	socklen_t		 n = sizeof(stats);

	if (getsockopt(d->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &n) == 0
	    && stats.tp_drops > 0)
		network_lost(d->s, "kernel", stats.tp_drops);
}

int
network_by_dns(struct network_monitor *s, char **why)
{
	const struct sock_fprog	 program = { nitems(filter),
		(struct sock_filter *)(uintptr_t)filter };
	struct sockaddr_ll	 any = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL) };
	struct dns		*d = xcalloc(1, sizeof(*d));
	int			 size = BUFFER, rc = 0;

	d->s = s;
	/* Bound last: before, it hears nothing. */
	d->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (d->fd < 0 || setsockopt(d->fd, SOL_SOCKET, SO_ATTACH_FILTER,
	    &program, sizeof(program)) < 0)
		rc = -errno;
	else {
		if (setsockopt(d->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		    sizeof(size)) < 0)
			setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &size,
			    sizeof(size));
		if (bind(d->fd, (struct sockaddr *)&any, sizeof(any)) < 0)
			rc = -errno;
	}
	if (rc < 0) {
		*why = rc == -EPERM ? xstrdup("CAP_NET_RAW is missing") :
		    xstrdup(errstr(rc));
		if (d->fd >= 0)
			close(d->fd);
		free(d);
		return rc;
	}
	d->poll.data = d->timer.data = d;
	uv_poll_init(module_loop(s->m), &d->poll, d->fd);
	uv_poll_start(&d->poll, UV_READABLE, on_packets);
	uv_timer_init(module_loop(s->m), &d->timer);
	uv_timer_start(&d->timer, on_look, LIMIT_WINDOW_MS, LIMIT_WINDOW_MS);
	return 0;
}
