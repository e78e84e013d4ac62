/*
 * A lock on a file.  The kernel's lock is the truth; the text in the file
 * (PID, start time of the process, boot id, RFC 3339 time) is information,
 * so that a stale file never blocks and a live holder is never robbed.
 */
#ifndef MUSTER_LOCK_H
#define MUSTER_LOCK_H

#include <stdint.h>

struct lock;

struct lock_holder {
	int64_t	pid;		/* 0: unknown */
	int64_t	start_ticks;	/* of that process, clock ticks since boot */
	char	boot_id[40];
	char	since[32];	/* RFC 3339: taken at */
	char	beat[32];	/* RFC 3339: last rewritten */
	char	version[32];	/* the holder's version, or "" */
	int	held;		/* whether the kernel says it is locked now */
	int	alive;		/* whether that very process runs */
};

enum {
	LOCK_SHARED = 1, LOCK_WAIT = 2, LOCK_INHERIT = 4,
	LOCK_FLOCK = 8,		/* flock(2)'s as well, against flock(1) */
	LOCK_WHOLE = 16		/* fcntl(2)'s of the whole file instead */
};

/*
 * Takes the lock; makes the file (0600) where it is missing.  0, or
 * -EWOULDBLOCK while another holds it, or -errno.  With LOCK_WAIT it waits
 * (blocking the process) up to wait_ms, for ever where that is negative;
 * then -ETIMEDOUT.  LOCK_INHERIT: the descriptor survives exec.
 *
 * Only a sole holder writes the record, and only into a file that is empty
 * or has one already: any file can serve as a lock and keeps its contents.
 * That the record cannot be written (a full disk) does not cost the lock.
 */
int	lock_take(struct lock **, const char *path, unsigned flags,
	    int64_t wait_ms, const char *version);
/* The same for an open descriptor, once: which locks, by these flags.  A
 * file that is not open for writing has an exclusive lock by LOCK_FLOCK. */
int	lock_descriptor(int fd, unsigned flags);
/* Rewrites the record with the present time; every 60 s.  0 or -errno;
 * -ESTALE when another file has the name by now, or none. */
int	lock_beat(struct lock *);
int	lock_fd(const struct lock *);
/* Drops the lock, frees.  The file stays, emptied: removing it would let
 * two processes hold two files of one name. */
void	lock_drop(struct lock *);
/* Reads the record and asks the kernel; takes nothing.  0 or -errno. */
int	lock_status(const char *path, struct lock_holder *);

#endif
