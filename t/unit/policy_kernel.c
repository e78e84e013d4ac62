/*
 * The program in the kernel: random policies with ten packets each, as bytes,
 * by BPF_PROG_TEST_RUN in both directions, agree with the slow judge, with
 * fragments and extension headers; so do malformed packets, trials, and a
 * process that takes over.  Needs CAP_BPF and CAP_NET_ADMIN.  POLICIES in the
 * environment is how many (t/torture takes 10,000).
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "mod_policy_kernel.h"
#include "policytap.h"
#include "tap.h"

static const struct policy_host	host = { .cpus = 2 };

enum { POLICIES = 1000, PACKETS = 10, FRAME = 14, SHOT = 2, PASS = -1 };

static struct policy_kernel	*kernel;

/* -- frames -- */

struct frame {
	uint8_t	b[256];
	size_t	n;
};

static void
put16(struct frame *f, unsigned v)
{
	f->b[f->n++] = (uint8_t)(v >> 8);
	f->b[f->n++] = (uint8_t)v;
}

static void
put_ether(struct frame *f, int v6)
{
	memset(f, 0, sizeof(*f));
	f->n = 12;
	put16(f, v6 ? 0x86dd : 0x0800);
}

static void
put_addresses(struct frame *f, const struct ref_packet *k)
{
	static const uint8_t	own[16] = { 192, 0, 2, 1 };
	size_t			n = k->v6 ? 16 : 4;

	memcpy(f->b + f->n, k->dir == 0 ? k->other : own, n);
	memcpy(f->b + f->n + n, k->dir == 0 ? own : k->other, n);
	f->n += 2 * n;
}

static void
put_v4(struct frame *f, const struct ref_packet *k)
{
	int	options = (int)ref_random(3);

	f->b[f->n++] = (uint8_t)(0x45 + options);
	f->b[f->n++] = 0;
	put16(f, 60);
	put16(f, 1);
	/* more follow, and where it is not the first, the place of this */
	put16(f, k->later ? 0x2000 | (2 + ref_random(100)) :
	    ref_random(4) == 0 ? 0x2000 : 0);
	f->b[f->n++] = 64;
	f->b[f->n++] = (uint8_t)k->protocol;
	put16(f, 0);
	put_addresses(f, k);
	f->n += (size_t)options * 4;
}

/* Some extension headers, a fragment's among them. */
static void
put_v6(struct frame *f, const struct ref_packet *k)
{
	static const uint8_t	kinds[] = { 0, 43, 60, 135 };
	uint8_t			*next;
	uint32_t		 i, n = ref_random(4);

	f->b[f->n] = 0x60;
	f->b[f->n + 5] = 80;
	next = &f->b[f->n + 6];
	f->b[f->n + 7] = 64;
	f->n += 8;
	put_addresses(f, k);
	for (i = 0; i < n; i++) {
		*next = kinds[ref_random(sizeof(kinds))];
		next = &f->b[f->n];
		f->b[f->n + 1] = (uint8_t)ref_random(2);
		f->n += (size_t)(f->b[f->n + 1] + 1) * 8;
	}
	if (k->later || ref_random(4) == 0) {
		*next = 44;
		next = &f->b[f->n];
		f->n += 2;
		put16(f, k->later ? (2 + ref_random(100)) << 3 | 1 : 1);
		f->n += 4;
	}
	*next = (uint8_t)k->protocol;
}

static void
put_packet(struct frame *f, const struct ref_packet *k)
{
	put_ether(f, k->v6);
	if (k->v6)
		put_v6(f, k);
	else
		put_v4(f, k);
	if (k->later)
		memset(f->b + f->n, (int)ref_random(256), 4);
	else {
		put16(f, (unsigned)k->sport);
		put16(f, (unsigned)k->dport);
		f->n -= 4;
	}
	f->n += 20;
}

/* What the program returns for a frame. */
static int
run(int dir, struct frame *f, int repeat, uint32_t *ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->b,
	    .data_size_in = (uint32_t)f->n, .repeat = repeat);

	if (bpf_prog_test_run_opts(policy_kernel_program(kernel, dir), &o) < 0)
		return -100;
	if (ns != NULL)
		*ns = o.duration;
	return (int)o.retval;
}

/* -- policies -- */

static int
set_text(const char *text)
{
	struct policy_image	 m;
	struct policy_doc	 d;
	char			*why;

	if (policy_doc_read(&d, text, strlen(text), &why) < 0 ||
	    policy_compile(&m, &d, &host, &why) < 0 ||
	    policy_kernel_set(kernel, &m, &why) < 0) {
		printf("# %s\n", why);
		return -1;
	}
	policy_image_release(&m);
	policy_doc_release(&d);
	return 0;
}

