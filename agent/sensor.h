/* What the sensors share: limits of what they report, hashes of files, what
 * /proc knows of a process, the loss counters of eBPF programs. */
#ifndef MUSTER_SENSOR_H
#define MUSTER_SENSOR_H

#include <sys/types.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

struct module;

/* -- sensor_limit.c: under a flood, events of one kind are counted -- */

enum {
	LIMIT_WINDOW_MS	= 5000,
	LIMIT_PER_KEY	= 100,	/* of one kind, reported in a window */
	LIMIT_ALL	= 2000,	/* of all kinds together */
	LIMIT_KEYS	= 1024	/* kinds that are told apart in a window */
};

struct limit;
struct limit *limit_new(struct module *, const char *sensor);
/*
 * Whether one more event of this kind may be reported.  The key is what the
 * summary shows, at most 255 bytes of it.  The first of a kind is always
 * reported, as long as there are not LIMIT_KEYS of them.
 */
int	limit_take(struct limit *, const char *type, const char *key);
/* Reports what was only counted: for each kind an event "summary"
 * {sensor,type,key,count,from,to}.  Called by a timer, and at the end. */
void	limit_flush(struct limit *);
uint64_t limit_counted(const struct limit *);	/* ever */

/* -- sensor_hash.c -- */

enum {
	HASH_CACHE	= 512,
	HASH_MAX	= 64 * 1024 * 1024 /* bytes: 0.3 s, in which a ring
				 * fills; larger files are not hashed */
};

struct stat;
struct hash_sums {			/* as hex */
	char	sha256[65];
	char	sha1[41], md5[33];	/* "" but after hash_weak() */
};
/* What indicators go by, too: asked for before the first file. */
void	hash_weak(void);
/* The file's sums, from a cache by device, inode, size, mtime and ctime; NULL
 * with *why, borrowed, where there are none.  Borrowed until the next call. */
const struct hash_sums *hash_fd(int fd, const char **why);
/* The same of a path; st, may be NULL, is filled in. */
const struct hash_sums *hash_path(const char *path, struct stat *st,
	    const char **why);

/* -- sensor_proc.c: a process by /proc, while it is there -- */

struct proc_info {
	int64_t		pid, ppid, uid, loginuid;	/* -1: unknown */
	uint64_t	start;		/* ticks since boot */
	char		comm[64];
	char		exe[1024];	/* "" where it cannot be read */
	char		cgroup[256];
	char		state;
};
/* 0, or -ESRCH. */
int	proc_info(int64_t pid, struct proc_info *);
/* Its arguments, an array; NULL where they cannot be read.  *cut says that
 * more than 1023 bytes were there. */
json_t	*proc_args(int64_t pid, int *cut);
/* An array of n bytes of strings, each ended by a NUL. */
json_t	*proc_split_args(const char *, size_t n);
/* Text that JSON takes: bytes that are no UTF-8 become '?'. */
json_t	*text_json(const char *);

/* -- sensor_clock.c -- */
int64_t	wall_of_boot_ns(uint64_t ns);	/* ms */

#endif
