/*
 * Tables: rows of cells.  At a terminal they are kept, and printed aligned
 * below their heads when all are there; where the terminal is narrow, columns
 * that may go are left out, and those that may shrink are cut.  In a pipe
 * each row is printed as it comes, exact, with tabs between and no heads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "muster.h"

enum {
	MAX_COLUMNS	= 14,
	GAP		= 2,	/* spaces between two columns */
	SHRINK_MIN	= 8	/* a cut column keeps so many characters */
};

struct table {
	const struct column *column;
	size_t		 columns, rows;
	char		**cell;		/* rows x columns, heads first */
	int		 pipe;
};

static struct table *
new(const struct column *column, size_t n, int pipe)
{
	struct table	*t = xcalloc(1, sizeof(*t));
	size_t		 i;

	t->column = column;
	t->columns = n < MAX_COLUMNS ? n : MAX_COLUMNS;
	t->pipe = pipe;
	t->rows = 1;
	t->cell = xcalloc(t->columns, sizeof(*t->cell));
	for (i = 0; i < t->columns; i++)
		t->cell[i] = xstrdup(column[i].head);
	return t;
}

struct table *
table_new(const struct column *column, size_t n)
{
	return new(column, n, !at_terminal(STDOUT_FILENO));
}

struct table *
table_screen(const struct column *column, size_t n)
{
	return new(column, n, 0);
}

static char *
cell_text(const char *s)
{
	return clean_text(s != NULL && s[0] != '\0' ? s : "-");
}

static void
keep(struct table *t, const char *const *cells)
{
	size_t	i, at = t->rows * t->columns;

	t->cell = xrealloc(t->cell, (at + t->columns) * sizeof(*t->cell));
	for (i = 0; i < t->columns; i++)
		t->cell[at + i] = cell_text(cells[i]);
	t->rows++;
}

void
table_add(struct table *t, const char *const *cells)
{
	char	*text;
	size_t	 i;

	if (!t->pipe) {
		keep(t, cells);
		return;
	}
	for (i = 0; i < t->columns; i++) {
		text = cell_text(cells[i]);
		printf("%s%s", i > 0 ? "\t" : "", text);
		free(text);
	}
	putchar('\n');
}

/* -- widths -- */

/* Characters, not bytes: what continues one in UTF-8 has no width. */
static size_t
width_of(const char *s)
{
	size_t	n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* How narrow a column can be. */
static size_t
narrow(const struct table *t, const size_t *width, size_t i)
{
	return t->column[i].flags & COL_SHRINK && width[i] > SHRINK_MIN ?
	    SHRINK_MIN : width[i];
}

/* The whole row's width, or what it can be made. */
static size_t
total(const struct table *t, const size_t *width, int least)
{
	size_t	i, sum = 0;

	for (i = 0; i < t->columns; i++)
		if (width[i] > 0)
			sum += (least ? narrow(t, width, i) : width[i]) +
			    (sum > 0 ? GAP : 0);
	return sum;
}

static void
shrink_widest(const struct table *t, size_t *width)
{
	size_t	i, best = 0, most = 0;

	for (i = 0; i < t->columns; i++)
		if (narrow(t, width, i) < width[i] && width[i] > most) {
			best = i;
			most = width[i];
		}
	width[best]--;
}

/* How wide each column is; 0: it is left out. */
static void
widths(const struct table *t, size_t max, size_t *width)
{
	size_t	i, n;

	for (i = 0; i < t->rows * t->columns; i++) {
		n = width_of(t->cell[i]);
		if (n > width[i % t->columns])
			width[i % t->columns] = n;
	}
	if (max == 0)
		return;
	for (i = t->columns; i-- > 0 && total(t, width, 1) > max; )
		if (t->column[i].flags & COL_DROP)
			width[i] = 0;
	while (total(t, width, 0) > max && total(t, width, 0) >
	    total(t, width, 1))
		shrink_widest(t, width);
}

/* -- the picture -- */

/* The first n characters; a point says that more follow. */
static void
add_cut(struct buf *b, const char *s, size_t n)
{
	size_t	len = width_of(s);

	if (len <= n) {
		buf_adds(b, s);
		return;
	}
	for (len = 0; *s != '\0'; s++) {
		len += ((unsigned char)*s & 0xc0) != 0x80;
		if (len == n)
			break;
		buf_addc(b, *s);
	}
	buf_adds(b, "+");
}

static void
add_row(const struct table *t, size_t row, const size_t *width,
    struct buf *b)
{
	size_t		 i, pad, last = 0, first = 1;
	const char	*s;

	for (i = 0; i < t->columns; i++)
		if (width[i] > 0)
			last = i;
	for (i = 0; i < t->columns; i++) {
		if (width[i] == 0)
			continue;
		s = t->cell[row * t->columns + i];
		pad = width_of(s) < width[i] ? width[i] - width_of(s) : 0;
		if (!first)
			buf_printf(b, "%*s", GAP, "");
		first = 0;
		if (t->column[i].flags & COL_RIGHT)
			buf_printf(b, "%*s", (int)pad, "");
		add_cut(b, s, width[i]);
		if (!(t->column[i].flags & COL_RIGHT) && i != last)
			buf_printf(b, "%*s", (int)pad, "");
	}
	while (b->len > 0 && b->p[b->len - 1] == ' ')
		b->p[--b->len] = '\0';
	buf_addc(b, '\n');
}

void
table_render(struct table *t, struct buf *out, int width, int lines)
{
	size_t	w[MAX_COLUMNS] = { 0 }, i, n = t->rows;

	widths(t, width > 0 ? (size_t)width : 0, w);
	if (lines > 0 && n > (size_t)lines)
		n = (size_t)lines;
	for (i = 0; i < n; i++)
		add_row(t, i, w, out);
	for (i = 0; i < t->rows * t->columns; i++)
		free(t->cell[i]);
	free(t->cell);
	free(t);
}

void
table_print(struct table *t)
{
	struct buf	b = BUF_INIT;
	int		pipe = t->pipe;

	table_render(t, &b, terminal_width(), 0);
	if (!pipe)
		fwrite(b.p, 1, b.len, stdout);
	buf_release(&b);
	out_flush();
}
