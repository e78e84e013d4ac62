/*
 * A screen that is drawn anew: at events, and after every_ms at the latest,
 * but never more than twice a second.  For each picture all paths are asked
 * at once; when the last answer is there it is drawn.  While the server does
 * not answer the last picture stays, above a line that says so.
 *
 * q, Ctrl-C and other signals end it: screen_stop() gives the terminal back
 * and closes all, and live_run() returns when that is done.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "muster.h"
#include "muster_terminal.h"

enum { REDRAW_MIN = 500 };	/* ms between two pictures */

static const int	signals[] = {
	SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT
};

struct screen {
	struct live	*live;
	struct ask {
		struct screen	*screen;
		size_t		 i;
	}		 asks[LIVE_MAX];
	json_t		*answer[LIVE_MAX];	/* of the last whole round */
	json_t		*next[LIVE_MAX];	/* of the one under way */
	size_t		 asking;		/* answers that are to come */
	char		*fault;			/* why there are no new ones */
	enum exit_code		 code;			/* for that */
	int64_t		 drawn;			/* when, for REDRAW_MIN */
	struct follow	*follow;		/* NULL: none, or ended */
	uv_timer_t	 timer;
	uv_signal_t	 signal[nitems(signals)];
	uv_poll_t	 keys;
	int		 tty;			/* where they come from */
	int		 open;			/* handles and streams */
	int		 stop;			/* the signal that ends us */
	unsigned	 stopping : 1;
	unsigned	 stale : 1;		/* something has happened */
	unsigned	 has_keys : 1;
	unsigned	 begun : 1;		/* there was a picture */
};

/* -- the picture -- */

/* Each line is cut at the terminal's width, so that none wraps. */
static void
add_line(struct buf *out, const char *s, size_t n, int width)
{
	size_t	i;
	int	w = 0;

	buf_adds(out, "\033[K");	/* first: behind the last column it would
				 * take that column's character */
	for (i = 0; i < n; i++) {
		w += ((unsigned char)s[i] & 0xc0) != 0x80;
		if (w > width)
			break;
		buf_addc(out, s[i]);
	}
}

static void
draw(struct screen *v)
{
	struct winsize	w = { .ws_row = 24, .ws_col = 80 };
	struct buf	text = BUF_INIT, out = BUF_INIT;
	const char	*p, *end;
	int		 line = 0, lines;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	if (w.ws_row < 2 || w.ws_col < 2)
		return;
	lines = w.ws_row - (v->fault != NULL);
	v->live->draw(&text, v->answer, w.ws_col, lines, v->live->arg);
	buf_adds(&out, "\033[H");
	for (p = buf_str(&text); *p != '\0' && line < lines; p = end) {
		end = p + strcspn(p, "\n");
		buf_adds(&out, line++ > 0 ? "\r\n" : "");
		add_line(&out, p, (size_t)(end - p), w.ws_col);
		end += *end == '\n';
	}
	buf_adds(&out, "\033[J");
	if (v->fault != NULL) {
		buf_printf(&out, "\033[%d;1H\033[7m", w.ws_row);
		add_line(&out, v->fault, strlen(v->fault), w.ws_col - 1);
		buf_adds(&out, "\033[0m");
	}
	terminal_put(out.p, out.len);
	buf_release(&out);
	buf_release(&text);
}

/* -- asking -- */

static void	plan(struct screen *);

static void
on_timer(uv_timer_t *t)
{
	struct screen	*v = t->data;

	v->stale = 1;
	plan(v);
}

static void
round_done(struct screen *v)
{
	size_t	i;

	v->drawn = clock_mono_ms();
	for (i = 0; i < v->live->n; i++) {
		if (v->fault == NULL) {
			json_decref(v->answer[i]);
			v->answer[i] = v->next[i];
		} else
			json_decref(v->next[i]);
		v->next[i] = NULL;
	}
	if (v->stopping)
		return;
	if (v->fault != NULL && !v->begun) {
		terminal_give_back();
		die(v->code, "%s", v->fault);
	}
	v->begun = 1;
	draw(v);
	uv_timer_start(&v->timer, on_timer, (uint64_t)v->live->every_ms, 0);
	if (v->stale)
		plan(v);
}

static void
on_answer(struct answer *a, void *arg)
{
	struct ask	*ask = arg;
	struct screen	*v = ask->screen;

	if (answer_good(a))
		v->next[ask->i] = json_incref(a->body);
	else if (a->status != 403 && a->status != 404 && v->fault == NULL) {
		v->fault = answer_words(v->live->client, a);
		v->code = answer_code(a);
	}
	answer_release(a);
	if (--v->asking == 0)
		round_done(v);
}

