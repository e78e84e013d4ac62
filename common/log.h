/* Words to stderr: one line each, "tool[module]: text", or JSON on request. */
#ifndef MUSTER_LOG_H
#define MUSTER_LOG_H

#include <stdint.h>

#include "buf.h"

/*
 * Exit codes, because scripts branch on them (after s6): 0 yes; the rest
 * here.  126 and 127 are the shell's: cannot execute, not found.
 */
enum exit_code {
	EXIT_YES	= 0,
	EXIT_NO		= 1,	/* busy, differs, bad signature, refused */
	EXIT_TIMEOUT	= 99,
	EXIT_USAGE	= 100,	/* usage or configuration: do not retry */
	EXIT_BUG	= 101,
	EXIT_SYSTEM	= 111	/* system or peer failed: a retry may help */
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NONE };
enum log_format { LOG_TEXT, LOG_JSON };

/* tool is not copied.  Before log_init: info and above, as text. */
void	log_init(const char *tool, enum log_level, enum log_format);
/* "debug" "info" "warn" "error" "none" to a level; -1 where it is none. */
int	log_level_parse(const char *);
/* Whether a line of this level would be printed: spare costly arguments. */
int	log_wants(enum log_level);
/*
 * Sends the lines to a file (mode 0600, appended) instead of stderr; NULL
 * for stderr again.  Called anew it reopens: what SIGHUP does after a
 * rotation.  Returns 0 or -errno, in which case nothing has changed.
 */
int	log_to_file(const char *path);

/* From then on a file that a line would bring beyond max bytes becomes PATH.1,
 * the one before PATH.2, and so on: keep of them.  max 0: never. */
void	log_rotate(int64_t max, int keep);

/* module is the room that speaks ("net", "ws", "queue"), or NULL. */
void	log_debug(const char *module, const char *, ...) PRINTF_LIKE(2, 3);
void	log_info(const char *module, const char *, ...) PRINTF_LIKE(2, 3);
void	log_warn(const char *module, const char *, ...) PRINTF_LIKE(2, 3);
void	log_error(const char *module, const char *, ...) PRINTF_LIKE(2, 3);

/* Ends the process without unwinding: streams are flushed, that is all. */
_Noreturn void log_exit(enum exit_code);
/* Prints "tool: text" and exits; for main and process roles alone. */
_Noreturn void die(enum exit_code, const char *, ...) PRINTF_LIKE(2, 3);

/*
 * What a 0-or-negative-errno code (or a UV_E* one) means, in words.  The two
 * are the same but on Windows: compare what comes from a file or a socket
 * with UV_ENOENT and its like.
 */
const char *errstr(int rc);

#define nitems(a)	(sizeof(a) / sizeof((a)[0]))

#endif
