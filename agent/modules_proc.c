/*
 * One module's process: started, heard, watched, ended, and started again.
 *
 * STARTING until it says "ready", then RUNNING or DEGRADED as its source
 * has it.  It fails by its own word, by a crash, by three pings without an
 * answer, by too much memory: then it waits min(60, 2^n) seconds, unless its
 * configuration is what is wrong.  All moves of a process that ended are in
 * proc_over(), which waits for the exit, the rest of the channel and the last
 * words on stderr, because those name the fault.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "modules_impl.h"
#include "platform.h"

static void	proc_over(struct module_proc *, struct run *);

static void
set_str(char **at, const char *s)
{
	char	*copy = s != NULL ? xstrdup(s) : NULL;

	free(*at);
	*at = copy;
}

static void
set_state(struct module_proc *p, enum module_state s)
{
	if (p->state == s)
		return;
	p->state = s;
	if (s == MODULE_DEGRADED)
		log_info(p->type->name, "degraded: %s: %s", p->source, p->why);
	else if (s != MODULE_FAILED)
		log_debug(p->type->name, "%s", module_state_names[s]);
}

int
proc_is_up(const struct module_proc *p)
{
	return p->state == MODULE_RUNNING || p->state == MODULE_DEGRADED;
}

/* -- its end -- */

static void
on_run_closed(uv_handle_t *h)
{
	struct run		*r = h->data;
	struct module_proc	*p = r->p;

	if (--r->open > 0)
		return;
	buf_release(&r->in);
	buf_release(&r->said);
	if (p != NULL) {
		p->run = NULL;
		proc_over(p, r);
	}
	free(r);
}

void
run_close(struct run *r)
{
	if (r->closing)
		return;
	r->closing = 1;
	if (r->p != NULL)
		uv_timer_stop(&r->p->timer);
	uv_close((uv_handle_t *)&r->channel, on_run_closed);
	uv_close((uv_handle_t *)&r->words, on_run_closed);
	uv_close((uv_handle_t *)&r->process, on_run_closed);
}

static void
on_last_words(uv_timer_t *t)
{
	struct module_proc	*p = t->data;

	if (p->run != NULL)
		run_close(p->run);
}

static void
on_exited(uv_process_t *process, int64_t code, int signal)
{
	struct run	*r = process->data;

	r->exited = 1;
	r->code = (int)code;
	r->signal = signal;
	if (r->eof)
		run_close(r);
	else if (r->p != NULL)
		uv_timer_start(&r->p->timer, on_last_words, LAST_WORDS_MS, 0);
}

static void
on_try(uv_timer_t *t)
{
	proc_start(t->data);
}

static void
fail(struct module_proc *p)
{
	int	s = p->failures < 6 ? 1 << p->failures : MAX_BACKOFF_S;

	p->failures++;
	set_state(p, MODULE_FAILED);
	p->next = 0;
	if (p->fatal) {
		log_error(p->type->name, "failed: %s", p->error);
		return;
	}
	if (s > MAX_BACKOFF_S)
		s = MAX_BACKOFF_S;
	log_error(p->type->name, "failed: %s; next try in %d s", p->error, s);
	p->next = clock_mono_ms() + s * 1000;
	uv_timer_start(&p->timer, on_try, (uint64_t)s * 1000, 0);
}

/* The process has gone with all that it had to say. */
static void
proc_over(struct module_proc *p, struct run *r)
{
	char	*text = NULL;

	p->cpu_before += p->cpu_us;
	p->cpu_us = p->rss = 0;
	p->unheard = 0;
	asks_fail(p, INT64_MAX, "the module has ended");
	if (!p->wanted) {
		set_state(p, p->enabled ? MODULE_STOPPED : MODULE_DISABLED);
		modules_on_gone(p->host);
		return;
	}
	if (clock_mono_ms() - p->since > HEALTHY_MS)
		p->failures = 0;
	if (p->error == NULL) {
		text = r->signal != 0 ? xasprintf("ended by signal %d",
		    r->signal) : xasprintf("ended with exit code %d", r->code);
		set_str(&p->error, text);
		free(text);
	}
	p->fatal = r->signal == 0 && r->code == EXIT_USAGE;
	if (p->state == MODULE_STOPPED) {	/* a restart that was asked */
		set_str(&p->error, NULL);
		proc_start(p);
	} else
		fail(p);
}

static void
on_stop_late(uv_timer_t *t)
{
	struct module_proc	*p = t->data;

	if (p->run != NULL)
		uv_process_kill(&p->run->process, SIGKILL);
}

void
proc_kill(struct module_proc *p, const char *why)
{
	if (p->run == NULL || p->run->exited)
		return;
	if (p->error == NULL)
		set_str(&p->error, why);
	uv_process_kill(&p->run->process, SIGKILL);
}

void
proc_stop(struct module_proc *p)
{
	p->wanted = 0;
	p->next = 0;
	uv_timer_stop(&p->timer);
	if (p->run == NULL) {
		set_state(p, p->enabled ? MODULE_STOPPED : MODULE_DISABLED);
		return;
	}
	if (p->run->exited)
		return;
	proc_say(p, json_pack("{ss}", "op", "stop"));
	uv_timer_start(&p->timer, on_stop_late, STOP_MS, 0);
}

/* -- what it says of itself -- */

