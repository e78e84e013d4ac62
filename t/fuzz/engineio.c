/* Whatever a POST may hold: no crash; what is read and written is read the
 * same again. */
#include <stdlib.h>

#include "../../buildsrv/engineio_packet.c"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
add(struct buf *out, const struct engineio_packet *p)
{
	struct buf	bytes = BUF_INIT;

	if (p->type != 'b')
		engineio_payload_add(out, p->type, p->data, p->len);
	else if (engineio_packet_bytes(p, &bytes) == 0)
		engineio_payload_add(out, 'b', bytes.p, bytes.len);
	buf_release(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	const char		*text = (const char *)in;
	struct engineio_packet	 p;
	struct buf		 one = BUF_INIT, two = BUF_INIT;
	int			 rc;

	if (n == 0 || !engineio_utf8(text, n))
		return 0;
	while ((rc = engineio_payload_next(&text, &n, &p)) > 0)
		add(&one, &p);
	text = buf_str(&one);
	n = one.len;
	while ((rc = engineio_payload_next(&text, &n, &p)) > 0)
		add(&two, &p);
	if (rc < 0 || one.len != two.len
	    || (one.len > 0 && memcmp(one.p, two.p, one.len) != 0))
		abort();
	buf_release(&one);
	buf_release(&two);
	return 0;
}
