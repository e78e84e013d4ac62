/*
 * The module process-monitor: exec, fork and exit of every process.  Of its
 * sources the first that works is taken: eBPF, the kernel's process events
 * by netlink, a look at /proc each second.
 */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
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
#include "mod_process_monitor.h"

static const char *const	type_names[] = { "exec", "fork", "exit" };

/* -- one event -- */

/*
 * The hash of what runs: by its path, as long as that is still the same file,
 * else by the process, which may be gone.
 */
static void
add_hash(json_t *o, const struct process_event *e)
{
	const struct hash_sums	*sums = NULL;
	const char		*why = NULL;
	char			 path[48];
	struct stat		 st;

	if (e->exe != NULL && e->exe[0] == '/' && !e->exe_cut) {
		sums = hash_path(e->exe, &st, &why);
		if (sums != NULL && e->ino != 0 && (st.st_ino != e->ino ||
		    st.st_dev != e->dev)) {
			sums = NULL;
			why = "the file is another one by now";
		}
	}
	if (sums == NULL) {
		snprintf(path, sizeof(path), "/proc/%lld/exe",
		    (long long)e->pid);
		sums = hash_path(path, NULL, why == NULL ? &why :
		    &(const char *){ NULL });
	}
	if (sums != NULL) {
		json_object_set_new(o, "sha256", json_string(sums->sha256));
		json_object_set_new(o, "sha1", json_string(sums->sha1));
		json_object_set_new(o, "md5", json_string(sums->md5));
	} else
		json_object_set_new(o, "sha256Missing", json_string(why));
}

static void
add_args(json_t *o, const struct process_event *e)
{
	if (e->args == NULL) {
		json_object_set_new(o, "argvMissing",
		    json_string("argv unavailable"));
		return;
	}
	json_object_set_new(o, "argv", proc_split_args(e->args, e->args_len));
	if (e->args_cut)
		json_object_set_new(o, "argvCut", json_true());
}

/* Where it comes from: the parent's program, if it lives. */
static void
add_parent(json_t *o, int64_t ppid)
{
	char	link[48], exe[1024];
	ssize_t	n;

	snprintf(link, sizeof(link), "/proc/%lld/exe", (long long)ppid);
	if ((n = readlink(link, exe, sizeof(exe) - 1)) <= 0)
		return;
	exe[n] = '\0';
	json_object_set_new(o, "parentExe", text_json(exe));
}

static void
add_exec(json_t *o, const struct process_event *e)
{
	struct proc_info	p;
	const char		*cgroup = e->cgroup;

	json_object_set_new(o, "exe", text_json(e->exe != NULL ? e->exe : ""));
	if (e->exe_cut)
		json_object_set_new(o, "exeCut", json_true());
	add_args(o, e);
	add_parent(o, e->ppid);
	if (cgroup == NULL && proc_info(e->pid, &p) == 0)
		cgroup = p.cgroup;
	if (cgroup != NULL && *cgroup != '\0')
		json_object_set_new(o, "cgroup", text_json(cgroup));
	if (e->cgroup_id != 0)
		json_object_set_new(o, "cgroupId",
		    json_integer((json_int_t)e->cgroup_id));
	add_hash(o, e);
}

static void
add_exit(json_t *o, const struct process_event *e)
{
	if (e->status < 0)
		return;
	if (WIFSIGNALED(e->status))
		json_object_set_new(o, "signal",
		    json_integer(WTERMSIG(e->status)));
	else
		json_object_set_new(o, "exitCode",
		    json_integer(WEXITSTATUS(e->status)));
}

