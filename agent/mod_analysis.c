/*
 * The module analysis: who depends on whom on this host, on request.  The
 * graph of the last request is kept in the module's directory, so that the
 * next one can say what has changed, also after a restart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "confine.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "mod_analysis.h"

#define DPKG	"/var/lib/dpkg"
#define RPM	"/usr/bin/rpm"

enum { MAX_KEPT = 64 * 1024 * 1024 };	/* of the last graph's file */

struct analysis {
	char		*path;		/* of the last graph */
	char		*dpkg;
	int		 rpm;		/* to ask it by; or -errno */
	json_int_t	 graphs;
	int64_t		 took_ms;	/* the last one */
};

/* -- the graph -- */

void
graph_init(struct graph *g)
{
	g->nodes = json_object();
	g->edges = json_object();
	g->full = 0;
}

void
graph_release(struct graph *g)
{
	json_decref(g->nodes);
	json_decref(g->edges);
}

char *
graph_id(char *out, size_t n, const char *kind, const char *name)
{
	snprintf(out, n, "%s:%s", kind, name);
	return out;
}

json_t *
graph_node(struct graph *g, const char *kind, const char *name)
{
	char	 id[GRAPH_MAX_ID];
	json_t	*node;

	graph_id(id, sizeof(id), kind, name);
	if ((node = json_object_get(g->nodes, id)) != NULL)
		return node;
	if (json_object_size(g->nodes) >= GRAPH_MAX_NODES) {
		g->full = 1;
		return NULL;
	}
	node = json_pack("{ss ss}", "kind", kind, "label", name);
	if (node == NULL || json_object_set_new(g->nodes, id, node) < 0)
		return NULL;		/* a name that is no UTF-8 */
	return node;
}

json_t *
graph_edge(struct graph *g, const char *from, const char *to,
    const char *kind)
{
	struct buf	 id = BUF_INIT;
	json_t		*edge;

	buf_printf(&id, "%s\t%s\t%s", from, to, kind);
	edge = json_object_get(g->edges, buf_str(&id));
	if (edge == NULL && json_object_size(g->edges) >= GRAPH_MAX_EDGES)
		g->full = 1;
	else if (edge == NULL && json_object_set_new(g->edges, buf_str(&id),
	    json_object()) == 0)
		edge = json_object_get(g->edges, buf_str(&id));
	buf_release(&id);
	return edge;
}

/* What each executable says that it needs, beside what it has mapped. */
static void
add_needed(struct graph *g)
{
	json_t		*node, *names;
	const char	*id, *exe;

	json_object_foreach(g->nodes, id, node) {
		exe = json_string_value(json_object_get(node, "exe"));
		if (exe != NULL && (names = elf_needed(exe)) != NULL)
			json_object_set_new(node, "needed", names);
	}
}

static void
look(struct analysis *a, struct graph *g)
{
	int64_t		 began = clock_mono_ms();
	struct owners	*o;

	graph_init(g);
	o = graph_processes(g);
	graph_sockets(g, o);
	graph_unix(g, o);
	owners_free(o);
	graph_packages(g, a->dpkg);
	add_needed(g);
	a->graphs++;
	a->took_ms = clock_mono_ms() - began;
}

/* -- the last one -- */

static void
keep(const struct analysis *a, const struct graph *g)
{
	json_t	*o = json_pack("{sO sO}", "edges", g->edges, "nodes",
		    g->nodes);
	char	*text = json_dumps(o, JSON_COMPACT);
	int	 rc = file_write(a->path, text, strlen(text), 0600);

	if (rc < 0)
		log_warn("analysis", "%s: cannot be written: %s", a->path,
		    errstr(rc));
	free(text);
	json_decref(o);
}

static int
read_last(const struct analysis *a, struct graph *g)
{
	struct json_err	 e;
	int		 rc;
	json_t		*o = json_read_file(a->path, MAX_KEPT, &e, &rc);

	if (o == NULL)
		return rc;
	g->edges = json_incref(json_object_get(o, "edges"));
	g->nodes = json_incref(json_object_get(o, "nodes"));
	g->full = 0;
	json_decref(o);
	return json_is_object(g->edges) && json_is_object(g->nodes) ? 0 :
	    -EINVAL;
}

/* -- answers, in parts that fit a message -- */

static void
answer_object(struct module_call *c, const char *name, json_t *all)
{
	json_t		*part = json_object(), *v;
	const char	*key;

	json_object_foreach(all, key, v) {
		json_object_set(part, key, v);
		if (json_object_size(part) < GRAPH_PART)
			continue;
		module_answer_part(c, json_pack("{so}", name, part));
		part = json_object();
	}
	module_answer_part(c, json_pack("{so}", name, part));
}

static void
answer_graph(struct analysis *a, struct module_call *c)
{
	struct graph	g;

	look(a, &g);
	answer_object(c, "nodes", g.nodes);
	answer_object(c, "edges", g.edges);
	keep(a, &g);
	module_answer(c, json_pack("{sb sI}", "cut", g.full, "milliseconds",
	    (json_int_t)a->took_ms), NULL);
	graph_release(&g);
}

