/*
 * muster-lock: holds a lock around a command, after flock(1).  The lock is a
 * descriptor that the command inherits, so it is held for as long as one of
 * them lives, whoever is killed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "lock.h"
#include "lockd.h"
#include "log.h"
#include "platform.h"
#include "settings.h"

#include <uv.h>

enum {
	MAX_WAIT_S	= 1000000000,	/* thirty years */
	SEND_MS		= 60000,	/* for a command that works */
	FD_PAUSE	= 10		/* ms between two tries */
};

static const struct setting	table[] = {
	{ "shared", 's', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "a lock that other shared ones may be beside", SETTING_FLAG, NULL },
	{ "exclusive", 'x', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "a lock of its own, the default", SETTING_FLAG, NULL },
	{ "nonblock", 'n', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "give up at once while another holds it", SETTING_FLAG, NULL },
	{ "unlock", 'u', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "let a descriptor's lock go", SETTING_FLAG, NULL },
	{ "fcntl", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "fcntl(2)'s lock of the whole file instead", SETTING_FLAG, NULL },
	{ "nb", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "the same as -n", SETTING_FLAG, NULL },
	{ "nonblocking", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "the same as -n", SETTING_FLAG, NULL },
	{ "timeout", 0, NULL, SETTING_STR, NULL, 0, 0, "SECONDS",
	    "the same as -w", SETTING_FLAG, NULL },
	{ "wait", 'w', NULL, SETTING_STR, NULL, 0, 0, "SECONDS",
	    "give up after this time, like 2 or 0.5", SETTING_FLAG, NULL },
	{ "conflict-exit-code", 'E', NULL, SETTING_INT, NULL, 0, 255, "N",
	    "exit code of giving up (1; with -w 99)", SETTING_FLAG, NULL },
	{ "close", 'o', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "the command does not inherit the lock", SETTING_FLAG, NULL },
	{ "no-fork", 'F', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "become the command rather than start it", SETTING_FLAG, NULL },
	{ "heartbeat", 'b', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "rewrite the record's time while the command runs",
	    SETTING_FLAG, NULL },
	{ "heartbeat-interval", 0, "MUSTER_LOCK_HEARTBEAT", SETTING_DURATION,
	    "60", 100, 86400000, "TIME", "how often", 0, NULL },
	{ "status", 't', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "print who holds it; take nothing", SETTING_FLAG, NULL },
	{ "steal-stale", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "clear the record of a holder that is gone", SETTING_FLAG, NULL },
	{ "serve", 0, NULL, SETTING_PATH, NULL, 0, 0, "PIPE",
	    "serve a control pipe while the command runs", SETTING_FLAG,
	    NULL },
	{ "force", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "with --serve: ask a holder to go, and take its place",
	    SETTING_FLAG, NULL },
	{ "send", 0, NULL, SETTING_PATH, NULL, 0, 0, "PIPE",
	    "say a command to a control pipe", SETTING_FLAG, NULL },
	{ "verbose", 'v', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "tell who is in the way, and how long it took", SETTING_FLAG,
	    NULL }
};

static struct settings_spec	spec = {
	.tool = "muster-lock",
	.synopsis = "[-snxoFbv] [-w SECONDS] [-E N] FILE COMMAND [ARG ...]\n"
	    "       muster-lock [options] FILE -c COMMAND\n"
	    "       muster-lock [-snxv] [-w SECONDS] [-E N] DESCRIPTOR\n"
	    "       muster-lock --serve PIPE [--force] [options] FILE COMMAND"
	    " [ARG ...]\n"
	    "       muster-lock --send PIPE [-w SECONDS] WORD [JSON]\n"
	    "       muster-lock --status FILE\n"
	    "       muster-lock --steal-stale FILE",
	.about = "Holds a lock on a file while a command runs.",
	.table = table,
	.n = nitems(table),
	.groups = SETTINGS_STOP_AT_OPERAND | SETTINGS_OPERANDS
};

/* Whether we stand in for flock(1), under its name. */
static int
is_flock(void)
{
	return strcmp(spec.tool, "flock") == 0;
}

struct request {
	const struct settings	*s;
	const char		*file;
	unsigned		 flags;
	int64_t			 wait_ms;	/* negative: for ever */
	int			 busy_code, timeout_code;
	int			 verbose;
};

/* "2", "0.5" or ".5": seconds, to ms. */
static int64_t
read_seconds(const struct settings *s, const char *text)
{
	char	*end;
	double	 v = strtod(text, &end);

	if (end == text || *end != '\0' || strspn(text, "0123456789.")
	    != strlen(text) || v > MAX_WAIT_S)
		settings_usage(s, "-w %s: not a number of seconds", text);
	return (int64_t)(v * 1000 + 0.5);
}

