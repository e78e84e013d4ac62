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
#include "errors.h"
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
	log_rotate(settings_int(a->config.settings, "log-max-size"),
	    (int)settings_int(a->config.settings, "log-keep"));
	if ((rc = log_to_file(a->config.log_file)) < 0)
		die(EXIT_SYSTEM, "%s: cannot be opened: %s",
		    a->config.log_file, errstr(rc));
}

/* Another agent is asked to go, and has gone when its lock is ours. */
static int
take_from(struct agent *a, const char *path)
{
	int64_t	limit = settings_int(a->config.settings, "force-timeout");
	int	rc;

	ask_to_go(&a->config);
	rc = lock_take(&a->lock, path, LOCK_WAIT, limit, MUSTER_VERSION);
	if (rc == -ETIMEDOUT)
		die(EXIT_TIMEOUT, "%s: the other agent said that it goes, and"
		    " did not in %" PRId64 " ms", path, limit);
	return rc;
}

/* Who stops in order empties the record. */
static void
note_crash(const char *dir, const struct lock_holder *h)
{
	char	*text = xasprintf("the agent before this one, version %s since"
		    " %s, last seen %s, did not stop in order", h->version,
		    h->since, h->beat);

	log_warn(NULL, "%s", text);
	errors_note(dir, "start", text);
	free(text);
}

/* What ends an agent at its start the next one can tell. */
static void
die_noted(const char *dir, const char *why)
{
	errors_note(dir, "start", why);
	die(EXIT_SYSTEM, "%s", why);
}

static void
take_lock(struct agent *a, const char *dir)
{
	char			*path = file_join(dir, "agent.lock");
	struct lock_holder	 holder, before;
	int			 rc, known = lock_status(path, &before);

	rc = lock_take(&a->lock, path, 0, 0, MUSTER_VERSION);
	if (rc == -EWOULDBLOCK && settings_bool(a->config.settings, "force"))
		rc = take_from(a, path);
	if (rc == -EWOULDBLOCK) {
		if (lock_status(path, &holder) == 0 && holder.pid > 0)
			die(EXIT_NO, "%s: another agent runs, process %"
			    PRId64, path, holder.pid);
		die(EXIT_NO, "%s: another agent runs", path);
	}
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: cannot be locked: %s", path,
		    errstr(rc));
	if (known == 0 && before.pid > 0 && !before.held)
		note_crash(dir, &before);
	free(path);
}

/* An agent whose config.json is damaged works on without it. */
static void
open_conf(struct agent *a, const char *dir)
{
	char	*why;

	if (confjson_load(&a->conf, dir, &agent_confjson,
	    update_on_trial(dir), &why) < 0) {
		log_error("config", "%s; it stays as it is, and nothing of it"
		    " is used", why);
		errors_note(dir, "config", why);
	}
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
	update_turn(dir, a->argv);
	take_lock(a, dir);
	open_conf(a, dir);
	if (identity_load(&a->identity, dir, a->config.name, &why) < 0 ||
	    registration_load(&a->registration, dir, &why) < 0)
		die_noted(dir, why);
}
