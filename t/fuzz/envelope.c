/* Whatever an agent or a server may send first: no crash, no leak. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "envelope.h"
#include "json.h"
#include "linkauth.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
read_as_message(struct envelope *e)
{
	struct auth_request	request;
	struct auth_answer	answer;
	struct linkcrypt	keys = { .on = *e->enc != '\0' };
	struct json_err		err;
	struct buf		b = BUF_INIT;
	json_t			*o;

	if (auth_request_read(&request, e, &err) == 0)
		auth_request_verify(&request);
	if (linkcrypt_read(&keys, e, &b) == 0 &&
	    (o = json_read(buf_str(&b), b.len, &err)) != NULL) {
		auth_answer_read(&answer, o, &err);
		auth_answer_release(&answer);
		json_decref(o);
	}
	buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct envelope	e, again;
	struct json_err	err;
	struct buf	b = BUF_INIT;

	crypto_init();
	if (envelope_parse(&e, (const char *)p, n, &err) < 0)
		return 0;
	read_as_message(&e);
	envelope_write(&e, &b);
	if (*e.payload != '\0' && envelope_parse(&again, b.p, b.len,
	    &err) < 0)
		abort();	/* what we write, we read */
	if (*e.payload != '\0')
		envelope_release(&again);
	buf_release(&b);
	envelope_release(&e);
	return 0;
}
