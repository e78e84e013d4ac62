/*
 * What is no longer wanted goes: old jobs, tokens, events, reports, files that no
 * record leads to, directories and temporary files that killed processes
 * left.  By itself at the start and every interval, and when it is asked for.
 */
#ifndef MUSTER_CLEANUP_H
#define MUSTER_CLEANUP_H

#include <stdint.h>

struct cleanup;
struct server;

struct cleanup_options {
	const char	*state_dir;	/* temporary files in it go */
	const char	*work_dir, *template_dir;
	int64_t		 keep_jobs, keep_events, keep_reports, keep_templates; /* ms */
	int64_t		 orphan_grace;	/* ms in the trash */
	int64_t		 interval;	/* ms; 0: only when asked */
};

/* Strings are copied.  server->artifact_dir, store and transfers are used. */
void	cleanup_start(struct server *, const struct cleanup_options *);
/* Ends what is under way at its next step, and the walks of docwalk.h; then
 * done(), and its memory is gone. */
void	cleanup_stop(struct server *, void (*done)(void *), void *arg);

#endif
