/*
 * The file and its staged copy have one lock, config.lock: who writes looks
 * under it which of the two is the one, and the updater renames under it, so
 * that nothing is written to a copy that is no longer meant.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "confjson.h"
#include "file.h"
#include "json.h"
#include "lock.h"
#include "log.h"

struct confjson {
	char	*dir, *file, *staged;
	json_t	*object;
	char	*fault;			/* then nothing is written */
	int	 on_trial;		/* began with the staged copy */
};

/* -- names and the lock -- */

static char *
name_in(const char *dir, const char *suffix)
{
	char	*name = xasprintf("%s%s", CONFJSON_NAME, suffix);
	char	*path = file_join(dir, name);

	free(name);
	return path;
}

static char *
backup_name(const char *dir, int version)
{
	char	suffix[16];

	snprintf(suffix, sizeof(suffix), ".v%d", version);
	return name_in(dir, suffix);
}

static const char *
where(const struct confjson *c)
{
	return c->on_trial && file_exists(c->staged) ? c->staged : c->file;
}

static int
take_lock(struct lock **l, const char *dir)
{
	char	*path = file_join(dir, "config.lock");
	int	 rc = lock_take(l, path, LOCK_WAIT, CONFJSON_LOCK_MS, NULL);

	free(path);
	return rc;
}

/* -- reading -- */

static json_t *
read_object(const char *path, int *rc, char **why)
{
	struct json_err	 e;
	char		 words[300];
	json_t		*o = json_read_file(path, CONFJSON_MAX, &e, rc);

	if (o != NULL && json_is_object(o))
		return o;
	if (o != NULL) {
		*rc = -EINVAL;
		*why = xasprintf("%s: must be a JSON object", path);
	} else if (*rc == -EINVAL) {
		*why = xasprintf("%s: %s", path, json_err_str(&e, words,
		    sizeof(words)));
	} else if (*rc != -ENOENT) {
		*why = xasprintf("%s: %s", path, errstr(*rc));
	}
	json_decref(o);
	return NULL;
}

/* A file without the member is of form 0; -1: it is no such number. */
static int
form_of(const json_t *o)
{
	json_t	*v = json_object_get(o, "config_version");

	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > 1000000)
		return -1;
	return (int)json_integer_value(v);
}

/* -- writing -- */

static int
write_object(const char *path, const json_t *o)
{
	char	*text = json_dumps(o, JSON_INDENT(2));
	int	 rc = -EINVAL;

	if (text != NULL)
		rc = file_write(path, text, strlen(text), 0600);
	free(text);
	return rc;
}

int
confjson_save(struct confjson *c)
{
	struct lock	*l;
	int		 rc;

	if (c->fault != NULL)
		return -EROFS;
	if ((rc = take_lock(&l, c->dir)) < 0)
		return rc;
	rc = write_object(where(c), c->object);
	lock_drop(l);
	return rc;
}

int
confjson_changed(const struct confjson *c, char **why)
{
	json_t	*o;
	int	 rc;

	*why = NULL;
	o = read_object(where(c), &rc, why);
	if (o == NULL)
		return rc == -ENOENT ? 0 : rc;
	rc = !json_equal(o, c->object);
	if (form_of(o) < 0) {
		*why = xasprintf("%s: config_version: must be a number from"
		    " 0 on", where(c));
		rc = -EINVAL;
	}
	json_decref(o);
	return rc;
}

/* A copy of the file under another name, byte for byte. */
static int
keep_copy(const char *from, const char *to)
{
	struct buf	b = BUF_INIT;
	int		rc = file_read(from, CONFJSON_MAX, &b);

	if (rc == 0)
		rc = file_write(to, b.p, b.len, 0600);
	buf_release(&b);
	return rc;
}

/* -- other forms -- */

static int
migrate_step(json_t *o, const struct confjson_spec *spec, int from, char **why)
{
	size_t	 i;
	int	 rc;

	for (i = 0; i < spec->n; i++) {
		if (spec->steps[i].from != from)
			continue;
		if ((rc = spec->steps[i].migrate(o, why)) < 0)
			return rc;
		json_object_set_new(o, "config_version",
		    json_integer(from + 1));
		return 0;
	}
	*why = xasprintf("there is no way from config_version %d", from);
	return -ENOTSUP;
}

