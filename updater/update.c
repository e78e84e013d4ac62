/*
 * The order of the steps.  Forward: check the file, stage the new binary
 * beside the target, wait for the old agent to go, keep the old binary,
 * swap, start, prove, clean.  A failure before the swap restores (which then
 * only tidies) and sees to it that the old agent runs; one after it stops
 * the new agent first.  After a crash the journal's step and the target's
 * own hash say where to go on.
 *
 * A start script calls us before it starts the agent (no_start).  Where the
 * new binary is in place and not proved, that start is left to it, once: the
 * new agent has an updater called that proves it.  When it is in the same
 * place again, the new one did not come so far, and has to go.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "updater.h"

static const struct {
	const char	*name;
	int		(*run)(struct update *);
	enum step	 next, on_failure, after_crash;
} steps[STEPS] = {
	[STEP_CHECK] = { "check", step_check,
	    STEP_STAGE, STEP_RESTORE, STEP_RESTORE },
	[STEP_STAGE] = { "stage", step_stage,
	    STEP_WAIT, STEP_RESTORE, STEP_RESTORE },
	[STEP_WAIT] = { "wait", step_wait,
	    STEP_KEEP, STEP_RESTORE, STEP_RESTORE },
	[STEP_KEEP] = { "keep", step_keep,
	    STEP_SWAP, STEP_RESTORE, STEP_RESTORE },
	[STEP_SWAP] = { "swap", step_swap,
	    STEP_START, STEP_RESTORE, STEP_START },
	[STEP_START] = { "start", step_start,
	    STEP_PROVE, STEP_STOP, STEP_START },
	[STEP_PROVE] = { "prove", step_prove,
	    STEP_CLEAN, STEP_STOP, STEP_START },
	[STEP_CLEAN] = { "clean", step_clean,
	    STEP_DONE, STEP_CLEAN, STEP_CLEAN },
	[STEP_DONE] = { "done", NULL,
	    STEP_DONE, STEP_DONE, STEP_DONE },
	/* The way back; a failure here leaves the step for a later call. */
	[STEP_STOP] = { "stop", step_stop,
	    STEP_RESTORE, STEP_RESTORE, STEP_STOP },
	[STEP_RESTORE] = { "restore", step_restore,
	    STEP_RESTART, STEP_RESTORE, STEP_RESTORE },
	[STEP_RESTART] = { "restart", step_restart,
	    STEP_ROLLED_BACK, STEP_RESTART, STEP_RESTART },
	[STEP_ROLLED_BACK] = { "rolled_back", NULL,
	    STEP_ROLLED_BACK, STEP_ROLLED_BACK, STEP_ROLLED_BACK }
};

const char *
step_name(enum step s)
{
	return steps[s].name;
}

int
update_fail(struct update *u, int rc, const char *fmt, ...)
{
	char	text[sizeof(u->failed_text)];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error(step_name(u->step), "%s", text);
	if (u->failed_step[0] == '\0') {	/* later ones follow from it */
		snprintf(u->failed_step, sizeof(u->failed_step), "%s",
		    step_name(u->step));
		memcpy(u->failed_text, text, sizeof(text));
	}
	return rc;
}

static int
is_undoing(enum step s)
{
	return s >= STEP_STOP;
}

/* Written before the step.  The way back does not stop for a full disk: it
 * can be found again from any earlier step. */
static int
write_down(struct update *u)
{
	int	rc = journal_write(u);

	if (rc == 0)
		return 0;
	if (!is_undoing(u->step) && u->step != STEP_DONE)
		return update_fail(u, rc, "%s: %s", u->journal, errstr(rc));
	log_warn(step_name(u->step), "%s: %s", u->journal, errstr(rc));
	return 0;
}

/* Where a killed updater goes on. */
static void
resume(struct update *u)
{
	enum step	at = u->step, to = steps[at].after_crash;

	if (to == STEP_START && is_binary(u->target, u->new_sha256) != 1)
		to = STEP_RESTORE;
	if (to == STEP_START && u->no_start && u->unwatched++ > 0) {
		to = STEP_STOP;
		update_fail(u, 0, "the new agent was started and did not come"
		    " to prove itself");
	}
	if (is_undoing(to) && u->failed_step[0] == '\0')
		update_fail(u, 0, "the updater was interrupted");
	log_info(NULL, "%s: interrupted at step %s, going on at %s", u->target,
	    step_name(at), step_name(to));
	u->step = to;
}

int
update_run(struct update *u, int resumed)
{
	enum step	at;
	int		rc;

	if (resumed)
		resume(u);
	if (u->no_start && u->step == STEP_START)
		return write_down(u) < 0 ? -EIO : STEP_START;
	while (steps[u->step].run != NULL) {
		at = u->step;
		log_debug(step_name(at), "%s", u->target);
		if ((rc = write_down(u)) == 0)
			rc = steps[at].run(u);
		if (rc < 0 && steps[at].on_failure == at)
			return rc;
		u->step = rc < 0 ? steps[at].on_failure : steps[at].next;
	}
	write_down(u);
	journal_tidy(u);
	return (int)u->step;
}
