/* Processes: which service each belongs to, what it has mapped to execute,
 * and which sockets it holds. */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uthash.h>

#include "log.h"
#include "mod_analysis.h"
#include "sensor.h"

struct owner {
	UT_hash_handle	 hh;
	uint64_t	 inode;
	char		*program;
};

struct owners {
	struct owner	*by_inode;
};

const char *
owner_of(const struct owners *o, uint64_t inode)
{
	struct owner	*w;

	HASH_FIND(hh, o->by_inode, &inode, sizeof(inode), w);
	return w != NULL ? w->program : NULL;
}

void
owners_free(struct owners *o)
{
	struct owner	*w, *next;

	HASH_ITER(hh, o->by_inode, w, next) {
		HASH_DEL(o->by_inode, w);
		free(w->program);
		free(w);
	}
	free(o);
}

/* -- the service: systemd's unit in the cgroup's path, if there is one -- */

static void
service_of(const char *cgroup, char *out, size_t n)
{
	const char	*at = cgroup, *slash, *best = NULL;
	size_t		 len = 0, k;

	while (*at != '\0') {
		slash = strchr(at, '/');
		k = slash != NULL ? (size_t)(slash - at) : strlen(at);
		if ((k > 8 && memcmp(at + k - 8, ".service", 8) == 0) ||
		    (k > 6 && memcmp(at + k - 6, ".scope", 6) == 0)) {
			best = at;
			len = k;
		}
		at += k + (slash != NULL);
	}
	snprintf(out, n, "%.*s", (int)len, best != NULL ? best : "");
}

/* -- mapped files -- */

struct mapping {
	char		*path;
	int		 deleted;
	unsigned	 major, minor;
	uint64_t	 inode;
};

/* A line of maps that is executable and of a file: 1.  The path points into
 * the line. */
static int
read_mapping(char *line, struct mapping *m)
{
	static const char	gone[] = " (deleted)";
	char			perms[5];
	unsigned long long	inode;
	int			at = 0;
	size_t			n;

	if (sscanf(line, "%*x-%*x %4s %*x %x:%x %llu %n", perms, &m->major,
	    &m->minor, &inode, &at) < 4 || perms[2] != 'x' || at == 0)
		return 0;
	line[strcspn(line, "\n")] = '\0';
	m->path = line + at;
	m->inode = inode;
	if (*m->path != '/')
		return 0;
	n = strlen(m->path);
	m->deleted = n > sizeof(gone) - 1 &&
	    strcmp(m->path + n - (sizeof(gone) - 1), gone) == 0;
	if (m->deleted)
		m->path[n - (sizeof(gone) - 1)] = '\0';
	return 1;
}

/* Whether the file of that name is another one by now.  Overlays show other
 * device numbers than the mapping has, so the inode alone decides there. */
static int
is_outdated(const struct mapping *m)
{
	struct stat	st;

	if (m->deleted)
		return 1;
	return stat(m->path, &st) == 0 && (uint64_t)st.st_ino != m->inode &&
	    major(st.st_dev) == m->major && minor(st.st_dev) == m->minor;
}

static void
add_mapping(struct graph *g, const char *program, const char *exe,
    const struct mapping *m)
{
	char	 id[GRAPH_MAX_ID];
	json_t	*edge;

	if (strcmp(m->path, exe) == 0) {
		if (is_outdated(m) && (edge = json_object_get(g->nodes,
		    program)) != NULL)
			json_object_set_new(edge, "outdated", json_true());
		return;
	}
	if (graph_node(g, "library", m->path) == NULL)
		return;
	edge = graph_edge(g, program, graph_id(id, sizeof(id), "library",
	    m->path), "maps");
	if (edge != NULL && is_outdated(m))
		json_object_set_new(edge, "outdated",
		    json_string(m->deleted ? "deleted" : "replaced"));
}

static void
add_mappings(struct graph *g, const char *program,
    const struct proc_info *p)
{
	char		 path[64], *line = NULL;
	struct mapping	 m;
	size_t		 cap = 0;
	FILE		*f;

	snprintf(path, sizeof(path), "/proc/%lld/maps", (long long)p->pid);
	if ((f = fopen(path, "re")) == NULL)
		return;			/* it has gone, or is not ours to see */
	while (getline(&line, &cap, f) > 0)
		if (read_mapping(line, &m))
			add_mapping(g, program, p->exe, &m);
	free(line);
	fclose(f);
}

/* -- sockets that it holds -- */

static void
add_owner(struct owners *o, uint64_t inode, const char *program)
{
	struct owner	*w;

	if (owner_of(o, inode) != NULL)
		return;			/* shared by fork: the first is told */
	w = xcalloc(1, sizeof(*w));
	w->inode = inode;
	w->program = xstrdup(program);
	HASH_ADD(hh, o->by_inode, inode, sizeof(w->inode), w);
}

static void
add_sockets(struct owners *o, const char *program, int64_t pid)
{
	char		 path[64], to[64];
	struct dirent	*e;
	uint64_t	 inode;
	ssize_t		 n;
	DIR		*d;

	snprintf(path, sizeof(path), "/proc/%lld/fd", (long long)pid);
	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if ((n = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1))
		    < 0)
			continue;
		to[n] = '\0';
		if (sscanf(to, "socket:[%" SCNu64 "]", &inode) == 1)
			add_owner(o, inode, program);
	}
	closedir(d);
}

/* -- one process -- */

static void
count_process(json_t *node, const struct proc_info *p)
{
	json_t	*pids = json_object_get(node, "pids");

	if (pids == NULL) {
		json_object_set_new(node, "label", text_json(p->comm));
		json_object_set_new(node, "exe", text_json(p->exe));
		json_object_set_new(node, "pids", pids = json_array());
	}
	json_object_set_new(node, "processes", json_integer(1 +
	    json_integer_value(json_object_get(node, "processes"))));
	if (json_array_size(pids) < GRAPH_MAX_PIDS)
		json_array_append_new(pids, json_integer(p->pid));
}

static void
add_process(struct graph *g, struct owners *o, struct proc_info *p)
{
	static const char	gone[] = " (deleted)";
	char			service[256], name[1300], id[GRAPH_MAX_ID],
				from[GRAPH_MAX_ID];
	size_t			n = strlen(p->exe);
	json_t			*node;

	if (n > sizeof(gone) - 1 && strcmp(p->exe + n - (sizeof(gone) - 1),
	    gone) == 0)
		p->exe[n - (sizeof(gone) - 1)] = '\0';
	service_of(p->cgroup, service, sizeof(service));
	snprintf(name, sizeof(name), "%s%s%s", p->exe, *service != '\0' ?
	    "@" : "", service);
	if ((node = graph_node(g, "program", name)) == NULL)
		return;
	count_process(node, p);
	graph_id(id, sizeof(id), "program", name);
	if (*service != '\0' && graph_node(g, "service", service) != NULL)
		graph_edge(g, graph_id(from, sizeof(from), "service",
		    service), id, "runs");
	add_mappings(g, id, p);
	add_sockets(o, id, p->pid);
}

struct owners *
graph_processes(struct graph *g)
{
	struct owners		*o = xcalloc(1, sizeof(*o));
	struct proc_info	 p;
	struct dirent		*e;
	DIR			*d = opendir("/proc");

	while (d != NULL && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    proc_info(atoll(e->d_name), &p) == 0 && p.exe[0] == '/')
			add_process(g, o, &p);
	if (d != NULL)
		closedir(d);
	return o;
}
