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

/* serve.c */

/* run_command(), with a control pipe at path for as long as it runs. */
int	serve_command(char **argv, const char *path, struct lock *,
	    int64_t beat_ms);

/* send.c: each the exit code */

/* Says command, with args in JSON or NULL, to the pipe at path; prints what
 * it answers. */
int	send_words(const char *path, const char *command, const char *args,
	    int64_t timeout_ms);
/* Asks the holder to go. */
int	send_force(const char *path);

/* status.c */

/* Prints the holder as lines of key, tab, value; the exit code. */
int	status_print(const char *path);

#endif
