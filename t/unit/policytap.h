/*
 * Random policies and packets, and a slow judge that knows nothing of classes
 * and trees: it goes through all rules, bit by bit, as muster-policy(5) says.
 * Addresses and ports come from small worlds, so that rules meet.
 */
#ifndef MUSTER_POLICYTAP_H
#define MUSTER_POLICYTAP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

enum { REF_RULES = 24, REF_CIDRS = 3, REF_PORTS = 3 };

struct ref_cidr {
	int		v6, len;
	uint8_t		addr[16];
};

struct ref_rule {
	int		deny, in, out, protocol, source, log;
	int		n_cidrs, n_ports;
	struct ref_cidr	cidrs[REF_CIDRS];
	int		lo[REF_PORTS], hi[REF_PORTS];
};

struct ref_policy {
	int		deny[2], n;
	struct ref_rule	rules[REF_RULES];
};

struct ref_packet {
	int		dir, v6, protocol, sport, dport, later;
	uint8_t		other[16];	/* the other side's address */
};

static uint64_t	ref_seed = 1;

static uint32_t
ref_random(uint32_t n)
{
	ref_seed = ref_seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(ref_seed >> 33) % n;
}

/* Many near each other, few anywhere. */
static void
ref_address(int v6, uint8_t a[16])
{
	static const uint8_t	base4[] = { 10, 77, 0, 0 };
	static const uint8_t	base6[16] = { 0xfd, 0x77, 0x0d, 0xb8 };
	int			i, n = v6 ? 16 : 4;

	memset(a, 0, 16);
	memcpy(a, v6 ? base6 : base4, (size_t)n);
	for (i = 0; i < n; i++)
		if (ref_random(10) == 0)
			a[i] = (uint8_t)ref_random(256);
	for (i = 0; i < 3; i++)
		a[n - 1 - (int)ref_random((uint32_t)n - 2)] ^=
		    (uint8_t)(1u << ref_random(8));
	if (ref_random(2) == 0)
		a[n - 1] = (uint8_t)ref_random(4);
}

static int
ref_port(void)
{
	static const int	some[] = { 0, 1, 15, 16, 17, 22, 53, 80, 255,
		256, 443, 1023, 1024, 4095, 4096, 8080, 32768, 65534, 65535 };

	return ref_random(4) == 0 ? (int)ref_random(65536) :
	    some[ref_random(sizeof(some) / sizeof(some[0]))];
}

static int
ref_protocol(void)
{
	static const int	some[] = { 6, 17, 132, 1, 58, 47, 0, 255 };

	return some[ref_random(ref_random(2) ? 2 : 8)];
}

static void
ref_cidr_make(struct ref_cidr *c)
{
	int	bits, i;

	c->v6 = (int)ref_random(2);
	bits = c->v6 ? 128 : 32;
	c->len = ref_random(3) == 0 ? (int)ref_random((uint32_t)bits + 1) :
	    bits - (int)ref_random(12);
	ref_address(c->v6, c->addr);
	for (i = c->len; i < bits; i++)
		c->addr[i / 8] &= (uint8_t)~(0x80 >> i % 8);
}

static void
ref_rule_make(struct ref_rule *r)
{
	int	i;

	memset(r, 0, sizeof(*r));
	r->deny = (int)ref_random(2);
	r->in = (int)ref_random(3) > 0;
	r->out = !r->in || ref_random(2);
	r->protocol = ref_random(4) == 0 ? -1 : ref_protocol();
	r->n_cidrs = ref_random(5) == 0 ? 0 : 1 + (int)ref_random(REF_CIDRS);
	for (i = 0; i < r->n_cidrs; i++)
		ref_cidr_make(&r->cidrs[i]);
	if (r->protocol != 6 && r->protocol != 17 && r->protocol != 132)
		return;
	r->source = ref_random(4) == 0;
	r->n_ports = (int)ref_random(REF_PORTS + 1);
	for (i = 0; i < r->n_ports; i++) {
		r->lo[i] = r->hi[i] = ref_port();
		if (ref_random(2) && (r->hi[i] = ref_port()) < r->lo[i])
			r->hi[i] = r->lo[i];
		if (r->lo[i] == 0 && r->hi[i] == 65535)
			r->lo[i] = 1;	/* which would be no ports at all */
	}
}

static void
ref_policy_make(struct ref_policy *p)
{
	int	i;

	p->deny[0] = (int)ref_random(2);
	p->deny[1] = (int)ref_random(2);
	p->n = 1 + (int)ref_random(REF_RULES);
	for (i = 0; i < p->n; i++)
		ref_rule_make(&p->rules[i]);
}

