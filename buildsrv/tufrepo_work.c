/*
 * A change of the repository, in a worker: what is to be goes into an
 * overlay first (the file that came, then a snapshot that names it, then a
 * timestamp of that snapshot, both signed by the helper), a client judges it,
 * and then it is written, the timestamp last: a crash between leaves files
 * that nothing refers to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "tufrepo_private.h"

enum { ASK_TIMEOUT = 10000 };	/* ms; the helper takes one */

static void	PRINTF_LIKE(3, 4)
fail(struct tufrepo_job *j, int rc, const char *fmt, ...)
{
	struct buf	b = BUF_INIT;
	va_list		ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	j->rc = rc;
	free(j->why);
	j->why = buf_take(&b);
}

/* The helper's signature in the file: 0 or -errno, told. */
static int
sign(struct tufrepo_job *j, json_t *file)
{
	json_t	*ask = json_pack("{ss sO}", "op", "tuf", "signed",
		    json_object_get(file, "signed"));
	json_t	*answer = NULL, *list;
	int	 rc = ipc_ask(j->socket, ask, ASK_TIMEOUT, &answer);

	list = json_object_get(answer, "signatures");
	if (rc < 0)
		fail(j, -EIO, "the signing helper does not answer: %s",
		    errstr(rc));
	else if (!json_is_array(list))
		fail(j, -EIO, "the signing helper refuses: %s",
		    json_str(answer, "error", "no reason given"));
	else
		json_object_set(file, "signatures", list);
	json_decref(answer);
	json_decref(ask);
	return j->rc;
}

static void
put(json_t *overlay, const char *name, const json_t *file)
{
	char	*text = tuf_text(file);

	json_object_set_new(overlay, name, json_string(text));
	free(text);
}

/* A new snapshot of what is there and what comes; NULL: told. */
static json_t *
make_snapshot(struct tufrepo_job *j, json_t *overlay, const json_t *coming)
{
	json_t	*file;
	int64_t	 version = 0;
	char	*name;

	tuf_repo_newest(j->dir, "snapshot", &version);
	file = tuf_new(json_pack("{so}", "meta", tuf_snapshot_meta(j->dir,
	    coming)), TUF_SNAPSHOT, version + 1, j->now, j->snapshot_life);
	if (sign(j, file) < 0) {
		json_decref(file);
		return NULL;
	}
	name = tuf_repo_name("snapshot", version + 1);
	put(overlay, name, file);
	free(name);
	return file;
}

static void
make_timestamp(struct tufrepo_job *j, json_t *overlay, const json_t *snapshot)
{
	struct tuf_failure	 f;
	struct tuf_meta		 old;
	json_t			*file;

	tuf_repo_read(j->dir, "timestamp.json", TUF_TIMESTAMP, &old, &f);
	file = tuf_new(json_pack("{so}", "meta", tuf_timestamp_meta(snapshot)),
	    TUF_TIMESTAMP, old.version + 1, j->now, j->timestamp_life);
	if (sign(j, file) == 0)
		put(overlay, "timestamp.json", file);
	json_decref(file);
	tuf_meta_release(&old);
}

/* In order: what others refer to comes first. */
static void
write_all(struct tufrepo_job *j, const json_t *overlay)
{
	static const char	last[] = "timestamp.json";
	const char		*name, *text;
	json_t			*v;
	char			*path;
	int			 rc = 0, turn;

	for (turn = 0; turn < 2 && rc == 0; turn++)
		json_object_foreach((json_t *)(uintptr_t)overlay, name, v) {
			if ((strcmp(name, last) == 0) != turn || rc < 0)
				continue;
			path = file_join(j->dir, name);
			text = json_string_value(v);
			rc = file_write(path, text, strlen(text), 0644);
			free(path);
		}
	if (rc < 0)
		fail(j, rc, "%s: %s", j->dir, errstr(rc));
}

/* -- when -- */

/* Past a third of its life it is signed anew: two more tries' time is left
 * before anybody worries at a half. */
static int
is_due(const struct tufrepo_job *j, const struct tuf_meta *m,
    const char *name)
{
	char	*path = file_join(j->dir, name);
	int64_t	 from = tufrepo_issued(m, path);

	free(path);
	return m->doc == NULL || j->now > from + (m->expires - from) / 3;
}

/* Makes what the online roles need: both when something came or the snapshot
 * is due, else the timestamp when that is. */
