/* The server's parsers: a head, and behind it a chunked body, which must
 * come out the same byte by byte. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "httpd_impl.h"

enum { MAX_BODY = 1000 };

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
fuzz_body(const char *p, size_t n)
{
	struct chunked	 k = { 0 }, one = { 0 };
	struct buf	 a = BUF_INIT, b = BUF_INIT;
	const char	*why = NULL, *q = p;
	size_t		 left = n, m, i;
	int		 whole = 0, whole1 = 0, rc, rc1 = 0;

	rc = chunked_eat(&k, &q, &left, &a, MAX_BODY, &whole, &why);
	assert(rc == 0 || why != NULL);
	assert(a.len <= MAX_BODY);
	for (i = 0; i < n && rc1 == 0 && !whole1; i++, p++) {
		m = 1;
		q = p;
		rc1 = chunked_eat(&one, &q, &m, &b, MAX_BODY, &whole1, &why);
	}
	assert(rc == rc1 && whole == whole1 && a.len == b.len);
	assert(a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
	buf_release(&a);
	buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct head	 h;
	const char		*p = (const char *)data, *why = NULL;
	size_t			 scanned = 0, len = 0, i;
	char			*text;

	if (head_find(p, n, &scanned, &len, &why) != 0 || len == 0) {
		fuzz_body(p, n);
		return 0;
	}
	assert(len <= n && len <= HTTP_MAX_HEAD);
	text = xmemdup(p, len);
	if (head_parse(&h, text, len, &why) == 0) {
		assert(*h.path == '/' || strcmp(h.path, "*") == 0);
		assert(h.n <= HTTP_MAX_HEADERS && !(h.chunked && h.length));
		assert(h.minor == 0 || head_value(&h, "host") != NULL);
		for (i = 0; i < h.n; i++)
			assert(strpbrk(h.field[i].value, "\r\n") == NULL
			    && h.field[i].name[0] != '\0');
		head_has_token(head_value(&h, "connection"), "close");
	} else {
		assert(why != NULL);
	}
	free(text);
	fuzz_body(p + len, n - len);
	return 0;
}