/* How long to wait, from the words that flock(1) has for it. */
static void
read_wait(struct request *r, const struct settings *s)
{
	const char	*wait = settings_has(s, "wait") ? "wait" : "timeout";
	int		 at_once = settings_bool(s, "nonblock") ||
			    settings_bool(s, "nb") ||
			    settings_bool(s, "nonblocking");

	if (at_once && settings_has(s, wait))
		settings_usage(s, "-n and -w exclude each other");
	if (at_once)
		r->flags &= ~(unsigned)LOCK_WAIT;
	if (settings_has(s, wait))
		r->wait_ms = read_seconds(s, settings_str(s, wait));
}

static void
read_request(struct request *r, const struct settings *s)
{
	r->s = s;
	r->verbose = settings_bool(s, "verbose");
	r->wait_ms = -1;
	r->flags = LOCK_WAIT;
	r->busy_code = EXIT_NO;
	r->timeout_code = EXIT_TIMEOUT;
	if (settings_bool(s, "shared") && settings_bool(s, "exclusive"))
		settings_usage(s, "-s and -x exclude each other");
	if (settings_bool(s, "shared"))
		r->flags |= LOCK_SHARED;
	r->flags |= settings_bool(s, "fcntl") ? LOCK_WHOLE : LOCK_FLOCK;
	if (!settings_bool(s, "close"))
		r->flags |= LOCK_INHERIT;
	read_wait(r, s);
	/* In flock's place all is as its callers know it. */
	if (is_flock())
		r->timeout_code = EXIT_NO;
	if (settings_has(s, "conflict-exit-code"))
		r->busy_code = r->timeout_code =
		    (int)settings_int(s, "conflict-exit-code");
}

/* The code to leave with where the lock was not to be had. */
static int
refused(const struct request *r, int rc)
{
	struct lock_holder	h;
	int			known;

	if (rc != -EWOULDBLOCK && rc != -ETIMEDOUT)
		die(EXIT_SYSTEM, "%s: %s", r->file, errstr(rc));
	known = lock_status(r->file, &h) == 0 && h.pid > 0;
	if (r->verbose && known)
		log_info(NULL, "%s: held by pid %lld since %s", r->file,
		    (long long)h.pid, h.since);
	else if (r->verbose)
		log_info(NULL, "%s: held by another", r->file);
	return rc == -ETIMEDOUT ? r->timeout_code : r->busy_code;
}

static void
tell_taken(const struct request *r, int64_t began)
{
	int64_t	ms = clock_mono_ms() - began;

	if (!r->verbose)
		return;
	if (is_flock())			/* on stdout, and so it is looked for */
		printf("flock: getting lock took %lld.%06lld seconds\n",
		    (long long)(ms / 1000), (long long)(ms % 1000 * 1000));
	else
		log_info(NULL, "getting lock took %lld.%03lld seconds",
		    (long long)(ms / 1000), (long long)(ms % 1000));
	fflush(stdout);
}

/* -- a descriptor that the shell holds -- */

static int
lock_open_file(const struct request *r, int fd)
{
	int64_t	began = clock_mono_ms(), end = began + r->wait_ms;
	int	for_ever = (r->flags & LOCK_WAIT) != 0 && r->wait_ms < 0, rc;

	for (;;) {
		rc = lock_descriptor(fd, for_ever ? r->flags :
		    r->flags & ~(unsigned)LOCK_WAIT);
		if (rc == -EINTR)
			continue;
		if (rc != -EWOULDBLOCK || (r->flags & LOCK_WAIT) == 0)
			break;
		if (clock_mono_ms() >= end) {
			rc = -ETIMEDOUT;
			break;
		}
		uv_sleep(FD_PAUSE);
	}
	if (rc < 0)
		return refused(r, rc);
	tell_taken(r, began);
	return EXIT_YES;
}

/* The number of a descriptor, or -1 for anything else. */
static int
descriptor_number(const char *text)
{
	size_t	n = strlen(text);

	if (n == 0 || n > 6 || strspn(text, "0123456789") != n)
		return -1;
	return atoi(text);
}

static int
unlock_open_file(const struct request *r, int fd)
{
	int	rc = platform_unlock(fd);

	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", r->file, errstr(rc));
	return EXIT_YES;
}

/* -- a file and a command -- */

/* A holder who serves the pipe is asked to go; one who may not be ended ends
 * us, with the code of its answer. */