void
proc_take_source(struct module_proc *p, const json_t *o)
{
	set_str(&p->source, json_str(o, "source", ""));
	set_str(&p->why, json_str(o, "why", NULL));
	if (proc_is_up(p))
		set_state(p, p->why != NULL ? MODULE_DEGRADED :
		    MODULE_RUNNING);
}

void
proc_take_ready(struct module_proc *p)
{
	if (p->state != MODULE_STARTING)
		return;
	uv_timer_stop(&p->timer);
	set_str(&p->error, NULL);
	set_state(p, p->why != NULL ? MODULE_DEGRADED : MODULE_RUNNING);
	log_info(p->type->name, "started in %" PRId64 " ms%s%s",
	    clock_mono_ms() - p->since, p->source != NULL ? ", by " : "",
	    p->source != NULL ? p->source : "");
}

void
proc_take_error(struct module_proc *p, const char *text)
{
	set_str(&p->error, text);
}

/* -- its start -- */

static void
on_start_late(uv_timer_t *t)
{
	proc_kill(t->data, "did not start in time");
}

static int64_t
memory_of(const struct module_proc *p)
{
	int	mb = p->type->memory_mb > 0 ? p->type->memory_mb :
	    MODULE_MEMORY_MB;

#ifdef __SANITIZE_ADDRESS__	/* which holds what was freed for a while */
	mb *= 8;
#endif
	return (int64_t)mb * 1024 * 1024;
}

static void
say_start(struct module_proc *p)
{
	static const enum log_level	levels[] = { LOG_DEBUG, LOG_INFO,
	    LOG_WARN, LOG_ERROR };
	size_t				i;

	for (i = 0; i + 1 < nitems(levels) && !log_wants(levels[i]); i++)
		;
	proc_say(p, json_pack("{ss sO ss sI sI si}", "op", "start", "config",
	    p->settings, "state_dir", p->host->state_dir, "metrics_ms",
	    (json_int_t)p->host->o.metrics_ms, "memory",
	    (json_int_t)memory_of(p), "log", (int)levels[i]));
}

static int
spawn(struct module_proc *p, struct run *r)
{
	char			 self[1024], role[] = "-P";
	char			 kind[] = "module", name[64];
	char			 tool[] = "muster-agent";
	char			*argv[] = { tool, role, kind, name, NULL };
	uv_stdio_container_t	 io[3] = {
		{ .flags = UV_CREATE_PIPE | UV_READABLE_PIPE |
		    UV_WRITABLE_PIPE,
		    .data.stream = (uv_stream_t *)&r->channel },
		{ .flags = UV_IGNORE },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		    .data.stream = (uv_stream_t *)&r->words }
	};
	uv_process_options_t	 o = { .exit_cb = on_exited, .file = self,
		.args = argv, .stdio = io, .stdio_count = 3,
		.flags = UV_PROCESS_WINDOWS_HIDE };
	int			 rc;

	if ((rc = platform_self_path(self, sizeof(self))) < 0)
		return rc;
	snprintf(name, sizeof(name), "%s", p->type->name);
	return uv_spawn(p->host->o.loop, &r->process, &o);
}

void
proc_start(struct module_proc *p)
{
	struct run	*r;
	char		*why;
	int		 rc;

	p->wanted = 1;
	p->next = 0;
	p->fatal = 0;
	if (p->run != NULL)
		return;			/* it ends; proc_over() goes on */
	r = xcalloc(1, sizeof(*r));
	uv_timer_stop(&p->timer);
	set_str(&p->source, NULL);
	set_str(&p->why, NULL);
	set_str(&p->error, NULL);
	uv_pipe_init(p->host->o.loop, &r->channel, 0);
	uv_pipe_init(p->host->o.loop, &r->words, 0);
	r->channel.data = r->words.data = r->process.data = r;
	r->p = p;
	r->open = 3;
	p->run = r;
	p->missed = 0;
	p->starts++;
	p->since = clock_mono_ms();
	set_state(p, MODULE_STARTING);
	if ((rc = spawn(p, r)) < 0) {
		why = xasprintf("cannot be started: %s", errstr(rc));
		set_str(&p->error, why);
		free(why);
		r->code = EXIT_SYSTEM;
		run_close(r);
		return;
	}
	run_listen(r);
	say_start(p);
	uv_timer_start(&p->timer, on_start_late, START_MS, 0);
}

/* -- the watch -- */

void
proc_watch(struct module_proc *p)
{
	char	*why;

	asks_fail(p, clock_mono_ms(), "the module did not answer in time");
	if (p->second != clock_wall_ms() / 1000)
		modules_tell_refused(p);
	if (p->run == NULL || p->run->exited)
		return;
	if (platform_process_cost(p->run->process.pid, &p->cpu_us,
	    &p->rss) == 0 && p->rss > memory_of(p) * 5 / 4) {
		/* maps and rings are in it, which the limit of the process
		 * itself does not count */
		why = xasprintf("holds %" PRId64 " MB of memory, more than"
		    " %" PRId64, p->rss >> 20, memory_of(p) * 5 / 4 >> 20);
		proc_kill(p, why);
		free(why);
		return;
	}
	if (!proc_is_up(p))
		return;
	if (p->missed >= MODULES_MISSED) {
		proc_kill(p, "hangs: three pings were not answered");
		return;
	}
	p->missed++;
	proc_say(p, json_pack("{ss}", "op", "ping"));
}
