/*
 * Shared by spool*.c.  A segment is a file that only grows, of one class; its
 * records are in the order of their numbers.  muster-spool(5) has the bytes.
 */
#ifndef MUSTER_SPOOL_PRIVATE_H
#define MUSTER_SPOOL_PRIVATE_H

#include "buf.h"
#include "list.h"
#include "spool.h"

enum {
	SEGMENT_HEAD	= 32,
	RECORD_HEAD	= 28,
	SEGMENT_PARTS	= 16,	/* a full spool has so many segments: what is
				 * given up at once is one of them */
	SEGMENT_TIDY	= 32 * 1024,	/* one whose records are all the
					 * server's goes, if it is so long */
	READ_CHUNK	= 8 * 1024,
	STATE_SLOT	= 128,
	SPOOL_NAME	= 12,		/* bytes: no two spools have the same */
	SYNC_SOON_MS	= 1000,		/* events and alerts */
	SYNC_LATE_MS	= 30 * 1000	/* metrics and log lines */
};
/* Numbers that are set aside in the state file at once: after a crash the
 * next one is above all that were given out. */
#define SPOOL_SET_ASIDE	(UINT64_C(1) << 20)

/* -- spool_segment.c: pure, but for the cursor that reads a file -- */

/* Least significant byte first. */
void	bytes_put(uint8_t *, uint64_t, int bytes);
uint64_t bytes_get(const uint8_t *, int bytes);
uint32_t bytes_crc(uint32_t, const void *, size_t);	/* begins with 0 */

struct segment_record {
	uint64_t	 seq, nth;	/* nth: of its class */
	const char	*text;
	size_t		 len;
};

void	segment_head(uint8_t out[SEGMENT_HEAD], enum spool_class,
	    uint64_t first_nth);
/* 0, or -EBADMSG where it is damaged. */
int	segment_head_read(const uint8_t *, size_t, enum spool_class *,
	    uint64_t *first_nth);
void	segment_record_head(uint8_t out[RECORD_HEAD],
	    const struct segment_record *);
/*
 * What the bytes begin with: 1, a whole record of *used bytes; 0, they are
 * too few to tell; -EBADMSG, *used bytes of damage, at least one, up to where
 * a record may begin again.
 */
int	segment_parse(const uint8_t *, size_t n, struct segment_record *,
	    size_t *used);

/* Reads a segment from its beginning, past what is damaged. */
struct segment_cursor {
	int		 fd;		/* -1: closed */
	int		 headed;	/* its head was read */
	uint64_t	 off;		/* of the next bytes to be read */
	uint8_t		*p;		/* bytes not used up: pos to len */
	size_t		 pos, len, cap;
};
#define SEGMENT_CURSOR_NONE	{ -1, 0, 0, NULL, 0, 0, 0 }
int	segment_cursor_open(struct segment_cursor *, const char *path);
/* 1 and a record that lives until the next call; 0 at the end, and more may
 * come unless whole says that the file will not grow; or -errno. */
int	segment_cursor_next(struct segment_cursor *, int whole,
	    struct segment_record *);
void	segment_cursor_close(struct segment_cursor *);

/* -- spool_disk.c: libuv's synchronous calls; 0 or -errno -- */

int	disk_open(const char *path, int flags, int *fd);
void	disk_close(int *fd);		/* -1 afterwards */
int	disk_write(int fd, const void *, size_t, const void *, size_t,
	    uint64_t off);
int	disk_read(int fd, void *, size_t max, uint64_t off, size_t *n);
int	disk_truncate(int fd, uint64_t);
int	disk_sync(int fd);
void	disk_unlink(const char *path);

/* -- the spool -- */

struct segment {
	struct link	 link;		/* in its class's, oldest first */
	enum spool_class class;
	uint64_t	 first, last;	/* numbers; last is not below any */
	uint64_t	 first_nth, end_nth;	/* of the class */
	uint64_t	 bytes;
	int64_t		 newest_ms;	/* wall clock of the last record */
	int		 sealed;	/* nothing is added any more */
	int		 dirty;		/* not synced yet */
};

struct spool_state {
	uint64_t	generation;
	uint64_t	limit;		/* numbers below may be taken */
	uint64_t	acked;
	uint64_t	lost[SPOOL_CLASSES], told[SPOOL_CLASSES];
	uint8_t		name[SPOOL_NAME];
};

struct spool {
	char		*dir;
	uv_loop_t	*loop;
	int64_t		 max_bytes, max_age_ms, segment_bytes;
	struct link	 segments[SPOOL_CLASSES];
	int		 fds[SPOOL_CLASSES];	/* of the last one; -1 */
	uint64_t	 nth[SPOOL_CLASSES];	/* of the next record */
	uint64_t	 next;
	uint64_t	 bytes;
	struct spool_state state;
	int		 state_fd, state_dirty;
	char		 name[2 * SPOOL_NAME + 1];
	int		 full, failing;	/* told to the log already */
	struct link	 readers;
	void		(*on_add)(void *);
	void		*on_add_arg;
	/* spool_sync.c */
	uv_timer_t	 sync, wake;
	int64_t		 sync_at;	/* mono, ms; 0: none is due */
	int		 syncing;
	int		 open;		/* handles, and syncing */
	int		 closing;
};

/* spool_list.c */
char	*segment_path(const struct spool *, const struct segment *);
/* Finds the segments of dir, in order, and what they hold. */
int	spool_list(struct spool *);
void	spool_unlist(struct spool *);
/* Reads one through: records above the number after, and how many are
 * missing between those that are there. */
void	segment_survey(const struct spool *, const struct segment *,
	    uint64_t after, uint64_t *above, uint64_t *missing);

/* spool_state.c */
int	state_open(struct spool *);
int	state_write(struct spool *);

/* spool_sync.c */
void	sync_start(struct spool *);
void	sync_due(struct spool *, enum spool_class);
void	sync_stop(struct spool *);	/* the spool is freed, now or later */

/* spool_read.c */
/* Readers leave this segment, which goes. */
void	readers_leave(struct spool *, const struct segment *);

#endif
