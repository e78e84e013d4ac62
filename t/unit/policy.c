/* The policy compiler, without a kernel: what its image says agrees with the
 * slow judge, and its size grows with the document alone. */
#include <stdio.h>

#include "log.h"
#include "policy_compile.h"
#include "policytap.h"
#include "tap.h"

static const struct policy_host	host = { .cpus = 2 };

enum { POLICIES = 3000, PACKETS = 200 };

static void
query_of(const struct ref_packet *k, struct policy_query *q)
{
	policy_query_make(q, k->dir, k->v6, k->other, (unsigned)k->protocol,
	    (unsigned)k->sport, (unsigned)k->dport);
	q->later = (uint8_t)k->later;
}

/* The rule that decides by the image, -1 for the default. */
static int
image_rule(const struct policy_image *m, const struct ref_packet *k)
{
	struct policy_query	q;
	uint32_t		slot;

	query_of(k, &q);
	slot = POLICY_SLOT(policy_image_judge(m, &q));
	return slot < POLICY_N_FIRST_RULE ? -1 :
	    (int)(slot - POLICY_N_FIRST_RULE);
}

static int
compile(struct policy_image *m, struct policy_doc *d, const char *text)
{
	char	*why;

	if (policy_doc_read(d, text, strlen(text), &why) < 0 ||
	    policy_compile(m, d, &host, &why) < 0) {
		printf("# %s\n", why);
		free(why);
		return -1;
	}
	return 0;
}

static void
test_agrees(void)
{
	static struct ref_policy	p;
	struct ref_packet		k;
	struct policy_image		m;
	struct policy_doc		d;
	char				*text;
	int				 i, j, bad = 0, decided = 0, refused = 0;

	for (i = 0; i < POLICIES && bad == 0; i++) {
		ref_policy_make(&p);
		text = ref_text(&p);
		if (compile(&m, &d, text) < 0) {
			refused++;
			free(text);
			continue;
		}
		for (j = 0; j < PACKETS; j++) {
			ref_packet_make(&k);
			if (image_rule(&m, &k) != ref_judge(&p, &k)) {
				printf("# policy %d packet %d: image %d,"
				    " judge %d\n# %s\n", i, j,
				    image_rule(&m, &k), ref_judge(&p, &k),
				    text);
				bad++;
				break;
			}
			decided += ref_judge(&p, &k) >= 0;
		}
		policy_image_release(&m);
		policy_doc_release(&d);
		free(text);
	}
	is_int("no random policy is refused", refused, 0);
	is_int("the image agrees with the slow judge", bad, 0);
	ok("rules decide a fair share", decided > POLICIES * PACKETS / 8);
}

/* 0: refused, with these words in the reason. */
static int
refused(const char *text, const char *words)
{
	struct policy_doc	 d;
	char			*why;
	int			 rc;

	rc = policy_doc_read(&d, text, strlen(text), &why);
	if (rc == 0) {
		printf("# taken: %s\n", text);
		policy_doc_release(&d);
		return -1;
	}
	rc = strstr(why, words) != NULL ? 0 : -1;
	if (rc < 0)
		printf("# said: %s\n", why);
	free(why);
	return rc;
}

#define ONE(rule) "{\"version\":1,\"default\":\"allow\",\"rules\":[" \
	"{\"id\":\"first\",\"action\":\"allow\"}," rule "]}"

