/*
 * muster-updater: swaps one binary for another so that at every instant
 * TARGET is a whole binary, and a journal on the disk tells how far it came.
 *
 * The file TARGET is only ever replaced by rename(2): the old one keeps a
 * second name, TARGET.old, until the new one is proved.  The journal is
 * written before each step; after a crash the steps look at what is really
 * there (by SHA-256), so that doing one twice does no harm.
 */
#ifndef MUSTER_UPDATER_H
#define MUSTER_UPDATER_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct lock_holder;

/* Limits, with their reasons. */
enum {
	UPDATE_MAX_PATH	= 1024,		/* room for a suffix below PATH_MAX */
	UPDATE_VERSION	= 32,		/* bytes of a version, with its NUL */
	UPDATE_MAX_WORDS = 64,		/* of the agent's command */
	UPDATE_MAX_JOURNAL = 256 * 1024, /* bytes; ours has a few KB */
	UPDATE_MAX_LIST	= 4096,		/* members of a package */
	UPDATE_LOCK_MS	= 2000,		/* for a killed updater's child, which
					 * shares its lock, to go too */
	UPDATE_VERSION_MS = 5000,	/* for NEW --version to answer */
	UPDATE_UNPACK_MS = 60000,	/* for tar(1) */
	UPDATE_TERM_MS	= 5000,		/* from SIGTERM to SIGKILL */
	UPDATE_KILL_MS	= 5000,		/* for a killed process to be gone */
	UPDATE_LET_GO_MS = 5000,	/* for a lock whose holder has ended */
	UPDATE_POLL_MS	= 5,		/* between two looks at a process */
	UPDATE_WATCH_MS	= 100,		/* the same, once it is proved */
	UPDATE_ASK_MS	= 500,		/* for an agent on its control pipe */
	UPDATE_LOG_LINES = 20,		/* of each version, for the report */
	UPDATE_LOG_LINE	= 400		/* bytes; what is longer is cut */
};

enum step { STEP_CHECK, STEP_STAGE, STEP_WAIT, STEP_KEEP, STEP_SWAP,
	STEP_START, STEP_PROVE, STEP_CLEAN, STEP_DONE,
	STEP_STOP, STEP_RESTORE, STEP_RESTART, STEP_ROLLED_BACK, STEPS };

struct update {
	char	 journal[UPDATE_MAX_PATH];	/* its file */
	char	 state_dir[UPDATE_MAX_PATH];
	json_t	*words;		/* what command points into after a crash */
	int	 no_start;	/* whoever called us starts the agent */
	int64_t	 gone_at;	/* mono, ms: the old agent was gone; 0 */

	/* What FILE must match; not kept: a crash before its end undoes. */
	int	 has_sum, has_key;
	uint8_t	 sum[32], key[32], signature[64];

	/* From here on the journal holds everything: journal.c's table. */
	enum step step;
	char	 file[UPDATE_MAX_PATH];		/* package or binary */
	char	 target[UPDATE_MAX_PATH];
	char	 old[UPDATE_MAX_PATH + 8];	/* TARGET.old */
	char	 staged[UPDATE_MAX_PATH + 8];	/* TARGET.new */
	char	 unpacked[UPDATE_MAX_PATH + 8];	/* where tar(1) puts things */
	char	 lock[UPDATE_MAX_PATH];		/* the agent's */
	char	 output[UPDATE_MAX_PATH + 8];	/* what the agent says */
	char	 agent_log[UPDATE_MAX_PATH];	/* its log file, or "" */
	char	 control[UPDATE_MAX_PATH];	/* its control pipe */
	char	 proofs[64];	/* names, with commas between */
	char	 self[UPDATE_MAX_PATH];	/* this program, to be removed; or "" */
	char	 installed[UPDATE_MAX_PATH + 8]; /* muster-updater beside the
						  * target, to be replaced; or "" */
	char	 old_sha256[65], new_sha256[65]; /* of the binaries */
	char	 version[UPDATE_VERSION];	/* of the new one; "" unknown */
	char	 old_version[UPDATE_VERSION];	/* or "" */
	char	 failed_step[16], failed_text[256];
	int64_t	 package;	/* file is a .tar.gz */
	int64_t	 remove;	/* the file, in the end */
	int64_t	 reached;	/* the old agent had reached its server */
	int64_t	 leaving;	/* the caller says that pid is about to go */
	int64_t	 pid, pid_start;	/* the old agent; 0: none ran */
	int64_t	 started;	/* the new one was started once */
	int64_t	 new_pid, new_start;
	int64_t	 output_at, log_at;	/* bytes that the old one left there */
	int64_t	 healthy_ms;	/* from the old one's end; 0: not yet */
	int64_t	 unwatched;	/* starts of the new one by others alone */
	json_t	*logs;		/* {"old":[..],"new":[..]} of a failure */
	int64_t	 wait_ms, verify_ms, settle_ms;
	const char *command[UPDATE_MAX_WORDS + 1];	/* starts the agent */
};

