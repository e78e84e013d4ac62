/*
 * Files whole, by libuv's synchronous calls, which are the same everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"

enum { FILE_CHUNK = 64 * 1024 };

#ifndef PATH_MAX
#define PATH_MAX	4096
#endif
#ifndef O_CLOEXEC
#define O_CLOEXEC	0
#endif

int
file_open(const char *path, int flags, int mode)
{
	uv_fs_t	req;
	int	fd = uv_fs_open(NULL, &req, path, flags | O_CLOEXEC, mode, NULL);

	uv_fs_req_cleanup(&req);
	return fd;
}

int
file_close(int fd)
{
	uv_fs_t	req;
	int	rc = uv_fs_close(NULL, &req, fd, NULL);

	uv_fs_req_cleanup(&req);
	return rc;
}

int
file_get(int fd, char *p, size_t max, size_t *n)
{
	uv_buf_t	b = uv_buf_init(p, (unsigned)max);
	uv_fs_t		req;
	int		rc = uv_fs_read(NULL, &req, fd, &b, 1, -1, NULL);

	uv_fs_req_cleanup(&req);
	*n = rc > 0 ? (size_t)rc : 0;
	return rc < 0 ? rc : 0;
}

int
file_put(int fd, const char *p, size_t n)
{
	char		*from = (char *)(uintptr_t)p;	/* libuv only reads */
	uv_fs_t		 req;
	uv_buf_t	 b;
	int		 rc;

	while (n > 0) {
		b = uv_buf_init(from, (unsigned)(n < 1 << 30 ? n : 1 << 30));
		rc = uv_fs_write(NULL, &req, fd, &b, 1, -1, NULL);
		uv_fs_req_cleanup(&req);
		if (rc < 0)
			return rc;
		from += rc;
		n -= (size_t)rc;
	}
	return 0;
}

int
file_sync(int fd)
{
	uv_fs_t	req;
	int	rc = uv_fs_fsync(NULL, &req, fd, NULL);

	uv_fs_req_cleanup(&req);
	return rc;
}

static int
file_unlink(const char *path)
{
	uv_fs_t	req;
	int	rc = uv_fs_unlink(NULL, &req, path, NULL);

	uv_fs_req_cleanup(&req);
	return rc;
}

int
file_rename(const char *from, const char *to)
{
	uv_fs_t	req;
	int	rc = uv_fs_rename(NULL, &req, from, to, NULL);

	uv_fs_req_cleanup(&req);
	return rc;
}

int
file_exists(const char *path)
{
	uv_fs_t	req;
	int	rc = uv_fs_stat(NULL, &req, path, NULL);

	uv_fs_req_cleanup(&req);
	return rc == 0;
}

char *
file_join(const char *dir, const char *name)
{
	size_t	n = strlen(dir);

	return xasprintf("%s%s%s", dir,
	    n > 0 && dir[n - 1] == '/' ? "" : "/", name);
}

static int
is_absolute(const char *path)
{
#ifdef _WIN32
	if (path[0] == '\\' || (path[0] != '\0' && path[1] == ':'))
		return 1;
#endif
	return path[0] == '/';
}

char *
file_absolute(const char *path)
{
	char	cwd[PATH_MAX];
	size_t	n = sizeof(cwd);

	if (is_absolute(path) || uv_cwd(cwd, &n) < 0)
		return xstrdup(path);
	return file_join(cwd, path);
}

int
file_read(const char *path, size_t max, struct buf *b)
{
	size_t	was = b->len, n;
	int	fd, rc;

	if ((fd = file_open(path, O_RDONLY, 0)) < 0)
		return fd;
	do {
		buf_reserve(b, FILE_CHUNK);
		if ((rc = file_get(fd, b->p + b->len, FILE_CHUNK, &n)) < 0)
			break;
		b->len += n;
		if (b->len - was > max)
			rc = -EFBIG;
	} while (rc == 0 && n > 0);
	if (rc < 0)
		b->len = was;
	b->p[b->len] = '\0';
	file_close(fd);
	return rc;
}

#ifdef _WIN32
int
file_sync_dir_of(const char *path)
{
	(void)path;	/* NTFS journals names itself; directories don't open */
	return 0;
}
#else
int
file_sync_dir_of(const char *path)
{
	const char	*slash = strrchr(path, '/');
	char		*dir;
	int		 fd, rc;

	if (slash == NULL)
		dir = xstrdup(".");
	else
		dir = xstrndup(path,
		    slash == path ? 1 : (size_t)(slash - path));
	fd = file_open(dir, O_RDONLY | O_DIRECTORY, 0);
	free(dir);
	if (fd < 0)
		return fd;
	rc = file_sync(fd);
	file_close(fd);
	return rc;
}
#endif

