/*
 * A package is a .tar.gz with one .../muster-agent in it; tar(1) takes it
 * out.  The package has been checked before, and still a name that leads
 * out of the directory, or a link, is refused.
 */
#include <sys/stat.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "log.h"
#include "platform.h"
#include "updater.h"

#define MEMBER	"muster-agent"
#define UPDATER	"muster-updater"

struct listing {
	char	name[UPDATE_MAX_PATH], updater[UPDATE_MAX_PATH];
	int	found, updaters, lines;
};

static int
leads_out(const char *name)
{
	const char	*p;

	if (name[0] == '/')
		return 1;
	for (p = name; (p = strstr(p, "..")) != NULL; p += 2)
		if ((p == name || p[-1] == '/') &&
		    (p[2] == '/' || p[2] == '\0'))
			return 1;
	return 0;
}

static int
is_bad(const char *name)
{
	return leads_out(name) || name[0] == '-';
}

static void
on_member(const char *line, void *arg)
{
	struct listing	*l = arg;
	const char	*base = strrchr(line, '/');

	l->lines++;
	base = base != NULL ? base + 1 : line;
	if (strcmp(base, MEMBER) == 0) {
		l->found++;
		snprintf(l->name, sizeof(l->name), "%s", line);
	} else if (strcmp(base, UPDATER) == 0) {
		l->updaters++;
		snprintf(l->updater, sizeof(l->updater), "%s", line);
	}
}

static int
tar(struct update *u, const char *const *argv, struct listing *l)
{
	int	code = 0;
	int	rc = command_run(argv, UPDATE_UNPACK_MS, &code,
		    l != NULL ? on_member : NULL, l);

	if (rc == -ECANCELED)
		return update_fail(u, rc, "%s: tar %s: exit code %d", u->file,
		    argv[1], code);
	if (rc < 0)
		return update_fail(u, rc, "%s: tar %s: %s", u->file, argv[1],
		    errstr(rc));
	return 0;
}

static int
find_member(struct update *u, const char *package, struct listing *l)
{
	const char	*argv[] = { "tar", "-tzf", package, NULL };
	int		 rc;

	if ((rc = tar(u, argv, l)) < 0)
		return rc;
	if (l->lines > UPDATE_MAX_LIST)
		return update_fail(u, -EFBIG, "%s: more than %d members",
		    u->file, UPDATE_MAX_LIST);
	if (l->found != 1)
		return update_fail(u, -EINVAL, "%s: %d members are called "
		    MEMBER ", wanted one", u->file, l->found);
	if (l->updaters > 1)
		return update_fail(u, -EINVAL, "%s: %d members are called "
		    UPDATER, u->file, l->updaters);
	if (is_bad(l->name) || is_bad(l->updater))
		return update_fail(u, -EINVAL, "%s: a member %s", u->file,
		    is_bad(l->name) ? l->name : l->updater);
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st, (void)kind, (void)f;
	return remove(path);
}

void
package_clean(struct update *u)
{
	if (nftw(u->unpacked, remove_one, 8, FTW_DEPTH | FTW_PHYS) < 0 &&
	    errno != ENOENT)
		log_warn(step_name(u->step), "%s: %s", u->unpacked,
		    errstr(-errno));
}

/* Under a name that package_updater() knows. */
static int
keep_updater(struct update *u, const char *member)
{
	char		path[3 * UPDATE_MAX_PATH], to[sizeof(u->unpacked) + 16];
	struct stat	st;

	snprintf(path, sizeof(path), "%s/%s", u->unpacked, member);
	snprintf(to, sizeof(to), "%s/" UPDATER, u->unpacked);
	if (lstat(path, &st) < 0)
		return update_fail(u, -errno, "%s: %s", path, errstr(-errno));
	if (!S_ISREG(st.st_mode))
		return update_fail(u, -EINVAL, "%s: %s is not a regular file",
		    u->file, member);
	if (strcmp(path, to) != 0 && rename(path, to) < 0)
		return update_fail(u, -errno, "%s: %s", to, errstr(-errno));
	return 0;
}

int
package_unpack(struct update *u, char *path, size_t n)
{
	struct listing	 l = { "", "", 0, 0, 0 };
	char		 copy[sizeof(u->unpacked) + 16];
	const char	*argv[] = { "tar", "-xzf", copy, "-C", u->unpacked,
			    l.name, NULL, NULL };
	struct stat	 st;
	int		 rc;

	package_clean(u);
	if ((rc = platform_private_dir(u->unpacked)) < 0)
		return update_fail(u, rc, "%s: %s", u->unpacked, errstr(rc));
	snprintf(copy, sizeof(copy), "%s/package.tar.gz", u->unpacked);
	if ((rc = stage_copy(u, copy, 0600)) < 0 ||
	    (rc = find_member(u, copy, &l)) < 0)
		return rc;
	argv[6] = l.updaters > 0 ? l.updater : NULL;
	if ((rc = tar(u, argv, NULL)) < 0)
		return rc;
	if ((size_t)snprintf(path, n, "%s/%s", u->unpacked, l.name) >= n)
		return update_fail(u, -ENAMETOOLONG, "%s: %s", u->file, l.name);
	if (lstat(path, &st) < 0)
		return update_fail(u, -errno, "%s: %s", path, errstr(-errno));
	if (!S_ISREG(st.st_mode))
		return update_fail(u, -EINVAL, "%s: %s is not a regular file",
		    u->file, l.name);
	return l.updaters > 0 ? keep_updater(u, l.updater) : 0;
}

/* One rename: there is a working updater at every instant. */
void
package_updater(struct update *u)
{
	char		from[sizeof(u->unpacked) + 16];
	char		new[sizeof(u->installed) + 8];
	struct stat	st;
	int		rc;

	snprintf(from, sizeof(from), "%s/" UPDATER, u->unpacked);
	if (u->installed[0] == '\0' || stat(u->installed, &st) < 0 ||
	    access(from, X_OK) < 0)
		return;
	snprintf(new, sizeof(new), "%s.new", u->installed);
	unlink(new);
	if ((rc = file_copy(from, new, 0700)) < 0 ||
	    (rc = chmod(new, (st.st_mode & 0777) | 0500) < 0 ? -errno : 0) < 0
	    || (rc = file_move(new, u->installed)) < 0) {
		log_warn(step_name(u->step), "%s: %s", u->installed,
		    errstr(rc));
		unlink(new);
	}
}
