/* A hostile server's answer: done() comes once, whatever it says. */
#include <stdint.h>
#include <stdlib.h>

#include "http.h"
#include "stream_fake.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int	dones;

static void
on_done(const struct httpc_answer *a, void *arg)
{
	(void)arg;
	dones++;
	httpc_header(a->req, "X-Test");
	if (a->why == NULL || a->body == NULL || a->body[a->body_len] != '\0'
	    || (a->rc == 0) != (a->status >= 200 && a->rc == 0))
		abort();
}

static int
on_sink(const char *p, size_t n, void *arg)
{
	(void)arg;
	return p[n - 1] == '!' ? UV_ENOSPC : 0;
}

/* The first byte: the request's kind, and how the answer is cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct httpc_options	o = { .max_body = 3000 };
	uv_loop_t		loop;

	if (n == 0)
		return 0;
	if (*p & 1)
		o.sink = on_sink;
	if (*p & 2)
		o.method = "HEAD";
	uv_loop_init(&loop);
	dones = 0;
	httpc_start(&loop, "http://h/", &o, on_done, NULL);
	fake_say(p + 1, n - 1, *p >> 2);
	if (dones != 1 || uv_loop_close(&loop) != 0)
		abort();
	return 0;
}
