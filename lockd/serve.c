/*
 * A command that can be spoken to: while it runs under the lock, a control
 * pipe is served for it.  "force" and "stop" end it by SIGTERM; a script that
 * must not be ended says "busy" by that same pipe, and "idle" afterwards.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <uv.h>

#include "clock.h"
#include "control.h"
#include "lock.h"
#include "lockd.h"
#include "log.h"

static const int	handed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

struct serve {
	uv_loop_t	 loop;
	uv_process_t	 process;
	uv_signal_t	 signals[nitems(handed_on)];
	uv_timer_t	 beat;
	struct control	*control;
	struct lock	*lock;
	int		 busy;
	int		 code;
	char		 since[CLOCK_RFC3339_SIZE];
};

static void
on_signal(uv_signal_t *h, int number)
{
	struct serve	*s = h->data;

	uv_process_kill(&s->process, number);
}

static void
on_beat(uv_timer_t *t)
{
	struct serve	*s = t->data;
	int		 rc = lock_beat(s->lock);

	if (rc < 0)
		log_warn(NULL, "cannot rewrite the record: %s", errstr(rc));
}

static void
stop_serving(struct serve *s)
{
	size_t	i;

	control_stop(s->control);
	for (i = 0; i < nitems(handed_on); i++)
		uv_close((uv_handle_t *)&s->signals[i], NULL);
}

static void
on_exit_of(uv_process_t *p, int64_t status, int number)
{
	struct serve	*s = p->data;

	s->code = number != 0 ? 128 + number : (int)status;
	uv_close((uv_handle_t *)p, NULL);
	uv_close((uv_handle_t *)&s->beat, NULL);
	stop_serving(s);
}

static void
go(struct serve *s, struct control_call *call, int force)
{
	if (force && s->busy) {
		control_end(call, CONTROL_BUSY, NULL);
		return;
	}
	control_end(call, CONTROL_ACKNOWLEDGED, json_pack("{sI}", "pid",
	    (json_int_t)s->process.pid));
	uv_process_kill(&s->process, SIGTERM);
}

static void
on_command(struct control_call *call, const char *command,
    const json_t *args, void *arg)
{
	struct serve	*s = arg;
	int		 rc;

	(void)args;
	if (strcmp(command, "force") == 0 || strcmp(command, "stop") == 0) {
		go(s, call, *command == 'f');
	} else if (strcmp(command, "busy") == 0 ||
	    strcmp(command, "idle") == 0) {
		s->busy = *command == 'b';
		control_end(call, CONTROL_ACKNOWLEDGED, NULL);
	} else if (strcmp(command, "status") == 0) {
		control_end(call, CONTROL_DONE, json_pack("{s{ss ss sI}}",
		    "result", "state", s->busy ? "BUSY" : "IDLE", "since",
		    s->since, "pid", (json_int_t)s->process.pid));
	} else if (strcmp(command, "rotate_secret") == 0) {
		if ((rc = control_rotate(s->control)) < 0)
			control_end(call, CONTROL_FAILED, json_pack("{ss}",
			    "error", errstr(rc)));
		else
			control_end(call, CONTROL_DONE, NULL);
	} else {
		control_end(call, CONTROL_FAILED, json_pack("{ss}", "error",
		    "command is not known"));
	}
}

static int
start_command(struct serve *s, char **argv)
{
	uv_stdio_container_t	io[3];
	uv_process_options_t	o = { .exit_cb = on_exit_of,
		.file = argv[0], .args = argv, .stdio = io,
		.stdio_count = 3 };
	int			i;

	for (i = 0; i < 3; i++) {
		io[i].flags = UV_INHERIT_FD;
		io[i].data.fd = i;
	}
	s->process.data = s;
	return uv_spawn(&s->loop, &s->process, &o);
}

int
serve_command(char **argv, const char *path, struct lock *lock,
    int64_t beat_ms)
{
	struct serve	 s;
	size_t		 i;
	int		 rc;

	memset(&s, 0, sizeof(s));
	s.lock = lock;
	clock_rfc3339(clock_wall_ms(), s.since);
	if ((rc = uv_loop_init(&s.loop)) < 0)
		die(EXIT_SYSTEM, "event loop: %s", errstr(rc));
	for (i = 0; i < nitems(handed_on); i++) {
		uv_signal_init(&s.loop, &s.signals[i]);
		s.signals[i].data = &s;
		uv_signal_start(&s.signals[i], on_signal, handed_on[i]);
	}
	if ((rc = control_serve(&s.control, &s.loop, path, on_command,
	    &s)) < 0)
		die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	if ((rc = start_command(&s, argv)) < 0) {
		log_error(NULL, "%s: %s", argv[0], errstr(rc));
		s.code = rc == UV_ENOENT ? 127 : 126;
		uv_close((uv_handle_t *)&s.process, NULL);
		stop_serving(&s);
	} else {
		uv_timer_init(&s.loop, &s.beat);
		s.beat.data = &s;
		uv_timer_start(&s.beat, on_beat, (uint64_t)beat_ms,
		    (uint64_t)beat_ms);
	}
	uv_run(&s.loop, UV_RUN_DEFAULT);
	uv_loop_close(&s.loop);
	return s.code;
}
