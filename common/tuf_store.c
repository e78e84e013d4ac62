/* The directory of what was accepted: ROLE.json, the bytes as they came. */
#include <errno.h>
#include <stdlib.h>

#include <uv.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "platform.h"
#include "tuf_impl.h"

static char *
store_path(const char *dir, const char *role)
{
	char	*name = tuf_quote(role, ""), *path;

	path = xasprintf("%s/%s.json", dir, name);
	free(name);
	return path;
}

int
tuf_store_read(const char *dir, const char *role, size_t max, struct buf *b)
{
	char	*path = store_path(dir, role);
	int	 rc = file_read(path, max, b);

	free(path);
	return rc;
}

int
tuf_store_write(const char *dir, const char *role, const void *p, size_t n,
    struct tuf_failure *f)
{
	char	*path = store_path(dir, role);
	int	 rc = file_write(path, p, n, 0600);

	if (rc < 0)
		tuf_refuse(f, TUF_NO_STORE, "%s: %s", path, errstr(rc));
	free(path);
	return rc < 0 ? -EBADMSG : 0;
}

int
tuf_trusts(const char *dir)
{
	char	*path = store_path(dir, "root");
	int	 there = file_exists(path);

	free(path);
	return there;
}

static void
forget(const char *dir, const char *role)
{
	char	*path = store_path(dir, role);
	uv_fs_t	 req;

	uv_fs_unlink(NULL, &req, path, NULL);
	uv_fs_req_cleanup(&req);
	free(path);
}

/* The root goes last: a crash before it leaves the old one, which then
 * fetches anew what was forgotten. */
int
tuf_trust(const char *dir, const void *root, size_t n, struct tuf_failure *f)
{
	struct tuf_meta	m;
	int		rc;

	*f = (struct tuf_failure){ TUF_OK, "" };
	if (tuf_meta_read(&m, TUF_ROOT, "root", root, n, f) < 0)
		return -EINVAL;
	rc = tuf_verify(&m, "root", json_object_get(m.body, "keys"),
	    tuf_role_of(&m, "root"), f);
	tuf_meta_release(&m);
	if (rc < 0)
		return -EINVAL;
	if ((rc = platform_private_dir(dir)) < 0) {
		tuf_refuse(f, TUF_NO_STORE, "%s: %s", dir, errstr(rc));
		return rc;
	}
	forget(dir, "timestamp");
	forget(dir, "snapshot");
	forget(dir, "targets");
	return tuf_store_write(dir, "root", root, n, f) < 0 ? -EIO : 0;
}
