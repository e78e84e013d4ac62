/*
 * Files that no record leads to.  A worker looks through the artifacts'
 * directory and the trash in it, with the roots in hand; the loop leaves out
 * what is being sent; a worker moves or removes some at a time.
 *
 * An orphan is moved to the trash, and removed a grace later; one to which a
 * record leads after all is moved back, here or when it is asked for
 * (artifacts.c).  Its time in the trash is its modification time.
 *
 * A build publishes first (over whatever is there: the content is the same)
 * and is recorded then.  So what was published since the oldest build that
 * runs began is no orphan, and neither is what is young; and when a file was
 * published anew while it was moved, the new one goes back.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact.h"
#include "buf.h"
#include "buildsrv.h"
#include "cleanup_pass.h"
#include "file.h"
#include "transfers.h"

int64_t	cleanup_clock = 2000;	/* some count in twos of seconds */

static char *
place_of(const struct pass *p, const char *name)
{
	return file_join(p->server->artifact_dir, name);
}

static char *
trash_of(const struct pass *p, const char *name)
{
	return xasprintf("%s/" ARTIFACT_TRASH "/%s",
	    p->server->artifact_dir, name);
}

/* -- looking, in a worker -- */

static int64_t
ms_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

/* Files whose status changed before this are not a running build's. */
static int64_t
orphan_before(const struct pass *p)
{
	int64_t	grace = p->cleanup->orphan_grace;
	int64_t	before;

	before = p->now - (grace < CLEANUP_YOUNG ? grace : CLEANUP_YOUNG);
	if (p->oldest_run - cleanup_clock < before)
		before = p->oldest_run - cleanup_clock;
	return before;
}

/* What is to become of it; FOUND_SKIP for nothing. */
static int
judge(const struct pass *p, const uint8_t *sum, const struct stat *st,
    int trashed)
{
	if (pass_is_root(p, sum))
		return trashed ? FOUND_BACK : FOUND_SKIP;
	if (!trashed)
		return ms_of(&st->st_ctim) < orphan_before(p) ?
		    FOUND_TRASH : FOUND_SKIP;
	return ms_of(&st->st_mtim) < p->now - p->cleanup->orphan_grace ?
	    FOUND_REMOVE : FOUND_SKIP;
}

static void
find(struct pass *p, int dir, const char *name, int trashed)
{
	uint8_t		 sum[SHA256_SIZE];
	struct stat	 st;
	struct found	*f;
	int		 what;

	if (strlen(name) != 2 * sizeof(sum) ||
	    hex_decode(name, sum, sizeof(sum)) < 0 ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode) ||
	    (what = judge(p, sum, &st, trashed)) == FOUND_SKIP)
		return;
	f = &p->found[p->n_found++];
	memcpy(f->name, name, sizeof(f->name));
	f->bytes = st.st_size;
	f->trashed = trashed;
	f->what = what;
}

static void
find_in(struct pass *p, char *path, int trashed)
{
	DIR		*d = opendir(path);
	struct dirent	*e;

	if (d == NULL && errno != ENOENT && p->rc == 0)
		p->rc = -errno;
	while (d != NULL && p->n_found < CLEANUP_FOUND &&
	    (e = readdir(d)) != NULL)
		find(p, dirfd(d), e->d_name, trashed);
	if (d != NULL)
		closedir(d);
	free(path);
}

static void
find_work(uv_work_t *w)
{
	struct pass	*p = w->data;

	p->found = xcalloc(CLEANUP_FOUND, sizeof(*p->found));
	find_in(p, trash_of(p, ""), 1);
	find_in(p, place_of(p, ""), 0);
}

/* -- acting, in a worker -- */

/*
 * Touched first: its time in the trash begins now, whenever we are killed.
 * Another file of this name after the move was published meanwhile.
 */
