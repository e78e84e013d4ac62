/*
 * Whatever a client may send as a packet's text: no crash, no leak; what we
 * write we read, and write the same again.  (Only then: where one number is
 * past 64 bits, the others become doubles as in JavaScript.)
 */
#include <stdlib.h>

#include "../../buildsrv/socketio_packet.c"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The packet's own text, from text that is its own. */
static struct buf
again(const struct buf *text)
{
	struct socketio_packet	p;
	struct buf		b = BUF_INIT;

	if (socketio_packet_read(&p, text->p, text->len) < 0)
		abort();
	socketio_packet_write(&b, &p);
	socketio_packet_release(&p);
	return b;
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct socketio_packet	p;
	struct buf		one = BUF_INIT, two, three;

	if (socketio_packet_read(&p, (const char *)in, n) < 0)
		return 0;
	if (p.n_blobs > SOCKETIO_MAX_ATTACHMENTS)
		abort();
	socketio_packet_write(&one, &p);
	socketio_packet_release(&p);
	two = again(&one);
	three = again(&two);
	if (two.len != three.len || memcmp(two.p, three.p, two.len) != 0)
		abort();
	buf_release(&one);
	buf_release(&two);
	buf_release(&three);
	return 0;
}
