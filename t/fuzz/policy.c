/* Any text as a policy: it is refused with a reason, or it compiles and
 * every packet gets a verdict of a rule that it has. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy_compile.h"

static const struct policy_host	host = { .cpus = 4 };

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
ask(const struct policy_image *m, const struct policy_doc *d,
    const uint8_t *p, size_t n)
{
	struct policy_query	q;
	uint8_t			a[22] = { 0 };
	uint32_t		v;

	memcpy(a, p, n < sizeof(a) ? n : sizeof(a));
	policy_query_make(&q, a[0] & 1, a[0] & 2, a + 6, a[1],
	    (unsigned)(a[2] << 8 | a[3]), (unsigned)(a[4] << 8 | a[5]));
	q.later = a[0] & 4;
	v = policy_image_judge(m, &q);
	if (POLICY_RANK(v) == 0 || POLICY_SLOT(v) >= POLICY_N_FIRST_RULE +
	    d->n_rules)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct policy_image	 m;
	struct policy_doc	 d;
	char			*why;
	size_t			 i;

	if (policy_doc_read(&d, (const char *)p, n, &why) < 0) {
		if (why == NULL || *why == '\0')
			abort();
		free(why);
		return 0;
	}
	if (policy_compile(&m, &d, &host, &why) < 0)
		abort();		/* no input is that long */
	for (i = 0; i < n; i += 7)
		ask(&m, &d, p + i, n - i);
	policy_image_release(&m);
	policy_doc_release(&d);
	return 0;
}