static void
test_refused(void)
{
	static const struct {
		const char	*text, *words;
	} bad[] = {
		{ "", "" },
		{ "[]", "must be an object" },
		{ "{\"version\":1,\"rules\":[]}", "default is missing" },
		{ "{\"version\":2,\"default\":\"deny\",\"rules\":[]}",
		    "version" },
		{ "{\"version\":1,\"default\":\"drop\",\"rules\":[]}",
		    "default must be" },
		{ "{\"version\":1,\"default\":\"deny\",\"rule\":[]}",
		    "rule is not known" },
		{ "{\"version\":1,\n\"default\":}", "line 2" },
		{ ONE("{\"id\":\"x\"}"), "rules[1] (x): action is missing" },
		{ ONE("{\"id\":\"first\",\"action\":\"deny\"}"),
		    "rules[1] (first): id: is that of rules[0] too" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"cidr\":"
		    "[\"10.0.0.0/8\",\"10.0.0.1/8\"]}"),
		    "rules[1] (x): cidr[1]: 10.0.0.1/8: has bits set" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"cidr\":"
		    "\"10.0.0.0/33\"}"), "prefix length" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"cidr\":"
		    "\"fe80::1%eth0\"}"), "no IPv4 or IPv6" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"cidr\":[]}"),
		    "cidr: is empty" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"ports\":80}"),
		    "only with protocol" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"protocol\":\"tcp\""
		    ",\"ports\":[80,\"90-80\"]}"), "ports[1]" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"protocol\":\"tcp\""
		    ",\"ports\":65536}"), "ports[0]" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"protocol\":"
		    "\"tpc\"}"), "protocol" },
		{ ONE("{\"id\":\"x y\",\"action\":\"deny\"}"), "id:" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"port\":1}"),
		    "port is not known" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"cidr\":\"::/0\","
		    "\"indicators\":80}"), "one of them" },
		{ ONE("{\"id\":\"x\",\"action\":\"deny\",\"indicators\":101"
		    "}"), "indicators" },
		{ ONE("7"), "rules[1]" },
	};
	char	title[64];
	size_t	i;

	for (i = 0; i < nitems(bad); i++) {
		snprintf(title, sizeof(title), "bad document %zu is refused"
		    " by name", i);
		is_int(title, refused(bad[i].text, bad[i].words), 0);
	}
}

/* n rules with a CIDR each, every one with ports, below one with many. */
static char *
many(int n, int wide)
{
	struct buf	b = BUF_INIT;
	int		i;

	buf_adds(&b, "{\"version\":1,\"default\":\"deny\",\"rules\":[{\"id\":"
	    "\"w\",\"action\":\"allow\",\"protocol\":\"tcp\",\"ports\":[");
	for (i = 0; i < wide; i++)
		buf_printf(&b, "%s%d", i > 0 ? "," : "", i * 3);
	buf_adds(&b, "]}");
	for (i = 0; i < n; i++)
		buf_printf(&b, ",{\"id\":\"r%d\",\"action\":\"deny\","
		    "\"protocol\":\"tcp\",\"ports\":%d,\"cidr\":\"10.%d.%d.%d"
		    "\"}", i, 1000 + i % 5000, i >> 16 & 255, i >> 8 & 255,
		    i & 255);
	buf_adds(&b, "]}");
	return buf_take(&b);
}

static void
test_size(void)
{
	struct policy_image	few, most;
	struct policy_doc	d;
	char			*text = many(100, 1000);

	ok("a hundred rules compile", compile(&few, &d, text) == 0);
	policy_doc_release(&d);
	free(text);
	text = many(20000, 1000);
	ok("twenty thousand do", compile(&most, &d, text) == 0);
	policy_doc_release(&d);
	free(text);
	printf("# words: %zu, %zu\n", few.n, most.n);
	ok("one CIDR more costs below 1 KB", (most.n - few.n) * 4 <
	    19900 * 1024);
	policy_image_release(&few);
	policy_image_release(&most);
}

