#include "tap.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dirent.h>
#include "buf.h"
#include "crypto.h"
#include "file.h"

static int
entries(const char *dir)
{
	DIR	*d = opendir(dir);
	int	 n = -2;		/* . and .. */

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

int
main(void)
{
	char		 dir[] = "/tmp/muster-file.XXXXXX", *p, *q;
	struct buf	 b = BUF_INIT;
	struct stat	 st;
	uint8_t		 sum[32];
	uint64_t	 size;
	char		 hex[65];

	crypto_init();
	if (mkdtemp(dir) == NULL)
		return 1;
	p = file_absolute("/a/b");
	is_str("a path from the root stays", p, "/a/b");
	free(p);
	p = file_absolute(".");
	ok("another is below where we are", p[0] == '/' && file_exists(p));
	free(p);
	p = file_join(dir, "a/b/c");
	is_int("directories are made", file_mkdirs(p, 0700), 0);
	is_int("twice is no error", file_mkdirs(p, 0700), 0);
	ok("with the mode", stat(p, &st) == 0 && (st.st_mode & 0777) == 0700);
	q = file_join(p, "f");
	is_int("a file is written", file_write(q, "old", 3, 0600), 0);
	is_int("and replaced", file_write(q, "newer", 5, 0640), 0);
	is_int("nothing lies beside it", entries(p), 1);
	ok("mode is as told", stat(q, &st) == 0 &&
	    (st.st_mode & 0777) == 0640);
	is_int("it is read", file_read(q, 5, &b), 0);
	is_str("as written", buf_str(&b), "newer");
	is_int("more than the cap is refused", file_read(q, 4, &b), -EFBIG);
	is_str("and the buffer is as it was", buf_str(&b), "newer");
	is_int("its hash", file_sha256(q, sum, &size), 0);
	is_str("is SHA-256", hex_encode(sum, 32, hex), "804f51f71254c4081e37e7c887073560"
	    "f4a6fa6cdad202e9ac67e032c43ed1e1");
	is_int("its size", size, 5);
	is_int("a directory in its way is an error",
	    file_write(p, "x", 1, 0600), -EISDIR);
	is_int("and leaves nothing", entries(p), 1);
	is_int("a file in the way of a directory is an error",
	    file_mkdirs(q, 0700), -ENOTDIR);
	is_int("what is absent is ENOENT", file_read("/nonexistent", 9, &b),
	    -ENOENT);
	free(p);
	p = file_join(dir, "copy");
	is_int("a copy", file_copy(q, p, 0755), 0);
	is_int("never over another", file_copy(q, p, 0755), -EEXIST);
	buf_release(&b);
	free(p);
	free(q);
	p = xasprintf("rm -rf %s", dir);
	ok("all is removed", system(p) == 0);
	free(p);
	return done();
}
