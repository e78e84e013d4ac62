/*
 * Packages, by dpkg's own files: status for what is installed, the lists of
 * info for whose a file is.  Since Debian merged /usr, a list may name /lib where
 * the file is mapped from /usr/lib: both are looked for.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "file.h"
#include "log.h"
#include "mod_analysis.h"
#include "sensor.h"

/* -- what is installed -- */

struct stanza {
	char	name[256], version[256], arch[64], source[256], section[64];
	int	installed;
};

static void
set(char *out, size_t n, const char *value, size_t len)
{
	snprintf(out, n, "%.*s", (int)len, value);
}

static void
take_field(struct stanza *s, const char *line, size_t len)
{
	const char	*colon = memchr(line, ':', len), *value;
	size_t		 n;

	if (colon == NULL || *line == ' ')
		return;			/* a line that goes on */
	for (value = colon + 1; value < line + len && *value == ' '; value++)
		continue;
	n = (size_t)(line + len - value);
#define IS(word) ((size_t)(colon - line) == sizeof(word) - 1 && \
	memcmp(line, word, sizeof(word) - 1) == 0)
	if (IS("Package"))
		set(s->name, sizeof(s->name), value, n);
	else if (IS("Version"))
		set(s->version, sizeof(s->version), value, n);
	else if (IS("Architecture"))
		set(s->arch, sizeof(s->arch), value, n);
	else if (IS("Source"))
		set(s->source, sizeof(s->source), value, n);
	else if (IS("Section"))
		set(s->section, sizeof(s->section), value, n);
	else if (IS("Status"))
		s->installed = n >= 9 && memcmp(value + n - 9, "installed", 9)
		    == 0 && memchr(value, '-', n) == NULL &&
		    memcmp(value, "purge", 5) != 0;
#undef IS
}

static void
take_stanza(json_t *list, struct stanza *s)
{
	if (s->installed && *s->name != '\0')
		json_array_append_new(list, json_pack(
		    "{so so so so so}", "architecture", text_json(s->arch),
		    "name", text_json(s->name), "section",
		    text_json(s->section), "source", text_json(*s->source !=
		    '\0' ? s->source : s->name), "version",
		    text_json(s->version)));
	memset(s, 0, sizeof(*s));
}

json_t *
packages_list(const char *dpkg)
{
	char		*path = file_join(dpkg, "status");
	struct buf	 b = BUF_INIT;
	struct stanza	 s = { .installed = 0 };
	const char	*at, *end, *eol;
	json_t		*list;
	int		 rc = file_read(path, GRAPH_MAX_TEXT, &b);

	free(path);
	if (rc < 0)
		return NULL;
	list = json_array();
	for (at = buf_str(&b), end = at + b.len; at < end; at = eol + 1) {
		eol = memchr(at, '\n', (size_t)(end - at));
		eol = eol != NULL ? eol : end;
		if (eol == at)
			take_stanza(list, &s);
		else
			take_field(&s, at, (size_t)(eol - at));
	}
	take_stanza(list, &s);
	buf_release(&b);
	return list;
}

/* -- whose a file is -- */

static const char *const before[] = { "", "/usr" };

/* The library that a list's line is about, or NULL. */
static const char *
library_of(const struct graph *g, const char *path, size_t len, char *id,
    size_t n)
{
	size_t	u;

	for (u = 0; u < nitems(before); u++)
		if ((size_t)snprintf(id, n, "library:%s%.*s", before[u],
		    (int)len, path) < n &&
		    json_object_get(g->nodes, id) != NULL)
			return id;
	return NULL;
}

/* Programs are found by their executable: exe path to the ids. */
static json_t *
programs_by_exe(const struct graph *g)
{
	json_t		*all = json_object(), *ids, *node;
	const char	*id, *exe;

	json_object_foreach(g->nodes, id, node) {
		exe = json_string_value(json_object_get(node, "exe"));
		if (exe == NULL)
			continue;
		if ((ids = json_object_get(all, exe)) == NULL)
			json_object_set_new(all, exe, ids = json_array());
		json_array_append_new(ids, json_string(id));
	}
	return all;
}

