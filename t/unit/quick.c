/* The quick reader of document 004's messages takes nothing that the whole
 * one would refuse, and reads the same out of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../buildsrv/gateway_quick.c"
#include "json.h"
#include "log.h"
#include "tap.h"

#define SECRET	"0123456789abcdef0123456789abcdef"

static struct quick_key	*key;

static void
write_message(struct buf *b, const char *payload)
{
	struct hmaclink	m = { HMACLINK_METRICS, "agent-1", "n-1",
			    1700000000123, NULL, NULL, NULL, 0 };

	hmaclink_write_text(&m, payload, SECRET, b);
}

static int
is_same(const char *a, size_t n, const char *b)
{
	return n == strlen(b) && memcmp(a, b, n) == 0;
}

/* 1 taken by both alike, 0 not taken by the quick one, -1 they differ. */
static int
compare(const char *text, size_t n)
{
	struct quick	q;
	struct hmaclink	m;
	struct json_err	err;
	int		same;

	if (!quick_read(&q, text, n))
		return 0;
	if (hmaclink_parse(&m, text, n, &err) < 0)
		return -1;
	same = is_same(q.type, q.type_len, m.type) &&
	    is_same(q.agent_id, q.agent_id_len, m.agent_id) &&
	    is_same(q.nonce, q.nonce_len, m.nonce) && q.ts == m.ts &&
	    quick_verify(&q, key) == hmaclink_verify(&m, SECRET);
	hmaclink_release(&m);
	return same ? 1 : -1;
}

static int
taken(const char *payload)
{
	struct buf	b = BUF_INIT;
	int		rc;

	write_message(&b, payload);
	rc = compare(b.p, b.len);
	buf_release(&b);
	return rc;
}

static void
check_given(void)
{
	static const char *const	quick[] = { "{}",
	    "{\"cpuPercent\":25,\"diskUsage\":60.1,\"memPercent\":45.2}",
	    "{\"status\":\"alive\"}", "{\"a\":true,\"b\":false,\"c\":null}",
	    "{\"a\":-0.5,\"b\":0}" };
	static const char *const	whole[] = { "[]", "1", "{\"a\":{}}",
	    "{\"a\":1e5}", "{\"a\":\"\\n\"}", "{\"a\":01}", "{\"a\":.5}",
	    "{\"a\":1.}", "{\"a\":1,\"a\":2}", "{\"a\":\"\xc3\xa4\"}",
	    "{\"a\":1,}", "{\"a\":9007199254740993}", "{ }", "{\"a\":+1}",
	    "{\"a\":tru}", "{\"a\":\"\x01\"}", "{\"a\"}", "{a:1}" };
	size_t				i;
	int				n;

	for (i = 0, n = 0; i < nitems(quick); i++)
		n += taken(quick[i]) == 1;
	is_int("the usual forms are read quickly", n, (int)nitems(quick));
	for (i = 0, n = 0; i < nitems(whole); i++)
		n += taken(whole[i]) == 0;
	is_int("all others are left to the whole reader", n,
	    (int)nitems(whole));
}

/* Each byte changed, to what breaks JSON most. */
static void
check_changed(void)
{
	static const char	bytes[] = "\"\\{}[]:,0-.eE+ \x01\x7f\x80zn/";
	struct buf		b = BUF_INIT;
	struct quick		q;
	size_t			i, j;
	int			differ = 0, believed = 0;
	char			was;

	write_message(&b, "{\"a\":1.5,\"b\":\"x\",\"c\":null}");
	for (i = 0; i < b.len; i++)
		for (j = 0; j < sizeof(bytes) - 1; j++) {
			was = b.p[i];
			/* hex digits may be of either case */
			if (was == bytes[j] || (was | 0x20) == (bytes[j] |
			    0x20))
				continue;
			b.p[i] = bytes[j];
			differ += compare(b.p, b.len) < 0;
			believed += quick_read(&q, b.p, b.len) &&
			    quick_verify(&q, key);
			b.p[i] = was;
		}
	is_int("with any byte changed both say the same", differ, 0);
	is_int("and nothing of it is believed", believed, 0);
	for (i = 0; i < b.len; i++)
		believed += quick_read(&q, b.p, i);
	is_int("nor what is cut off", believed, 0);
	buf_release(&b);
}

int
main(void)
{
	crypto_init();
	key = quick_key_new(SECRET);
	check_given();
	check_changed();
	quick_key_free(key);
	return done();
}