static int
migrate(struct confjson *c, const struct confjson_spec *spec, int form,
    const char *from, char **why)
{
	char	*backup = backup_name(c->dir, form), *words = NULL;
	int	 rc, at;

	if ((rc = keep_copy(from, backup)) < 0)
		words = xasprintf("no copy can be kept: %s", errstr(rc));
	for (at = form; rc == 0 && at < spec->version; at++)
		rc = migrate_step(c->object, spec, at, &words);
	if (rc < 0)
		*why = xasprintf("%s: not migrated from config_version %d to"
		    " %d: %s", from, form, spec->version, words != NULL ?
		    words : errstr(rc));
	else
		log_info("config", "%s: config_version %d is now %d; the old"
		    " one is %s", from, form, spec->version, backup);
	free(words);
	free(backup);
	return rc;
}

/* The newest copy that we can read, kept when we were replaced. */
static json_t *
find_backup(struct confjson *c, int version, char **name, char **why)
{
	json_t	*o = NULL;
	int	 rc = 0;

	for (*name = NULL; version >= 0 && o == NULL; version--) {
		free(*name);
		*name = backup_name(c->dir, version);
		if ((o = read_object(*name, &rc, why)) == NULL &&
		    rc != -ENOENT)
			break;
	}
	return o;
}

static int
go_back(struct confjson *c, const struct confjson_spec *spec, int form,
    const char *from, char **why)
{
	char	*newer = backup_name(c->dir, form), *name;
	json_t	*o = find_backup(c, spec->version, &name, why);
	int	 rc = o != NULL ? 0 : -ENOTSUP;

	if (rc < 0 && *why == NULL)
		*why = xasprintf("%s: config_version %d is newer than %d, and"
		    " no copy of that is left", from, form, spec->version);
	if (rc == 0 && (rc = keep_copy(from, newer)) < 0)
		*why = xasprintf("%s: %s", newer, errstr(rc));
	if (rc == 0) {
		log_warn("config", "%s: config_version %d is newer than %d:"
		    " going back to %s, the newer one is %s", from, form,
		    spec->version, name, newer);
		json_decref(c->object);
		c->object = o;
		o = NULL;
		form = form_of(c->object);
		if (form >= 0 && form < spec->version)
			rc = migrate(c, spec, form, name, why);
	}
	json_decref(o);
	free(newer);
	free(name);
	return rc;
}

static int
bring_to_form(struct confjson *c, const struct confjson_spec *spec,
    const char *from, char **why)
{
	int	form = form_of(c->object);

	if (form < 0) {
		*why = xasprintf("%s: config_version: must be a number from"
		    " 0 on", from);
		return -EINVAL;
	}
	if (form == spec->version)
		return 0;
	return form < spec->version ? migrate(c, spec, form, from, why) :
	    go_back(c, spec, form, from, why);
}

/* -- the whole -- */

static int
load(struct confjson *c, const struct confjson_spec *spec, char **why)
{
	const char	*from = where(c);
	json_t		*before;
	int		 rc;

	c->object = read_object(from, &rc, why);
	if (c->object == NULL && rc != -ENOENT)
		return rc;
	before = json_deep_copy(c->object);
	if (c->object == NULL)
		c->object = json_pack("{si}", "config_version",
		    spec->version);
	else if ((rc = bring_to_form(c, spec, from, why)) < 0)
		goto out;
	json_object_set_new(c->object, "current_version",
	    json_string(spec->current));
	rc = 0;
	if (!json_equal(before, c->object) || (c->on_trial &&
	    from == c->file)) {
		from = c->on_trial ? c->staged : c->file;
		if ((rc = write_object(from, c->object)) < 0)
			*why = xasprintf("%s: %s", from, errstr(rc));
	}
out:
	json_decref(before);
	return rc;
}

