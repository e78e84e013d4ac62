/* The words of a policy's document: protocols, numbers, addresses; the client
 * reads and writes them too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "log.h"
#include "policy_doc_private.h"

static const struct {
	const char	*name;
	int		 number;
} protocols[] = {
	{ "any", POLICY_PROTO_ANY }, { "icmp", 1 }, { "igmp", 2 },
	{ "tcp", 6 }, { "udp", 17 }, { "gre", 47 }, { "esp", 50 },
	{ "ah", 51 }, { "icmpv6", 58 }, { "ospf", 89 }, { "vrrp", 112 },
	{ "sctp", 132 }
};

long
policy_number(const char *s, size_t n, long max)
{
	long	v = 0;
	size_t	i;

	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		if ((v = v * 10 + (s[i] - '0')) > max)
			return -1;
	}
	return n > 0 ? v : -1;
}

int
policy_protocol(const char *s)
{
	size_t	i;
	long	v;

	for (i = 0; i < nitems(protocols); i++)
		if (strcmp(s, protocols[i].name) == 0)
			return protocols[i].number;
	v = policy_number(s, strlen(s), 255);
	return v < 0 ? -EINVAL : (int)v;
}

const char *
policy_protocol_name(int number, char out[8])
{
	size_t	i;

	for (i = 0; i < nitems(protocols); i++)
		if (number == protocols[i].number)
			return protocols[i].name;
	snprintf(out, 8, "%d", number);
	return out;
}

static int
has_bits_beyond(const struct policy_cidr *c)
{
	int	bits = c->v6 ? 128 : 32, i;

	for (i = c->len; i < bits; i++)
		if (c->addr[i / 8] & 0x80 >> i % 8)
			return 1;
	return 0;
}

int
policy_cidr_read(struct policy_cidr *c, const char *s, const char **why)
{
	const char	*slash = strchr(s, '/');
	size_t		 n = slash != NULL ? (size_t)(slash - s) : strlen(s);
	char		 host[64];
	long		 len;

	memset(c, 0, sizeof(*c));
	*why = "is no IPv4 or IPv6 address";
	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, s, n);
	host[n] = '\0';
	c->v6 = strchr(host, ':') != NULL;
	if (strchr(host, '%') != NULL ||
	    uv_inet_pton(c->v6 ? AF_INET6 : AF_INET, host, c->addr) < 0)
		return -EINVAL;
	len = c->v6 ? 128 : 32;
	if (slash != NULL && (len = policy_number(slash + 1, strlen(slash + 1),
	    len)) < 0) {
		*why = "has a prefix length out of range";
		return -EINVAL;
	}
	c->len = (uint8_t)len;
	if (has_bits_beyond(c)) {
		*why = "has bits set beyond its prefix length";
		return -EINVAL;
	}
	return 0;
}

char *
policy_cidr_text(const struct policy_cidr *c, char *out, size_t n)
{
	char	host[64] = "?";

	uv_inet_ntop(c->v6 ? AF_INET6 : AF_INET, c->addr, host, sizeof(host));
	snprintf(out, n, "%s/%d", host, c->len);
	return out;
}
