/* Whole files: read with a cap, written so that a crash leaves old or new. */
#ifndef MUSTER_FILE_H
#define MUSTER_FILE_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Appends the file's contents to b.  0, or -errno; -EFBIG when it holds more
 * than max bytes, in which case b is unchanged.
 */
int	file_read(const char *path, size_t max, struct buf *b);
/*
 * Replaces path by these bytes: a temporary file beside it, fsync, rename,
 * fsync of the directory.  0 or -errno; on an error path is as it was.
 */
int	file_write(const char *path, const void *, size_t, int mode);
/* Removes what a file_write(path) had under way when it was killed.  Nobody
 * else may be writing path. */
void	file_sweep(const char *path);
/* Renames, and syncs the directory.  0 or -errno. */
int	file_move(const char *from, const char *to);
/* Makes a new file, not fsynced: for what goes with the process that needs
 * it.  0 or -errno; -EEXIST where one is there. */
int	file_create(const char *path, const void *, size_t, int mode);
/* Makes a directory and those above it; one that is there is no error. */
int	file_mkdirs(const char *path, int mode);
int	file_rename(const char *from, const char *to);	/* 0 or -errno */
int	file_sync(int fd);				/* likewise */
/* fsyncs the directory that holds path, so that a rename is on the disk. */
int	file_sync_dir_of(const char *path);
/* Copies with mode, fsynced; the target must not exist.  0 or -errno. */
int	file_copy(const char *from, const char *to, int mode);
/* SHA-256 of the contents.  0 or -errno; *size (may be NULL) in bytes. */
int	file_sha256(const char *path, uint8_t out[32], uint64_t *size);
int	file_exists(const char *path);
/* "dir/name", freed by the caller. */
char	*file_join(const char *dir, const char *name);
/* The same path from the root, for a process that works elsewhere; nothing
 * is resolved.  Freed by the caller. */
char	*file_absolute(const char *path);

/* A piece at a time.  file_open() is a descriptor or -errno, with the flags
 * of open(2) as libuv has them (UV_FS_O_...); it does not survive an exec. */
int	file_open(const char *path, int flags, int mode);
int	file_close(int fd);
/* *n bytes came, 0 at the end of the file. */
int	file_get(int fd, char *, size_t max, size_t *n);
int	file_put(int fd, const char *, size_t);	/* all of them */

#endif
