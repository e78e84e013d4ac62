/* A growable run of bytes, always ended by a NUL that len does not count. */
#ifndef MUSTER_BUF_H
#define MUSTER_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char	*p;		/* NULL while nothing was ever added */
	size_t	 len;		/* bytes in use */
	size_t	 cap;		/* bytes allocated */
};

#define BUF_INIT	{ NULL, 0, 0 }

#ifdef __GNUC__
#define PRINTF_LIKE(f, a)	__attribute__((format(printf, f, a)))
#else
#define PRINTF_LIKE(f, a)
#endif

/* Memory or the end: these never return NULL, they exit with 111. */
void	*xmalloc(size_t);
void	*xcalloc(size_t, size_t);
void	*xrealloc(void *, size_t);
char	*xstrdup(const char *);
/* What is there up to a NUL, n bytes at most, as strndup(3) has it. */
char	*xstrndup(const char *, size_t n);
/* All n bytes, whatever they are, and a NUL behind them. */
char	*xmemdup(const char *, size_t n);
/* A formatted string that the caller frees. */
char	*xasprintf(const char *, ...) PRINTF_LIKE(1, 2);

void	 buf_release(struct buf *);		/* frees; empty again */
void	 buf_clear(struct buf *);		/* keeps the memory */
void	 buf_reserve(struct buf *, size_t);	/* room for so many more */
void	 buf_add(struct buf *, const void *, size_t);
void	 buf_addc(struct buf *, int);
void	 buf_adds(struct buf *, const char *);
void	 buf_printf(struct buf *, const char *, ...) PRINTF_LIKE(2, 3);
void	 buf_vprintf(struct buf *, const char *, va_list) PRINTF_LIKE(2, 0);
void	 buf_drop(struct buf *, size_t);	/* takes n bytes off the front */
/* Hands the string to the caller, who frees it; never NULL. */
char	*buf_take(struct buf *);
/* The contents as a string, "" while empty; valid until the next change. */
const char *buf_str(const struct buf *);

#endif
