/*
 * The client that takes each change first: it trusts the oldest root that the
 * directory has, and reads what is to be from an overlay and the rest from
 * the directory.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "tree.h"
#include "tufrepo_private.h"

/* The bytes of a file: of the overlay, else of the directory. */
static int
file_of(const char *dir, const json_t *overlay, const char *name,
    struct buf *b)
{
	const char	*text = json_str(overlay, name, NULL);
	char		*path;
	int		 rc;

	if (text != NULL) {
		buf_adds(b, text);
		return 0;
	}
	path = file_join(dir, name);
	rc = file_read(path, TUF_MAX_TARGETS, b);
	free(path);
	return rc;
}

static int
run(struct tuf *t, const char *dir, const json_t *overlay)
{
	struct tuf_want	want;
	struct buf	b = BUF_INIT;
	int		rc;

	while ((rc = tuf_step(t, &want)) == TUF_WANTS) {
		buf_clear(&b);
		rc = file_of(dir, overlay, want.name, &b);
		tuf_give(t, rc == 0 ? buf_str(&b) : NULL, b.len);
	}
	buf_release(&b);
	return rc;
}

/* Every path that the role itself lists must be found, and as it says. */
static int
find_all(struct tuf *t, const char *dir, const json_t *overlay,
    const char *name, struct tuf_failure *f)
{
	json_t		*doc = json_loads(json_str(overlay, name, "null"),
			    JSON_DECODE_ANY, NULL), *v;
	const char	*path;
	int		 rc = 0;

	json_object_foreach(json_object_get(json_object_get(doc, "signed"),
	    "targets"), path, v) {
		tuf_find(t, path);
		if ((rc = run(t, dir, overlay)) < 0) {
			*f = *tuf_failure(t);
			break;
		}
	}
	json_decref(doc);
	return rc;
}

/* The oldest root that is there. */
static int
oldest_root(const char *dir, const json_t *overlay, struct buf *b)
{
	char	name[40];
	int	i, rc = -ENOENT;

	for (i = 1; rc == -ENOENT && i <= TUF_MAX_ROOTS; i++) {
		snprintf(name, sizeof(name), "%d.root.json", i);
		rc = file_of(dir, overlay, name, b);
	}
	return rc;
}

int
tufrepo_check(const char *dir, const json_t *overlay, const char *name,
    struct tuf_failure *f)
{
	char		*trust = xasprintf("%s/.check.XXXXXX", dir);
	struct buf	 root = BUF_INIT;
	struct tuf	*t = NULL;
	int		 rc;

	*f = (struct tuf_failure){ TUF_OK, "" };
	if (mkdtemp(trust) == NULL) {
		rc = -errno;
		goto out;
	}
	if ((rc = oldest_root(dir, overlay, &root)) < 0 ||
	    (rc = tuf_trust(trust, buf_str(&root), root.len, f)) < 0)
		goto out;
	t = tuf_open(trust);
	tuf_refresh(t, clock_wall_ms() / 1000);
	if ((rc = run(t, dir, overlay)) < 0)
		*f = *tuf_failure(t);
	else
		rc = find_all(t, dir, overlay, name, f);
out:
	tuf_close(t);
	tree_remove(trust);
	buf_release(&root);
	free(trust);
	return f->fault != TUF_OK ? -EBADMSG : rc;
}
