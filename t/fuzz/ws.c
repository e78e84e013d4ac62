/* Hostile frames at either end, and a hostile server's handshake: closed()
 * comes once, and no message is longer than allowed. */
#include <stdint.h>
#include <stdlib.h>

#include "stream_fake.h"
#include "ws_impl.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MAX_MESSAGE = 2000 };

static int	closes;

static void
on_message(struct ws *w, const char *p, size_t n, int text, void *arg)
{
	(void)arg;
	if (n > MAX_MESSAGE || p == NULL)
		abort();
	if (n == 1 && *p == 'c')
		ws_close(w, 1000, "c");
	else if (text)
		ws_text(w, p, n);
	ws_ping(w);
}

static void
on_closed(struct ws *w, int code, const char *why, void *arg)
{
	(void)w;
	(void)arg;
	closes++;
	if (code < 1000 || code > 4999 || why == NULL)
		abort();
}

static const struct ws_events	events = {
	.message = on_message, .closed = on_closed
};

static void
open_end(uv_loop_t *loop, int server)
{
	struct ws	*w = ws_new(loop, &events, MAX_MESSAGE, NULL);

	stream_connect(loop, "", 0, NULL, 0, NULL, NULL);
	w->server = server & 1;
	ws_opened(w, &fake);
}

/* The first byte: which end, and how the bytes are cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct ws_options	o = { .proxy = "http://proxy:1" };
	const char		*why;
	uv_loop_t		loop;

	if (n == 0)
		return 0;
	uv_loop_init(&loop);
	closes = 0;
	if (*p & 2)
		ws_connect(&loop, "ws://h/", *p & 1 ? &o : NULL, &events, NULL,
		    &why);
	else
		open_end(&loop, *p & 1);
	fake_say(p + 1, n - 1, *p >> 2);
	if (closes != 1 || uv_loop_close(&loop) != 0)
		abort();
	return 0;
}