static void
ref_packet_make(struct ref_packet *k)
{
	memset(k, 0, sizeof(*k));
	k->dir = (int)ref_random(2);
	k->v6 = (int)ref_random(2);
	k->protocol = ref_protocol();
	ref_address(k->v6, k->other);
	k->later = ref_random(8) == 0;
	if (!k->later && (k->protocol == 6 || k->protocol == 17 ||
	    k->protocol == 132)) {
		k->sport = ref_port();
		k->dport = ref_port();
	}
}

/* -- the slow judge -- */

static int
ref_cidr_holds(const struct ref_cidr *c, const struct ref_packet *k)
{
	int	i;

	if (c->v6 != k->v6)
		return 0;
	for (i = 0; i < c->len; i++)
		if ((c->addr[i / 8] >> (7 - i % 8) & 1) !=
		    (k->other[i / 8] >> (7 - i % 8) & 1))
			return 0;
	return 1;
}

static int
ref_rule_matches(const struct ref_rule *r, const struct ref_packet *k)
{
	int	i, hit, port = r->source ? k->sport : k->dport;

	if (k->dir == 0 ? !r->in : !r->out)
		return 0;
	if (r->protocol >= 0 && r->protocol != k->protocol)
		return 0;
	for (i = 0, hit = r->n_cidrs == 0; i < r->n_cidrs; i++)
		hit |= ref_cidr_holds(&r->cidrs[i], k);
	if (!hit)
		return 0;
	if (r->n_ports == 0)
		return 1;
	if (k->later)
		return !r->deny;
	for (i = 0; i < r->n_ports; i++)
		if (port >= r->lo[i] && port <= r->hi[i])
			return 1;
	return 0;
}

/* The rule that decides, or -1: the default. */
static int
ref_judge(const struct ref_policy *p, const struct ref_packet *k)
{
	int	i, allow = -1;

	for (i = 0; i < p->n; i++) {
		if (!ref_rule_matches(&p->rules[i], k))
			continue;
		if (p->rules[i].deny)
			return i;
		if (allow < 0)
			allow = i;
	}
	return allow;
}

static int
ref_drops(const struct ref_policy *p, const struct ref_packet *k)
{
	int	i = ref_judge(p, k);

	return i < 0 ? p->deny[k->dir] : p->rules[i].deny;
}

/* -- the document -- */

static void
ref_cidr_text(struct buf *b, const struct ref_cidr *c)
{
	int	i;

	buf_addc(b, '"');
	for (i = 0; i < (c->v6 ? 8 : 4); i++)
		if (c->v6)
			buf_printf(b, "%s%x", i > 0 ? ":" : "",
			    c->addr[2 * i] << 8 | c->addr[2 * i + 1]);
		else
			buf_printf(b, "%s%d", i > 0 ? "." : "", c->addr[i]);
	buf_printf(b, "/%d\"", c->len);
}

static void
ref_rule_text(struct buf *b, const struct ref_rule *r, int number)
{
	int	i;

	buf_printf(b, "{\"id\":\"r%d\",\"action\":\"%s\",\"direction\":\"%s\"",
	    number, r->deny ? "deny" : "allow", r->in && r->out ? "both" :
	    r->in ? "ingress" : "egress");
	if (r->protocol >= 0)
		buf_printf(b, ",\"protocol\":%d", r->protocol);
	for (i = 0; i < r->n_cidrs; i++) {
		buf_adds(b, i == 0 ? ",\"cidr\":[" : ",");
		ref_cidr_text(b, &r->cidrs[i]);
	}
	if (r->n_cidrs > 0)
		buf_addc(b, ']');
	for (i = 0; i < r->n_ports; i++) {
		if (i == 0)
			buf_printf(b, ",\"%s\":[", r->source ?
			    "source_ports" : "ports");
		buf_printf(b, "%s\"%d-%d\"", i > 0 ? "," : "", r->lo[i],
		    r->hi[i]);
	}
	if (r->n_ports > 0)
		buf_addc(b, ']');
	buf_addc(b, '}');
}

/* Freed by the caller. */
static char *
ref_text(const struct ref_policy *p)
{
	struct buf	b = BUF_INIT;
	int		i;

	buf_printf(&b, "{\"version\":1,\"default\":{\"ingress\":\"%s\","
	    "\"egress\":\"%s\"},\"interfaces\":[\"*\"],\"rules\":[",
	    p->deny[0] ? "deny" : "allow", p->deny[1] ? "deny" : "allow");
	for (i = 0; i < p->n; i++) {
		if (i > 0)
			buf_adds(&b, ",\n");
		ref_rule_text(&b, &p->rules[i], i);
	}
	buf_adds(&b, "]}");
	return buf_take(&b);
}

#endif
