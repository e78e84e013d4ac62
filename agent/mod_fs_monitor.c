/*
 * The module fs-monitor: creations, changes, deletions, moves and changes of
 * permissions below given paths, with who did it; and their integrity against
 * a baseline.  By fanotify, for whole file systems, or where that is not
 * allowed by inotify, which names nobody.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "confine.h"
#include "json.h"
#include "log.h"
#include "mod_fs_monitor.h"

enum {
	WHO_CACHE	= 32,		/* processes that were looked up, */
	WHO_MS		= 1000		/* for so long */
};

static const char *const	default_paths[] = {
	"/etc", "/boot", "/usr/bin", "/usr/sbin", "/usr/lib/systemd",
	"/usr/local", "/root/.ssh"
};

/* -- who -- */

struct who {
	int64_t			until;
	struct proc_info	info;
	int			found;
};

static const struct proc_info *
who(int64_t pid)
{
	static struct who	*cache;
	struct who		*w;
	int64_t			 now = clock_mono_ms();

	if (pid <= 0)
		return NULL;
	if (cache == NULL)
		cache = xcalloc(WHO_CACHE, sizeof(*cache));
	w = &cache[pid % WHO_CACHE];
	if (w->info.pid != pid || w->until < now) {
		w->found = proc_info(pid, &w->info) == 0;
		w->info.pid = pid;
		w->until = now + WHO_MS;
	}
	return w->found ? &w->info : NULL;
}

/* -- one event -- */

static json_t *
actions(unsigned what)
{
	static const char *const	names[] = { "create", "modify",
		"delete", "attrib", "move" };
	json_t				*list = json_array();
	size_t				 i;

	for (i = 0; i < nitems(names); i++)
		if (what & 1U << i)
			json_array_append_new(list, json_string(names[i]));
	return list;
}

/* What the file is now, and what the baseline says that it should be. */
static void
add_state(const struct fs_monitor *s, json_t *o, const char *path)
{
	const struct hash_sums *sums;
	const char	*why;
	char		 old[65];
	struct stat	 st;
	int		 known = fs_baseline_find(s, path, old);

	if (known)
		json_object_set_new(o, "baselineSha256", json_string(old));
	if (lstat(path, &st) < 0)
		return;
	json_object_set_new(o, "mode", json_sprintf("%04o",
	    (unsigned)st.st_mode & 07777));
	json_object_set_new(o, "owner", json_integer(st.st_uid));
	if (!S_ISREG(st.st_mode))
		return;
	json_object_set_new(o, "size", json_integer(st.st_size));
	sums = hash_path(path, NULL, &why);
	if (sums != NULL)
		json_object_set_new(o, "sha256", json_string(sums->sha256));
	else
		json_object_set_new(o, "sha256Missing", json_string(why));
}

void
fs_report(struct fs_monitor *s, unsigned what, const char *path,
    const char *to, int is_dir, int64_t pid)
{
	const struct proc_info	*p;
	char			 key[PATH_MAX + 32];
	const char		*slash = strrchr(path, '/');
	json_t			*o;

	if (pid == s->self || pid == s->agent)
		return;
	s->seen++;
	snprintf(key, sizeof(key), "%u %.*s", what, slash != NULL ?
	    (int)(slash - path) : 0, path);
	if (!limit_take(s->limit, "file", key))
		return;
	o = json_pack("{so so sb ss sI}", "path", text_json(path), "actions",
	    actions(what), "directory", is_dir, "source", s->source, "time",
	    (json_int_t)clock_wall_ms());
	if (to != NULL)
		json_object_set_new(o, "to", text_json(to));
	if (pid > 0)
		json_object_set_new(o, "pid", json_integer(pid));
	if ((p = who(pid)) != NULL) {
		json_object_set_new(o, "uid", json_integer(p->uid));
		if (p->exe[0] != '\0')		/* else it is ending */
			json_object_set_new(o, "exe", text_json(p->exe));
		json_object_set_new(o, "comm", text_json(p->comm));
		if (p->loginuid >= 0)
			json_object_set_new(o, "loginuid",
			    json_integer(p->loginuid));
	} else
		json_object_set_new(o, "who", json_string(pid > 0 ?
		    "the process is gone" : "not told by this source"));
	if (!is_dir)
		add_state(s, o, to != NULL ? to : path);
	module_event(s->m, SPOOL_EVENT, "file", o);
}

void
fs_lost(struct fs_monitor *s, const char *where, int64_t from, uint64_t n)
{
	s->lost += n;
	module_gap(s->m, "fs-monitor", where, from, clock_wall_ms(), n);
}

