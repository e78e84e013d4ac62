#include "tap.h"
#include "buf.h"

int
main(void)
{
	struct buf	 b = BUF_INIT;
	char		*s;
	int		 i;

	is_str("an empty buffer is a string", buf_str(&b), "");
	s = buf_take(&b);
	is_str("and can be taken", s, "");
	free(s);
	s = xstrndup("ab", 100);
	is_str("a copy of a part ends where the whole does", s, "ab");
	free(s);
	s = xmemdup("a\0b", 3);
	ok("a copy of bytes has all of them", memcmp(s, "a\0b", 4) == 0);
	free(s);
	for (i = 0; i < 5000; i++)
		buf_printf(&b, "%d,", i % 10);
	is_int("it grows", b.len, 10000);
	ok("and stays ended", b.p[b.len] == '\0');
	buf_drop(&b, 9998);
	is_str("bytes go off the front", buf_str(&b), "9,");
	buf_drop(&b, 10);
	is_int("no more than there are", b.len, 0);
	buf_add(&b, "a\0b", 3);
	ok("NUL bytes are bytes", b.len == 3 && memcmp(b.p, "a\0b", 4) == 0);
	buf_printf(&b, "%0300d", 7);
	is_int("a long format fits", b.len, 303);
	buf_clear(&b);
	is_str("cleared is empty", buf_str(&b), "");
	s = buf_take(&b);
	is_int("taken leaves nothing", b.cap, 0);
	free(s);
	buf_release(&b);
	return done();
}
