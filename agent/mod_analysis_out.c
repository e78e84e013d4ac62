/* The graph for people and for programs: graphviz's DOT, the difference of
 * two, and which services still run with what was replaced under them. */
#include <stdlib.h>
#include <string.h>

#include "mod_analysis.h"

/* -- DOT -- */

static const struct {
	const char	*kind, *look;
} looks[] = {
	{ "service", "shape=box3d,fillcolor=\"#cfe2f3\"" },
	{ "program", "shape=box,fillcolor=\"#d9ead3\"" },
	{ "library", "shape=note,fillcolor=\"#fce5cd\"" },
	{ "package", "shape=folder,fillcolor=\"#fff2cc\"" },
	{ "socket", "shape=ellipse,fillcolor=\"#d0e0e3\"" },
	{ "remote", "shape=oval,fillcolor=\"#ead1dc\"" }
};

static void
quote(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(b, '\\');
		if ((unsigned char)*s >= ' ')
			buf_addc(b, *s);
	}
	buf_addc(b, '"');
}

/* An edge's ends, freed by ends_release(). */
struct ends {
	char		*from, *to;
	const char	*kind;
};

static struct ends
ends_of(const char *id)
{
	const char	*tab = strchr(id, '\t'), *kind = strrchr(id, '\t');

	return (struct ends){ xstrndup(id, (size_t)(tab - id)),
	    xstrndup(tab + 1, (size_t)(kind - tab - 1)), kind + 1 };
}

static void
ends_release(struct ends *e)
{
	free(e->from);
	free(e->to);
}

static const char *
text(const json_t *o, const char *name)
{
	const char	*s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static void
dot_node(struct buf *b, const char *id, const json_t *node)
{
	const char	*kind = text(node, "kind"), *label = text(node,
			    "label");
	struct buf	 words = BUF_INIT;
	size_t		 i;

	if (strcmp(kind, "library") == 0 && strrchr(label, '/') != NULL)
		label = strrchr(label, '/') + 1;
	buf_adds(&words, label);
	if (*text(node, "version") != '\0')
		buf_printf(&words, " %s", text(node, "version"));
	if (json_integer_value(json_object_get(node, "processes")) > 1)
		buf_printf(&words, " x %lld", (long long)json_integer_value(
		    json_object_get(node, "processes")));
	buf_addc(b, '\t');
	quote(b, id);
	buf_adds(b, " [label=");
	quote(b, buf_str(&words));
	for (i = 0; i < sizeof(looks) / sizeof(*looks); i++)
		if (strcmp(looks[i].kind, kind) == 0)
			buf_printf(b, ",%s", looks[i].look);
	if (json_is_true(json_object_get(node, "outdated")))
		buf_adds(b, ",color=\"#cc0000\",penwidth=2");
	buf_adds(b, "];\n");
	buf_release(&words);
}

static void
dot_edge(struct buf *b, const struct ends *e, const json_t *edge)
{
	buf_addc(b, '\t');
	quote(b, e->from);
	buf_adds(b, " -> ");
	quote(b, e->to);
	if (json_object_get(edge, "outdated") != NULL) {
		buf_adds(b, " [color=\"#cc0000\",penwidth=2,label=");
		quote(b, text(edge, "outdated"));
		buf_addc(b, ']');
	} else if (strcmp(e->kind, "connects") == 0)
		buf_adds(b, " [style=dashed]");
	buf_adds(b, ";\n");
}

/*
 * A picture worth looking at has no thousand arrows to libc: a library is
 * drawn where something is wrong with it; the others are in the JSON.
 */
static int
is_drawn(const char *id, const json_t *wrong)
{
	return strncmp(id, "library:", 8) != 0 ||
	    json_object_get(wrong, id) != NULL;
}

/* Ids of libraries that are mapped though outdated. */
static json_t *
wrong_libraries(const struct graph *g)
{
	json_t		*wrong = json_object(), *edge;
	const char	*id;
	struct ends	 e;

	json_object_foreach(g->edges, id, edge) {
		if (json_object_get(edge, "outdated") == NULL)
			continue;
		e = ends_of(id);
		json_object_set_new(wrong, e.to, json_true());
		ends_release(&e);
	}
	return wrong;
}

void
graph_dot(const struct graph *g, struct buf *b)
{
	json_t		*wrong = wrong_libraries(g), *o;
	const char	*id;
	struct ends	 e;

	buf_adds(b, "digraph host {\n\trankdir=LR;\n\tnode [style=filled,"
	    "fontname=\"sans-serif\",fontsize=10];\n\tedge [fontsize=8,"
	    "color=\"#666666\"];\n");
	json_object_foreach(g->nodes, id, o)
		if (is_drawn(id, wrong))
			dot_node(b, id, o);
	json_object_foreach(g->edges, id, o) {
		e = ends_of(id);
		if (is_drawn(e.from, wrong) && is_drawn(e.to, wrong))
			dot_edge(b, &e, o);
		ends_release(&e);
	}
	buf_adds(b, "}\n");
	json_decref(wrong);
}

/* -- differences -- */

static json_t *
keys_without(const json_t *of, const json_t *without)
{
	json_t		*a = json_array(), *v;
	const char	*key;

	json_object_foreach((json_t *)(uintptr_t)of, key, v)
		if (json_object_get(without, key) == NULL)
			json_array_append_new(a, json_string(key));
	return a;
}

json_t *
graph_diff(const struct graph *before, const struct graph *now)
{
	return json_pack("{s{so so} s{so so}}",
	    "added", "edges", keys_without(now->edges, before->edges),
	    "nodes", keys_without(now->nodes, before->nodes),
	    "removed", "edges", keys_without(before->edges, now->edges),
	    "nodes", keys_without(before->nodes, now->nodes));
}

/* -- restart needed -- */

static json_t *
restart_entry(const struct graph *g, const char *program)
{
	const json_t	*node = json_object_get(g->nodes, program);
	const char	*at = strrchr(program, '@');
	json_t		*o;

	o = json_pack("{s[] sO ss s[]}", "libraries", "pids",
	    json_object_get(node, "pids"), "program", text(node, "exe"),
	    "why");
	json_object_set_new(o, "service", at != NULL ? json_string(at + 1) :
	    json_null());
	return o;
}

json_t *
graph_restart_needed(const struct graph *g)
{
	json_t		*all = json_object(), *a = json_array(), *edge, *o;
	const char	*id;
	struct ends	 e;

	json_object_foreach(g->edges, id, edge) {
		if (json_object_get(edge, "outdated") == NULL)
			continue;
		e = ends_of(id);
		if ((o = json_object_get(all, e.from)) == NULL) {
			o = restart_entry(g, e.from);
			json_object_set_new(all, e.from, o);
			json_array_append(a, o);
		}
		json_array_append_new(json_object_get(o, "libraries"),
		    json_string(strchr(e.to, ':') + 1));
		json_array_append(json_object_get(o, "why"),
		    json_object_get(edge, "outdated"));
		ends_release(&e);
	}
	json_decref(all);
	return a;
}
