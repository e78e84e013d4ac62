/* What muster(1) shows: tables, values, progress, a live screen. */
#ifndef MUSTER_MUSTER_SHOW_H
#define MUSTER_MUSTER_SHOW_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"

struct client;

/* -- muster_table.c: aligned at a terminal, tab-separated in a pipe -- */

enum {
	COL_RIGHT	= 1,	/* numbers, aligned to the right */
	COL_SHRINK	= 2,	/* may be cut where the terminal is narrow */
	COL_DROP	= 4	/* may be left out there; the last goes first */
};

struct column {
	const char	*head;
	unsigned	 flags;
};

struct table;
/* The columns are borrowed. */
struct table *table_new(const struct column *, size_t n);
/* In a pipe it is printed at once; NULL and "" are "-". */
void	table_add(struct table *, const char *const *cells);
void	table_print(struct table *);		/* and frees */
/* Aligned lines for so many terminal columns (0: as many as it takes), at
 * most so many lines (0: all), into out; frees. */
void	table_render(struct table *, struct buf *out, int width, int lines);
/* A table that is only rendered. */
struct table *table_screen(const struct column *, size_t n);

/* -- muster_print.c: what goes to stdout -- */

int	at_terminal(int fd);
/* Columns of the terminal that stdout is; 0: unknown. */
int	terminal_width(void);
/* Text that a server gave, without what would move the cursor, change the
 * terminal or forge a line; freed by the caller. */
char	*clean_text(const char *);
/* Pretty at a terminal, compact on one line in a pipe. */
void	print_json(const json_t *);
void	print_json_line(const json_t *);	/* always on one line */
/* An object as lines of name and value; the names in skip ("a|b") not. */
void	print_members(const json_t *object, const char *skip);
/* stdout's buffer is written.  Ends the process where it cannot be: as
 * SIGPIPE would when the reader has gone, else with 111. */
void	out_flush(void);

/* -- muster_cell.c: values -- */

/* A member for a cell: for people at a terminal (or with wide set), exact
 * in a pipe.  Each writes into out and returns it, "" where it is absent. */
enum { CELL = 48 };
/* RFC 3339, or milliseconds since 1970: "3m ago", or RFC 3339. */
char	*cell_time(const json_t *, const char *key, int wide, char out[CELL]);
/* "2.1 s", or milliseconds. */
char	*cell_ms(const json_t *, const char *key, int wide, char out[CELL]);
/* "1.2 MB", or bytes. */
char	*cell_bytes(const json_t *, const char *key, int wide, char out[CELL]);
char	*cell_int(const json_t *, const char *key, char out[CELL]);
/* "a,b" of an array of strings; the caller frees. */
char	*words_joined(const json_t *list);
char	*human_bytes(int64_t, char out[CELL]);
char	*human_ms(int64_t ms, char out[CELL]);
/* The time of day here, "12:34:56.789". */
char	*clock_text(int64_t ms, char out[CELL]);
/* Milliseconds since 1970 of a member of either kind; 0: none. */
int64_t	member_time(const json_t *, const char *key);

/* -- muster_progress.c: a line on stderr, at a terminal alone -- */

/* Writes over the one before. */
void	progress_show(const char *fmt, ...) PRINTF_LIKE(1, 2);
void	progress_clear(void);
/* "[====>    ]" for done of all, n columns wide, into out. */
char	*progress_bar(int64_t done, int64_t all, size_t n, char out[CELL]);

/* -- muster_live.c: a screen that is drawn anew -- */

enum { LIVE_MAX = 6 };		/* answers that make one picture */

struct live {
	const struct client *client;
	const char	*paths[LIVE_MAX];
	size_t		 n;
	const char	*events;	/* a stream of events; NULL: none */
	int64_t		 every_ms;	/* at the latest */
	/* width 0: in a pipe; answers[i] is NULL where it was refused. */
	void		(*draw)(struct buf *, json_t *const *answers,
			    int width, int lines, void *arg);
	void		*arg;
};

/* At a terminal until q or Ctrl-C, else one picture. */
void	live_run(struct live *);

#endif
