/* For tests of the runner: a real store, a shell script as the pipeline. */
#ifndef MUSTER_QUEUETAP_H
#define MUSTER_QUEUETAP_H

#include "../../buildsrv/queue.c"
#include "../../buildsrv/queue_finish.c"
#include "../../buildsrv/queue_line.c"
#include "../../buildsrv/queue_output.c"
#include "../../buildsrv/queue_publish.c"
#include "../../buildsrv/queue_run.c"
#include "../../buildsrv/tree.c"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "storetap.h"

static struct queue	*queue;
static char		*script, *work, *artifacts, *marks;

/*
 * The job's member "do" is what the pipeline does, in shell; on_prepare puts
 * it into the job's directory.  $marks is a directory in which a script
 * leaves traces that outlive its own.
 */
static const char pipeline[] =
    "#!/bin/sh\n"
    "set -eu\n"
    "marks=%s\n"
    "umask 022\n"
    "make() { printf '%%s' \"$1\" >out; }\n"
    "result() { printf '::result {\"file\":\"out\",\"fileName\":\"%%s\"%%s}\\n'"
    " \"$1\" \"${2:-}\"; }\n"
    ". \"$MUSTER_JOB_DIR/do\"\n";

static int
on_finish(const json_t *job, const json_t *result, json_t *patch,
    struct queue_ops *ops, void *arg)
{
	(void)arg;
	if (strcmp(json_str(result, "fileName", ""), "unwanted") == 0)
		return -EACCES;
	if (strcmp(json_str(result, "fileName", ""), "spoilt") == 0)
		json_object_set_new(patch, "status", json_true());
	json_object_set_new(patch, "extra", json_string("from finish"));
	queue_ops_add(ops, STORE_ADD, "token", strcmp(json_str(result,
	    "fileName", ""), "twice") == 0 ? "taken" : json_str(job, "id", ""),
	    json_pack("{ss}", "checksum", json_str(result, "checksum", "")));
	return 0;
}

static char *
on_secret(const json_t *job, void *arg)
{
	(void)job;
	(void)arg;
	return xstrdup("hush-hush");
}

static int
on_prepare(const json_t *job, const char *dir, void *arg)
{
	const char	*what = json_str(job, "do", "");
	char		*path = file_join(dir, "do");
	FILE		*f = fopen(path, "w");

	(void)arg;
	free(path);
	if (f == NULL || fputs(what, f) < 0 || fclose(f) != 0)
		return -EIO;
	return strcmp(what, "") != 0 ? 0 : -EPERM;
}

static void
start_queue(int at_once, int64_t lease_ms, int64_t timeout_ms)
{
	const struct queue_options	o = {
		.store = store, .owner = "test", .pipeline = script,
		.work_dir = work, .artifact_dir = artifacts,
		.max_concurrent = at_once, .max_attempts = 50,
		.lease_ms = lease_ms,
		.build_timeout_ms = timeout_ms, .prepare = on_prepare,
		.secret = on_secret, .finish = on_finish
	};

	if (queue_start(&queue, &loop, &o) < 0) {
		puts("Bail out! queue_start");
		exit(1);
	}
}

static int	stopped;

static void
on_stopped(void *arg)
{
	(void)arg;
	stopped = 1;
}

static void
stop_queue(int back)
{
	stopped = 0;
	queue_stop(queue, back, on_stopped, NULL);
	while (!stopped)
		uv_run(&loop, UV_RUN_ONCE);
	queue = NULL;
}

static void
add_job(const char *id, const char *what)
{
	store_job_add(store, pack("{ss ss ss ss}", "id", id, "user", "anna",
	    "do", what, "registrationKey", "k3y-of-the-job"), NULL, NULL);
	queue_wake(queue);
}

/* The status of a job; answer is the job. */
static const char *
status(const char *id)
{
	WAIT(store_job_get(store, id, HEAR));
	return rc == 0 ? str_at("status") : "absent";
}

/* Runs the loop until the job has the status; 20 s at most. */
static int
until(const char *id, const char *want)
{
	int64_t	end = clock_mono_ms() + 20000;

	while (strcmp(status(id), want) != 0) {
		if (at("ended") != NULL || clock_mono_ms() > end) {
			printf("# %s is %s: %s\n", id, str_at("status"),
			    json_str(answer, "error", "no error"));
			return 0;
		}
		uv_run(&loop, UV_RUN_NOWAIT);
		uv_sleep(1);
	}
	return 1;
}

static int
has_mark(const char *name)
{
	char	*path = file_join(marks, name);
	int	 there = file_exists(path);

	free(path);
	return there;
}

static int
until_mark(const char *name)
{
	int64_t	end = clock_mono_ms() + 20000;

	while (!has_mark(name) && clock_mono_ms() < end) {
		uv_run(&loop, UV_RUN_NOWAIT);
		uv_sleep(1);
	}
	return has_mark(name);
}

/* Whether the process whose number a script wrote ends within 2 s. */
static int
is_gone(const char *name)
{
	char		*path = file_join(marks, name);
	struct buf	 b = BUF_INIT;
	int64_t		 end = clock_mono_ms() + 2000;
	pid_t		 pid = 0;

	if (file_read(path, 100, &b) == 0)
		pid = (pid_t)strtol(b.p, NULL, 10);
	while (pid > 0 && kill(pid, 0) == 0 && clock_mono_ms() < end)
		uv_sleep(5);
	buf_release(&b);
	free(path);
	return pid > 0 && kill(pid, 0) < 0;
}

static int
is_empty(const char *dir)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;
	int		 n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n == 0;
}

static void
write_script(void)
{
	struct buf	b = BUF_INIT;

	script = file_join(store_dir, "pipeline");
	work = file_join(store_dir, "work");
	artifacts = file_join(store_dir, "artifacts");
	marks = file_join(store_dir, "marks");
	buf_printf(&b, pipeline, marks);
	if (file_write(script, b.p, b.len, 0700) < 0
	    || mkdir(marks, 0700) < 0) {
		puts("Bail out! no script");
		exit(1);
	}
	buf_release(&b);
}

static void
begin_queue(void)
{
	log_init("queue", LOG_NONE, LOG_TEXT);
	crypto_init();
	begin_store();
	write_script();
	if (open_store() < 0)
		exit(1);
	start_queue(2, 3000, 60000);
}

static void
end_queue(void)
{
	if (queue != NULL)
		stop_queue(1);
	ok("nothing is left in the work directory", is_empty(work));
	pack_end();
	free(script);
	free(work);
	free(artifacts);
	free(marks);
	end_store();
}

#endif