static int
take_from(const struct request *r, struct lock **l, const char *pipe)
{
	int	rc = lock_take(l, r->file, r->flags & ~(unsigned)LOCK_WAIT,
		    0, "");

	if (rc != -EWOULDBLOCK)
		return rc;
	if ((rc = send_force(pipe)) != EXIT_YES)
		log_exit((enum exit_code)rc);
	return lock_take(l, r->file, r->flags, r->wait_ms, "");
}

static int
lock_and_run(const struct request *r, char **command)
{
	int64_t		 began = clock_mono_ms();
	const char	*pipe = settings_str(r->s, "serve");
	struct lock	*l;
	int		 rc, beat = settings_bool(r->s, "heartbeat");

	if (settings_bool(r->s, "force"))
		rc = take_from(r, &l, pipe);
	else
		rc = lock_take(&l, r->file, r->flags, r->wait_ms, "");
	if (rc < 0)
		return refused(r, rc);
	tell_taken(r, began);
	if (r->verbose && is_flock()) {
		printf("flock: executing %s\n", command[0]);
		fflush(stdout);
	}
	if (settings_bool(r->s, "no-fork"))
		return run_instead(command);
	if (pipe != NULL) {
		rc = serve_command(command, pipe, l, settings_int(r->s,
		    "heartbeat-interval"));
		lock_drop(l);
		return rc;
	}
	rc = run_command(command, beat ? l : NULL,
	    settings_int(r->s, "heartbeat-interval"));
	lock_drop(l);
	return rc;
}

/* A stale lock is free; taking it and letting it go clears its record. */
static int
clear_stale(struct request *r)
{
	struct lock	*l;
	int		 rc = lock_take(&l, r->file, 0, 0, "");

	if (rc < 0)
		return refused(r, rc);
	lock_drop(l);
	return EXIT_YES;
}

/* COMMAND ARG..., or -c and a line for the shell. */
static char **
find_command(const struct settings *s, char **argv)
{
	static char	 sh[] = "/bin/sh", dash_c[] = "-c";
	static char	*shell[] = { sh, dash_c, NULL, NULL };

	if (strcmp(argv[0], "-c") != 0 && strcmp(argv[0], "--command") != 0)
		return strcmp(argv[0], "--") == 0 ? argv + 1 : argv;
	if (argv[1] == NULL || argv[2] != NULL)
		settings_usage(s, "-c takes one argument, a line for the "
		    "shell");
	shell[2] = argv[1];
	return shell;
}

/* A link of flock's name stands in for flock(1). */
static void
take_name(const char *called)
{
	const char	*slash = strrchr(called, '/');

	if (strcmp(slash != NULL ? slash + 1 : called, "flock") == 0)
		spec.tool = "flock";
}

int
main(int argc, char **argv)
{
	struct settings	*s;
	struct request	 r;
	char		**command = NULL;
	int		 n, rc;

	if (argc > 0)
		take_name(argv[0]);
	s = settings_load(&spec, argc, argv);
	n = argc - settings_first(s);
	argv += settings_first(s);
	read_request(&r, s);
	if (settings_has(s, "send")) {
		if (n < 1 || n > 2)
			settings_usage(s, "--send takes a word, and JSON");
		rc = send_words(settings_str(s, "send"), argv[0], n > 1 ?
		    argv[1] : NULL, r.wait_ms >= 0 ? r.wait_ms : SEND_MS);
		settings_free(s);
		return rc;
	}
	if (settings_bool(s, "force") && !settings_has(s, "serve"))
		settings_usage(s, "--force needs --serve");
	if (n < 1)
		settings_usage(s, "no file given");
	r.file = argv[0];
	if (n > 1)
		command = find_command(s, argv + 1);
	if (n > 1 && command[0] == NULL)
		settings_usage(s, "no command given");
	if (settings_bool(s, "no-fork") && (settings_bool(s, "close")
	    || settings_bool(s, "heartbeat") || settings_has(s, "serve")))
		settings_usage(s, "-F excludes -o, -b and --serve");
	if (settings_bool(s, "status") && n == 1)
		rc = status_print(r.file);
	else if (settings_bool(s, "steal-stale") && n == 1)
		rc = clear_stale(&r);
	else if (settings_bool(s, "status") || (n == 1
	    && descriptor_number(r.file) < 0))
		settings_usage(s, "%s", n == 1 ? "no command given"
		    : "--status takes a file alone");
	else if (n == 1 && settings_bool(s, "unlock"))
		rc = unlock_open_file(&r, descriptor_number(r.file));
	else if (n == 1)
		rc = lock_open_file(&r, descriptor_number(r.file));
	else
		rc = lock_and_run(&r, command);
	settings_free(s);
	return rc;
}
