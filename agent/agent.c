/*
 * muster-agent: settings, private state, lock, identity, parts; then the
 * loop until a signal.  Stopping goes the same way back: the parts end in
 * order, the lock is dropped, exit 0.
 */
#include <signal.h>
#include <string.h>

#include "agent.h"
#include "autostart.h"
#include "child.h"
#include "clock.h"
#include "confjson.h"
#include "crypto.h"
#include "lock.h"
#include "log.h"
#include "module.h"
#include "platform.h"
#include "privileges.h"
#include "settings.h"
#include "state.h"

enum {
	LOCK_BEAT_MS	= 60 * 1000,
	FIRST_BEAT_MS	= 10,	/* the updater's proof that our loop runs */
	STOP_MS		= 10 * 1000	/* service managers give us 20 s */
};

/* -- stopping -- */

static void
on_stop_late(uv_timer_t *t)
{
	struct agent	*a = t->data;

	log_error(NULL, "%s does not stop; going without it",
	    parts_stopping(a));
	lock_drop(a->lock);
	log_exit(EXIT_SYSTEM);
}

/*
 * A signal that comes when our watchers have closed would find the default
 * action and kill a process that is stopping well.  libuv keeps its handler
 * for as long as any loop watches: this one does until the process is gone.
 */
static void
guard_signals(void)
{
	static const int	numbers[] = { SIGTERM, SIGINT, SIGHUP };
	static uv_signal_t	guards[nitems(numbers)];
	static uv_loop_t	loop;
	size_t			i;

	if (uv_loop_init(&loop) < 0)
		return;
	for (i = 0; i < nitems(numbers); i++) {
		uv_signal_init(&loop, &guards[i]);
		uv_signal_start(&guards[i], NULL, numbers[i]);
	}
}

/* The table's action for each way to stop: it comes once. */
static void
shut_down(void *arg)
{
	struct agent	*a = arg;

	a->stopping = 1;
	guard_signals();
	reload_stop(a);
	uv_timer_start(&a->limit, on_stop_late, STOP_MS, 0);
	part_stopped(a);
}

void
agent_parts_ended(struct agent *a)
{
	uv_handle_t	*handles[] = {
		(uv_handle_t *)&a->beat, (uv_handle_t *)&a->limit,
		(uv_handle_t *)&a->term, (uv_handle_t *)&a->intr,
		(uv_handle_t *)&a->hup
	};
	size_t		 i;

	for (i = 0; i < nitems(handles); i++)
		uv_close(handles[i], NULL);
}

/* -- signals and the lock's record -- */

static void
on_stop_signal(uv_signal_t *s, int number)
{
	struct agent	*a = s->data;

	if (!state_takes(a->state, ON_STOP))
		return;			/* it is under way */
	log_info(NULL, "stopping (signal %d)", number);
	state_event(a->state, ON_STOP);
}

static void
on_hangup(uv_signal_t *s, int number)
{
	(void)number;
	agent_reload(s->data, NULL);
}

static void
on_lock_beat(uv_timer_t *t)
{
	struct agent	*a = t->data;
	int		 rc = lock_beat(a->lock);

	if (rc < 0)
		log_warn(NULL, "agent.lock: cannot be written: %s",
		    errstr(rc));
}

static void
watch_signals(struct agent *a)
{
	uv_signal_t	*watchers[] = { &a->term, &a->intr, &a->hup };
	size_t		 i;

	for (i = 0; i < nitems(watchers); i++) {
		uv_signal_init(&a->loop, watchers[i]);
		watchers[i]->data = a;
	}
	uv_signal_start(&a->term, on_stop_signal, SIGTERM);
	uv_signal_start(&a->intr, on_stop_signal, SIGINT);
	/* on Windows it is the closing of the console */
	uv_signal_start(&a->hup, strcmp(platform_os, "windows") == 0 ?
	    on_stop_signal : on_hangup, SIGHUP);
#ifdef SIGPIPE
	signal(SIGPIPE, SIG_IGN);
#endif
}

/* -- the whole -- */

static void
run(struct agent *a)
{
	int	rc;

	if ((rc = uv_loop_init(&a->loop)) < 0)
		die(EXIT_SYSTEM, "event loop: %s", errstr(rc));
	watch_signals(a);
	uv_timer_init(&a->loop, &a->beat);
	uv_timer_init(&a->loop, &a->limit);
	a->beat.data = a->limit.data = a;
	uv_timer_start(&a->beat, on_lock_beat, FIRST_BEAT_MS, LOCK_BEAT_MS);
	state_on(a->state, ACT_SHUT_DOWN, shut_down, a);
	state_on(a->state, ACT_ABORT, shut_down, a);
	parts_start(a);
	state_event(a->state, ON_STARTED);
	uv_run(&a->loop, UV_RUN_DEFAULT);
	if ((rc = uv_loop_close(&a->loop)) < 0)
		die(EXIT_BUG, "event loop: %s at the end", errstr(rc));
	parts_release(a);
}

int
main(int argc, char **argv)
{
	struct agent	a;
	int		rc;

	child_role(argc, argv);
	module_role(argc, argv);
	memset(&a, 0, sizeof(a));
	a.started = clock_mono_ms();
	a.argv = argv;
	crypto_init();
	config_load(&a.config, argc, argv);
	if (a.config.self_test) {
		config_release(&a.config);
		return selftest_main();
	}
	if (settings_bool(a.config.settings, "check-config")) {
		config_release(&a.config);
		return EXIT_YES;
	}
	if (a.config.n_operands > 0) {
		rc = ask_main(&a.config);
		config_release(&a.config);
		return rc;
	}
	if (settings_bool(a.config.settings, "enable-autostart") ||
	    settings_bool(a.config.settings, "disable-autostart")) {
		rc = autostart_main(&a.config, settings_bool(
		    a.config.settings, "enable-autostart"));
		config_release(&a.config);
		return rc;
	}
	start_log(&a);
	start_state(&a);
	a.state = state_new();
	privileges_drop(!settings_bool(a.config.settings,
	    "keep-privileges"));
	run(&a);
	registration_release(&a.registration);
	identity_wipe(&a.identity);
	confjson_free(a.conf);
	config_release(&a.config);
	state_event(a.state, ON_STOPPED);
	lock_drop(a.lock);
	state_free(a.state);
	log_info(NULL, "stopped");
	if (a.anew) {
		rc = platform_exec_program(argv);
		die(EXIT_SYSTEM, "cannot start anew: %s", errstr(rc));
	}
	return EXIT_YES;
}