static const struct policy_head *
head(void)
{
	struct policy_state	s;

	policy_kernel_state(kernel, &s);
	return policy_kernel_head(kernel, s.slot);
}

/* Some ICMP passes whatever the policy says, and IPv6's 0 is no protocol but
 * an extension header: not for the judge. */
static int
is_not_for_judge(const struct ref_packet *k)
{
	return (!k->later && (k->protocol == 1 || k->protocol == 58)) ||
	    (k->v6 && k->protocol == 0);
}

static void
test_agrees(void)
{
	static struct ref_policy	p;
	struct ref_packet		k;
	struct frame			f;
	char				*text;
	int				 i, j, rule, bad = 0, drops = 0, n = 0;
	uint32_t			 slot;
	uint64_t			 before;
	int				 policies = getenv("POLICIES") != NULL ?
	    atoi(getenv("POLICIES")) : POLICIES;

	for (i = 0; i < policies && bad == 0; i++) {
		ref_policy_make(&p);
		text = ref_text(&p);
		bad = set_text(text) < 0;
		for (j = 0; j < PACKETS && bad == 0; j++) {
			ref_packet_make(&k);
			put_packet(&f, &k);
			if (is_not_for_judge(&k))
				continue;
			n++;
			drops += ref_drops(&p, &k);
			rule = ref_judge(&p, &k);
			slot = rule < 0 ? (uint32_t)k.dir : POLICY_N_FIRST_RULE +
			    (uint32_t)rule;
			before = policy_head_count(head(), slot).packets;
			bad = run(k.dir, &f, 1, NULL) != (ref_drops(&p, &k) ?
			    SHOT : PASS) || policy_head_count(head(),
			    slot).packets != before + 1;
			if (bad)
				printf("# policy %d packet %d: %s\n", i, j,
				    text);
		}
		free(text);
	}
	is_int("random policies agree, and count for the right rule",
	    bad, 0);
	printf("# %d policies, %d packets, %d dropped\n", policies, n, drops);
	ok("a fair share was dropped", drops > n / 4 && drops < n * 3 / 4);
}

#define DENY "{\"version\":1,\"default\":\"deny\",\"rules\":[" \
	"{\"id\":\"a\",\"action\":\"allow\"}]}"

static int
runs(const char *hex)
{
	struct frame	f = { .n = 0 };
	unsigned	byte;

	for (; *hex != '\0'; hex += 2) {
		while (*hex == ' ')
			hex++;
		if (sscanf(hex, "%2x", &byte) != 1)
			return -200;
		f.b[f.n++] = (uint8_t)byte;
	}
	return run(0, &f, 1, NULL);
}

#define ETHER4	"000000000000 000000000000 0800"
#define ETHER6	"000000000000 000000000000 86dd"
#define ADDRS4	"0a000001 0a000002"
#define ADDRS6	"fd000000000000000000000000000001" \
	"fd000000000000000000000000000002"

static void
test_malformed(void)
{
	uint64_t	before;

	is_int("all is allowed", set_text(DENY), 0);
	before = policy_head_count(head(), POLICY_N_MALFORMED).packets;
	is_int("a whole packet passes", runs(ETHER4 "45000020 00010000"
	    "4006 0000" ADDRS4 "00500050 00000000"), PASS);
	is_int("a version that is not the frame's does not", runs(ETHER4
	    "65000020 00010000 4006 0000" ADDRS4 "00500050 00000000"), SHOT);
	is_int("nor a header of four words", runs(ETHER4 "44000020 00010000"
	    "4006 0000" ADDRS4 "00500050 00000000"), SHOT);
	is_int("nor a first fragment without ports", runs(ETHER4
	    "45000020 00012000 4006 0000" ADDRS4 "0050"), SHOT);
	is_int("nor TCP at byte 8", runs(ETHER4 "45000020 00010001"
	    "4006 0000" ADDRS4 "00500050 00000000"), SHOT);
	is_int("TCP at byte 16 passes", runs(ETHER4 "45000020 00010002"
	    "4006 0000" ADDRS4 "00500050 00000000"), PASS);
	is_int("nor extension headers that do not end", runs(ETHER6
	    "60000000 0008 3c40" ADDRS6 "3c00000000000000 3c00000000000000"
	    "3c00000000000000 3c00000000000000 3c00000000000000"
	    "3c00000000000000 3c00000000000000 3c00000000000000"
	    "0600000000000000 0000"), SHOT);
	is_int("eight of them pass", runs(ETHER6
	    "60000000 0008 3c40" ADDRS6 "3c00000000000000 3c00000000000000"
	    "3c00000000000000 3c00000000000000 3c00000000000000"
	    "3c00000000000000 3c00000000000000 0600000000000000"
	    "0050005000000000"), PASS);
	is_int("nor a header that ends outside", runs(ETHER6
	    "60000000 0008 0040" ADDRS6 "06ff000000000000"), SHOT);
	is_int("each was counted", policy_head_count(head(),
	    POLICY_N_MALFORMED).packets - before, 6);
	is_int("ARP is not IP", runs("ffffffffffff 000000000000 0806"
	    "0001080006040001 000000000000"), PASS);
}

