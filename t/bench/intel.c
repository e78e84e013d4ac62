/*
 * A million indicators, as feeds bring them: usage: intel N FILE.  Prints how
 * much CPU time a plain list of N takes from text to a file that can be
 * asked, the peak of memory, and the same of a look-up, of what is there and of
 * what is not, apart, in an order that no cache foresees.
 */
#include <sys/resource.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "crypto.h"
#include "intel.h"
#include "intel_feed.h"
#include "log.h"
#include "xorshift.h"

/* Hashes, addresses, networks and names, as they are mixed in the field. */
static void
write_one(char *out, size_t n, uint64_t i)
{
	uint64_t	a = i * 0x9e3779b97f4a7c15u, b = a ^ (a >> 29);

	switch (i % 10) {
	case 0: case 1: case 2:
		snprintf(out, n, "%u.%u.%u.%u", (unsigned)(1 + a % 220),
		    (unsigned)(a >> 8 & 255), (unsigned)(a >> 16 & 255),
		    (unsigned)(a >> 24 & 255));
		break;
	case 3:
		snprintf(out, n, "%u.%u.%u.0/%u", (unsigned)(1 + a % 220),
		    (unsigned)(a >> 8 & 255), (unsigned)(a >> 16 & 255),
		    (unsigned)(16 + a % 9));
		break;
	case 4: case 5: case 6:
		snprintf(out, n, "h%" PRIx64 ".bad%u.example", b & 0xffffffff,
		    (unsigned)(i % 5000));
		break;
	default:
		snprintf(out, n, "%016" PRIx64 "%016" PRIx64 "%016" PRIx64
		    "%016" PRIx64, a, b, ~a, ~b);
	}
}

static int
take(const struct intel_value *v, int confidence, int64_t until, void *arg)
{
	intel_maker_add(arg, v, 0, confidence, until);
	return 0;
}

/* Of this process alone, whatever else the machine does. */
static uint64_t
cpu_ns(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double
ms_since(uint64_t ns)
{
	return (double)(cpu_ns() - ns) / 1e6;
}

/* Values one behind the other, each no longer than it is. */
static size_t
keep_value(char *at, const struct intel_value *v)
{
	size_t	n = offsetof(struct intel_value, data) + v->len;

	memcpy(at, v, n);
	return (n + 3) / 4 * 4;
}

static void
ask(const struct intel *t, uint64_t n, uint64_t from, int there,
    const char *what)
{
	enum { ROUNDS = 200000, ROOM = 128 };
	char				*values = xmalloc(ROUNDS * ROOM);
	const struct intel_value	*v;
	struct intel_value		 one;
	struct intel_hit		 hits[INTEL_MAX_HITS];
	const char			*why;
	char				*at, text[128];
	uint64_t			 ns, found = 0;
	int				 i;

	for (i = 0, at = values; i < ROUNDS;) {
		write_one(text, sizeof(text), from + next_random() % n);
		intel_value_read(&one, INTEL_ANY, text, strlen(text), &why);
		if ((intel_find(t, &one, 1, hits) > 0) != there)
			continue;	/* an address in some network */
		at += keep_value(at, &one);
		i++;
	}
	ns = cpu_ns();
	for (i = 0, at = values; i < ROUNDS; i++) {
		v = (const void *)at;
		found += intel_find(t, v, 1, hits) > 0;
		at += (offsetof(struct intel_value, data) + v->len + 3U) /
		    4 * 4;
	}
	printf("%s\t%.0f ns a look-up, %.1f %% found\n", what,
	    ms_since(ns) * 1e6 / ROUNDS, 100.0 * (double)found / ROUNDS);
	free(values);
}

int
main(int argc, char **argv)
{
	uint64_t		 n = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	struct intel_feed	 feed = { .format = INTEL_PLAIN,
		.confidence = 50 };
	struct intel_count	 count;
	struct intel_maker	*m;
	struct intel_made	 made;
	struct intel		*t;
	struct buf		 b = BUF_INIT;
	struct rusage		 before, after;
	const char		*why;
	char			 text[128];
	uint64_t		 i, ns;

	if (argc != 3)
		return EXIT_USAGE;
	crypto_init();
	for (i = 0; i < n; i++) {
		write_one(text, sizeof(text), i);
		buf_adds(&b, text);
		buf_addc(&b, '\n');
	}
	getrusage(RUSAGE_SELF, &before);
	ns = cpu_ns();
	if (intel_maker_new(&m, argv[2]) < 0)
		return EXIT_SYSTEM;
	intel_maker_source(m, "bench");
	intel_feed_read(&feed, b.p, b.len, 1, take, m, &count);
	if (intel_maker_end(m, &made) < 0 ||
	    intel_open(&t, argv[2], &why) < 0)
		return EXIT_SYSTEM;
	printf("load\t%.0f ms, %" PRIu64 " of %" PRIu64 " kept\n",
	    ms_since(ns), made.kept, made.read);
	getrusage(RUSAGE_SELF, &after);
	printf("memory\t%ld KB more at the most, file of %" PRIu64 " KB\n",
	    after.ru_maxrss - before.ru_maxrss, made.bytes / 1024);
	buf_release(&b);
	ask(t, n, 0, 1, "there");
	ask(t, n, n, 0, "not there");
	intel_close(t);
	return EXIT_YES;
}