int
fs_is_watched(const struct fs_monitor *s, const char *path)
{
	size_t	i, n;

	for (i = 0; i < s->n; i++) {
		n = strlen(s->paths[i]);
		if (strncmp(path, s->paths[i], n) == 0 &&
		    (path[n] == '\0' || path[n] == '/' || n == 1))
			return 1;
	}
	return 0;
}

/* -- the module -- */

static void
add_path(struct fs_monitor *s, const char *path)
{
	char	real[PATH_MAX];
	size_t	i;

	if (realpath(path, real) == NULL)
		return;			/* one that is not there */
	for (i = 0; i < s->n; i++)
		if (strcmp(s->paths[i], real) == 0)
			return;
	if (s->n < FS_PATHS)
		s->paths[s->n++] = xstrdup(real);
}

/* 0, or -EINVAL with *why. */
static int
read_paths(struct fs_monitor *s, const json_t *config, char **why)
{
	const json_t	*list = json_object_get(config, "paths");
	const json_t	*v;
	size_t		 i;

	if (list == NULL) {
		for (i = 0; i < nitems(default_paths); i++)
			add_path(s, default_paths[i]);
		return 0;
	}
	if (!json_is_array(list) || json_array_size(list) > FS_PATHS) {
		*why = xasprintf("paths: must be a list of at most %d paths",
		    FS_PATHS);
		return -EINVAL;
	}
	json_array_foreach(list, i, v) {
		if (!json_is_string(v) || json_string_value(v)[0] != '/') {
			*why = xasprintf("paths[%zu]: must be an absolute"
			    " path", i);
			return -EINVAL;
		}
		add_path(s, json_string_value(v));
	}
	return 0;
}

static void
on_flush(uv_timer_t *t)
{
	struct fs_monitor	*s = t->data;

	limit_flush(s->limit);
}

static int
fs_start(struct module *m, const json_t *config, void **self, char **why)
{
	struct fs_monitor	*s = xcalloc(1, sizeof(*s));
	const char		*only = json_str(config, "source", NULL);
	char			*fault = NULL;
	int			 rc;

	s->m = m;
	s->self = uv_os_getpid();
	s->agent = uv_os_getppid();
	s->limit = limit_new(m, "fs-monitor");
	if ((rc = read_paths(s, config, why)) < 0)
		return rc;
	uv_timer_init(module_loop(m), &s->flush);
	s->flush.data = s;
	uv_timer_start(&s->flush, on_flush, LIMIT_WINDOW_MS, LIMIT_WINDOW_MS);
	s->source = "fanotify";
	rc = only != NULL && strcmp(only, "fanotify") != 0 ? -ECANCELED :
	    fs_by_fanotify(s, &fault);
	if (rc == -ECANCELED)
		fault = xstrdup("not chosen");
	if (rc < 0) {
		s->source = "inotify";
		rc = fs_by_inotify(s, why);
	}
	if (rc == 0)
		module_source(m, s->source, fault);
	free(fault);
	*self = s;
	return rc;
}

static void
fs_stop(void *self)
{
	struct fs_monitor	*s = self;

	limit_flush(s->limit);
}

static json_t *
fs_status(void *self)
{
	const struct fs_monitor	*s = self;
	json_t			*paths = json_array();
	size_t			 i;

	for (i = 0; i < s->n; i++)
		json_array_append_new(paths, text_json(s->paths[i]));
	return json_pack("{so sI sI sI sI}", "paths", paths, "events",
	    (json_int_t)s->seen, "outside", (json_int_t)s->outside, "lost",
	    (json_int_t)s->lost, "summarised",
	    (json_int_t)limit_counted(s->limit));
}

static void
fs_command(void *self, struct module_call *c)
{
	const char	*verb = module_call_verb(c);

	if (strcmp(verb, "baseline") == 0 || strcmp(verb, "verify") == 0)
		fs_baseline_run(self, c, *verb == 'v');
	else
		module_answer(c, NULL, "verb: must be status, baseline or"
		    " verify");
}

const struct module_type module_fs_monitor = {
	.name = "fs-monitor",
	.about = "changes of files and who makes them; integrity",
	.caps = CONFINE_DAC_READ_SEARCH | CONFINE_SYS_PTRACE,
	.needs = CONFINE_SYS_ADMIN,
	.confine = CONFINE_PROC,
	.start = fs_start,
	.stop = fs_stop,
	.status = fs_status,
	.command = fs_command
};
