/*
 * Follows log files: each new line is handed on once, through rotation by
 * rename and by truncation, and over restarts.
 */
#ifndef MUSTER_TAIL_H
#define MUSTER_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

struct json_err;
struct tail;

enum {
	TAIL_MAX_FILES	= 64,		/* at once: each has a descriptor */
	TAIL_MAX_LINE	= 8 * 1024,	/* longer ones are cut */
	TAIL_MAX_BEHIND	= 16 * 1024 * 1024, /* bytes not read yet; with more,
					 * lines are dropped and counted */
	TAIL_KEEP_BEHIND = 1024 * 1024	/* down to these */
};

struct tail_options {
	uv_loop_t	*loop;
	const char	*state_file;	/* where positions are kept */
	int64_t		 rate;		/* lines a second, of all files */
	/* A line as UTF-8, ended by a NUL; cut says that it was longer.
	 * 0, or -errno: it is counted as dropped. */
	int		(*line)(const char *path, const char *, size_t,
			    int cut, void *arg);
	void		(*dropped)(const char *path, uint64_t lines,
			    void *arg);
	void		*arg;
};

/*
 * patterns: paths with *, ? and [...] in any of their parts, ended by NULL,
 * borrowed for ever.  A file that is there at the first start is followed
 * from its end, others from their beginning.
 */
struct tail *tail_new(const struct tail_options *,
	    const char *const *patterns);
void	tail_stop(struct tail *);	/* the last of it on the loop */
size_t	tail_count(const struct tail *);	/* files that are followed */

/* -- parts of it -- */

/* tail_glob.c: each file that a pattern matches, at most max calls. */
int	tail_match(const char *pattern, const char *name);	/* 1: it does */
void	tail_glob(const char *pattern, int max,
	    void (*found)(const char *path, void *arg), void *arg);

/* tail_state.c: where a file was left. */
struct tail_position {
	char		*path;
	uint64_t	 dev, ino, offset;
	uint64_t	 print;		/* of the first print_len bytes */
	int		 print_len;
};
enum { TAIL_PRINT = 256 };
/* 0 and *n positions, freed by tail_positions_free(); or -EINVAL. */
int	tail_positions_read(const char *text, size_t len,
	    struct tail_position **, size_t *n, struct json_err *);
char	*tail_positions_write(const struct tail_position *, size_t n);
void	tail_positions_free(struct tail_position *, size_t n);

/* tail_text.c: bytes of any kind as UTF-8; what is none of it becomes
 * U+FFFD. */
struct buf;
void	tail_text(struct buf *, const char *, size_t);

#endif