static int
file_trash(const struct pass *p, const char *name)
{
	char		*place = place_of(p, name), *trash = trash_of(p, name);
	int		 fd = open(place, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat	 was, is;
	int		 rc = 0;

	if (fd < 0 || fstat(fd, &was) < 0)
		rc = -errno;
	else if (ms_of(&was.st_ctim) >= orphan_before(p))
		rc = -EAGAIN;		/* published since it was found */
	else if (futimens(fd, NULL) < 0 || rename(place, trash) < 0)
		rc = -errno;
	else if (lstat(trash, &is) == 0 && is.st_ino != was.st_ino) {
		rename(trash, place);
		rc = -EAGAIN;
	}
	if (fd >= 0)
		close(fd);
	free(place);
	free(trash);
	return rc;
}

static int
file_back(const struct pass *p, const char *name)
{
	char	*place = place_of(p, name), *trash = trash_of(p, name);
	int	 rc = rename(trash, place) < 0 ? -errno : 0;

	free(place);
	free(trash);
	return rc;
}

static int
file_remove(const struct pass *p, const char *name)
{
	char	*trash = trash_of(p, name);
	int	 rc = unlink(trash) < 0 ? -errno : 0;

	free(trash);
	return rc;
}

/* The batch: from `at` on, as many as go in one turn. */
static size_t
batch_end(const struct pass *p)
{
	return p->n_found - p->at > CLEANUP_FILES ? p->at + CLEANUP_FILES :
	    p->n_found;
}

static void
act_work(uv_work_t *w)
{
	struct pass	*p = w->data;
	size_t		 i, end = batch_end(p);
	struct found	*f;
	int		 rc = 0;

	for (i = p->at; i < end; i++) {
		f = &p->found[i];
		if (f->what == FOUND_TRASH)
			rc = file_trash(p, f->name);
		else if (f->what == FOUND_BACK)
			rc = file_back(p, f->name);
		else if (f->what == FOUND_REMOVE)
			rc = file_remove(p, f->name);
		if (rc < 0) {		/* it is another's by now, or gone */
			if (rc != -ENOENT && rc != -EAGAIN)
				log_warn("cleanup", "%s: %s", f->name,
				    errstr(rc));
			f->what = FOUND_SKIP;
			rc = 0;
		}
	}
}

/* -- the loop -- */

static void	files_go(struct pass *);

static void
found_count(struct pass *p, const struct found *f)
{
	switch (f->what) {
	case FOUND_SKIP:
		return;
	case FOUND_TRASH:
		p->n.orphans++;
		pass_note(p, "orphan", f->name);
		return;
	case FOUND_BACK:
		p->n.restored++;
		pass_note(p, "restored", f->name);
		return;
	case FOUND_REMOVE:
		p->n.files++;
		p->n.bytes += f->bytes;
		pass_note(p, "file", f->name);
		return;
	}
}

static void
act_after(uv_work_t *w, int status)
{
	struct pass	*p = w->data;
	size_t		 end = batch_end(p);

	(void)status;
	for (; p->at < end; p->at++)
		found_count(p, &p->found[p->at]);
	if (p->at == p->n_found || pass_stopped(p))
		pass_next(p, 0);
	else
		pass_pause(p, files_go);
}

/* What is being sent now stays where it is, until a later pass. */
static void
files_go(struct pass *p)
{
	size_t	i, end = batch_end(p);

	for (i = p->at; i < end; i++)
		if (p->found[i].what != FOUND_BACK &&
		    transfers_sending(p->server->transfers,
		    p->found[i].name))
			p->found[i].what = FOUND_SKIP;
	if (p->dry)
		act_after(&p->work, 0);
	else
		uv_queue_work(p->server->loop, &p->work, act_work, act_after);
}

static void
find_after(uv_work_t *w, int status)
{
	struct pass	*p = w->data;

	(void)status;
	if (p->n_found == 0)
		pass_next(p, 0);
	else
		files_go(p);
}

void
step_files(struct pass *p)
{
	char	*trash = trash_of(p, "");
	int	 rc = 0;

	if (!p->dry && mkdir(trash, 0700) < 0 && errno != EEXIST)
		rc = -errno;
	free(trash);
	if (rc < 0 || !p->all_roots)
		pass_next(p, rc);
	else
		uv_queue_work(p->server->loop, &p->work, find_work,
		    find_after);
}
