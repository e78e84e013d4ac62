/*
 * A packet's cost by the kernel's own count (BPF_PROG_TEST_RUN, repeated):
 * an empty program beside policies of 1 to 100,000 rules of one CIDR each.
 * "miss": no rule but the default; "hit": one of the rules decides; "ports":
 * every rule has a port, and one of them decides.  Then cold: one run each
 * for packets to random addresses, with another cache full of data between.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mod_policy_kernel.h"

static const struct policy_host	host = { .cpus = 2 };

enum { REPEAT = 200000, ROUNDS = 9, FRAME = 64, COLD = 400 };

static struct policy_kernel	*kernel;
static uint64_t			 seed = 7;

static uint32_t
rnd(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 32);
}

/* -- frames: UDP to port 9 -- */

static void
frame_make(uint8_t f[FRAME], int v6, const uint8_t *to, unsigned port)
{
	memset(f, 0, FRAME);
	f[12] = v6 ? 0x86 : 0x08;
	f[13] = v6 ? 0xdd : 0x00;
	f += 14;
	if (v6) {
		f[0] = 0x60;
		f[6] = 17;
		memcpy(f + 24, to, 16);
		f += 40;
	} else {
		f[0] = 0x45;
		f[9] = 17;
		memcpy(f + 16, to, 4);
		f += 20;
	}
	f[2] = (uint8_t)(port >> 8);
	f[3] = (uint8_t)port;
}

static uint32_t
run(int program, uint8_t f[FRAME], int repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f,
	    .data_size_in = FRAME, .repeat = repeat);

	if (bpf_prog_test_run_opts(program, &o) < 0) {
		fprintf(stderr, "test run: %s\n", errstr(-errno));
		exit(EXIT_SYSTEM);
	}
	return o.duration;
}

static uint32_t
best(int program, uint8_t f[FRAME])
{
	uint32_t	ns, least = UINT32_MAX;
	int		i;

	for (i = 0; i < ROUNDS; i++)
		if ((ns = run(program, f, REPEAT)) < least)
			least = ns;
	return least;
}

static int
empty_program(void)
{
	struct bpf_insn	code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT }
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL", code,
	    nitems(code), NULL);
}

/* -- policies -- */

struct world {
	int	 n, v6, ports;
	uint8_t	(*to)[16];		/* each rule's address */
	uint8_t	*len;
};

static void
world_make(struct world *w)
{
	int	i, k, bits = w->v6 ? 128 : 32;

	w->to = xcalloc((size_t)w->n, 16);
	w->len = xcalloc((size_t)w->n, 1);
	for (i = 0; i < w->n; i++) {
		for (k = 0; k < 16; k++)
			w->to[i][k] = (uint8_t)rnd();
		if (w->v6)
			w->to[i][0] = 0x20;
		w->len[i] = (uint8_t)(w->v6 ? 32 + rnd() % 33 :
		    16 + rnd() % 17);
		for (k = w->len[i]; k < bits; k++)
			w->to[i][k / 8] &= (uint8_t)~(0x80 >> k % 8);
	}
}

static char *
world_text(const struct world *w)
{
	struct buf		b = BUF_INIT;
	struct policy_cidr	c;
	char			text[80];
	int			i;

	buf_adds(&b, "{\"version\":1,\"default\":\"allow\",\"rules\":[");
	for (i = 0; i < w->n; i++) {
		c = (struct policy_cidr){ .v6 = (uint8_t)w->v6,
			.len = w->len[i] };
		memcpy(c.addr, w->to[i], 16);
		buf_printf(&b, "%s{\"id\":\"r%d\",\"action\":\"deny\",\"cidr\""
		    ":\"%s\",\"log\":false", i > 0 ? "," : "", i,
		    policy_cidr_text(&c, text, sizeof(text)));
		if (w->ports)
			buf_printf(&b, ",\"protocol\":\"udp\",\"ports\":[9,"
			    "\"%d-%d\"]", 1000 + i % 10000, 20000 + i % 10000);
		buf_addc(&b, '}');
	}
	buf_adds(&b, "]}");
	return buf_take(&b);
}

