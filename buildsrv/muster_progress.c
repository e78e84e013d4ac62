/* A line on stderr that is written over, at a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "muster.h"

void
progress_show(const char *fmt, ...)
{
	struct buf	 b = BUF_INIT;
	int		 width = terminal_width();
	char		*clean;
	va_list		 ap;

	if (!at_terminal(STDERR_FILENO))
		return;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	clean = clean_text(buf_str(&b));
	fprintf(stderr, "\r%.*s\033[K", width > 1 ? width - 1 : 79, clean);
	fflush(stderr);
	free(clean);
	buf_release(&b);
}

void
progress_clear(void)
{
	if (at_terminal(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

char *
progress_bar(int64_t done, int64_t all, size_t n, char out[CELL])
{
	size_t	inside, i, full;

	if (n > CELL - 1)
		n = CELL - 1;
	if (n < 3) {
		out[0] = '\0';
		return out;
	}
	inside = n - 2;
	if (done > all)
		done = all;
	full = all > 0 && done > 0 ? (size_t)((double)done / (double)all *
	    (double)inside) : 0;
	out[0] = '[';
	for (i = 0; i < inside; i++)
		out[1 + i] = i < full ? '=' : i == full ? '>' : ' ';
	if (full == inside)
		out[inside] = '=';
	out[n - 1] = ']';
	out[n] = '\0';
	return out;
}
