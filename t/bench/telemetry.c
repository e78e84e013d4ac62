/*
 * usage: telemetry N
 *
 * What one sample of the module telemetry, and one answer of GET /metrics
 * without the agent's own part, cost in processor time: N of each, a mean.
 * Prints "sample US", "scrape US BYTES".
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../agent/node_cpu_linux.c"
#include "../../agent/node_fs_linux.c"
#include "../../agent/node_linux.c"
#include "../../agent/node_table_linux.c"
#include "../../agent/node_text.c"
#include "../../agent/telemetry.c"

static double
cpu_us(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int
main(int argc, char **argv)
{
	int			 n = argc > 1 ? atoi(argv[1]) : 0, i;
	struct telemetry	*t;
	struct buf		 b = BUF_INIT;
	uint64_t		 left_out;
	double			 start;

	if (n < 1)
		die(EXIT_USAGE, "usage: telemetry N");
	t = telemetry_new();
	json_decref(telemetry_sample(t));
	for (start = cpu_us(), i = 0; i < n; i++)
		json_decref(telemetry_sample(t));
	printf("sample\t%.1f us\n", (cpu_us() - start) / n);
	node_metrics(&b, &left_out);
	for (start = cpu_us(), i = 0; i < n; i++) {
		buf_clear(&b);
		node_metrics(&b, &left_out);
	}
	printf("scrape\t%.1f us\t%zu bytes\n", (cpu_us() - start) / n, b.len);
	buf_release(&b);
	telemetry_free(t);
	return 0;
}
