/* What the directory of update metadata holds, for the rest of the server. */
#include <sys/stat.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "json.h"
#include "tufrepo_private.h"

int64_t
tufrepo_issued(const struct tuf_meta *m, const char *path)
{
	struct stat	st;
	int64_t		t;

	if (tuf_time_read(json_str(m->body, "x-muster-issued", ""), &t) == 0)
		return t;
	return stat(path, &st) == 0 ? (int64_t)st.st_mtime : 0;
}

/* The newest file of a role; 0 where there is none that is good. */
static int
newest(const char *dir, const char *role, enum tuf_kind kind,
    struct tuf_meta *m, int64_t *issued)
{
	struct tuf_failure	 f;
	int64_t			 version = 0;
	char			*name, *path;
	int			 good;

	tuf_repo_newest(dir, role, &version);
	name = tuf_repo_name(role, version);
	path = file_join(dir, name);
	good = tuf_repo_read(dir, name, kind, m, &f) == 0;
	if (good)
		*issued = tufrepo_issued(m, path);
	free(path);
	free(name);
	return good;
}

/* Adds what a role lists and may list; the first one counts, as with
 * clients. */
static void
add_targets(json_t *all, const struct tuf_meta *m, const json_t *by)
{
	json_t		*v;
	const char	*path;

	json_object_foreach(json_object_get(m->body, "targets"), path, v)
		if (json_object_get(all, path) == NULL &&
		    (by == NULL || tuf_delegates(by, path)))
			json_object_set(all, path, v);
}

static void
add_delegated(struct tufrepo_job *j, const struct tuf_meta *targets)
{
	json_t		*role, *roles = json_object_get(json_object_get(
			    targets->body, "delegations"), "roles");
	struct tuf_meta	 m;
	int64_t		 issued;
	size_t		 i;

	json_array_foreach(roles, i, role) {
		if (newest(j->dir, json_str(role, "name", ""), TUF_TARGETS,
		    &m, &issued))
			add_targets(j->targets, &m, role);
		tuf_meta_release(&m);
	}
}

void
tufrepo_read(struct tufrepo_job *j)
{
	static const enum tuf_kind	 kinds[TUFREPO_ROLES] = { TUF_ROOT,
					    TUF_TARGETS, TUF_SNAPSHOT,
					    TUF_TIMESTAMP };
	struct tufrepo_role		*r;
	struct tuf_meta			 m;
	int64_t				 issued;
	size_t				 i;

	j->targets = json_object();
	j->n_roles = 0;
	for (i = 0; i < TUFREPO_ROLES; i++) {
		if (newest(j->dir, tuf_kind_name(kinds[i]), kinds[i], &m,
		    &issued)) {
			r = &j->roles[j->n_roles++];
			*r = (struct tufrepo_role){ tuf_kind_name(kinds[i]),
			    m.version, m.expires, issued };
			if (kinds[i] == TUF_ROOT)
				j->root = json_dumps(m.doc, JSON_COMPACT |
				    JSON_SORT_KEYS);
			if (kinds[i] == TUF_TARGETS) {
				add_targets(j->targets, &m, NULL);
				add_delegated(j, &m);
			}
		}
		tuf_meta_release(&m);
	}
}
