/*
 * Our side of a child: start the supervisor, split its command's output into
 * lines, and when the supervisor has ended and both pipes are at their end,
 * close everything; ended() comes with the last handle.
 *
 * Output runs through pipes, not through libuv's socket pairs, because
 * nobody can open /dev/stderr on a socket.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "child.h"
#include "child_impl.h"
#include "log.h"

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

struct output {
	uv_pipe_t	 pipe;
	struct child	*child;
	int		 err;
	size_t		 len;		/* of the line that is not yet whole */
	char		 line[2 * CHILD_MAX_LINE];
};

enum { STDIN, STDOUT, STDERR, STATUS, PIPES };

struct child {
	uv_process_t	 process;
	uv_timer_t	 timer;		/* the time limit, then the grace */
	uv_pipe_t	 in, status;
	struct output	 out[2];
	struct child_events ev;
	void		*arg;
	uv_write_t	 write;
	struct buf	 input;
	char		 told[CHILD_STATUS_SIZE];	/* by the supervisor */
	size_t		 told_len;
	int64_t		 exit_status;
	int		 exit_signal;	/* of the supervisor */
	int		 handles;	/* not yet closed */
	int		 waiting;	/* for: the process and three pipes */
	int		 started, exited, timed_out, killing;
};

/* -- the end -- */

static void
report(struct child *c)
{
	int	code = (int)c->exit_status, sig = c->exit_signal;

	c->told[c->told_len] = '\0';
#ifdef __linux__
	/* Without a word from it, the supervisor itself was killed. */
	if (sscanf(c->told, CHILD_STATUS_FORMAT, &code, &sig) != 2 && sig == 0)
		code = EXIT_SYSTEM;
#endif
	if (sig != 0)
		code = 128 + sig;
	c->ev.ended(c, code, sig, c->timed_out, c->arg);
}

static void
on_handle_closed(uv_handle_t *h)
{
	struct child	*c = h->data;

	if (--c->handles > 0)
		return;
	if (c->started)
		report(c);
	buf_release(&c->input);
	free(c);
}

static void
close_handle(uv_handle_t *h)
{
	if (!uv_is_closing(h))
		uv_close(h, on_handle_closed);
}

static void
close_all(struct child *c)
{
	if (c->process.data != NULL)		/* else it is no handle yet */
		close_handle((uv_handle_t *)&c->process);
	close_handle((uv_handle_t *)&c->timer);
	close_handle((uv_handle_t *)&c->in);
	close_handle((uv_handle_t *)&c->status);
	close_handle((uv_handle_t *)&c->out[0].pipe);
	close_handle((uv_handle_t *)&c->out[1].pipe);
}

/* One of the four that we wait for is through. */
static void
one_done(struct child *c)
{
	if (--c->waiting == 0)
		close_all(c);
}

static void
kill_group(struct child *c, int sig)
{
#if defined(__linux__) || defined(_WIN32)
	uv_process_kill(&c->process, sig);
#else
	kill(-c->process.pid, sig);
#endif
}

static void
on_timer(uv_timer_t *t)
{
	struct child	*c = t->data;

	if (c->exited) {
		close_all(c);		/* CHILD_LINGER is over */
	} else if (c->killing) {
#ifndef __linux__
		kill_group(c, SIGKILL);
#endif
	} else {
		c->timed_out = 1;
		child_kill(c);
	}
}

void
child_kill(struct child *c)
{
	if (c->exited || c->killing)
		return;
	c->killing = 1;
	kill_group(c, SIGTERM);		/* the supervisor does the rest */
	uv_timer_start(&c->timer, on_timer, CHILD_GRACE, 0);
}

int
child_pid(const struct child *c)
{
	return c->process.pid;
}

static void
on_exit_process(uv_process_t *p, int64_t status, int sig)
{
	struct child	*c = p->data;

	c->exited = 1;
	c->exit_status = status;
	c->exit_signal = sig;
	uv_timer_start(&c->timer, on_timer, CHILD_LINGER, 0);
	one_done(c);
}

/* -- output -- */

static void
say(struct output *o, const char *p, size_t n)
{
	if (o->child->ev.line != NULL)
		o->child->ev.line(o->child, p, n, o->err, o->child->arg);
}