/* Asks for a new picture, now or when it is time. */
static void
plan(struct screen *v)
{
	int64_t	wait = v->drawn + REDRAW_MIN - clock_mono_ms();
	size_t	i;

	if (v->asking > 0 || v->stopping)
		return;			/* round_done looks at stale */
	if (v->drawn > 0 && wait > 0) {
		uv_timer_start(&v->timer, on_timer, (uint64_t)wait, 0);
		return;
	}
	v->stale = 0;
	free(v->fault);
	v->fault = NULL;
	v->asking = v->live->n;
	for (i = 0; i < v->live->n; i++) {
		v->asks[i] = (struct ask){ v, i };
		client_start(v->live->client, (struct request){
		    .path = v->live->paths[i] }, on_answer, &v->asks[i]);
	}
}

/* -- events -- */

static int
on_event(const struct sse_event *e, void *arg)
{
	struct screen	*v = arg;

	(void)e;
	if (!v->stale) {
		v->stale = 1;
		plan(v);
	}
	return 0;
}

/* Without a stream the timer alone asks. */
static void
on_follow_ended(enum follow_end end, const struct answer *a, void *arg)
{
	struct screen	*v = arg;

	(void)end;
	(void)a;
	v->follow = NULL;
	v->open--;
}

/* -- the end -- */

static void
on_closed(uv_handle_t *h)
{
	struct screen	*v = h->data;

	v->open--;
}

static void
screen_stop(struct screen *v, int sig)
{
	size_t	i;

	if (v->stopping)
		return;
	v->stopping = 1;
	v->stop = sig;
	terminal_give_back();
	if (v->follow != NULL)
		follow_stop(v->follow);
	uv_close((uv_handle_t *)&v->timer, on_closed);
	if (v->has_keys)
		uv_close((uv_handle_t *)&v->keys, on_closed);
	for (i = 0; i < nitems(signals); i++)
		uv_close((uv_handle_t *)&v->signal[i], on_closed);
}

static void
on_key(uv_poll_t *p, int rc, int events)
{
	struct screen	*v = p->data;
	char		 c[16];
	ssize_t		 n, i;

	(void)events;
	n = rc < 0 ? 0 : read(v->tty, c, sizeof(c));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0)			/* nobody is there any more */
		screen_stop(v, SIGHUP);
	for (i = 0; i < n; i++)
		if (c[i] == 'q' || c[i] == 'Q' || c[i] == 3)
			screen_stop(v, SIGINT);
}

static void
on_signal(uv_signal_t *h, int sig)
{
	struct screen	*v = h->data;

	switch (sig) {
	case SIGTSTP:
		terminal_give_back();
		kill(getpid(), SIGSTOP);	/* until SIGCONT */
		break;
	case SIGCONT:
		terminal_take();
		if (v->begun)
			draw(v);
		break;
	case SIGWINCH:
		if (v->begun)
			draw(v);
		break;
	default:
		screen_stop(v, sig);
	}
}

/* -- the beginning -- */

static void
screen_start(struct screen *v)
{
	static const struct follow_events	events = {
		on_event, NULL, NULL, on_follow_ended
	};
	const struct client			*c = v->live->client;
	size_t					 i;

	for (i = 0; i < nitems(signals); i++) {
		uv_signal_init(c->loop, &v->signal[i]);
		v->signal[i].data = v;
		uv_signal_start(&v->signal[i], on_signal, signals[i]);
		v->open++;
	}
	uv_timer_init(c->loop, &v->timer);
	v->timer.data = v;
	v->open++;
	if (v->tty >= 0 && uv_poll_init(c->loop, &v->keys, v->tty) == 0) {
		v->keys.data = v;
		v->has_keys = 1;
		uv_poll_start(&v->keys, UV_READABLE, on_key);
		v->open++;
	}
	if (v->live->events != NULL) {
		v->follow = follow_start(c, v->live->events, &events, v);
		v->open++;
	}
}

/* One picture, or the end with words. */
static void
print_once(const struct live *live)
{
	json_t		*answer[LIVE_MAX] = { NULL };
	struct buf	 text = BUF_INIT;
	struct answer	 a;
	size_t		 i;

	for (i = 0; i < live->n; i++) {
		client_ask(live->client, (struct request){
		    .path = live->paths[i] }, &a);
		if (!answer_good(&a) && a.status != 403 && a.status != 404)
			die(answer_code(&a), "%s",
			    answer_words(live->client, &a));
		if (answer_good(&a))
			answer[i] = json_incref(a.body);
		answer_release(&a);
	}
	live->draw(&text, answer, 0, 0, live->arg);
	fwrite(text.p, 1, text.len, stdout);
	out_flush();
	for (i = 0; i < live->n; i++)
		json_decref(answer[i]);
	buf_release(&text);
}

void
live_run(struct live *live)
{
	struct screen	v = { .live = live };
	size_t		i;

	if (!at_terminal(STDOUT_FILENO)) {
		print_once(live);
		return;
	}
	v.tty = terminal_open();
	screen_start(&v);
	terminal_take();
	plan(&v);
	while (v.open > 0)
		uv_run(live->client->loop, UV_RUN_ONCE);
	for (i = 0; i < live->n; i++)
		json_decref(v.answer[i]);
	free(v.fault);
	if (v.stop != SIGINT) {
		signal(v.stop, SIG_DFL);
		raise(v.stop);
	}
}