int
confjson_load(struct confjson **out, const char *dir,
    const struct confjson_spec *spec, int staged, char **why)
{
	struct confjson	*c = xcalloc(1, sizeof(*c));
	struct lock	*l = NULL;
	int		 rc;

	*out = c;
	*why = NULL;
	c->dir = xstrdup(dir);
	c->file = name_in(dir, "");
	c->staged = name_in(dir, ".staged");
	c->on_trial = staged;
	if ((rc = take_lock(&l, dir)) < 0)
		*why = xasprintf("%s/config.lock: %s", dir, errstr(rc));
	else {
		file_sweep(c->file);
		file_sweep(c->staged);
		if (!staged)		/* of a trial that was given up */
			remove(c->staged);
		rc = load(c, spec, why);
		lock_drop(l);
	}
	if (rc < 0) {
		c->fault = xstrdup(*why);
		json_decref(c->object);
		c->object = json_object();
	}
	return rc;
}

const char *
confjson_fault(const struct confjson *c)
{
	return c->fault;
}

void
confjson_free(struct confjson *c)
{
	if (c == NULL)
		return;
	json_decref(c->object);
	free(c->fault);
	free(c->staged);
	free(c->file);
	free(c->dir);
	free(c);
}

/* The next name of a path: 1, 0 at its end, -1 where it is bad. */
static int
next_key(const char **path, char key[CONFJSON_MAX_KEY])
{
	size_t	n = strcspn(*path, ".");

	if (**path == '\0')
		return 0;
	if (n == 0 || n >= CONFJSON_MAX_KEY || ((*path)[n] == '.' &&
	    (*path)[n + 1] == '\0'))
		return -1;
	memcpy(key, *path, n);
	key[n] = '\0';
	*path += n + ((*path)[n] == '.');
	return 1;
}

const json_t *
confjson_get(const struct confjson *c, const char *path)
{
	const json_t	*at = c->object;
	char		 key[CONFJSON_MAX_KEY];
	int		 more;

	while ((more = next_key(&path, key)) > 0 && at != NULL)
		at = json_object_get(at, key);
	return more < 0 ? NULL : at;
}

int
confjson_set(struct confjson *c, const char *path, json_t *take)
{
	json_t	*at = c->object, *next;
	char	 key[CONFJSON_MAX_KEY];

	if (next_key(&path, key) <= 0)
		goto bad;
	while (*path != '\0') {
		if ((next = json_object_get(at, key)) == NULL) {
			if (take == NULL)
				return 0;	/* it is not there */
			json_object_set_new(at, key, next = json_object());
		}
		if (!json_is_object(next) || next_key(&path, key) <= 0)
			goto bad;
		at = next;
	}
	if (take == NULL)
		json_object_del(at, key);
	else if (json_object_set_new(at, key, take) < 0)
		return -EINVAL;		/* which took it all the same */
	return 0;
bad:
	json_decref(take);
	return -EINVAL;
}

/* -- the updater's -- */

int
confjson_commit(const char *dir)
{
	char		*file = name_in(dir, "");
	char		*staged = name_in(dir, ".staged");
	struct lock	*l;
	int		 rc = 0;

	if (file_exists(staged) && (rc = take_lock(&l, dir)) == 0) {
		rc = file_move(staged, file);
		lock_drop(l);
	}
	free(staged);
	free(file);
	return rc;
}

int
confjson_discard(const char *dir)
{
	char		*staged = name_in(dir, ".staged");
	struct lock	*l;
	int		 rc = 0;

	if (file_exists(staged) && (rc = take_lock(&l, dir)) == 0) {
		if (remove(staged) < 0 && errno != ENOENT)
			rc = -errno;
		if (rc == 0)
			rc = file_sync_dir_of(staged);
		lock_drop(l);
	}
	free(staged);
	return rc;
}

int
confjson_is_staged(const char *dir, const char *current)
{
	char	*staged = name_in(dir, ".staged"), *why = NULL;
	int	 rc, is;
	json_t	*o = read_object(staged, &rc, &why);

	is = o != NULL && strcmp(json_str(o, "current_version", ""),
	    current) == 0;
	json_decref(o);
	free(why);
	free(staged);
	return o != NULL || rc == -ENOENT ? is : rc;
}
