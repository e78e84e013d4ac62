/* Any text as an address: what is taken must be whole and printable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "http.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char		*s = xstrndup((const char *)p, n);
	const char	*why = NULL;
	struct url	 u;

	if (url_parse(s, &u, &why) < 0) {
		if (why == NULL || *why == '\0')
			abort();
	} else if (u.host[0] == '\0' || u.path[0] != '/'
	    || (u.port == 0) != (u.socket[0] != '\0')
	    || strpbrk(u.host, " \r\n/@") != NULL
	    || strpbrk(u.path, " \r\n") != NULL) {
		abort();
	}
	url_is_loopback(&u);
	free(s);
	return 0;
}
