/*
 * An update, seen from the agent that goes: ask the server, believe the
 * metadata alone, fetch the file (as a patch where that will do), check it,
 * put our configuration into it, and hand all to muster-updater; then shut
 * down.  Each operation is a file of its own and ends in update_step() or
 * update_fail(); every state of document 003 is entered here.
 *
 * The question comes by a timer and by the command "update".  Nothing but
 * IDLE leaves for an update; whatever fails leads back there, with the agent
 * running on.  A stop ends what is under way; what was fetched stays, and
 * the next time goes on from there.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "child.h"
#include "clock.h"
#include "commands.h"
#include "confjson.h"
#include "crypto.h"
#include "file.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "state.h"
#include "tuf.h"
#include "update.h"

char *
update_path(const struct update *u, const char *name)
{
	char	*dir = file_join(settings_state_dir(u->agent->config.settings),
		    "update");
	char	*path = file_join(dir, name);

	free(dir);
	return path;
}

char *
update_beside(const char *name)
{
	char	*exe = platform_program(), *path = NULL, *slash;

	if (exe != NULL && (slash = strrchr(exe, strchr(exe, '/') != NULL ?
	    '/' : '\\')) != NULL) {
		slash[1] = '\0';
		path = xasprintf("%s%s%s", exe, name, *name != '\0' &&
		    strcmp(platform_os, "windows") == 0 ? ".exe" : "");
	}
	free(exe);
	return path;
}

/* -- the way -- */

/* A table of its own would say no more than this. */
static void
enter(struct update *u, enum state_event event, enum update_at at,
    void (*operation)(struct update *))
{
	if (event != STATE_EVENTS && state_event(u->agent->state, event) < 0)
		return;			/* we are being stopped */
	u->at = at;
	operation(u);
}

static void
verify(struct update *u)
{
	if (state_event(u->agent->state, ON_VERIFY) < 0 ||
	    update_make(u) < 0 ||
	    state_event(u->agent->state, ON_EXTRACT) < 0)
		return;
	if (u->package)
		enter(u, STATE_EVENTS, UPDATE_LIST, update_list);
	else
		enter(u, ON_PREPARE, UPDATE_LAUNCH, update_launch);
}

void
update_step(struct update *u)
{
	switch (u->at) {
	case UPDATE_ASK:
		enter(u, ON_UPDATE, UPDATE_TRUST, update_trust);
		break;
	case UPDATE_TRUST:
	case UPDATE_FIND:
		if (update_room(u) < 0)
			break;
		if (file_exists(u->file)) {
			if (state_event(u->agent->state, ON_DOWNLOAD) == 0)
				verify(u);	/* fetched before */
		} else if (u->offer.patch_url != NULL)
			enter(u, ON_DOWNLOAD, UPDATE_PATCH,
			    update_fetch_patch);
		else
			enter(u, ON_DOWNLOAD, UPDATE_WHOLE,
			    update_fetch_whole);
		break;
	case UPDATE_PATCH:
		if (update_apply(u) == 0)
			verify(u);
		else
			enter(u, STATE_EVENTS, UPDATE_WHOLE,
			    update_fetch_whole);
		break;
	case UPDATE_WHOLE:
		verify(u);
		break;
	case UPDATE_LIST:
		if (u->member != NULL)
			enter(u, STATE_EVENTS, UPDATE_EXTRACT,
			    update_extract);
		else
			enter(u, ON_PREPARE, UPDATE_LAUNCH, update_launch);
		break;
	case UPDATE_EXTRACT:
		enter(u, ON_PREPARE, UPDATE_LAUNCH, update_launch);
		break;
	case UPDATE_LAUNCH:
		log_info("update", "the updater is ready to put version %s in"
		    " place", u->offer.version);
		state_event(u->agent->state, ON_LAUNCHED);
		break;
	case UPDATE_IDLE:
		break;
	}
}

/* -- the end of one -- */

