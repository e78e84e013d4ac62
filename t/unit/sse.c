/* Server-sent events: the text of the standard, and every way to cut it. */
#include <errno.h>

#include "../../buildsrv/muster_sse.c"

#include "tap.h"

static struct buf	heard;
static int		stop_after;

/* An event as "type/id/data|"; stop_after is how many are wanted. */
static int
on_event(const struct sse_event *e, void *arg)
{
	(void)arg;
	buf_printf(&heard, "%s/%s/", e->type, e->id);
	buf_add(&heard, e->data, e->len);
	buf_addc(&heard, '|');
	return stop_after > 0 && --stop_after == 0 ? 7 : 0;
}

/* What is heard of a text that comes in pieces of so many bytes. */
static const char *
read_in(const char *text, size_t len, size_t piece)
{
	struct sse	s;
	size_t		at, n;

	buf_clear(&heard);
	sse_init(&s, on_event, NULL);
	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		if (sse_feed(&s, text + at, n) != 0)
			break;
	}
	sse_release(&s);
	return buf_str(&heard);
}

static void
test_texts(void)
{
	static const struct {
		const char	*what, *text, *want;
	} table[] = {
		{ "an event", "data: a\n\n", "message//a|" },
		{ "lines of data are joined", "data: a\ndata: b\n\n",
		    "message//a\nb|" },
		{ "one space goes", "data:  a\ndata:b\n\n",
		    "message// a\nb|" },
		{ "CR and CRLF end lines too", "data: a\r\rdata: b\r\n\r\n",
		    "message//a|message//b|" },
		{ "type and id", "id: 7\nevent: x\ndata: a\n\ndata: b\n\n",
		    "x/7/a|message/7/b|" },
		{ "an id alone is kept", "id: 3\n\ndata: b\n\n",
		    "message/3/b|" },
		{ "an empty id clears", "id: 3\n\nid\ndata: b\n\n",
		    "message//b|" },
		{ "no data, no event", "event: x\n\ndata: a\n\n",
		    "message//a|" },
		{ "empty data is an event", "data\n\n", "message//|" },
		{ "two empty lines", "data\ndata\n\n", "message//\n|" },
		{ "comments are passed over", ": hi\n:\ndata: a\n:x\n\n",
		    "message//a|" },
		{ "unknown fields too", "foo: x\nbar\ndata: a\n\n",
		    "message//a|" },
		{ "a field's name is whole", "dat: x\ndatax: y\n data: z\n\n",
		    "" },
		{ "what is not ended is no event", "data: a\n\ndata: b\n",
		    "message//a|" },
		{ "a byte order mark goes", "\xef\xbb\xbf" "data: a\n\n",
		    "message//a|" },
		{ "but the first alone", "\xef\xbb\xbf\xef\xbb\xbf" "data: a\n"
		    "\n", "" },
		{ "part of a mark is no mark", "\xef\xbb\ndata: a\n\n",
		    "message//a|" },
		{ "an id that no header can carry is none",
		    "id: 1\n\nid: a\x01" "b\ndata: a\n\n", "message/1/a|" },
		{ "a colon in data", "data: a: b\n\n", "message//a: b|" },
	};
	size_t	i, piece, len;
	int	same;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		len = strlen(table[i].text);
		is_str(table[i].what, read_in(table[i].text, len, len),
		    table[i].want);
		same = 1;
		for (piece = 1; piece < len; piece++)
			same &= strcmp(read_in(table[i].text, len, piece),
			    table[i].want) == 0;
		ok("the same in pieces of any size", same);
	}
	is_str("a NUL in data is data", read_in("data: a\0b\n\ndata: c\n\n",
	    20, 20), "message//a");
	is_int("all of it", heard.len, strlen("message//a_b|message//c|"));
}

static void
test_state(void)
{
	struct sse	s;

	buf_clear(&heard);
	sse_init(&s, on_event, NULL);
	is_int("no retry was said", s.retry_ms, -1);
	sse_feed(&s, "retry: 250\nretry: x\nretry\nretry: -1\nid: 4\n"
	    "data: a\n\nid: 5\ndata: cu", 63);
	is_int("what is no number is passed over", s.retry_ms, 250);
	is_str("the id of an event that was cut off does not count", s.id,
	    "4");
	sse_restart(&s);
	sse_feed(&s, "data: b\n\n", 9);
	is_str("nor does its data, or its id", buf_str(&heard),
	    "message/4/a|message/4/b|");
	sse_feed(&s, "retry: 999999999\n", 17);
	is_int("a server may not put us to sleep", s.retry_ms, SSE_MAX_RETRY);

	buf_clear(&heard);
	stop_after = 2;
	is_int("event() can end it", sse_feed(&s,
	    "data: a\n\ndata: b\n\ndata: c\n\n", 27), 7);
	is_str("there and then", buf_str(&heard), "message/4/a|message/4/b|");
	stop_after = 0;
	sse_release(&s);
}

/* The first answer that is not 0 when a text comes again and again. */
static int
feed_for_ever(const char *text, size_t most)
{
	struct sse	s;
	size_t		fed;
	int		rc = 0;

	sse_init(&s, on_event, NULL);
	for (fed = 0; rc == 0 && fed < most; fed += strlen(text))
		rc = sse_feed(&s, text, strlen(text));
	sse_release(&s);
	return rc;
}

static void
test_limits(void)
{
	static char	line[4096], type[200];

	memset(line, 'x', sizeof(line) - 1);
	is_int("a line without an end", feed_for_ever(line,
	    2 * SSE_MAX_LINE), -EMSGSIZE);
	memcpy(line, "data: ", 6);
	line[sizeof(line) - 2] = '\n';
	is_int("an event without an end", feed_for_ever(line,
	    2 * SSE_MAX_DATA), -EMSGSIZE);
	memset(type, 'x', sizeof(type) - 1);
	memcpy(type, "event: ", 7);
	type[sizeof(type) - 2] = '\n';
	is_int("a type that is too long", feed_for_ever(type,
	    sizeof(type)), -EMSGSIZE);
	memcpy(type, "id:    ", 7);
	is_int("an id that is too long is none", feed_for_ever(type,
	    10 * sizeof(type)), 0);
	is_int("comments for ever", feed_for_ever(":keep-alive\n\n",
	    8 * SSE_MAX_DATA), 0);
}

int
main(void)
{
	test_texts();
	test_state();
	test_limits();
	buf_release(&heard);
	return done();
}
