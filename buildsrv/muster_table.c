#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "muster.h"

enum { MAX_COLUMNS = 12 };

struct table {
	size_t	  columns, rows;
	char	**cell;			/* rows x columns, heads first */
};

int
at_terminal(int fd)
{
	return isatty(fd) == 1;
}

struct table *
table_new(const char *const *heads, size_t n)
{
	struct table	*t = xcalloc(1, sizeof(*t));

	t->columns = n < MAX_COLUMNS ? n : MAX_COLUMNS;
	table_add(t, heads);
	return t;
}

/* What a server says must not move the cursor or forge a column. */
static char *
cell_text(const char *s)
{
	char	*p = xstrdup(s != NULL && s[0] != '\0' ? s : "-"), *q;

	for (q = p; *q != '\0'; q++)
		if ((unsigned char)*q < 0x20 || *q == 0x7f)
			*q = ' ';
	return p;
}

void
table_add(struct table *t, const char *const *cells)
{
	size_t	i, at = t->rows * t->columns;

	t->cell = xrealloc(t->cell, (at + t->columns) * sizeof(*t->cell));
	for (i = 0; i < t->columns; i++)
		t->cell[at + i] = cell_text(cells[i]);
	t->rows++;
}

static void
print_row(const struct table *t, size_t row, const size_t *width)
{
	size_t	i;

	for (i = 0; i < t->columns; i++) {
		if (width == NULL)
			printf("%s%s", i > 0 ? "\t" : "",
			    t->cell[row * t->columns + i]);
		else if (i + 1 == t->columns)
			fputs(t->cell[row * t->columns + i], stdout);
		else
			printf("%-*s  ", (int)width[i],
			    t->cell[row * t->columns + i]);
	}
	putchar('\n');
}

void
table_print(struct table *t)
{
	size_t	width[MAX_COLUMNS] = { 0 }, i, n, row;
	int	wide = at_terminal(STDOUT_FILENO);

	for (i = 0; i < t->rows * t->columns; i++) {
		n = strlen(t->cell[i]);
		if (n > width[i % t->columns])
			width[i % t->columns] = n;
	}
	for (row = wide ? 0 : 1; row < t->rows; row++)	/* heads: for people */
		print_row(t, row, wide ? width : NULL);
	for (i = 0; i < t->rows * t->columns; i++)
		free(t->cell[i]);
	free(t->cell);
	free(t);
}

void
print_json(const json_t *v)
{
	json_dumpf(v, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
	    (at_terminal(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT));
	putchar('\n');
}

char *
human_bytes(int64_t n, char out[24])
{
	static const char	units[] = "kMGT";
	double			x = (double)n;
	int			i = -1;

	while (x >= 1000 && i < 3) {
		x /= 1000;
		i++;
	}
	if (i < 0)
		snprintf(out, 24, "%lld B", (long long)n);
	else
		snprintf(out, 24, "%.1f %cB", x, units[i]);
	return out;
}

char *
human_ago(int64_t ms, char out[24])
{
	int64_t	s = (clock_wall_ms() - ms) / 1000;

	if (ms <= 0)
		snprintf(out, 24, "never");
	else if (s < 60)
		snprintf(out, 24, "%llds ago", (long long)(s > 0 ? s : 0));
	else if (s < 3600)
		snprintf(out, 24, "%lldm ago", (long long)(s / 60));
	else if (s < 86400)
		snprintf(out, 24, "%lldh ago", (long long)(s / 3600));
	else
		snprintf(out, 24, "%lldd ago", (long long)(s / 86400));
	return out;
}