/* A name beside path that no other process uses, made exclusively. */
static int
temp_beside(const char *path, int mode, char **name)
{
	uint8_t	r[6];
	char	hex[2 * sizeof(r) + 1];
	int	fd, tries = 0;

	do {
		crypto_random(r, sizeof(r));
		*name = xasprintf("%s.%s.tmp", path,
		    hex_encode(r, sizeof(r), hex));
		fd = file_open(*name, O_WRONLY | O_CREAT | O_EXCL, mode);
		if (fd < 0) {
			free(*name);
			*name = NULL;
		}
	} while (fd == UV_EEXIST && ++tries < 10);
	return fd;
}

int
file_write(const char *path, const void *p, size_t n, int mode)
{
	char	*tmp = NULL;
	int	 fd, rc, closed;

	if ((fd = temp_beside(path, mode, &tmp)) < 0)
		return fd;
	if ((rc = file_put(fd, p, n)) == 0)
		rc = file_sync(fd);
	closed = file_close(fd);
	if (rc == 0)
		rc = closed;
	if (rc == 0)
		rc = file_rename(tmp, path);
	if (rc == 0)
		rc = file_sync_dir_of(path);
	else
		file_unlink(tmp);
	free(tmp);
	return rc;
}

/* "NAME." + hex + ".tmp", as temp_beside() has it. */
static int
is_temp_of(const char *name, const char *base)
{
	size_t	n = strlen(base), m = strlen(name);

	return m == n + 17 && strncmp(name, base, n) == 0 && name[n] == '.' &&
	    strspn(name + n + 1, "0123456789abcdef") == 12 &&
	    strcmp(name + n + 13, ".tmp") == 0;
}

void
file_sweep(const char *path)
{
	const char	*slash = strrchr(path, '/');
	const char	*base = slash != NULL ? slash + 1 : path;
	char		*dir = slash != NULL ? xstrndup(path,
	    (size_t)(base - path)) : xstrdup("./"), *victim;
	uv_dirent_t	 e;
	uv_fs_t		 req;

	if (uv_fs_scandir(NULL, &req, dir, 0, NULL) >= 0)
		while (uv_fs_scandir_next(&req, &e) == 0) {
			if (!is_temp_of(e.name, base))
				continue;
			victim = file_join(dir, e.name);
			file_unlink(victim);
			free(victim);
		}
	uv_fs_req_cleanup(&req);
	free(dir);
}

int
file_move(const char *from, const char *to)
{
	int	rc = file_rename(from, to);

	return rc < 0 ? rc : file_sync_dir_of(to);
}

int
file_create(const char *path, const void *p, size_t n, int mode)
{
	int	fd = file_open(path, O_WRONLY | O_CREAT | O_EXCL, mode), rc;

	if (fd < 0)
		return fd;
	rc = file_put(fd, p, n);
	file_close(fd);
	if (rc < 0)
		file_unlink(path);
	return rc;
}

int
file_mkdirs(const char *path, int mode)
{
	char	*p = xstrdup(path), *s;
	uv_fs_t	 req;
	int	 rc;

	for (s = p + 1; *s != '\0'; s++) {
		if (*s != '/')
			continue;
		*s = '\0';
		uv_fs_mkdir(NULL, &req, p, 0755, NULL);	/* or the last says */
		uv_fs_req_cleanup(&req);
		*s = '/';
	}
	rc = uv_fs_mkdir(NULL, &req, p, mode, NULL);
	uv_fs_req_cleanup(&req);
	if (rc == UV_EEXIST) {
		rc = uv_fs_stat(NULL, &req, p, NULL);
		if (rc == 0 && (req.statbuf.st_mode & S_IFMT) != S_IFDIR)
			rc = UV_ENOTDIR;
		uv_fs_req_cleanup(&req);
	}
	free(p);
	return rc;
}

int
file_copy(const char *from, const char *to, int mode)
{
	char	*chunk = xmalloc(FILE_CHUNK);
	size_t	 n;
	int	 in, out = -1, rc;

	if ((rc = in = file_open(from, O_RDONLY, 0)) < 0)
		goto out;
	rc = out = file_open(to, O_WRONLY | O_CREAT | O_EXCL, mode);
	while (rc >= 0 && (rc = file_get(in, chunk, FILE_CHUNK, &n)) == 0 &&
	    n > 0)
		rc = file_put(out, chunk, n);
	if (rc == 0)
		rc = file_sync(out);
out:
	if (in >= 0)
		file_close(in);
	if (out >= 0) {
		file_close(out);
		if (rc < 0)
			file_unlink(to);
	}
	free(chunk);
	return rc;
}

int
file_sha256(const char *path, uint8_t out[32], uint64_t *size)
{
	char		*chunk;
	struct sha256	*h;
	uint64_t	 total = 0;
	size_t		 n;
	int		 fd, rc;

	if ((fd = file_open(path, O_RDONLY, 0)) < 0)
		return fd;
	chunk = xmalloc(FILE_CHUNK);
	h = sha256_new();
	while ((rc = file_get(fd, chunk, FILE_CHUNK, &n)) == 0 && n > 0) {
		sha256_add(h, chunk, n);
		total += n;
	}
	sha256_end(h, out);
	file_close(fd);
	free(chunk);
	if (size != NULL)
		*size = total;
	return rc;
}