static void
forget(struct update *u)
{
	if (u->fd >= 0)
		file_close(u->fd);
	u->fd = -1;
	update_offer_release(&u->offer);
	tuf_close(u->tuf);
	u->tuf = NULL;
	free(u->metadata);
	free(u->file);
	free(u->ready);
	free(u->updater);
	free(u->member);
	u->metadata = u->file = u->ready = u->updater = u->member = NULL;
	u->extracted = 0;
	u->tries = 0;
	u->at = UPDATE_IDLE;
}

static const char *
step_word(enum update_at at)
{
	static const char *const	words[] = {
		"idle", "ask", "metadata", "metadata", "download", "download",
		"extract", "extract", "launch"
	};

	return words[at];
}

void
update_fail(struct update *u, const char *code, const char *fmt, ...)
{
	const char	*step = step_word(u->at);
	char		 text[400];
	va_list		 ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("update", "failed at %s: %s: %s", step, code, text);
	if (state_now(u->agent->state) == STATE_UPDATING_VERIFYING)
		step = "verify";
	uv_timer_stop(&u->wait);
	if (u->at > UPDATE_ASK) {
		update_report(u, "failed", step, code, text, NULL);
		state_event(u->agent->state, ON_FAILED);
	}
	forget(u);
}

/* -- the beginning -- */

static void
on_poll(uv_timer_t *t)
{
	struct update	*u = t->data;

	if (u->at != UPDATE_IDLE || u->looking)
		return;
	if (!state_takes(u->agent->state, ON_UPDATE)) {
		log_info("update", "not asked for: %s",
		    state_text(state_now(u->agent->state)));
		return;
	}
	u->at = UPDATE_ASK;
	update_ask(u);
}

/* Agents do not ask all at once: the first time is drawn at random. */
static void
start_polling(struct update *u)
{
	int64_t	every = settings_int(u->agent->config.settings,
		    "update-interval");
	uint32_t r;

	if (every == 0)
		return;
	crypto_random(&r, sizeof(r));
	uv_timer_start(&u->poll, on_poll, (uint64_t)(r % (uint64_t)every),
	    (uint64_t)every);
}

static void
run_update(struct command_call *call, const json_t *args, void *arg)
{
	struct update	*u = arg;

	(void)args;
	if (u->at != UPDATE_IDLE || u->looking || !state_takes(u->agent->state, ON_UPDATE)) {
		command_done(call, NULL, "busy");
		return;
	}
	log_info("update", "told to look for one");
	command_done(call, json_pack("{sb}", "accepted", 1), NULL);
	u->at = UPDATE_ASK;
	update_ask(u);
}

void
update_start(struct agent *a)
{
	struct update	*u = xcalloc(1, sizeof(*u));
	struct command	 c = { "update", "ask the server for another version",
		COMMAND_LINK | COMMAND_CONTROL, run_update, u };

	a->update = u;
	u->agent = a;
	u->fd = -1;
	uv_timer_init(&a->loop, &u->poll);
	uv_timer_init(&a->loop, &u->wait);
	uv_timer_init(&a->loop, &u->again);
	u->poll.data = u->wait.data = u->again.data = u;
	command_add(a->commands, &c);
	update_look_back(u);
	start_polling(u);
}

/* Requests and children end by the loop, and find us at rest. */
int
update_stop(struct agent *a)
{
	struct update	*u = a->update;

	u->closing = 1;
	if (u->request != NULL)
		httpc_cancel(u->request);
	if (u->reporting != NULL)
		httpc_cancel(u->reporting);
	if (u->child != NULL)
		child_kill(u->child);
	if (u->running)
		uv_close((uv_handle_t *)&u->process, NULL);
	u->running = 0;
	uv_close((uv_handle_t *)&u->poll, NULL);
	uv_close((uv_handle_t *)&u->wait, NULL);
	uv_close((uv_handle_t *)&u->again, NULL);
	return 0;
}

void
update_release(struct agent *a)
{
	forget(a->update);
	free(a->update);
	a->update = NULL;
}
