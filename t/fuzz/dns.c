/* Any packet as an answer of DNS: what is taken are printable names within
 * their limits. */
#include <stdlib.h>
#include <string.h>

#include "../../agent/sensor_dns.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(const char *s)
{
	if (strlen(s) >= DNS_NAME)
		abort();
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dns_message	m;
	char			word[16];
	size_t			i;

	if (dns_read(&m, p, n) < 0)
		return 0;
	check(m.name);
	check(dns_type_word(m.type, word));
	if (m.n_answers > DNS_MAX_ANSWERS)
		abort();
	for (i = 0; i < m.n_answers; i++)
		check(m.answers[i].text);
	return 0;
}