#define NOTHING "{\"version\":1,\"default\":\"deny\",\"rules\":[]}"

static void
test_kept(void)
{
	is_int("nothing is allowed", set_text(NOTHING), 0);
	is_int("a neighbour's advertisement passes", runs(ETHER6
	    "60000000 0008 3aff" ADDRS6 "88000000 00000000"), PASS);
	is_int("an echo does not", runs(ETHER6 "60000000 0008 3aff" ADDRS6
	    "80000000 00000000"), SHOT);
	is_int("a packet was too big: passes", runs(ETHER4 "45000020 00010000"
	    "4001 0000" ADDRS4 "03040000 00000000"), PASS);
	is_int("unreachable by host does not", runs(ETHER4
	    "45000020 00010000 4001 0000" ADDRS4 "03010000 00000000"), SHOT);
	is_int("DHCP's answer passes", runs(ETHER4 "45000020 00010000"
	    "4011 0000" ADDRS4 "00430044 00080000"), PASS);
	is_int("its question from outside does not", runs(ETHER4
	    "45000020 00010000 4011 0000" ADDRS4 "00440043 00080000"), SHOT);
}

#define PING	ETHER4 "45000020 00010000 4001 0000" ADDRS4 "08000000 00000000"

static void
test_trial(void)
{
	struct policy_image	 m;
	struct policy_doc	 d;
	struct policy_state	 s;
	char			*why;

	policy_kernel_clear(kernel);
	is_int("without a policy all passes", runs(PING), PASS);
	is_int("one that allows", set_text(DENY), 0);
	policy_doc_read(&d, NOTHING, strlen(NOTHING), &why);
	policy_compile(&m, &d, &host, &why);
	is_int("one on trial", policy_kernel_try(kernel, &m,
	    policy_boot_ns() + 300 * 1000000, &why), 0);
	is_int("serves", runs(PING), SHOT);
	usleep(320 * 1000);
	is_int("the kernel goes back by itself", runs(PING), PASS);
	is_int("and is told so", policy_kernel_revert(kernel), 0);
	policy_kernel_state(kernel, &s);
	is_int("nothing is left of it", s.has[!s.slot], 0);
	is_int("once more", policy_kernel_try(kernel, &m, policy_boot_ns() +
	    300 * 1000000, &why), 0);
	is_int("it is confirmed", policy_kernel_confirm(kernel), 0);
	usleep(320 * 1000);
	is_int("and stays", runs(PING), SHOT);
	is_int("a second time is none", policy_kernel_confirm(kernel),
	    -ENOENT);
	policy_image_release(&m);
	policy_doc_release(&d);
}

static void
test_adopted(void)
{
	struct policy_kernel	*next;
	uint64_t		 before;
	struct policy_state	 s;
	char			*why;
	uint32_t		 n = sizeof(struct bpf_prog_info);
	struct bpf_prog_info	 i;

	memset(&i, 0, sizeof(i));
	is_int("a policy", set_text(NOTHING), 0);
	runs(PING);
	before = policy_head_count(head(), POLICY_N_DEFAULT_IN).packets;
	bpf_obj_get_info_by_fd(policy_kernel_program(kernel, POLICY_IN), &i,
	    &n);
	is_int("the next process", policy_kernel_open(&next, NULL, i.id,
	    &why), 0);
	ok("takes the maps over", policy_kernel_adopted(next));
	policy_kernel_state(next, &s);
	ok("has the generation", policy_kernel_head(next, s.slot) != NULL);
	runs(PING);
	is_int("and its counters go on", policy_head_count(
	    policy_kernel_head(next, s.slot), POLICY_N_DEFAULT_IN).packets,
	    before + 1);
	policy_kernel_close(next);
}

int
main(void)
{
	char	*why;
	int	 rc = policy_kernel_open(&kernel, NULL, 0, &why);

	if (rc < 0) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	test_agrees();
	test_malformed();
	test_kept();
	test_trial();
	test_adopted();
	policy_kernel_close(kernel);
	return done();
}