static size_t
world_load(const struct world *w, int64_t *ms)
{
	struct policy_image	 m;
	struct policy_doc	 d;
	char			*text = world_text(w), *why;
	int64_t			 start = clock_mono_ms();
	size_t			 bytes;

	if (policy_doc_read(&d, text, strlen(text), &why) < 0 ||
	    policy_compile(&m, &d, &host, &why) < 0 ||
	    policy_kernel_set(kernel, &m, &why) < 0) {
		fprintf(stderr, "%s\n", why);
		exit(EXIT_SYSTEM);
	}
	*ms = clock_mono_ms() - start;
	bytes = m.total * 4;
	policy_image_release(&m);
	policy_doc_release(&d);
	free(text);
	return bytes;
}

static int
number_order(const void *a, const void *b)
{
	const uint32_t	*p = a, *q = b;

	return *p < *q ? -1 : *p > *q;
}

/* The median of single runs, with 8 MB of something else read between. */
static uint32_t
cold(int program, const struct world *w)
{
	static uint8_t	other[8 * 1024 * 1024];
	uint32_t	ns[COLD], sum = 0;
	uint8_t		f[FRAME];
	size_t		k;
	int		i;

	for (i = 0; i < COLD; i++) {
		frame_make(f, w->v6, w->to[rnd() % (uint32_t)w->n], 9);
		for (k = 0; k < sizeof(other); k += 64)
			sum += other[k]++;
		ns[i] = run(program, f, 1);
	}
	qsort(ns, COLD, sizeof(ns[0]), number_order);
	return ns[COLD / 2] + (sum & 0);
}

static void
measure(int v6, int ports, int n, int empty)
{
	static const uint8_t	nowhere[16] = { 10, 9, 8, 7 };
	struct world		w = { .n = n, .v6 = v6, .ports = ports };
	int			program;
	uint32_t		miss, hit = 0, ns;
	uint8_t			f[FRAME];
	size_t			bytes;
	int64_t			ms;
	int			i;

	world_make(&w);
	bytes = world_load(&w, &ms);
	program = policy_kernel_program(kernel, POLICY_OUT);
	frame_make(f, v6, nowhere, 9);
	miss = best(program, f);
	for (i = 0; i < 8; i++) {	/* the worst of eight rules */
		frame_make(f, v6, w.to[rnd() % (uint32_t)n], 9);
		if ((ns = best(program, f)) > hit)
			hit = ns;
	}
	printf("%s%s\t%d\t%u\t%u\t%u\t%u\t%zu\t%lld\n", v6 ? "IPv6" : "IPv4",
	    ports ? "+ports" : "", n, miss, hit, cold(program, &w),
	    cold(empty, &w), bytes / 1024, (long long)ms);
	fflush(stdout);
	free(w.to);
	free(w.len);
}

int
main(void)
{
	static const int	sizes[] = { 1, 1000, 10000, 100000 };
	uint8_t			f[FRAME] = { 0 };
	char			*why;
	int			 empty, kind;
	size_t			 i;

	if (policy_kernel_open(&kernel, NULL, 0, &why) < 0) {
		fprintf(stderr, "%s\n", why);
		return EXIT_SYSTEM;
	}
	empty = empty_program();
	f[12] = 8;
	printf("# an empty program: %u ns\n", best(empty, f));
	printf("# kind\trules\tmiss\thit\tcold\tcold-empty\tKB\tload-ms\n");
	for (kind = 0; kind < 4; kind++)
		for (i = 0; i < nitems(sizes); i++)
			measure(kind & 1, kind >> 1, sizes[i], empty);
	policy_kernel_close(kernel);
	return 0;
}