/* Gives away what is whole, moves the rest to the front. */
static void
split_lines(struct output *o)
{
	const char	*p = o->line, *end = p + o->len, *lf;
	size_t		 n;

	for (;;) {
		n = (size_t)(end - p);
		n = n < CHILD_MAX_LINE ? n : CHILD_MAX_LINE;
		lf = memchr(p, '\n', n);
		if (lf == NULL && n < CHILD_MAX_LINE)
			break;
		n = lf != NULL ? (size_t)(lf - p) : n;
		say(o, p, n);
		p += n + (lf != NULL);
	}
	o->len = (size_t)(end - p);
	memmove(o->line, p, o->len);
}

static void
alloc_output(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	struct output	*o = (struct output *)(void *)h;

	(void)hint;
	*b = uv_buf_init(o->line + o->len,
	    (unsigned)(sizeof(o->line) - o->len));
}

static void
read_output(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct output	*o = (struct output *)(void *)s;

	(void)b;
	if (n > 0) {
		o->len += (size_t)n;
		split_lines(o);
	} else if (n < 0) {
		if (o->len > 0)
			say(o, o->line, o->len);
		o->len = 0;
		close_handle((uv_handle_t *)s);
		one_done(o->child);
	}
}

static void
alloc_status(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	struct child	*c = h->data;

	(void)hint;
	*b = uv_buf_init(c->told + c->told_len,
	    (unsigned)(sizeof(c->told) - 1 - c->told_len));
}

static void
read_status(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct child	*c = s->data;

	(void)b;
	if (n > 0) {
		c->told_len += (size_t)n;
	} else if (n < 0) {
		close_handle((uv_handle_t *)s);
		one_done(c);
	}
}

static void
on_input_written(uv_write_t *req, int rc)
{
	struct child	*c = req->data;

	(void)rc;		/* a command need not read */
	close_handle((uv_handle_t *)&c->in);
}

/* -- the start -- */

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Pairs of descriptors, all private; ours is the one the loop works with. */
static int
make_pipes(int ours[PIPES], int theirs[PIPES], int with_input)
{
	uv_file	fd[2];
	int	i, rc;

	for (i = 0; i < PIPES; i++)
		ours[i] = theirs[i] = -1;
	for (i = with_input ? STDIN : STDOUT; i < PIPES; i++) {
		rc = uv_pipe(fd, i == STDIN ? 0 : UV_NONBLOCK_PIPE,
		    i == STDIN ? UV_NONBLOCK_PIPE : 0);
		if (rc < 0)
			return rc;
		ours[i] = fd[i == STDIN];
		theirs[i] = fd[i != STDIN];
	}
	return 0;
}

/* The handles take the descriptors; those that they took become -1. */
static int
open_pipes(struct child *c, int ours[PIPES])
{
	uv_pipe_t	*pipe[PIPES] = {
		&c->in, &c->out[0].pipe, &c->out[1].pipe, &c->status
	};
	int		 i, rc;

	for (i = 0; i < PIPES; i++) {
		if (ours[i] < 0)
			continue;
		if ((rc = uv_pipe_open(pipe[i], ours[i])) < 0)
			return rc;
		ours[i] = -1;
	}
	return 0;
}

static struct child *
child_new(uv_loop_t *loop, const struct child_events *ev, void *arg)
{
	struct child	*c = xcalloc(1, sizeof(*c));
	int		 i;

	c->ev = *ev;
	c->arg = arg;
	uv_timer_init(loop, &c->timer);
	uv_pipe_init(loop, &c->in, 0);
	uv_pipe_init(loop, &c->status, 0);
	c->timer.data = c->in.data = c->status.data = c;
	for (i = 0; i < 2; i++) {
		uv_pipe_init(loop, &c->out[i].pipe, 0);
		c->out[i].pipe.data = c->out[i].child = c;
		c->out[i].err = i;
	}
	c->handles = 5;
	c->write.data = c;
	return c;
}

#ifdef __linux__

/* Our own binary: its path, or, once that has been replaced, its image. */
static void
own_path(char *path, size_t n)
{
	if (uv_exepath(path, &n) < 0 || access(path, X_OK) < 0)
		strcpy(path, "/proc/self/exe");
}

