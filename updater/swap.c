/*
 * The moves.  Each is one rename, link or unlink, made durable before the
 * next step is written down.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "confjson.h"
#include "file.h"
#include "log.h"
#include "updater.h"

/* A second name for the old binary; a copy where the file system has no
 * hard links. */
int
step_keep(struct update *u)
{
	struct stat	st;
	int		rc = 0;

	unlink(u->old);			/* of an update long ago */
	if (link(u->target, u->old) < 0) {
		if (stat(u->target, &st) < 0)
			rc = -errno;
		else
			rc = file_copy(u->target, u->old,
			    (int)(st.st_mode & 0777));
	}
	if (rc == 0 && (rc = is_binary(u->old, u->old_sha256)) == 0)
		return update_fail(u, -EBADMSG, "%s: the binary changed "
		    "during the update", u->target);
	if (rc > 0)
		rc = file_sync_dir_of(u->old);
	if (rc < 0)
		return update_fail(u, rc, "%s: %s", u->old, errstr(rc));
	return 0;
}

static int
move(struct update *u, const char *from, const char *to)
{
	int	rc = file_move(from, to);

	if (rc < 0)
		return update_fail(u, rc, "%s to %s: %s", from, to, errstr(rc));
	return 0;
}

int
step_swap(struct update *u)
{
	return move(u, u->staged, u->target);
}

static void
remove_if_there(struct update *u, const char *path)
{
	if (unlink(path) < 0 && errno != ENOENT)
		log_warn(step_name(u->step), "%s: %s", path, errstr(-errno));
}

/* What an update leaves beside the target.  A failure is no failure of the
 * update, and the next one tries again. */
static void
tidy(struct update *u)
{
	char	half[sizeof(u->installed) + 8];
	int	rc;

	remove_if_there(u, u->old);
	remove_if_there(u, u->staged);
	if (u->installed[0] != '\0') {
		snprintf(half, sizeof(half), "%s.new", u->installed);
		remove_if_there(u, half);
	}
	package_clean(u);
	if ((rc = file_sync_dir_of(u->target)) < 0)
		log_warn(step_name(u->step), "%s: %s", u->target, errstr(rc));
}

/* The new agent is the one: its configuration too, for good. */
int
step_clean(struct update *u)
{
	int	rc;

	if ((rc = confjson_commit(u->state_dir)) < 0)
		return update_fail(u, rc, "%s/" CONFJSON_NAME ": %s",
		    u->state_dir, errstr(rc));
	package_updater(u);
	tidy(u);
	return 0;
}

/* The old binary under its name again, if it is not: one rename.  Its
 * configuration was never touched. */
int
step_restore(struct update *u)
{
	int	rc;

	if (u->old_sha256[0] != '\0' &&
	    is_binary(u->target, u->old_sha256) != 1) {
		if (is_binary(u->old, u->old_sha256) != 1)
			return update_fail(u, -EIO, "neither %s nor %s is the "
			    "old binary", u->target, u->old);
		if ((rc = move(u, u->old, u->target)) < 0)
			return rc;
		log_info("restore", "%s is the old binary again", u->target);
	}
	if ((rc = confjson_discard(u->state_dir)) < 0)
		log_warn("restore", "%s/" CONFJSON_NAME ".staged: %s",
		    u->state_dir, errstr(rc));
	tidy(u);
	return 0;
}
