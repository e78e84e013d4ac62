/*
 * How long the store's part of a job takes: add, claim, finish, of so many
 * jobs (10,000), so many at once (1, then 32).  Prints a table; no TAP.
 * usage: store [JOBS [DIR]]
 */
#include <stdint.h>

#include "clock.h"
#include "../unit/storetap.h"

static int	todo, left, refused;
static char	text[600];		/* a job's record is about 1 kB */

static void	job_next(void);

static void
on_finish(int code, const json_t *job, void *arg)
{
	(void)job;
	(void)arg;
	refused += code < 0;
	left--;
	job_next();
}

static void
on_claim(int code, const json_t *job, void *arg)
{
	const struct store_op	token = { STORE_PUT, "token",
				    json_str(job, "id", ""),
				    pack("{ss}", "job", "x") };

	(void)arg;
	refused += code < 0;
	store_job_finish(store, json_str(job, "id", ""),
	    json_int(job, "fence", 0), "completed",
	    pack("{ss}", "checksum", text), &token, 1, on_finish, NULL);
}

static void
on_add(int code, const json_t *job, void *arg)
{
	(void)job;
	(void)arg;
	refused += code < 0;
	store_job_claim(store, "bench", 60000, 3, on_claim, NULL);
}

static void
job_next(void)
{
	static int	n;
	char		id[40], user[16];

	if (todo == 0)
		return;
	todo--;
	snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012d", n++);
	snprintf(user, sizeof(user), "user%d", n % 5);
	store_job_add(store, pack("{ss ss ss}", "id", id, "user", user,
	    "text", text), on_add, NULL);
}

static void
memory(const char *when)
{
	char	line[128];
	FILE	*f = fopen("/proc/self/status", "r");

	printf("%-24s", when);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "RssAnon", 7) == 0
		    || strncmp(line, "RssFile", 7) == 0)
			printf(" %.7s %6ld kB", line,
			    strtol(line + 8, NULL, 10));
	putchar('\n');
	if (f != NULL)
		fclose(f);
}

static void
run(int jobs, int at_once)
{
	int64_t	began = clock_mono_ms();
	int	i;

	todo = left = jobs;
	for (i = 0; i < at_once; i++)
		job_next();
	while (left > 0)
		uv_run(&loop, UV_RUN_ONCE);
	printf("%6d jobs, %3d at once: %.3f ms a job\n", jobs, at_once,
	    (double)(clock_mono_ms() - began) / jobs);
}

/* A long queue: what a claim and an end cost with so many waiting. */
static void
backlog(int jobs)
{
	int64_t	began = clock_mono_ms();
	int	i;

	for (i = 0; i < jobs; i++) {
		char	id[24], user[16];

		snprintf(id, sizeof(id), "backlog-%d", i);
		snprintf(user, sizeof(user), "user%d", i % 50);
		store_job_add(store, pack("{ss ss ss}", "id", id, "user",
		    user, "text", text), NULL, NULL);
		if (i % 500 == 0)
			uv_run(&loop, UV_RUN_DEFAULT);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	printf("%6d jobs added in %.1f s\n", jobs,
	    (double)(clock_mono_ms() - began) / 1000);
}

int
main(int argc, char **argv)
{
	int	jobs = argc > 1 ? atoi(argv[1]) : 10000;

	if (argc > 2)
		setenv("TMPDIR", argv[2], 1);
	memset(text, 't', sizeof(text) - 1);
	begin_store();
	if (jobs < 1 || open_store() < 0)
		return 1;
	memory("at the start");
	run(jobs / 10, 1);
	memory("after the first tenth");
	run(jobs, 1);
	memory("after all, one by one");
	run(jobs, 32);
	memory("after as many, together");
	backlog(jobs * 10);
	run(jobs / 10, 1);
	run(jobs, 32);
	memory("at the end");
	pack_end();
	end_store();
	return refused != 0;
}