/* Whole lines, some KB each time. */
static void
answer_dot(struct analysis *a, struct module_call *c)
{
	struct buf	 b = BUF_INIT;
	struct graph	 g;
	const char	*at, *end, *from;
	int		 lines = 0;

	look(a, &g);
	graph_dot(&g, &b);
	keep(a, &g);
	graph_release(&g);
	for (from = at = buf_str(&b), end = at + b.len; at < end; at++)
		if (*at == '\n' && (++lines % GRAPH_PART == 0 ||
		    at + 1 == end)) {
			module_answer_part(c, json_pack("{ss#}", "dot", from,
			    (int)(at + 1 - from)));
			from = at + 1;
		}
	buf_release(&b);
	module_answer(c, NULL, NULL);
}

static void
answer_diff(struct analysis *a, struct module_call *c)
{
	struct graph	 before = { 0 }, now;
	int		 rc = read_last(a, &before);
	json_t		*diff;

	if (rc < 0) {
		module_answer(c, NULL, rc == -ENOENT ?
		    "there is no earlier graph to compare with" :
		    "the earlier graph cannot be read");
		return;
	}
	look(a, &now);
	diff = graph_diff(&before, &now);
	graph_release(&before);
	graph_release(&now);
	module_answer(c, diff, NULL);
}

static void
answer_array(struct module_call *c, const char *name, json_t *take)
{
	json_t	*part = json_array(), *v;
	size_t	 i;

	json_array_foreach(take, i, v) {
		json_array_append(part, v);
		if (json_array_size(part) < GRAPH_PART)
			continue;
		module_answer_part(c, json_pack("{so}", name, part));
		part = json_array();
	}
	module_answer_part(c, json_pack("{so}", name, part));
	json_decref(take);
}

static void
answer_packages(struct analysis *a, struct module_call *c, int cyclonedx)
{
	json_t	*list = packages_list(a->dpkg), *doc;

	if (list == NULL && a->rpm >= 0)
		list = rpm_list(a->rpm);
	if (list == NULL) {
		module_answer(c, NULL, a->rpm >= 0 ? "no dpkg database is on"
		    " this host, and rpm gave no answer" : "no dpkg database"
		    " is on this host, nor the tool rpm, by which that of"
		    " rpm is read");
		return;
	}
	if (!cyclonedx) {
		answer_array(c, "packages", list);
		module_answer(c, NULL, NULL);
		return;
	}
	doc = packages_cyclonedx(list);
	json_decref(list);
	answer_array(c, "components", json_incref(json_object_get(doc,
	    "components")));
	json_object_del(doc, "components");
	module_answer(c, doc, NULL);
}

static void
answer_restart(struct analysis *a, struct module_call *c)
{
	struct graph	g;

	look(a, &g);
	answer_array(c, "restartNeeded", graph_restart_needed(&g));
	graph_release(&g);
	module_answer(c, NULL, NULL);
}

/* -- the module -- */

static int
analysis_start(struct module *m, const json_t *config, void **self,
    char **why)
{
	static const struct json_field	fields[] = {
		{ .name = "enabled", .kind = JSON_K_BOOL },
		{ .name = "dpkg", .kind = JSON_K_STR, .min = 1, .max = 1024 },
		{ .name = "rpm", .kind = JSON_K_STR, .min = 1, .max = 1024 }
	};
	struct analysis			*a;
	struct json_err			 e;
	char				 words[300];

	if (json_check(config, fields, nitems(fields), &e) < 0) {
		*why = xstrdup(json_err_str(&e, words, sizeof(words)));
		return -EINVAL;
	}
	a = xcalloc(1, sizeof(*a));
	a->path = file_join(module_state_dir(m), "graph.json");
	a->dpkg = xstrdup(json_str(config, "dpkg", DPKG));
	a->rpm = access(a->dpkg, X_OK) == 0 ? -ENOENT :
	    rpm_start(json_str(config, "rpm", RPM));
	module_source(m, "/proc", NULL);
	*self = a;
	return 0;
}

static json_t *
analysis_status(void *self)
{
	const struct analysis	*a = self;

	return json_pack("{sI sI}", "graphs", a->graphs, "milliseconds",
	    (json_int_t)a->took_ms);
}

static void
analysis_command(void *self, struct module_call *c)
{
	const char	*verb = module_call_verb(c);

	if (strcmp(verb, "graph") == 0)
		answer_graph(self, c);
	else if (strcmp(verb, "dot") == 0)
		answer_dot(self, c);
	else if (strcmp(verb, "diff") == 0)
		answer_diff(self, c);
	else if (strcmp(verb, "packages") == 0)
		answer_packages(self, c, 0);
	else if (strcmp(verb, "cyclonedx") == 0)
		answer_packages(self, c, 1);
	else if (strcmp(verb, "restart") == 0)
		answer_restart(self, c);
	else
		module_answer(c, NULL, "verb: must be status, graph, dot, "
		    "diff, packages, cyclonedx or restart");
}

const struct module_type module_analysis = {
	.name = "analysis",
	.about = "who depends on whom on this host, as a graph; packages",
	/* other users' processes, and what they have open */
	.caps = CONFINE_SYS_PTRACE | CONFINE_DAC_READ_SEARCH,
	.confine = CONFINE_PROC,
	.memory_mb = 128,	/* a busy host's graph: 50,000 nodes */
	.start = analysis_start,
	.status = analysis_status,
	.command = analysis_command
};
