/* Private to the clean-up: a pass, which goes step by step. */
#ifndef MUSTER_CLEANUP_PASS_H
#define MUSTER_CLEANUP_PASS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "cleanup.h"
#include "crypto.h"
#include "list.h"

enum {
	CLEANUP_JOBS	= 16,	/* deleted in one transaction's batch */
	CLEANUP_EVENTS	= 250,	/* trimmed in one transaction */
	CLEANUP_FILES	= 64,	/* moved or removed in one go of a worker */
	CLEANUP_FOUND	= 4096,	/* orphans in one pass; the rest has time */
	CLEANUP_ITEMS	= 1000,	/* told of in one answer */
	CLEANUP_PAUSE	= 1,	/* ms between two goes */
	/*
	 * A file without a record stays in its place for so long (or for the
	 * grace, where that is less); the builds that run keep what has been
	 * published since they began, however long ago.
	 */
	CLEANUP_YOUNG	= 10 * 60 * 1000,
	CLEANUP_TEMP	= 10 * 60 * 1000	/* ms: no write takes so long */
};

/* How much a file system's clock may be behind ours, in ms; for tests, which
 * cannot wait for seconds. */
extern int64_t	cleanup_clock;

/* A file that no record leads to, or one in the trash. */
struct found {
	char		name[2 * SHA256_SIZE + 1];
	int64_t		bytes;
	int		trashed;	/* it was there already */
	enum {
		FOUND_SKIP,	/* it is being sent; it was taken out again */
		FOUND_TRASH,	/* out of its place */
		FOUND_BACK,	/* into its place: a record leads to it */
		FOUND_REMOVE
	}		what;
};

struct counts {
	int64_t	jobs, tokens, events, reports;
	int64_t	orphans, restored;	/* into, and out of, the trash */
	int64_t	files, bytes;		/* removed */
	int64_t	directories, temporary;
};

struct pass {
	struct cleanup	*cleanup;
	struct server	*server;
	struct call	*call;		/* who asked, or NULL */
	int		 dry;		/* nothing is changed */
	int		 rc;		/* the first that failed, or 0 */
	size_t		 step;
	int64_t		 now, began;	/* wall clock; monotonic */
	struct counts	 n;
	json_t		*items;		/* [[what, name], ...] */
	int		 truncated;	/* there were more */
	uv_timer_t	 pause;
	void		(*resume)(struct pass *);
	uv_work_t	 work;
	/* cleanup_records.c */
	char		*cursor;
	int		 pending;	/* writes under way */
	int		 last;		/* of the pages */
	int64_t		 low, high;	/* where the events to stay begin */
	/* Files that are younger belong to builds that run. */
	int64_t		 oldest_run;
	json_t		*runs;		/* fences of those: {"12":true} */
	/* The contents that records lead to: sorted, SHA256_SIZE each. */
	uint8_t		*roots;
	size_t		 n_roots, max_roots;
	int		 all_roots;	/* nothing was missed */
	json_t		*agents;	/* uids whose reports are to be seen */
	/* cleanup_files.c */
	struct found	*found;
	size_t		 n_found, at;
};

struct cleanup {
	struct server	*server;
	char		*state_dir, *work_dir, *template_dir;
	int64_t		 keep_jobs, keep_events, keep_reports, keep_templates;
	int64_t		 orphan_grace, interval;
	uv_timer_t	 timer;
	struct link	 callers;	/* struct call, each for its own pass */
	struct pass	*pass;
	int		 due;		/* a pass without a caller */
	int		 stopping;
	void		(*stopped)(void *);
	void		*stopped_arg;
};

/* cleanup.c */
/* The step is done; the first rc < 0 is the pass's. */
void	pass_next(struct pass *, int rc);
/* Goes on there in another turn of the loop. */
void	pass_pause(struct pass *, void (*resume)(struct pass *));
/* Notes one thing that goes, for the answer. */
void	pass_note(struct pass *, const char *what, const char *name);
int	pass_stopped(const struct pass *);

/* cleanup_records.c: steps */
void	step_runs(struct pass *);
void	step_jobs(struct pass *);
void	step_tokens(struct pass *);
void	step_events(struct pass *);
/* Whether a record leads to this content; when the steps are done. */
int	pass_is_root(const struct pass *, const uint8_t *sum);

/* cleanup_reports.c */
void	step_reports(struct pass *);

/* cleanup_files.c */
void	step_files(struct pass *);

/* cleanup_releases.c */
void	step_releases(struct pass *);

/* cleanup_dirs.c */
void	step_dirs(struct pass *);

#endif
