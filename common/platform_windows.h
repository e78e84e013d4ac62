/* Shared by platform_windows*.c alone; after <windows.h>. */
#ifndef MUSTER_PLATFORM_WINDOWS_H
#define MUSTER_PLATFORM_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

/* platform_windows.c */
int	windows_error(DWORD);		/* as a negative errno */
int	windows_last_error(void);
/* UTF-16 as UTF-8, at most n bytes with the NUL: 0 or -ERANGE. */
int	windows_utf8(const wchar_t *, char *out, size_t n);
int64_t	windows_ticks(FILETIME);	/* of 100 ns */

#endif
