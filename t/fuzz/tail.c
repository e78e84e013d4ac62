/* The log follower: positions that it left, patterns, and bytes of lines. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "tail.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct tail_position	*all;
	struct json_err		 e;
	struct buf		 text = BUF_INIT, again = BUF_INIT;
	char			*written, *s = xstrndup((const char *)p, n);
	char			*name = strchr(s, '\n');
	size_t			 count;
	json_t			*o;

	if (tail_positions_read(s, strlen(s), &all, &count, &e) == 0) {
		written = tail_positions_write(all, count);
		tail_positions_free(all, count);
		assert(tail_positions_read(written, strlen(written), &all,
		    &count, &e) == 0);
		tail_positions_free(all, count);
		free(written);
	}
	if (name != NULL) {
		*name++ = '\0';
		tail_match(s, name);
	}
	tail_text(&text, (const char *)p, n);
	o = json_stringn(buf_str(&text), text.len);
	assert(o != NULL);		/* whatever it was, it is UTF-8 now */
	json_decref(o);
	tail_text(&again, buf_str(&text), text.len);
	assert(again.len == text.len);
	buf_release(&text);
	buf_release(&again);
	free(s);
	return 0;
}
