/* Any bytes as a stream of events: no crash, events within their limits, and
 * the same events however the bytes are cut. */
#include <stdint.h>
#include <stdlib.h>

#include "../../buildsrv/muster_sse.c"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
on_event(const struct sse_event *e, void *arg)
{
	struct buf	*heard = arg;

	if (e->data[e->len] != '\0' || e->len > SSE_MAX_DATA ||
	    strlen(e->type) > SSE_MAX_TYPE || strlen(e->id) > SSE_MAX_ID ||
	    e->id[strcspn(e->id, "\r\n")] != '\0')
		abort();
	buf_printf(heard, "%s/%s/%zu/", e->type, e->id, e->len);
	buf_add(heard, e->data, e->len);
	return 0;
}

static int
feed(const char *p, size_t n, size_t piece, struct buf *heard)
{
	struct sse	s;
	size_t		at, len;
	int		rc = 0;

	sse_init(&s, on_event, heard);
	for (at = 0; rc == 0 && at < n; at += len) {
		len = n - at < piece ? n - at : piece;
		rc = sse_feed(&s, p + at, len);
	}
	sse_release(&s);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf	whole = BUF_INIT, cut = BUF_INIT;
	size_t		piece = n > 0 ? p[0] % 7 + 1 : 1;
	int		rc = feed((const char *)p, n, n > 0 ? n : 1, &whole);

	if (feed((const char *)p, n, piece, &cut) != rc ||
	    whole.len != cut.len || (whole.len > 0 &&
	    memcmp(whole.p, cut.p, whole.len) != 0))
		abort();
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}
