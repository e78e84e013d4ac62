/*
 * What killed processes left, and what nobody uses: directories of runs that
 * are over, compiled templates, temporary files.  In one go of a worker:
 * there are few of them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "buildsrv.h"
#include "cleanup_pass.h"
#include "clock.h"
#include "file.h"
#include "lock.h"
#include "settings.h"
#include "tree.h"

enum { KEY_SIZE = 64 };		/* digits of a template's key */

/* Looks at one entry of a directory, which is `dir`; st is its own. */
typedef void (*look)(struct pass *, const char *dir, const char *name,
    const struct stat *st);

static void
dir_each(struct pass *p, const char *dir, look look_at)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;
	struct stat	 st;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 &&
		    fstatat(dirfd(d), e->d_name, &st,
		    AT_SYMLINK_NOFOLLOW) == 0)
			look_at(p, dir, e->d_name, &st);
	if (d != NULL)
		closedir(d);
}

static int
older(const struct pass *p, const struct stat *st, int64_t ms)
{
	return (int64_t)st->st_mtime * 1000 + 999 < p->now - ms;
}

static int
ends_in(const char *s, const char *end)
{
	size_t	n = strlen(s), len = strlen(end);

	return n > len && strcmp(s + n - len, end) == 0;
}

/* -- directories -- */

static void
dir_remove(struct pass *p, const char *what, const char *dir,
    const char *name)
{
	char	*path = file_join(dir, name);

	if (p->dry || tree_remove(path) == 0) {
		p->n.directories++;
		pass_note(p, what, name);
	} else
		log_warn("cleanup", "%s: cannot be removed", path);
	free(path);
}

/* A run's directory has its fence as its name. */
static void
look_work(struct pass *p, const char *dir, const char *name,
    const struct stat *st)
{
	if (strspn(name, "0123456789") == strlen(name) &&
	    S_ISDIR(st->st_mode) && older(p, st, p->cleanup->orphan_grace) &&
	    json_object_get(p->runs, name) == NULL)
		dir_remove(p, "work", dir, name);
}

/*
 * Under the lock nobody compiles, so what is half made is of a killed build.
 * Who uses a template touches it first; it is moved aside before it goes, and
 * one that was touched up to then is put back.
 */
static void
template_remove(struct pass *p, const char *dir, const char *name)
{
	char		*path = file_join(dir, name);
	char		*old = xasprintf("%s.old", path);
	char		*base = xasprintf("%s.old", name);
	struct stat	 st;

	if (p->dry)
		dir_remove(p, "template", dir, name);
	else if (rename(path, old) < 0)
		log_warn("cleanup", "%s: %s", path, errstr(-errno));
	else if (lstat(old, &st) == 0 &&
	    !older(p, &st, p->cleanup->keep_templates))
		rename(old, path);
	else
		dir_remove(p, "template", dir, base);
	free(path);
	free(old);
	free(base);
}

static void
look_template(struct pass *p, const char *dir, const char *name,
    const struct stat *st)
{
	size_t	digits = strspn(name, "0123456789abcdef");

	if (digits != KEY_SIZE || !S_ISDIR(st->st_mode))
		return;
	if (strcmp(name + digits, ".new") == 0 ||
	    strcmp(name + digits, ".old") == 0)
		dir_remove(p, "template", dir, name);
	else if (name[digits] == '\0' &&
	    older(p, st, p->cleanup->keep_templates))
		template_remove(p, dir, name);
}

/* While something compiles, templates have time. */
static void
templates(struct pass *p)
{
	const char	*dir = p->cleanup->template_dir;
	char		*path = file_join(dir, "lock");
	struct lock	*lock = NULL;
	int		 rc = lock_take(&lock, path, 0, 0, MUSTER_VERSION);

	if (rc == 0) {
		dir_each(p, dir, look_template);
		lock_drop(lock);
	} else if (rc != -EWOULDBLOCK)
		log_warn("cleanup", "%s: %s", path, errstr(rc));
	free(path);
}

/* -- temporary files: of file_write, and of a copy that was cut -- */

static int
is_temporary(const char *name)
{
	size_t	n = strlen(name), tail = strlen(".0123456789ab.tmp");

	if (ends_in(name, ".tmp") && n > tail)
		return name[n - tail] == '.' && strspn(name + n - tail + 1,
		    "0123456789abcdef") == 12;
	return ends_in(name, ".new") && strspn(name, "0123456789abcdef") ==
	    2 * SHA256_SIZE && n == 2 * SHA256_SIZE + strlen(".new");
}

static void
look_temporary(struct pass *p, const char *dir, const char *name,
    const struct stat *st)
{
	char	*path;

	if (!S_ISREG(st->st_mode) || !is_temporary(name) ||
	    !older(p, st, CLEANUP_TEMP))
		return;
	path = file_join(dir, name);
	if (p->dry || unlink(path) == 0) {
		p->n.temporary++;
		pass_note(p, "temporary", name);
	} else
		log_warn("cleanup", "%s: %s", path, errstr(-errno));
	free(path);
}

/* -- the step -- */

static void
dirs_work(uv_work_t *w)
{
	struct pass	*p = w->data;

	dir_each(p, p->cleanup->work_dir, look_work);
	templates(p);
	dir_each(p, p->cleanup->state_dir, look_temporary);
	dir_each(p, p->server->artifact_dir, look_temporary);
}

static void
dirs_after(uv_work_t *w, int status)
{
	(void)status;
	pass_next(w->data, 0);
}

void
step_dirs(struct pass *p)
{
	uv_queue_work(p->server->loop, &p->work, dirs_work, dirs_after);
}
