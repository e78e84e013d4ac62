/* Lines of a pipeline: what they say, and what of them may be shown. */
#ifndef MUSTER_QUEUE_LINE_H
#define MUSTER_QUEUE_LINE_H

#include <stddef.h>

enum line_kind { LINE_TEXT, LINE_STEP, LINE_PROGRESS, LINE_RESULT };

struct line {
	enum line_kind	 kind;
	const char	*arg;		/* in the line, behind the word */
	size_t		 len;
	int		 number;	/* of a LINE_PROGRESS, 0 to 100 */
};

/* A "::" line that is not understood is text. */
void	line_parse(const char *, size_t, struct line *);
/*
 * The line as it may be kept: secrets replaced by ***, valid UTF-8, without
 * control characters but the tab.  The caller frees it.
 */
char	*line_clean(const char *, size_t, char *const *secrets, size_t n);

#endif