static void
take_line(struct graph *g, const json_t *programs, const char *package,
    const char *path, size_t len)
{
	char		 id[GRAPH_MAX_ID], to[GRAPH_MAX_ID];
	const json_t	*ids;
	size_t		 i, u;

	if (len >= GRAPH_MAX_ID - 64)
		return;
	graph_id(to, sizeof(to), "package", package);
	if (library_of(g, path, len, id, sizeof(id)) != NULL &&
	    graph_node(g, "package", package) != NULL)
		graph_edge(g, id, to, "from");
	for (u = 0; u < nitems(before); u++) {
		snprintf(id, sizeof(id), "%s%.*s", before[u], (int)len, path);
		ids = json_object_get(programs, id);
		for (i = 0; i < json_array_size(ids); i++)
			if (graph_node(g, "package", package) != NULL)
				graph_edge(g, json_string_value(
				    json_array_get(ids, i)), to, "from");
	}
}

static void
take_list(struct graph *g, const json_t *programs, const char *dir,
    const char *file)
{
	char		*path = file_join(dir, file), package[256];
	struct buf	 b = BUF_INIT;
	const char	*at, *end, *eol;

	set(package, sizeof(package), file, strcspn(file, ":"));
	if (strchr(file, ':') == NULL && strlen(package) > 5)
		package[strlen(package) - 5] = '\0';	/* ".list" */
	if (file_read(path, GRAPH_MAX_TEXT, &b) == 0)
		for (at = buf_str(&b), end = at + b.len; at < end;
		    at = eol + 1) {
			eol = memchr(at, '\n', (size_t)(end - at));
			eol = eol != NULL ? eol : end;
			take_line(g, programs, package, at,
			    (size_t)(eol - at));
		}
	buf_release(&b);
	free(path);
}

static void
name_versions(struct graph *g, const char *dpkg)
{
	json_t		*list = packages_list(dpkg), *node, *p;
	char		 id[GRAPH_MAX_ID];
	size_t		 i;

	json_array_foreach(list, i, p) {
		graph_id(id, sizeof(id), "package", json_string_value(
		    json_object_get(p, "name")));
		if ((node = json_object_get(g->nodes, id)) != NULL)
			json_object_set(node, "version",
			    json_object_get(p, "version"));
	}
	json_decref(list);
}

int
graph_packages(struct graph *g, const char *dpkg)
{
	char		*dir = file_join(dpkg, "info");
	json_t		*programs;
	struct dirent	*e;
	size_t		 n;
	DIR		*d = opendir(dir);

	if (d == NULL) {
		free(dir);
		return -errno;
	}
	programs = programs_by_exe(g);
	while ((e = readdir(d)) != NULL) {
		n = strlen(e->d_name);
		if (n > 5 && strcmp(e->d_name + n - 5, ".list") == 0)
			take_list(g, programs, dir, e->d_name);
	}
	closedir(d);
	json_decref(programs);
	free(dir);
	name_versions(g, dpkg);
	return 0;
}

/* -- CycloneDX -- */

/* A purl's version: what is not of RFC 3986's unreserved is written %XX. */
static void
add_escaped(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
		    "YZ0123456789.-_~", *s) != NULL)
			buf_addc(b, *s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
}

static json_t *
component(const json_t *p)
{
	const char	*name = json_string_value(json_object_get(p, "name"));
	const char	*version = json_string_value(json_object_get(p,
			    "version"));
	struct buf	 purl = BUF_INIT;
	json_t		*o;

	buf_adds(&purl, json_object_get(p, "type") != NULL ? "pkg:rpm/" :
	    "pkg:deb/debian/");
	add_escaped(&purl, name);
	buf_addc(&purl, '@');
	add_escaped(&purl, version);
	buf_adds(&purl, "?arch=");
	add_escaped(&purl, json_string_value(json_object_get(p,
	    "architecture")));
	o = json_pack("{ss ss ss ss ss}", "bom-ref", buf_str(&purl), "name",
	    name, "purl", buf_str(&purl), "type", "library", "version",
	    version);
	buf_release(&purl);
	return o;
}

json_t *
packages_cyclonedx(const json_t *list)
{
	char	 uuid[UUID_SIZE];
	char	 serial[64];
	json_t	*all = json_array(), *p;
	size_t	 i;

	json_array_foreach(list, i, p)
		json_array_append_new(all, component(p));
	crypto_uuid(uuid);
	snprintf(serial, sizeof(serial), "urn:uuid:%s", uuid);
	return json_pack("{ss so ss ss si}", "bomFormat", "CycloneDX",
	    "components", all, "serialNumber", serial, "specVersion", "1.5",
	    "version", 1);
}
