/*
 * The repository on the loop's side: one job at a time goes to a worker, and
 * what it found afterwards is what the server knows from then on.  A timer
 * gives it the online roles to look after.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"
#include "file.h"
#include "settings.h"
#include "tufrepo_private.h"

enum {
	LOOKS		= 10,		/* in a timestamp's life, and */
	LOOK_MAX_MS	= 60 * 1000	/* one in that time at least */
};

struct tufrepo {
	struct server	*server;
	char		*dir, *socket, *root, *fault;
	json_t		*targets;
	struct tufrepo_role roles[TUFREPO_ROLES];
	size_t		 n_roles;
	uv_timer_t	 timer;
	uv_work_t	 work;
	struct tufrepo_job job;
	int		 busy, stopping, closed;
	void		(*done)(int, const char *, void *);
	void		*arg;
	void		(*stopped)(void *);
	void		*stopped_arg;
};

static void
job_release(struct tufrepo_job *j)
{
	free(j->name);
	free(j->text);
	free(j->why);
	free(j->root);
	json_decref(j->targets);
	memset(j, 0, sizeof(*j));
}

static void
end(struct tufrepo *t)
{
	if (t->busy || !t->closed)
		return;
	json_decref(t->targets);
	free(t->dir);
	free(t->socket);
	free(t->root);
	free(t->fault);
	t->stopped(t->stopped_arg);
	free(t);
}

/* What the worker found is what we know. */
static void
take(struct tufrepo *t, struct tufrepo_job *j)
{
	json_decref(t->targets);
	t->targets = j->targets;
	j->targets = NULL;
	free(t->root);
	t->root = j->root;
	j->root = NULL;
	memcpy(t->roles, j->roles, sizeof(t->roles));
	t->n_roles = j->n_roles;
}

static void
in_worker(uv_work_t *w)
{
	tufrepo_work(&((struct tufrepo *)w->data)->job);
}

static void
on_worked(uv_work_t *w, int status)
{
	struct tufrepo	*t = w->data;
	void		(*done)(int, const char *, void *) = t->done;
	struct tufrepo_job j = t->job;

	(void)status;
	memset(&t->job, 0, sizeof(t->job));
	t->busy = 0;
	t->done = NULL;
	take(t, &j);
	if (j.rc < 0 && j.name == NULL)
		log_error("tuf", "the online metadata is not signed anew: %s",
		    j.why);
	if (done != NULL)
		done(j.rc, j.why != NULL ? j.why : "", t->arg);
	job_release(&j);
	end(t);
}

static int
begin(struct tufrepo *t, const char *name, const char *text)
{
	const struct settings	*s = t->server->settings;

	if (t->busy || t->stopping)
		return -EBUSY;
	t->job = (struct tufrepo_job){ .dir = t->dir, .socket = t->socket,
	    .now = clock_wall_ms() / 1000,
	    .snapshot_life = settings_int(s, "snapshot-life") / 1000,
	    .timestamp_life = settings_int(s, "timestamp-life") / 1000,
	    .name = name != NULL ? xstrdup(name) : NULL,
	    .text = text != NULL ? xstrdup(text) : NULL };
	t->busy = 1;
	uv_queue_work(t->server->loop, &t->work, in_worker, on_worked);
	return 0;
}

static void
on_timer(uv_timer_t *timer)
{
	begin(timer->data, NULL, NULL);
}

struct tufrepo *
tufrepo_new(struct server *s, const char *state_dir, const char *sign_socket)
{
	struct tufrepo	*t = xcalloc(1, sizeof(*t));
	int64_t		 ms = settings_int(s->settings, "timestamp-life") /
			    LOOKS;
	int		 rc;

	t->server = s;
	t->dir = file_join(state_dir, "tuf");
	t->socket = xstrdup(sign_socket);
	t->targets = json_object();
	t->work.data = t;
	if ((rc = file_mkdirs(t->dir, 0700)) < 0)
		die(EXIT_SYSTEM, "%s: %s", t->dir, errstr(rc));
	t->job.dir = t->dir;
	tufrepo_read(&t->job);		/* known before the first request */
	take(t, &t->job);
	job_release(&t->job);
	uv_timer_init(s->loop, &t->timer);
	t->timer.data = t;
	if (ms > LOOK_MAX_MS)
		ms = LOOK_MAX_MS;
	uv_timer_start(&t->timer, on_timer, 0, (uint64_t)ms);
	return t;
}

static void
on_closed(uv_handle_t *h)
{
	struct tufrepo	*t = h->data;

	t->closed = 1;
	end(t);
}

void
tufrepo_stop(struct tufrepo *t, void (*done)(void *), void *arg)
{
	t->stopping = 1;
	t->stopped = done;
	t->stopped_arg = arg;
	uv_close((uv_handle_t *)&t->timer, on_closed);
}

void
tufrepo_publish(struct tufrepo *t, const char *name, const void *text,
    size_t n, void (*done)(int, const char *, void *), void *arg)
{
	char	*copy = xmemdup(text, n);

	if (begin(t, name, copy) < 0)
		done(-EBUSY, "the repository is being changed", arg);
	else {
		t->done = done;
		t->arg = arg;
	}
	free(copy);
}

/* Letters, digits and what a role's quoted name has; no hidden file. */
char *
tufrepo_path(const struct tufrepo *t, const char *name)
{
	size_t	n = strlen(name);

	if (name[0] == '.' || n < 6 || n > TUF_MAX_NAME + 32 ||
	    strcmp(name + n - 5, ".json") != 0 || strchr(name, '/') != NULL)
		return NULL;
	return file_join(t->dir, name);
}

const json_t *
tufrepo_targets(const struct tufrepo *t)
{
	return t->targets;
}

const char *
tufrepo_root(const struct tufrepo *t)
{
	return t->root;
}

const struct tufrepo_role *
tufrepo_roles(const struct tufrepo *t, size_t *n)
{
	*n = t->n_roles;
	return t->roles;
}

const char *
tufrepo_fault(const struct tufrepo *t)
{
	struct tufrepo		*w = (struct tufrepo *)(uintptr_t)t;
	int64_t			 now = clock_wall_ms() / 1000;
	const struct tufrepo_role *r;
	char			 text[21];
	size_t			 i;

	for (i = 0; i < t->n_roles; i++) {
		r = &t->roles[i];
		if (now <= r->issued + (r->expires - r->issued) / 2)
			continue;
		free(w->fault);
		w->fault = xasprintf("update metadata: %s %s at %s", r->role,
		    now >= r->expires ? "expired" : "expires",
		    tuf_time_text(r->expires, text));
		return t->fault;
	}
	return NULL;
}
