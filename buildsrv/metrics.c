/*
 * Counting, and the answer to a scrape: the queue's figures come from the
 * store, those of directories from a worker, so that a slow disk holds up
 * nobody else.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "clock.h"
#include "metrics_private.h"
#include "settings.h"

struct scrape {
	uv_work_t		 work;
	struct call		*call;
	json_t			*jobs;
	char			*artifact_dir;
	struct metrics_scan	 scan;
};

/* -- counting -- */

static void
observe(struct histogram *h, int64_t ms)
{
	double	seconds = ms > 0 ? (double)ms / 1000 : 0;
	int	i;

	for (i = 0; i < METRICS_BUCKETS - 1; i++)
		if (seconds <= metrics_bounds[i])
			break;
	h->count[i]++;
	h->sum += seconds;
}

void
metrics_event(struct metrics *m, const json_t *event)
{
	const char	*type = json_str(event, "type", "");
	const json_t	*job = json_object_get(event, "data");
	int64_t		 started = json_int(job, "started", 0);

	if (strcmp(type, "buildJobStarted") == 0) {
		if (json_int(job, "attempts", 1) <= 1)
			observe(&m->waited, started -
			    json_int(job, "created", started));
	} else if (strcmp(type, "buildJobCompleted") == 0) {
		m->completed++;
		observe(json_bool(job, "templateCached", 0) ? &m->cached :
		    &m->compiled, json_int(job, "ended", started) - started);
	} else if (strcmp(type, "buildJobFailed") == 0)
		m->failed++;
	else if (strcmp(type, "buildJobCancelled") == 0)
		m->cancelled++;
}

void
metrics_answered(const struct http_req *q, int status, void *arg)
{
	struct metrics	*m = arg;
	int		 class = status / 100;

	if (q->tag >= 0 && q->tag < METRICS_ROUTES && class > 0 &&
	    class < METRICS_CLASSES)
		m->answers[q->tag][class]++;
}

void
metrics_download(struct metrics *m, uint64_t bytes, int downloads)
{
	m->downloads += (uint64_t)downloads;
	m->download_bytes += bytes;
}

/* -- a scrape -- */

static void
count_artifacts(struct scrape *s)
{
	DIR		*d = opendir(s->artifact_dir);
	struct dirent	*e;
	struct stat	 st;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
		    && S_ISREG(st.st_mode)) {
			s->scan.files++;
			s->scan.bytes += (uint64_t)st.st_size;
		}
	if (d != NULL)
		closedir(d);
}

static void
count_fds(struct scrape *s)
{
	DIR		*d = opendir("/proc/self/fd");
	struct dirent	*e;

	while (d != NULL && (e = readdir(d)) != NULL)
		s->scan.fds += e->d_name[0] != '.';
	if (d != NULL) {
		s->scan.fds--;		/* its own */
		closedir(d);
	}
}

static void
scan_work(uv_work_t *w)
{
	count_artifacts(w->data);
	count_fds(w->data);
}

static void
scan_after(uv_work_t *w, int status)
{
	struct scrape	*s = w->data;
	struct call	*c = s->call;
	char		*text;

	(void)status;
	if (c->server->httpd == NULL) {		/* ended meanwhile */
		call_error(c, 503, NULL, "the server stops");
	} else {
		text = metrics_text(c->server->metrics, s->jobs, &s->scan);
		http_reply(c->req, 200,
		    "text/plain; version=0.0.4; charset=utf-8", text,
		    strlen(text));
		free(text);
		call_free(c);
	}
	json_decref(s->jobs);
	free(s->artifact_dir);
	free(s);
}

static void
on_jobs(int rc, const json_t *jobs, void *arg)
{
	struct call	*c = arg;
	struct scrape	*s;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->work.data = s;
	s->call = c;
	s->jobs = json_deep_copy(jobs);
	s->artifact_dir = xstrdup(c->server->artifact_dir);
	uv_queue_work(c->server->loop, &s->work, scan_work, scan_after);
}

int
metrics_open(const struct call *c)
{
	const char	*peer = c->req->peer;

	return settings_bool(c->server->settings, "metrics-open") &&
	    http_header(c->req, "authorization") == NULL &&
	    (strcmp(peer, "unix") == 0 || strcmp(peer, "::1") == 0 ||
	    strncmp(peer, "127.", 4) == 0 ||
	    strncmp(peer, "::ffff:127.", 11) == 0);
}

void
metrics_get(struct call *c)
{
	store_job_stats(c->server->store, on_jobs, c);
}

struct metrics *
metrics_new(struct server *s)
{
	struct metrics	*m = xcalloc(1, sizeof(*m));

	m->server = s;
	m->started = clock_wall_ms();
	return m;
}

void
metrics_free(struct metrics *m)
{
	free(m);
}
