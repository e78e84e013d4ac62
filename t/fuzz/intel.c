/* Whatever a feed may hold: no crash, and what was taken reads the same when
 * it is written as text.  The first byte chooses format and kind. */
#include <stdlib.h>

#include "../../common/intel_feed.c"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
hear(const struct intel_value *v, int confidence, int64_t until, void *arg)
{
	struct intel_value	 again;
	char			 text[INTEL_MAX_VALUE + 64];
	const char		*why;

	(void)until;
	(void)arg;
	if (confidence < 0 || confidence > 100)
		abort();
	intel_value_text(v, text, sizeof(text));
	if (intel_value_read(&again, v->kind, text, strlen(text), &why) < 0 ||
	    again.prefix != v->prefix || again.len != v->len ||
	    memcmp(again.data, v->data, v->len) != 0)
		abort();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct intel_feed	feed = { .column = "ioc", .confidence = 50 };
	struct intel_count	count;

	if (n == 0)
		return 0;
	feed.format = (enum intel_format)(in[0] % INTEL_FORMATS);
	feed.kind = (enum intel_kind)(in[0] / INTEL_FORMATS % INTEL_KINDS);
	intel_feed_read(&feed, (const char *)in + 1, n - 1, 1000, hear, NULL,
	    &count);
	return 0;
}
