/* Document 004's messages, whoever sends them: what is read can be written,
 * and what is written is right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "esjson.h"
#include "hmaclink.h"
#include "json.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Written and read again it must be the same. */
static void
check_value(const char *p, size_t n)
{
	struct json_err	 e;
	struct buf	 b = BUF_INIT, again = BUF_INIT;
	json_t		*v = esjson_read(p, n, &e), *w;

	if (v == NULL)
		return;
	esjson_write(&b, v, 0);
	if ((w = esjson_read(b.p, b.len, &e)) == NULL)
		abort();
	esjson_write(&again, w, 0);
	if (strcmp(b.p, again.p) != 0)
		abort();
	json_decref(v);
	json_decref(w);
	buf_release(&b);
	buf_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct hmaclink	m, again;
	struct json_err	e;
	struct buf	b = BUF_INIT;

	crypto_init();
	check_value((const char *)p, n);
	if (hmaclink_parse(&m, (const char *)p, n, &e) < 0)
		return 0;
	hmaclink_verify(&m, "secret");
	if (m.payload != NULL) {
		hmaclink_write(&m, "secret", &b);
		if (hmaclink_parse(&again, b.p, b.len, &e) < 0 ||
		    !hmaclink_verify(&again, "secret"))
			abort();
		hmaclink_release(&again);
	}
	buf_release(&b);
	hmaclink_release(&m);
	return 0;
}
