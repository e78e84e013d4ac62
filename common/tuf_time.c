/* Times as the metadata has them: RFC 3339 in one form, whole seconds, UTC. */
#include <errno.h>
#include <stdio.h>

#include "clock.h"
#include "tuf_impl.h"

int
tuf_time_read(const char *s, int64_t *out)
{
	static const char	form[] = "dddd-dd-ddTdd:dd:ddZ";
	size_t			i;
	int64_t			ms;

	for (i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' :
		    s[i] != form[i])
			return -EINVAL;
	if (s[i] != '\0' || clock_read_rfc3339(s, &ms) < 0)
		return -EINVAL;
	*out = ms / 1000;
	return 0;
}

char *
tuf_time_text(int64_t t, char out[21])
{
	char	text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(t * 1000, text);
	snprintf(out, 21, "%.19sZ", text);
	return out;
}