static void
test_keep(void)
{
	struct policy_cidr	 cidr;
	char			 id[] = "server";
	struct policy_range	 range = { 443, 443 };
	struct policy_rule	 kept[] = {
		{ .id = id, .keep = 1, .dirs = POLICY_DIR_OUT, .protocol = 6,
		    .cidrs = &cidr, .n_cidrs = 1, .ports = &range,
		    .n_ports = 1 },
		{ .id = id, .keep = 1, .dirs = POLICY_DIR_IN, .protocol = 6,
		    .cidrs = &cidr, .n_cidrs = 1, .ports = &range,
		    .n_ports = 1, .source = 1 },
	};
	static const char	 text[] = "{\"version\":1,\"default\":\"deny\","
	    "\"rules\":[{\"id\":\"all\",\"action\":\"deny\"}]}";
	struct ref_packet	 k = { .dir = 1, .protocol = 6, .dport = 443,
		.sport = 5000, .other = { 192, 0, 2, 7 } };
	struct policy_image	 m;
	struct policy_doc	 d;
	struct policy_query	 q;
	const char		*why;
	char			*words;

	policy_cidr_read(&cidr, "192.0.2.7", &why);
	policy_doc_read(&d, text, strlen(text), &words);
	is_int("invariants compile", policy_compile(&m, &d,
	    &(struct policy_host){ .kept = kept, .n_kept = 2, .cpus = 1 },
	    &words), 0);
	query_of(&k, &q);
	is_int("what goes to the server is kept", POLICY_RANK(
	    policy_image_judge(&m, &q)), POLICY_KEEP);
	k.dport = 80;
	query_of(&k, &q);
	is_int("another port of it is not", POLICY_RANK(
	    policy_image_judge(&m, &q)), POLICY_DENY);
	k = (struct ref_packet){ .dir = 0, .protocol = 6, .sport = 443,
		.dport = 5000, .other = { 192, 0, 2, 7 } };
	query_of(&k, &q);
	is_int("what it answers is kept", POLICY_RANK(policy_image_judge(&m,
	    &q)), POLICY_KEEP);
	policy_image_release(&m);
	policy_doc_release(&d);
}

/* The verdict on an address that a packet goes to: 'D', 'A', or '.' for the
 * default. */
static int
verdict(const struct policy_image *m, const char *address)
{
	struct policy_cidr	 c;
	struct policy_query	 q;
	const char		*why;
	uint32_t		 v;

	policy_cidr_read(&c, address, &why);
	policy_query_make(&q, 1, c.v6, c.addr, 6, 5000, 443);
	v = policy_image_judge(m, &q);
	return POLICY_SLOT(v) < POLICY_N_FIRST_RULE ? '.' :
	    POLICY_RANK(v) == POLICY_DENY ? 'D' : 'A';
}

static void
test_indicators(void)
{
	static const char	 text[] = "{\"version\":1,\"default\":\"allow\","
	    "\"rules\":[{\"id\":\"all\",\"action\":\"allow\",\"cidr\":"
	    "\"192.0.2.0/24\"},{\"id\":\"bad\",\"action\":\"deny\","
	    "\"indicators\":80,\"protocol\":\"tcp\"}]}";
	static const struct { const char *cidr; int confidence; } known[] = {
		{ "192.0.2.7", 80 }, { "192.0.2.8", 79 },
		{ "198.51.100.0/25", 100 }, { "2001:db8::/32", 90 }
	};
	struct policy_indicator	 list[4];
	struct policy_host	 with = { .indicators = list,
		.n_indicators = 4, .cpus = 1 };
	struct policy_image	 m;
	struct policy_doc	 d;
	const char		*w;
	char			*why;
	int			 i;

	for (i = 0; i < 4; i++) {
		policy_cidr_read(&list[i].cidr, known[i].cidr, &w);
		list[i].confidence = (uint8_t)known[i].confidence;
	}
	policy_doc_read(&d, text, strlen(text), &why);
	is_int("a rule of the host's indicators", policy_compile(&m, &d, &with,
	    &why), 0);
	is_int("denies an address of them", verdict(&m, "192.0.2.7"), 'D');
	is_int("but not one that is less sure", verdict(&m, "192.0.2.8"), 'A');
	is_int("a network", verdict(&m, "198.51.100.9"), 'D');
	is_int("not beside it", verdict(&m, "198.51.100.129"), '.');
	is_int("IPv6", verdict(&m, "2001:db8::9"), 'D');
	policy_image_release(&m);
	policy_compile(&m, &d, &host, &why);
	is_int("where there are none it matches nothing",
	    verdict(&m, "203.0.113.1"), '.');
	policy_image_release(&m);
	policy_doc_release(&d);
}

int
main(void)
{
	test_agrees();
	test_indicators();
	test_refused();
	test_size();
	test_keep();
	return done();
}