void
process_report(struct process_monitor *s, const struct process_event *e)
{
	const char	*type = type_names[e->type];
	char		 key[280];
	json_t		*o;

	s->seen[e->type]++;
	snprintf(key, sizeof(key), "%lld %s", (long long)e->uid,
	    e->exe != NULL ? e->exe : e->comm != NULL ? e->comm : "");
	if (!limit_take(s->limit, type, key))
		return;
	o = json_pack("{sI sI ss}", "pid", (json_int_t)e->pid, "time",
	    (json_int_t)e->t, "source", s->source);
	if (e->ppid > 0)
		json_object_set_new(o, "ppid", json_integer(e->ppid));
	if (e->uid >= 0)
		json_object_set_new(o, "uid", json_integer(e->uid));
	if (e->loginuid >= 0)
		json_object_set_new(o, "loginuid", json_integer(e->loginuid));
	if (e->comm != NULL)
		json_object_set_new(o, "comm", text_json(e->comm));
	if (e->type == PROCESS_EXEC)
		add_exec(o, e);
	else if (e->type == PROCESS_EXIT)
		add_exit(o, e);
	module_event(s->m, SPOOL_EVENT, type, o);
}

void
process_lost(struct process_monitor *s, const char *where, uint64_t n)
{
	int64_t	now = clock_wall_ms();

	if (n > 0) {
		s->lost += n;
		module_gap(s->m, "process-monitor", where, s->looked, now, n);
	}
	s->looked = now;
}

/* -- the module -- */

static void
on_flush(uv_timer_t *t)
{
	struct process_monitor	*s = t->data;

	limit_flush(s->limit);
}

static const struct {
	const char	*name;
	int		(*start)(struct process_monitor *, char **);
} sources[] = {
	{ "ebpf", process_by_bpf },
	{ "netlink", process_by_netlink },
	{ "proc", process_by_proc }
};

/* The best that works; *why gathers why not a better one. */
static int
choose(struct process_monitor *s, const char *only, struct buf *why)
{
	char	*fault;
	size_t	 i;
	int	 rc = -EINVAL;

	for (i = 0; i < nitems(sources); i++) {
		if (only != NULL && strcmp(only, sources[i].name) != 0) {
			buf_printf(why, "%s%s: not chosen", why->len > 0 ?
			    "; " : "", sources[i].name);
			continue;
		}
		s->source = sources[i].name;
		fault = NULL;
		if ((rc = sources[i].start(s, &fault)) == 0)
			return 0;
		buf_printf(why, "%s%s: %s", why->len > 0 ? "; " : "",
		    sources[i].name, fault != NULL ? fault : errstr(rc));
		free(fault);
	}
	return rc;
}

static int
process_start(struct module *m, const json_t *config, void **self, char **why)
{
	struct process_monitor	*s = xcalloc(1, sizeof(*s));
	struct buf		 b = BUF_INIT;
	int			 rc;

	s->m = m;
	s->limit = limit_new(m, "process-monitor");
	hash_weak();
	s->looked = clock_wall_ms();
	uv_timer_init(module_loop(m), &s->look);
	uv_timer_init(module_loop(m), &s->flush);
	s->look.data = s->flush.data = s;
	rc = choose(s, json_str(config, "source", NULL), &b);
	if (rc < 0) {
		*why = buf_take(&b);
		return rc;
	}
	uv_timer_start(&s->flush, on_flush, LIMIT_WINDOW_MS, LIMIT_WINDOW_MS);
	module_source(m, s->source, b.len > 0 ? b.p : NULL);
	buf_release(&b);
	*self = s;
	return 0;
}

static void
process_stop(void *self)
{
	struct process_monitor	*s = self;

	if (s->stop != NULL)
		s->stop(s);
	limit_flush(s->limit);
}

static json_t *
process_status(void *self)
{
	const struct process_monitor	*s = self;

	return json_pack("{sI sI sI sI sI}", "exec",
	    (json_int_t)s->seen[PROCESS_EXEC], "fork",
	    (json_int_t)s->seen[PROCESS_FORK], "exit",
	    (json_int_t)s->seen[PROCESS_EXIT], "lost", (json_int_t)s->lost,
	    "summarised", (json_int_t)limit_counted(s->limit));
}

const struct module_type module_process_monitor = {
	.name = "process-monitor",
	.about = "exec, fork and exit of processes",
	.caps = CONFINE_DAC_READ_SEARCH | CONFINE_SYS_PTRACE,
	.needs = CONFINE_BPF | CONFINE_PERFMON | CONFINE_NET_ADMIN,
	.confine = CONFINE_PROC,
	.start = process_start,
	.stop = process_stop,
	.status = process_status
};
