/*
 * The search for a target: the top-level targets first, then the roles that
 * they delegate the path to, depth first and in order.  A terminating one
 * ends the search where it is not there.  Each role is checked against who
 * delegates to it in this very search, so that a role of two parents has
 * from neither what the other gave.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "tuf_impl.h"

static void
visit_release(struct tuf_visit *v)
{
	free(v->role);
	json_decref(v->keys);
	json_decref(v->by);
	memset(v, 0, sizeof(*v));
}

static void
drop_stack(struct tuf *t)
{
	while (t->depth > 0)
		visit_release(&t->stack[--t->depth]);
}

void
tuf_search_end(struct tuf *t)
{
	drop_stack(t);
	free(t->stack);
	t->stack = NULL;
	free(t->path);
	t->path = NULL;
	json_decref(t->visited);
	t->visited = NULL;
	tuf_meta_release(&t->found_in);
	memset(&t->target, 0, sizeof(t->target));
}

/* Whether this role has the target: then the search is over. */
static int
look_in(struct tuf *t, const struct tuf_meta *m)
{
	const json_t	*o = json_object_get(json_object_get(m->body,
			    "targets"), t->path);

	if (o == NULL)
		return 0;
	t->target.path = t->path;
	t->target.length = json_int(o, "length", 0);
	t->target.hashes = json_object_get(o, "hashes");
	t->target.custom = json_object_get(o, "custom");
	t->target.prefixed = json_bool(t->root.body, "consistent_snapshot", 0);
	t->state = TUF_FOUND;
	return 1;
}

static void
push(struct tuf *t, char *role_take, json_t *keys, json_t *by)
{
	struct tuf_visit	*v;

	t->stack = xrealloc(t->stack, (t->depth + 1) * sizeof(*t->stack));
	v = &t->stack[t->depth++];
	v->role = role_take;
	v->keys = json_incref(keys);
	v->by = json_incref(by);
}

/* Those whom this role delegates the path to, the first one on top. */
static void
push_delegated(struct tuf *t, const struct tuf_meta *m)
{
	json_t		*d = json_object_get(m->body, "delegations");
	json_t		*keys = json_object_get(d, "keys");
	json_t		*roles = json_object_get(d, "roles"), *role;
	json_t		*succinct = json_object_get(d, "succinct_roles");
	size_t		 i, n;

	if (succinct != NULL)
		push(t, tuf_succinct_name(succinct, t->path), keys, succinct);
	for (n = 0; n < json_array_size(roles); n++) {
		role = json_array_get(roles, n);
		if (tuf_delegates(role, t->path) &&
		    json_bool(role, "terminating", 0)) {
			drop_stack(t);
			n++;
			break;
		}
	}
	for (i = n; i > 0; i--) {
		role = json_array_get(roles, i - 1);
		if (tuf_delegates(role, t->path))
			push(t, xstrdup(json_str(role, "name", "")), keys,
			    role);
	}
}

/* The role on top of the stack is read: it has the target, or names others. */
static void
visited(struct tuf *t)
{
	struct tuf_visit	v = t->stack[--t->depth];

	if (!look_in(t, &t->found_in))
		push_delegated(t, &t->found_in);
	visit_release(&v);
}

static void
walk(struct tuf *t)
{
	struct tuf_visit	*v;

	while (t->state == TUF_SEARCHING && t->depth > 0) {
		v = &t->stack[t->depth - 1];
		if (json_object_get(t->visited, v->role) != NULL) {
			visit_release(v);
			t->depth--;
			continue;
		}
		if (json_object_size(t->visited) >= TUF_MAX_VISITS) {
			tuf_refuse(&t->failure, TUF_NO_TARGET, "%s: not found "
			    "in %d roles", t->path, TUF_MAX_VISITS);
			return;
		}
		json_object_set_new(t->visited, v->role, json_true());
		if (tuf_targets_load(t, &t->found_in, v->role, v->keys,
		    v->by) != 0)
			return;		/* asked for, or refused */
		visited(t);
	}
	if (t->state == TUF_SEARCHING)
		tuf_refuse(&t->failure, TUF_NO_TARGET,
		    "%s: nobody who may vouches for it", t->path);
}

void
tuf_search_give(struct tuf *t, const void *p, size_t n)
{
	struct tuf_visit	*v = &t->stack[t->depth - 1];

	if (tuf_targets_take(t, &t->found_in, v->role, v->keys, v->by, p,
	    n) < 0 || tuf_store_write(t->dir, v->role, p, n,
	    &t->failure) < 0)
		return;
	visited(t);
	walk(t);
}

void
tuf_find(struct tuf *t, const char *path)
{
	if (t->state < TUF_FRESH || t->want.name[0] != '\0') {
		tuf_refuse(&t->failure, TUF_NO_TARGET,
		    "%.200s: the metadata was not refreshed", path);
		return;
	}
	tuf_search_end(t);
	t->failure = (struct tuf_failure){ TUF_OK, "" };
	t->state = TUF_SEARCHING;
	t->path = xstrdup(path);
	t->visited = json_pack("{sb}", "targets", 1);
	if (look_in(t, &t->targets))
		return;
	push_delegated(t, &t->targets);
	walk(t);
}

const struct tuf_target *
tuf_target(const struct tuf *t)
{
	return &t->target;
}

int
tuf_check_file(const struct tuf_target *target, const char *path,
    struct tuf_failure *f)
{
	*f = (struct tuf_failure){ TUF_OK, "" };
	return tuf_check_path(target->hashes, target->length, target->path,
	    path, f);
}

char *
tuf_target_name(const struct tuf_target *target)
{
	const char	*hash = json_str(target->hashes, "sha256", NULL);
	const char	*slash = strrchr(target->path, '/');
	size_t		 dir = slash != NULL ?
			    (size_t)(slash + 1 - target->path) : 0;
	char		*name, *quoted;

	if (hash == NULL)
		hash = json_str(target->hashes, "sha512", "");
	if (target->prefixed)
		name = xasprintf("%.*s%s.%s", (int)dir, target->path, hash,
		    target->path + dir);
	else
		name = xstrdup(target->path);
	quoted = tuf_quote(name, "/");
	free(name);
	return quoted;
}
