/*
 * Which addresses a webhook may reach: a server that fetches what a user
 * names must not become that user's way into the network it stands in.  The
 * lists are IANA's special-purpose registries (RFC 6890).
 */
#include <stdint.h>
#include <string.h>

#include <uv.h>

#include "log.h"
#include "webhooks.h"

struct block {
	uint8_t		 start[4];
	int		 bits;
};

static const struct block	v4_blocks[] = {
	{ { 0, 0, 0, 0 }, 8 },		/* this network */
	{ { 10, 0, 0, 0 }, 8 },		/* private */
	{ { 100, 64, 0, 0 }, 10 },	/* carriers' NAT */
	{ { 127, 0, 0, 0 }, 8 },	/* loopback */
	{ { 169, 254, 0, 0 }, 16 },	/* link-local: clouds' metadata */
	{ { 172, 16, 0, 0 }, 12 },	/* private */
	{ { 192, 0, 0, 0 }, 24 },	/* protocols' */
	{ { 192, 0, 2, 0 }, 24 },	/* documentation */
	{ { 192, 88, 99, 0 }, 24 },	/* 6to4 relays */
	{ { 192, 168, 0, 0 }, 16 },	/* private */
	{ { 198, 18, 0, 0 }, 15 },	/* benchmarks */
	{ { 198, 51, 100, 0 }, 24 },	/* documentation */
	{ { 203, 0, 113, 0 }, 24 },	/* documentation */
	{ { 224, 0, 0, 0 }, 4 },	/* multicast */
	{ { 240, 0, 0, 0 }, 4 },	/* reserved, broadcast */
};

static int
starts_with(const uint8_t *a, const uint8_t *start, int bits)
{
	int	rest = bits % 8, bytes = bits / 8;

	if (memcmp(a, start, (size_t)bytes) != 0)
		return 0;
	return rest == 0 || (a[bytes] ^ start[bytes]) >> (8 - rest) == 0;
}

static int
v4_is_public(const uint8_t *a)
{
	size_t	i;

	for (i = 0; i < nitems(v4_blocks); i++)
		if (starts_with(a, v4_blocks[i].start, v4_blocks[i].bits))
			return 0;
	return 1;
}

/* Of IPv6 only global unicast, 2000::/3, less what is special in it; and
 * what stands for an IPv4 address is as that is. */
static int
v6_is_public(const uint8_t *a)
{
	static const uint8_t	mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t	nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	static const uint8_t	global[] = { 0x20 };
	static const uint8_t	protocols[] = { 0x20, 0x01, 0x00 };
	static const uint8_t	documents[] = { 0x20, 0x01, 0x0d, 0xb8 };
	static const uint8_t	documents2[] = { 0x3f, 0xff, 0x00 };
	static const uint8_t	sixtofour[] = { 0x20, 0x02 };

	if (starts_with(a, mapped, 96) || starts_with(a, nat64, 96))
		return v4_is_public(a + 12);
	if (starts_with(a, sixtofour, 16))
		return v4_is_public(a + 2);
	return starts_with(a, global, 3) && !starts_with(a, protocols, 23) &&
	    !starts_with(a, documents, 32) && !starts_with(a, documents2, 20);
}

int
address_is_public(const struct sockaddr *sa)
{
	const struct sockaddr_in	*in = (const void *)sa;
	const struct sockaddr_in6	*in6 = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return v4_is_public((const uint8_t *)&in->sin_addr);
	return sa->sa_family == AF_INET6 &&
	    v6_is_public((const uint8_t *)&in6->sin6_addr);
}
