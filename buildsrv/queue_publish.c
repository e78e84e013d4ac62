/* The file system's part of a run, in a worker: the artifact goes to its
 * place. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "queue_run.h"

/* On the disk, and ours alone to read. */
static int
settle(const char *path)
{
	struct stat	st;
	int		fd, rc = 0;

	if ((fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	else if (fchmod(fd, 0600) < 0 || fsync(fd) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* Renames, where need be over a copy in the target's file system. */
static int
move(const char *from, const char *to)
{
	char	*copy;
	int	 rc = 0;

	if (rename(from, to) == 0)
		return 0;
	if (errno != EXDEV)
		return -errno;
	copy = xasprintf("%s.new", to);
	unlink(copy);			/* of a killed server */
	if ((rc = file_copy(from, copy, 0600)) == 0 && rename(copy, to) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(copy);
	free(copy);
	return rc;
}

/*
 * No process of the run is left, so what the path names now, it names till
 * the end.  It must lie in the run's directory, links and all.
 */
static char *
inside(const struct run *r, const char *file)
{
	char	*dir = realpath(r->dir, NULL);
	char	*path = file_join(r->dir, file);
	char	*real = realpath(path, NULL);
	size_t	 n = dir != NULL ? strlen(dir) : 0;

	if (real == NULL || n == 0 || strncmp(real, dir, n) != 0
	    || real[n] != '/') {
		free(real);
		real = NULL;
	}
	free(path);
	free(dir);
	return real;
}

static int
place(struct run *r, const char *path)
{
	uint8_t	 sum[SHA256_SIZE];
	char	*to;
	int	 rc;

	if ((rc = settle(path)) < 0
	    || (rc = file_sha256(path, sum, &r->size)) < 0)
		return rc;
	hex_encode(sum, sizeof(sum), r->checksum);
	if (strcasecmp(json_str(r->result, "checksum", r->checksum),
	    r->checksum) != 0)
		return -EBADMSG;
	to = file_join(r->artifact_dir, r->checksum);
	if ((rc = move(path, to)) == 0)
		rc = file_sync_dir_of(to);
	free(to);
	return rc;
}

void
publish(struct run *r)
{
	const char	*file = json_str(r->result, "file", NULL);
	char		*path;
	int		 rc;

	if (file == NULL) {
		r->error = xstrdup("publish: the result names no file");
		return;
	}
	path = inside(r, file);
	rc = path != NULL ? place(r, path) : -ENOENT;
	if (rc < 0)
		r->error = xasprintf("publish: %s: %s", file, rc == -EBADMSG ?
		    "its checksum is not the one in the result" :
		    rc == -EINVAL ? "not a file" : errstr(rc));
	free(path);
}
