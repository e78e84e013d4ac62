/* Versions of releases, "1.10.0" or "1.10.0-rc1": which is the newer. */
#ifndef MUSTER_VERSION_H
#define MUSTER_VERSION_H

enum { VERSION_MAX = 31 };	/* bytes; the lock's record has as much */

/* Numbers with dots between, then perhaps '-' and letters, digits, dots. */
int	version_ok(const char *);
/* Below, equal to or above 0.  Numbers count as numbers; one with a part
 * behind '-' comes before the one without; such parts compare as text, with
 * digits in them as numbers. */
int	version_compare(const char *, const char *);

#endif
