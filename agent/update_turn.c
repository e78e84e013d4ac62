/*
 * Whose turn it is, at an agent's start.  A supervisor that starts the agent
 * as soon as it ends starts the old binary once more, while the updater is
 * about to swap it: such a process must not take the lock.
 */
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "agent.h"
#include "clock.h"
#include "file.h"
#include "json.h"
#include "lock.h"
#include "log.h"
#include "platform.h"

enum {
	MAX_JOURNAL	= 256 * 1024,	/* as the updater has it */
	TURN_MS		= 120 * 1000,	/* longer than an updater's wait */
	TURN_LOOK_MS	= 10
};

/* From the wait for the old agent's end to the start of the new one, and on
 * the way back: the updater starts an agent itself, or waits for one. */
static int
is_updaters_turn(const char *lock, const char *journal)
{
	static const char *const	steps[] = {
		"wait", "keep", "swap", "stop", "restore"
	};
	struct lock_holder		h;
	struct json_err			e;
	json_t				*o;
	size_t				i;
	int				rc, is = 0;

	if (lock_status(lock, &h) < 0 || !h.held)
		return 0;
	o = json_read_file(journal, MAX_JOURNAL, &e, &rc);
	for (i = 0; i < nitems(steps); i++)
		is |= strcmp(json_str(o, "step", ""), steps[i]) == 0;
	json_decref(o);
	return is;
}

void
update_turn(const char *state_dir, char **argv)
{
	char	*lock = file_join(state_dir, "update.lock");
	char	*journal = file_join(state_dir, "update.json");
	int64_t	 until = clock_mono_ms() + TURN_MS;
	int	 waited = 0;

	while (is_updaters_turn(lock, journal) && clock_mono_ms() < until) {
		if (!waited++)
			log_info("update", "waiting for the updater");
		uv_sleep(TURN_LOOK_MS);
	}
	free(journal);
	free(lock);
	if (waited)
		platform_exec_program(argv);	/* comes back where it cannot */
}
