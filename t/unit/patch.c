/* Patches: applied, and refused where they are not for this base, damaged,
 * cut short, or make another length than was said. */
#include "tap.h"
#include <errno.h>
#include <unistd.h>
#include <zstd.h>
#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "patch.h"

enum { SIZE = 300 * 1000 };

static const char	*dir;
static char		*old, *new, *made;

/* As the server makes one. */
static size_t
make_patch(const char *path, const char *base, const char *data, size_t n)
{
	size_t		 size = ZSTD_compressBound(n), got;
	char		*p = malloc(size);
	ZSTD_CCtx	*c = ZSTD_createCCtx();

	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 19);
	ZSTD_CCtx_setParameter(c, ZSTD_c_enableLongDistanceMatching, 1);
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 20);
	ZSTD_CCtx_refPrefix(c, base, SIZE);
	got = ZSTD_compress2(c, p, size, data, n);
	ZSTD_freeCCtx(c);
	if (ZSTD_isError(got) || file_write(path, p, got, 0600) < 0)
		exit(99);
	free(p);
	return got;
}

static int
apply(const char *base, const char *patch, uint64_t length, const char *words)
{
	const char	*why;
	int		 rc;

	unlink(made);
	rc = patch_apply(base, SIZE, patch, made, length, &why);
	if (words != NULL && strstr(why, words) == NULL) {
		printf("# %s\n", why);
		return 1;
	}
	return rc;
}

static void
test_refused(const char *patch, size_t n)
{
	struct buf	b = BUF_INIT;

	is_int("one byte more than said is refused", apply(old, patch,
	    SIZE + 999, "more than it should"), -EBADMSG);
	ok("and nothing is left", !file_exists(made));
	is_int("one less too", apply(old, patch, SIZE + 1001,
	    "less than it should"), -EBADMSG);
	file_read(patch, SIZE, &b);
	file_write(patch, b.p, n - 1, 0600);
	is_int("one that was cut is refused", apply(old, patch, SIZE + 1000,
	    "too early"), -EBADMSG);
	buf_adds(&b, "x");
	file_write(patch, b.p, n + 1, 0600);
	is_int("one with more behind it", apply(old, patch, SIZE + 1000,
	    "behind its end"), -EBADMSG);
	file_write(patch, "no patch at all", 15, 0600);
	is_int("what is none", apply(old, patch, SIZE + 1000, NULL),
	    -EBADMSG);
	unlink(patch);
	is_int("one that is not there", apply(old, patch, SIZE, NULL),
	    -ENOENT);
	buf_release(&b);
}

int
main(void)
{
	char		 name[] = "/tmp/muster-patch.XXXXXX", *patch;
	struct buf	 b = BUF_INIT;
	size_t		 n;

	crypto_init();
	if ((dir = mkdtemp(name)) == NULL)
		return 1;
	patch = file_join(dir, "patch");
	made = file_join(dir, "made");
	old = malloc(SIZE);
	new = malloc(SIZE + 1000);
	crypto_random(old, SIZE);
	memcpy(new, old, 1000);
	crypto_random(new + 1000, 1000);	/* put in; the rest moves */
	memcpy(new + 2000, old + 1000, SIZE - 1000);
	n = make_patch(patch, old, new, SIZE + 1000);
	ok("a patch is small", n < 3000);
	is_int("it is applied", apply(old, patch, SIZE + 1000, NULL), 0);
	ok("and makes the new file", file_read(made, 2 * SIZE, &b) == 0 &&
	    b.len == SIZE + 1000 && memcmp(b.p, new, b.len) == 0);
	buf_release(&b);
	is_int("over a file that is there it is not",
	    patch_apply(old, SIZE, patch, made, SIZE + 1000,
	    &(const char *){ NULL }), -EEXIST);
	old[SIZE / 2] ^= 1;
	is_int("with another base it makes something else", apply(old, patch,
	    SIZE + 1000, NULL), 0);
	ok("which only the hash can tell", file_read(made, 2 * SIZE, &b) == 0
	    && memcmp(b.p, new, SIZE + 1000) != 0);
	old[SIZE / 2] ^= 1;
	test_refused(patch, n);
	unlink(made);
	unlink(patch);
	rmdir(dir);
	buf_release(&b);
	free(old);
	free(new);
	free(patch);
	free(made);
	return done();
}
