/* What Linux and macOS have in common of POSIX: the user, private directories,
 * files as memory, the alarm, exec. */
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "platform.h"

#ifndef MAP_POPULATE
#define MAP_POPULATE	0	/* macOS reads pages in as they are touched */
#endif

#if defined(__x86_64__)
const char	platform_arch[] = "x64";
#elif defined(__aarch64__)
const char	platform_arch[] = "arm64";
#else
const char	platform_arch[] = "other";	/* document 000 names two */
#endif

/* -- the user -- */

int
platform_is_admin(void)
{
	return geteuid() == 0;
}

int64_t
platform_uid(void)
{
	return (int64_t)geteuid();
}

/*
 * The directory is opened and only then looked at, so that what is changed
 * is what was checked.  Another user's directory is refused, not seized, and
 * so is a symbolic link, which another user may have put there.
 */
int
platform_private_dir(const char *path)
{
	char		*plain = xstrdup(path);
	size_t		 n = strlen(plain);
	struct stat	 st;
	int		 fd = -1, rc;

	while (n > 1 && plain[n - 1] == '/')
		plain[--n] = '\0';
	if ((rc = file_mkdirs(plain, 0700)) < 0)
		goto out;
	fd = open(plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		rc = -errno;
	else if (st.st_uid != geteuid())
		rc = -EPERM;
	else if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
		rc = -errno;
out:
	if (fd >= 0)
		close(fd);
	free(plain);
	return rc;
}

/* -- files as memory -- */

void *
platform_map(int fd, size_t n, int write)
{
	void	*p = mmap(NULL, n, PROT_READ | (write ? PROT_WRITE : 0),
		    MAP_SHARED | MAP_POPULATE, fd, 0);

	return p != MAP_FAILED ? p : NULL;
}

void
platform_unmap(void *p, size_t n)
{
	munmap(p, n);
}

/* -- this process -- */

void
platform_alarm(unsigned seconds, void (*late)(int))
{
	signal(SIGALRM, late);
	alarm(seconds);
}

int
platform_exec_program(char **argv)
{
	char	*path = platform_program();
	int	 rc = -ENOENT;

	if (path != NULL) {
		execv(path, argv);
		rc = -errno;
	}
	free(path);
	return rc;
}
