/* Lines of a pipeline: whatever comes, the text is valid UTF-8 without
 * control characters, and without the secrets. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../buildsrv/queue_line.c"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char	 secret[] = "secret", other[] = "\xc3\xa4secr";
	char		*secrets[] = { secret, other };
	const char	*s = (const char *)p;
	struct line	 l;
	json_t		*j;
	char		*text;

	line_parse(s, n, &l);
	assert(l.arg >= s && l.arg + l.len == s + n);
	assert(l.kind == LINE_TEXT || l.len > 0);
	assert(l.kind != LINE_PROGRESS || (l.number >= 0 && l.number <= 100));
	text = line_clean(l.arg, l.len, secrets, 2);
	assert(strstr(text, secret) == NULL);
	assert((j = json_string(text)) != NULL);	/* checks UTF-8 */
	for (s = text; *s != '\0'; s++)
		assert((unsigned char)*s >= 0x20 || *s == '\t');
	json_decref(j);
	free(text);
	return 0;
}
