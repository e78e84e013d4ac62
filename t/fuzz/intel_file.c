/*
 * A file of indicators with bytes changed anywhere: it does not open, or no
 * look-up and no walk leaves it.  Each five bytes of input change one: which
 * part of the file, where in it, and to what.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "log.h"
#include "../../common/intel_file.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *const	values[] = {
	"192.0.2.1", "192.0.2.0/24", "10.0.0.0/9", "2001:db8::/32",
	"bad.example", "a.bad.example", "/tmp/.x",
	"d41d8cd98f00b204e9800998ecf8427e"
};

static struct buf	good;		/* the file as it was made */
static char		path[64];	/* of one in memory */
static int		fd;

static void
read_value(struct intel_value *v, const char *text)
{
	const char	*why;

	if (intel_value_read(v, INTEL_ANY, text, strlen(text), &why) < 0)
		abort();
}

static void
make_good(void)
{
	char			 made[] = "/tmp/muster-fuzz.XXXXXX";
	struct intel_maker	*m;
	struct intel_value	 v;
	size_t			 i;

	crypto_init();
	close(mkstemp(made));
	if (intel_maker_new(&m, made) < 0)
		abort();
	for (i = 0; i < nitems(values); i++) {
		read_value(&v, values[i]);
		intel_maker_add(m, &v, intel_maker_source(m, i & 1 ? "a" :
		    "b"), 50, i == 0 ? 1 : 0);
	}
	if (intel_maker_end(m, NULL) < 0 ||
	    file_read(made, 1 << 24, &good) < 0)
		abort();
	unlink(made);
	fd = memfd_create("indicators", 0);
	if (pwrite(fd, good.p, good.len, 0) != (ssize_t)good.len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
}

/* Parts of some size each, but for the table of mostly nothing. */
static size_t
place(const uint8_t *p)
{
	const struct intel_head	*h = (const void *)good.p;
	const uint64_t	from[] = { 0, sizeof(*h), h->sources, h->around,
		h->buckets, h->slots };
	const uint64_t	to[] = { sizeof(*h), h->sources, h->around,
		h->buckets, h->slots, h->size };
	size_t		i = p[0] % nitems(from);
	uint64_t	at = (uint64_t)(p[1] | p[2] << 8 | p[3] << 16);

	return (size_t)(from[i] + at % (to[i] - from[i]));
}

static int
see(const struct intel_hit *hit, void *arg)
{
	char	text[INTEL_MAX_VALUE + 64];

	(void)arg;
	intel_value_text(&hit->value, text, sizeof(text));
	if (strlen(hit->source) >= INTEL_MAX_NAME)
		abort();
	return 0;
}

static void
use(const struct intel *t)
{
	struct intel_hit	hits[INTEL_MAX_HITS];
	struct intel_value	v;
	size_t			i, k, n;

	for (i = 0; i < nitems(values); i++) {
		read_value(&v, values[i]);
		n = intel_find(t, &v, 2, hits);
		for (k = 0; k < n; k++)
			see(&hits[k], NULL);
	}
	intel_each(t, 2, see, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct intel	*t;
	const char	*why;
	size_t		 i;

	if (good.len == 0)
		make_good();
	for (i = 0; i + 5 <= n; i += 5)
		if (pwrite(fd, p + i + 4, 1, (off_t)place(p + i)) != 1)
			abort();
	if (intel_open(&t, path, &why) == 0) {
		use(t);
		intel_close(t);
	}
	for (i = 0; i + 5 <= n; i += 5)
		if (pwrite(fd, good.p + place(p + i), 1,
		    (off_t)place(p + i)) != 1)
			abort();
	return 0;
}
