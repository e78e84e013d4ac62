/* muster-lock: what its files share. */
#ifndef MUSTER_LOCKD_H
#define MUSTER_LOCKD_H

#include <stdint.h>

struct lock;

enum { LOCK_BEAT_MS = 60000 };	/* document 003: the record is rewritten */

/* run.c */

/*
 * Runs the command until it ends, hands it the signals that we get, and
 * where beat is not NULL rewrites its record every beat_ms.  The exit code
 * to leave with: the command's, 128 + n for a signal, 126 or 127.
 */
int	run_command(char **argv, struct lock *beat, int64_t beat_ms);
/* Becomes the command; returns only the code of a failure. */
int	run_instead(char **argv);

/* status.c */

/* Prints the holder as lines of key, tab, value; the exit code. */
int	status_print(const char *path);

#endif