/* The supervisor's argument vector; all of it is freed together. */
static char **
make_argv(const struct child_options *o)
{
	char	**v;
	int	  n;

	for (n = 0; o->argv[n] != NULL; n++)
		continue;
	v = xcalloc((size_t)(CHILD_ARG_COMMAND + n + 1), sizeof(*v));
	v[CHILD_ARG_SELF] = xstrdup("muster-child");
	v[CHILD_ARG_P] = xstrdup("-P");
	v[CHILD_ARG_ROLE] = xstrdup("child");
	v[CHILD_ARG_DIR] = xstrdup(o->dir != NULL ? o->dir : ".");
	v[CHILD_ARG_CPU] = xasprintf("%lld", (long long)o->max_cpu_s);
	v[CHILD_ARG_MEMORY] = xasprintf("%lld", (long long)o->max_memory);
	v[CHILD_ARG_FILE] = xasprintf("%lld", (long long)o->max_file);
	v[CHILD_ARG_FILES] = xasprintf("%lld", (long long)o->max_files);
	v[CHILD_ARG_NICE] = xasprintf("%d", o->nice);
	while (n-- > 0)
		v[CHILD_ARG_COMMAND + n] = xstrdup(o->argv[n]);
	return v;
}

static void
free_argv(char **v)
{
	char	**p;

	for (p = v; *p != NULL; p++)
		free(*p);
	free(v);
}

#endif

static int
spawn(struct child *c, const struct child_options *o, const int theirs[PIPES])
{
	uv_process_options_t	po = { .exit_cb = on_exit_process };
	uv_stdio_container_t	io[PIPES];
	int			i, rc;

	for (i = 0; i < PIPES; i++) {
		io[i].flags = theirs[i] >= 0 ? UV_INHERIT_FD : UV_IGNORE;
		io[i].data.fd = theirs[i];
	}
	po.stdio = io;
	po.env = (char **)(uintptr_t)o->env;
	po.flags = UV_PROCESS_DETACHED;
#ifdef __linux__
	char	path[4096];

	own_path(path, sizeof(path));
	po.file = path;
	po.args = make_argv(o);
	po.stdio_count = PIPES;
	rc = uv_spawn(c->timer.loop, &c->process, &po);
	free_argv(po.args);
#else
	po.file = o->argv[0];
	po.args = (char **)(uintptr_t)o->argv;
	po.cwd = o->dir;
	po.stdio_count = STATUS;
	rc = uv_spawn(c->timer.loop, &c->process, &po);
#endif
	c->process.data = c;	/* even after a failure it must be closed */
	c->handles++;
	return rc;
}

static void
begin_io(struct child *c, const struct child_options *o)
{
	uv_buf_t	v;
	int		i;

	for (i = 0; i < 2; i++)
		uv_read_start((uv_stream_t *)&c->out[i].pipe, alloc_output,
		    read_output);
	uv_read_start((uv_stream_t *)&c->status, alloc_status, read_status);
	c->waiting = 4;
	if (o->input == NULL)
		return;
	buf_add(&c->input, o->input, o->input_len);
	v = uv_buf_init(c->input.p, (unsigned)c->input.len);
#ifdef SIGPIPE
	signal(SIGPIPE, SIG_IGN);	/* a command need not read */
#endif
	if (uv_write(&c->write, (uv_stream_t *)&c->in, &v, 1,
	    on_input_written) < 0)
		close_handle((uv_handle_t *)&c->in);
}

int
child_start(struct child **out, uv_loop_t *loop,
    const struct child_options *o, const struct child_events *ev, void *arg)
{
	struct child	*c;
	int		 ours[PIPES], theirs[PIPES], i, rc;

	assert(o->argv != NULL && o->argv[0] != NULL);
	*out = c = child_new(loop, ev, arg);
	rc = make_pipes(ours, theirs, o->input != NULL);
	if (rc == 0)
		rc = open_pipes(c, ours);
	if (rc == 0)
		rc = spawn(c, o, theirs);
	for (i = 0; i < PIPES; i++) {
		close_fd(theirs[i]);
		close_fd(ours[i]);
	}
	if (rc < 0) {
		*out = NULL;
		close_all(c);
		return rc;
	}
	c->started = 1;
	begin_io(c, o);
	if (o->timeout_ms > 0)
		uv_timer_start(&c->timer, on_timer, (uint64_t)o->timeout_ms,
		    0);
	return 0;
}
