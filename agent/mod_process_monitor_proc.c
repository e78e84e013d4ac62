/*
 * process-monitor's last resort: the list of /proc, each second.  A process
 * that comes and goes between two looks is never seen, which the status
 * says.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "mod_process_monitor.h"

enum { SCAN_MS = 1000, MAX_PROCESSES = 65536 };

struct known {
	int64_t		pid;
	uint64_t	start;
	char		exe_hash;	/* a change of program is an exec */
};

struct by_proc {
	struct known	*list;
	size_t		 n;
	int		 first;
};

static char
short_hash(const char *s)
{
	unsigned	h = 5381;

	for (; *s != '\0'; s++)
		h = h * 33 + (unsigned char)*s;
	return (char)(h ^ h >> 8 ^ h >> 16);
}

static const struct known *
find(const struct by_proc *b, int64_t pid)
{
	size_t	lo = 0, hi = b->n;

	while (lo < hi) {
		size_t	mid = (lo + hi) / 2;

		if (b->list[mid].pid < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < b->n && b->list[lo].pid == pid ? &b->list[lo] : NULL;
}

static void
report(struct process_monitor *s, enum process_type type,
    const struct proc_info *p)
{
	struct process_event	 e = { .type = type, .t = clock_wall_ms(),
		.pid = p->pid, .ppid = p->ppid, .uid = p->uid,
		.loginuid = p->loginuid, .comm = p->comm, .exe = p->exe,
		.cgroup = p->cgroup, .status = -1 };
	char			 text[1025];
	json_t			*args = NULL;
	size_t			 i, len;
	int			 cut = 0;

	if (type == PROCESS_EXEC)
		args = proc_args(p->pid, &cut);
	for (i = 0; i < json_array_size(args); i++) {
		const char	*one = json_string_value(json_array_get(args,
				    i));

		len = strlen(one) + 1;
		if (e.args_len + len > sizeof(text))
			break;
		memcpy(text + e.args_len, one, len);
		e.args_len += len;
	}
	if (e.args_len > 0)
		e.args = text;
	e.args_cut = cut;
	json_decref(args);
	process_report(s, &e);
}

static void
look_at(struct process_monitor *s, struct by_proc *b, int64_t pid,
    struct known *k)
{
	struct proc_info	 p;
	const struct known	*old;

	if (proc_info(pid, &p) < 0)
		p.pid = pid;
	k->pid = pid;
	k->start = p.start;
	k->exe_hash = short_hash(p.exe);
	if (b->first || p.exe[0] == '\0')
		return;			/* a kernel thread, or gone */
	old = find(b, pid);
	if (old == NULL || old->start != p.start ||
	    old->exe_hash != k->exe_hash)
		report(s, PROCESS_EXEC, &p);
}

static int
by_pid(const void *a, const void *b)
{
	const struct known	*x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void
report_gone(struct process_monitor *s, const struct by_proc *old,
    const struct by_proc *now)
{
	size_t	i;

	for (i = 0; i < old->n; i++) {
		const struct known	*k = find(now, old->list[i].pid);
		struct proc_info	 p = { .pid = old->list[i].pid,
			.ppid = -1, .uid = -1, .loginuid = -1 };

		if (k == NULL || k->start != old->list[i].start)
			report(s, PROCESS_EXIT, &p);
	}
}

static void
scan(struct process_monitor *s)
{
	struct by_proc	*b = s->own, now = { NULL, 0, 0 };
	DIR		*d = opendir("/proc");
	struct dirent	*e;
	size_t		 cap = 0;

	if (d == NULL)
		module_fail(s->m, "/proc: %s", strerror(errno));
	while ((e = readdir(d)) != NULL && now.n < MAX_PROCESSES) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		if (now.n == cap) {
			cap = cap * 2 + 256;
			now.list = xrealloc(now.list,
			    cap * sizeof(*now.list));
		}
		look_at(s, b, strtoll(e->d_name, NULL, 10), &now.list[now.n]);
		now.n++;
	}
	closedir(d);
	if (now.n > 0)
		qsort(now.list, now.n, sizeof(*now.list), by_pid);
	report_gone(s, b, &now);
	free(b->list);
	*b = now;
}

static void
on_scan(uv_timer_t *t)
{
	scan(t->data);
}

int
process_by_proc(struct process_monitor *s, char **why)
{
	struct by_proc	*b = xcalloc(1, sizeof(*b));

	(void)why;
	b->first = 1;
	s->own = b;
	scan(s);
	uv_timer_start(&s->look, on_scan, SCAN_MS, SCAN_MS);
	return 0;
}