/* update.c */
/* Runs from u->step (or, resumed, from what a crash there asks for) to its
 * end.  STEP_DONE or STEP_ROLLED_BACK, or STEP_START where the caller is to
 * start a new agent that is not proved; -errno where not even undoing worked:
 * a later call may get further. */
int	update_run(struct update *, int resumed);
/* Sets what failed, the first time; returns rc, for `return update_fail()`. */
int	update_fail(struct update *, int rc, const char *, ...)
#ifdef __GNUC__
	    __attribute__((format(printf, 3, 4)))
#endif
	    ;
const char *step_name(enum step);

/* journal.c: 0 or -errno; the updater's own lock is held */
int	journal_write(struct update *);
/* What is removed in the end: the package and the updater itself. */
void	journal_tidy(const struct update *);
/* -ENOENT where there is none; *why is a fixed text for -EINVAL. */
int	journal_read(struct update *, const char **why);

/* stage.c, package.c: the steps up to a new binary that can be trusted */
int	step_check(struct update *);
int	step_stage(struct update *);
/* Copies u->file first and hashes the copy then: what was checked is what is
 * used, even if somebody writes to the file meanwhile. */
int	stage_copy(struct update *, const char *to, int mode);
/* Takes the one member .../muster-agent out of a .tar.gz, and muster-updater
 * where there is one; path gets the first. */
int	package_unpack(struct update *, char *path, size_t n);
void	package_clean(struct update *);
/* The package's updater takes the place of the installed one, if both are
 * there. */
void	package_updater(struct update *);
/* Runs a command; 0 when it exits with 0 in time, -ECANCELED with *code when
 * otherwise.  line() hears stdout's lines. */
int	command_run(const char *const *argv, int64_t timeout_ms, int *code,
	    void (*line)(const char *, void *), void *arg);

/* swap.c: the steps that move files */
int	step_keep(struct update *);
int	step_swap(struct update *);
int	step_clean(struct update *);
int	step_restore(struct update *);
/* Whether the file has this hash: 1, 0 or -errno. */
int	is_binary(const char *path, const char *sha256);

/* agent.c: the steps that touch processes */
int	step_wait(struct update *);
int	step_start(struct update *);
int	step_prove(struct update *);
int	step_stop(struct update *);
int	step_restart(struct update *);

/* proofs.c: what a new agent has to show.  Each rung of the ladder is looked
 * at again and again, in order, until all hold. */
/* 0, or -EINVAL with the first name that is none. */
int	proofs_check(const char *names, char bad[32]);
/* Waits for a live holder that shows all: 0, or an error that is told. */
int	proofs_wait(struct update *, struct lock_holder *);
/* The live holder of the agent's lock: 1, or 0 where there is none. */
int	holder_of(const struct update *, struct lock_holder *);

/* control.c: the agent's own word, by its control pipe */
/* Its status, owned by the caller; NULL where it does not answer. */
json_t	*control_status(const struct update *);
/* Whether a status says that the server was reached. */
int	control_reached(const json_t *status);

/* logs.c: the last words of both versions */
void	logs_mark(struct update *);	/* the new one begins here */
void	logs_take(struct update *);	/* for the report of a failure */

/* process.c: a process is its PID and start time, so none is mistaken */
int	process_runs(int64_t pid, int64_t start);
/* Waits for its end: 0, or -ETIMEDOUT. */
int	process_wait(int64_t pid, int64_t start, int64_t ms);
/* SIGTERM, and SIGKILL when that was not enough: 0 or -errno. */
int	process_end(int64_t pid, int64_t start);
/*
 * Makes a process in a session of its own, both outputs appended to a file,
 * that waits before it becomes the command: so its PID can be written down
 * first, and it ends unborn when we die before that.  process_begin() lets
 * it go, takes the gate, and is 0 once the command runs.
 */
int	process_prepare(const char *const *argv, const char *output,
	    int64_t *pid, int *gate);
int	process_begin(int gate);
/* Whether our child has ended: 1 and words, else 0 (no child of ours too);
 * *good is whether it ended with exit code 0. */
int	process_ended(int64_t pid, int *good, char *text, size_t n);

#endif
