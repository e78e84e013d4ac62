#include <errno.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "sign_word.h"

enum { WORD_MAX = 256 };	/* a signature takes 88 characters */

static int
decode(const char *s, size_t len, void *out, size_t n)
{
	size_t	got;

	if (base64_decode(s, len, out, n, &got) < 0 || got != n)
		return -EINVAL;
	return 0;
}

int
sign_word(const char *word, void *out, size_t n)
{
	struct buf	b = BUF_INIT;
	int		rc;

	if (decode(word, strlen(word), out, n) == 0)
		return 0;
	if ((rc = file_read(word, WORD_MAX, &b)) < 0)
		goto out;
	while (b.len > 0 && strchr("\r\n", b.p[b.len - 1]) != NULL)
		b.len--;
	rc = decode(buf_str(&b), b.len, out, n);
out:
	buf_release(&b);
	return rc == -EFBIG ? -EINVAL : rc;
}
