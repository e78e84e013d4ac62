/*
 * The agent's life around the swap.  Its lock is the truth: nobody holds it
 * when the new agent is started, so a live process that holds it afterwards,
 * and is the one that the lock's record names, is the new agent; no clock
 * needs to be right for that.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "platform.h"
#include "updater.h"

int
step_wait(struct update *u)
{
	struct lock_holder	h;
	int			rc;

	if (u->pid > 0 &&
	    process_wait(u->pid, u->pid_start, u->wait_ms) < 0) {
		log_warn("wait", "process %lld does not go, ending it",
		    (long long)u->pid);
		if ((rc = process_end(u->pid, u->pid_start)) < 0)
			return update_fail(u, rc, "process %lld: %s",
			    (long long)u->pid, errstr(rc));
	}
	u->gone_at = clock_mono_ms();
	if (lock_status(u->lock, &h) == 0 && h.held)
		return update_fail(u, -EBUSY, "%s: held by process %lld, "
		    "another agent", u->lock, (long long)h.pid);
	return 0;
}

/* In the journal before it runs, so that it can always be found again. */
static int
start(struct update *u)
{
	int	gate, rc;

	u->new_pid = u->new_start = 0;
	if ((rc = process_prepare(u->command, u->output, &u->new_pid,
	    &gate)) < 0)
		return update_fail(u, rc, "%s: %s", u->command[0], errstr(rc));
	u->new_start = platform_process_start(u->new_pid);
	if ((rc = journal_write(u)) < 0)
		log_warn(step_name(u->step), "%s: %s", u->journal, errstr(rc));
	if ((rc = process_begin(gate)) < 0)
		return update_fail(u, rc, "%s: %s", u->command[0], errstr(rc));
	log_info(step_name(u->step), "%s is process %lld", u->command[0],
	    (long long)u->new_pid);
	return 0;
}

static int
is_started(const struct update *u)
{
	struct lock_holder	h;

	return holder_of(u, &h) || process_runs(u->new_pid, u->new_start);
}

int
step_start(struct update *u)
{
	u->started = 1;
	if (is_started(u))
		return 0;
	logs_mark(u);
	return start(u);
}

/*
 * Waits for a live holder of the lock, at most verify_ms: of the old agent
 * nothing else is asked.  The process that we started may end in order, as
 * service starters do, or because it found the lock taken: then the holder
 * is looked for all the same.
 */
static int
find_holder(struct update *u, struct lock_holder *h)
{
	int64_t	until = clock_mono_ms() + u->verify_ms;
	char	text[32];
	int	good;

	for (;;) {
		if (holder_of(u, h))
			return 0;
		if (process_ended(u->new_pid, &good, text, sizeof(text)) &&
		    !good && !holder_of(u, h))
			return update_fail(u, -ECHILD, "the agent ended with "
			    "%s before it took %s", text, u->lock);
		if (clock_mono_ms() >= until)
			return update_fail(u, -ETIMEDOUT, "the agent did not "
			    "take %s in %lld ms", u->lock,
			    (long long)u->verify_ms);
		uv_sleep(UPDATE_POLL_MS);
	}
}

/* The same process has to hold the lock for all of settle_ms: its end is
 * seen at once, the loss of its lock soon. */
static int
watch_holder(struct update *u, const struct lock_holder *first)
{
	int64_t			from = clock_mono_ms(), left;
	struct lock_holder	h;
	char			text[32] = "no exit code known";
	int			good;

	while ((left = from + u->settle_ms - clock_mono_ms()) > 0) {
		process_wait(first->pid, first->start_ticks,
		    left < UPDATE_WATCH_MS ? left : UPDATE_WATCH_MS);
		if (holder_of(u, &h) && h.pid == first->pid &&
		    h.start_ticks == first->start_ticks)
			continue;
		process_wait(first->pid, first->start_ticks, UPDATE_POLL_MS);
		process_ended(u->new_pid, &good, text, sizeof(text));
		return update_fail(u, -ECHILD, "the agent gave %s up after "
		    "%lld ms (%s)", u->lock,
		    (long long)(clock_mono_ms() - from), text);
	}
	return 0;
}

int
step_prove(struct update *u)
{
	struct lock_holder	h;
	int64_t			from = clock_mono_ms();
	int			rc;

	if ((rc = proofs_wait(u, &h)) < 0)
		return rc;
	u->healthy_ms = clock_mono_ms() - (u->gone_at > 0 ? u->gone_at : from);
	log_info("prove", "process %lld is a healthy agent, %lld ms after the "
	    "old one had gone; it is watched for %lld ms more",
	    (long long)h.pid, (long long)u->healthy_ms,
	    (long long)u->settle_ms);
	return watch_holder(u, &h);
}

/* What an agent has started can hold its lock for a moment longer. */
static void
wait_for_lock(const struct update *u)
{
	int64_t			until = clock_mono_ms() + UPDATE_LET_GO_MS;
	struct lock_holder	h;

	while (lock_status(u->lock, &h) == 0 && h.held &&
	    clock_mono_ms() < until)
		uv_sleep(UPDATE_POLL_MS);
}

/* The process that we started, and whoever holds the lock: since the wait
 * nobody but a new agent can. */
int
step_stop(struct update *u)
{
	struct lock_holder	h;
	char			text[32];
	int			rc, good;

	if ((rc = process_end(u->new_pid, u->new_start)) < 0)
		return update_fail(u, rc, "process %lld: %s",
		    (long long)u->new_pid, errstr(rc));
	if (holder_of(u, &h) &&
	    (rc = process_end(h.pid, h.start_ticks)) < 0)
		return update_fail(u, rc, "process %lld: %s",
		    (long long)h.pid, errstr(rc));
	process_ended(u->new_pid, &good, text, sizeof(text));
	wait_for_lock(u);
	logs_take(u);
	return 0;
}

/*
 * The old agent runs again, if it ran before and nobody else starts it.  One that is about to leave,
 * because it took this update for granted, is waited for and not ended.
 */
int
step_restart(struct update *u)
{
	struct lock_holder	h;
	int			rc;

	if (u->no_start)
		return 0;
	if (u->leaving && !u->started)
		process_wait(u->pid, u->pid_start, u->wait_ms);
	if ((u->pid == 0 && !u->started) ||
	    process_runs(u->pid, u->pid_start) || holder_of(u, &h))
		return 0;
	if (!is_started(u) && (rc = start(u)) < 0)
		return rc;
	if ((rc = find_holder(u, &h)) < 0)
		return rc;
	log_info("restart", "the old agent is process %lld", (long long)h.pid);
	return 0;
}
