/*
 * The start, in order: log, lock, private state.  Each step ends the process
 * where it fails.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "agent.h"
#include "buf.h"
#include "confjson.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "platform.h"
#include "settings.h"

void
start_log(const struct agent *a)
{
	int	rc;

	if (a->config.log_file == NULL)
		return;
	if ((rc = log_to_file(a->config.log_file)) < 0)
		die(EXIT_SYSTEM, "%s: cannot be opened: %s",
		    a->config.log_file, errstr(rc));
}

static void
take_lock(struct agent *a, const char *dir)
{
	char			*path = file_join(dir, "agent.lock");
	struct lock_holder	 holder;
	int			 rc;

	rc = lock_take(&a->lock, path, 0, 0, MUSTER_VERSION);
	if (rc == -EWOULDBLOCK) {
		if (lock_status(path, &holder) == 0 && holder.pid > 0)
			die(EXIT_NO, "%s: another agent runs, process %"
			    PRId64, path, holder.pid);
		die(EXIT_NO, "%s: another agent runs", path);
	}
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: cannot be locked: %s", path,
		    errstr(rc));
	free(path);
}

/* An agent whose config.json is damaged works on without it. */
static void
open_conf(struct agent *a, const char *dir)
{
	char	*why;

	if (confjson_load(&a->conf, dir, &agent_confjson,
	    update_on_trial(dir), &why) < 0)
		log_error("config", "%s; it stays as it is, and nothing of it"
		    " is used", why);
	free(why);
}

void
start_state(struct agent *a)
{
	const char	*dir = settings_state_dir(a->config.settings);
	char		*why;
	int		 rc;

	if ((rc = platform_private_dir(dir)) < 0)
		die(EXIT_SYSTEM, "%s: cannot be made private: %s", dir,
		    errstr(rc));
	take_lock(a, dir);
	open_conf(a, dir);
	if (identity_load(&a->identity, dir, a->config.name, &why) < 0 ||
	    registration_load(&a->registration, dir, &why) < 0)
		die(EXIT_SYSTEM, "%s", why);
}