static void
make_online(struct tufrepo_job *j, json_t *overlay, const json_t *coming)
{
	struct tuf_failure	 f;
	struct tuf_meta		 snapshot, timestamp;
	json_t			*file = NULL;
	int64_t			 version = 0;
	char			*name;

	tuf_repo_newest(j->dir, "snapshot", &version);
	name = tuf_repo_name("snapshot", version);
	tuf_repo_read(j->dir, name, TUF_SNAPSHOT, &snapshot, &f);
	tuf_repo_read(j->dir, "timestamp.json", TUF_TIMESTAMP, &timestamp, &f);
	if (coming != NULL || is_due(j, &snapshot, name))
		file = make_snapshot(j, overlay, coming);
	else if (is_due(j, &timestamp, "timestamp.json"))
		file = json_incref(snapshot.doc);
	if (file != NULL)
		make_timestamp(j, overlay, file);
	json_decref(file);
	tuf_meta_release(&snapshot);
	tuf_meta_release(&timestamp);
	free(name);
}

/* -- a file that came -- */

/* Its role and version by its name; refused where it cannot be taken. */
static char *
coming_role(struct tufrepo_job *j, int64_t *version)
{
	int64_t		 newest = 0;
	size_t		 n = strspn(j->name, "0123456789");
	size_t		 len = strlen(j->name);
	char		*role;

	if (n == 0 || n > 9 || len < n + 7 || j->name[n] != '.' ||
	    strcmp(j->name + len - 5, ".json") != 0) {
		fail(j, -EINVAL, "the name must be VERSION.ROLE.json");
		return NULL;
	}
	role = xstrndup(j->name + n + 1, len - n - 6);
	*version = strtoll(j->name, NULL, 10);
	tuf_repo_newest(j->dir, role, &newest);
	if (strcmp(role, "snapshot") == 0 || strcmp(role, "timestamp") == 0)
		fail(j, -EINVAL, "the server makes that one itself");
	else if (*version <= newest)
		fail(j, -EEXIST, "version %lld of %s is there already",
		    (long long)newest, role);
	else if (strcmp(role, "root") == 0 && newest > 0 &&
	    *version != newest + 1)
		fail(j, -EINVAL, "the next root is version %lld",
		    (long long)newest + 1);
	if (j->rc == 0)
		return role;
	free(role);
	return NULL;
}

/* The first root: nothing but itself can judge it. */
static void
check_first(struct tufrepo_job *j)
{
	struct tuf_failure	 f;
	char			*dir = xasprintf("%s/.first", j->dir);
	int			 rc = tuf_trust(dir, j->text, strlen(j->text),
				    &f);

	if (rc < 0)
		fail(j, f.fault != TUF_OK ? -EBADMSG : rc, "%s: %s",
		    tuf_fault_name(f.fault), f.text);
	free(dir);
}

static void
judge(struct tufrepo_job *j, const json_t *overlay)
{
	struct tuf_failure	f;
	int			rc = tufrepo_check(j->dir, overlay, j->name !=
				    NULL ? j->name : "", &f);

	if (rc == -EBADMSG)
		fail(j, rc, "%s: %s", tuf_fault_name(f.fault), f.text);
	else if (rc < 0)
		fail(j, rc, "%s: %s", j->dir, errstr(rc));
}

static void
change(struct tufrepo_job *j, json_t *overlay)
{
	int64_t	 root = 0, targets = 0, version = 0;
	json_t	*coming = NULL;
	char	*role = NULL;
	int	 is_root = 0;

	tuf_repo_newest(j->dir, "root", &root);
	tuf_repo_newest(j->dir, "targets", &targets);
	if (j->name != NULL) {
		if ((role = coming_role(j, &version)) == NULL)
			return;
		is_root = strcmp(role, "root") == 0;
		json_object_set_new(overlay, j->name, json_string(j->text));
		coming = json_object();
		if (!is_root)
			json_object_set_new(coming, role,
			    json_integer(version));
	}
	if (root == 0 && !is_root) {
		if (j->name != NULL)
			fail(j, -ENOENT, "a repository begins with its root");
	} else if (targets == 0 && json_object_get(coming, "targets") == NULL) {
		if (root == 0)
			check_first(j);
		else if (j->name != NULL)
			fail(j, -ENOENT, "its first targets must come first");
	} else {
		make_online(j, overlay, coming);
		if (j->rc == 0 && json_object_size(overlay) > 0)
			judge(j, overlay);
	}
	json_decref(coming);
	free(role);
}

void
tufrepo_work(struct tufrepo_job *j)
{
	json_t	*overlay = json_object();

	change(j, overlay);
	if (j->rc == 0)
		write_all(j, overlay);
	json_decref(overlay);
	tufrepo_read(j);
}
