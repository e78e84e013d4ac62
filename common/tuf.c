/*
 * The refresh.  AT_ROOT asks for the next root until there is none; then
 * AT_TIMESTAMP, AT_SNAPSHOT and AT_TARGETS ask for their file, unless the
 * one in the directory is what it should be; then all is FRESH.  Each file is
 * kept when it has passed every check and not before.  What fails a check
 * ends the refresh; the directory has what was accepted until then.
 *
 * Files in the directory are believed no more than those of the server: they
 * must have the signatures that the root of today asks for.  So, when keys
 * were rotated, old ones count as absent, which is how a repository recovers
 * from version numbers that an attacker has raised.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "tuf_impl.h"

static void	enter_timestamp(struct tuf *);
static void	enter_snapshot(struct tuf *);
static void	enter_targets(struct tuf *);

static const json_t *
root_keys(const struct tuf *t)
{
	return json_object_get(t->root.body, "keys");
}

static int
is_consistent(const struct tuf *t)
{
	return json_bool(t->root.body, "consistent_snapshot", 0);
}

/* What a file says of another: {"version":n,...}. */
static json_t *
meta_of(const struct tuf_meta *m, const char *role)
{
	char	*name = xasprintf("%s.json", role);
	json_t	*o = json_object_get(json_object_get(m->body, "meta"), name);

	free(name);
	return o;
}

int
tuf_not_expired(struct tuf *t, const struct tuf_meta *m, const char *name)
{
	char	text[21];

	if (m->expires > t->now)
		return 0;
	return tuf_refuse(&t->failure, TUF_EXPIRED, "%s: expired at %s",
	    name, tuf_time_text(m->expires, text));
}

/* version 0: the file's name has none. */
void
tuf_ask(struct tuf *t, const char *role, int64_t version, size_t max)
{
	char	*name = tuf_quote(role, "");

	if (strlen(name) > TUF_MAX_NAME)
		tuf_refuse(&t->failure, TUF_MALFORMED,
		    "a role's name is longer than %d bytes", TUF_MAX_NAME);
	else if (version > 0)
		snprintf(t->want.name, sizeof(t->want.name), "%lld.%s.json",
		    (long long)version, name);
	else
		snprintf(t->want.name, sizeof(t->want.name), "%s.json", name);
	t->want.max = max;
	free(name);
}

/* A top-level role's file, with signatures as the root of today has it. */
static int
read_role(struct tuf *t, struct tuf_meta *m, enum tuf_kind kind,
    const void *p, size_t n, struct tuf_failure *f)
{
	const char	*name = tuf_kind_name(kind);

	if (tuf_meta_read(m, kind, name, p, n, f) < 0)
		return -EBADMSG;
	if (tuf_verify(m, name, root_keys(t), tuf_role_of(&t->root, name),
	    f) == 0)
		return 0;
	tuf_meta_release(m);
	return -EBADMSG;
}

/* The same from the directory; m is empty where there is none that is good. */
static void
read_local(struct tuf *t, struct tuf_meta *m, enum tuf_kind kind, size_t max)
{
	struct tuf_failure	unused = { TUF_OK, "" };
	struct buf		b = BUF_INIT;

	tuf_meta_release(m);
	if (tuf_store_read(t->dir, tuf_kind_name(kind), max, &b) == 0)
		read_role(t, m, kind, buf_str(&b), b.len, &unused);
	buf_release(&b);
}

/* Takes what is in from. */
static void
replace(struct tuf_meta *to, struct tuf_meta *from)
{
	tuf_meta_release(to);
	*to = *from;
	memset(from, 0, sizeof(*from));
}

/* -- root -- */

static void
enter_root(struct tuf *t)
{
	struct buf	b = BUF_INIT;
	int		rc = tuf_store_read(t->dir, "root", TUF_MAX_ROOT, &b);

	t->state = TUF_AT_ROOT;
	tuf_meta_release(&t->root);
	if (rc < 0)
		tuf_refuse(&t->failure, TUF_NO_ROOT,
		    "%s: there is no root that is trusted", t->dir);
	else if (tuf_meta_read(&t->root, TUF_ROOT, "root", buf_str(&b),
	    b.len, &t->failure) == 0 && tuf_verify(&t->root, "root",
	    root_keys(t), tuf_role_of(&t->root, "root"), &t->failure) == 0)
		tuf_ask(t, "root", t->root.version + 1, TUF_MAX_ROOT);
	buf_release(&b);
}

/* The next root: signed as the old one asks and as it asks itself. */
static int
check_root(struct tuf *t, const struct tuf_meta *m)
{
	const json_t	*keys = json_object_get(m->body, "keys");

	if (m->version != t->root.version + 1)
		return tuf_refuse(&t->failure, TUF_WRONG_VERSION,
		    "root: version %lld, not %lld", (long long)m->version,
		    (long long)t->root.version + 1);
	if (tuf_verify(m, "root, by the keys before", root_keys(t),
	    tuf_role_of(&t->root, "root"), &t->failure) < 0)
		return -EBADMSG;
	return tuf_verify(m, "root", keys, tuf_role_of(m, "root"),
	    &t->failure);
}

static void
got_root(struct tuf *t, const void *p, size_t n)
{
	struct tuf_meta	m;

	if (p == NULL) {		/* the newest is here */
		if (tuf_not_expired(t, &t->root, "root") == 0)
			enter_timestamp(t);
		return;
	}
	if (++t->roots > TUF_MAX_ROOTS) {
		tuf_refuse(&t->failure, TUF_TOO_MANY,
		    "root: more than %d new ones", TUF_MAX_ROOTS);
		return;
	}
	if (tuf_meta_read(&m, TUF_ROOT, "root", p, n, &t->failure) < 0)
		return;
	if (check_root(t, &m) == 0 && tuf_store_write(t->dir, "root", p, n,
	    &t->failure) == 0) {
		replace(&t->root, &m);
		tuf_ask(t, "root", t->root.version + 1, TUF_MAX_ROOT);
	}
	tuf_meta_release(&m);
}

/* -- timestamp -- */

static void
enter_timestamp(struct tuf *t)
{
	t->state = TUF_AT_TIMESTAMP;
	read_local(t, &t->timestamp, TUF_TIMESTAMP, TUF_MAX_TIMESTAMP);
	tuf_ask(t, "timestamp", 0, TUF_MAX_TIMESTAMP);
}

static int
check_timestamp(struct tuf *t, const struct tuf_meta *m)
{
	int64_t	now = json_int(meta_of(m, "snapshot"), "version", 0);
	int64_t	before = json_int(meta_of(&t->timestamp, "snapshot"),
		    "version", 0);

	if (m->version < t->timestamp.version)
		return tuf_refuse(&t->failure, TUF_ROLLED_BACK,
		    "timestamp: version %lld, had %lld before",
		    (long long)m->version, (long long)t->timestamp.version);
	if (m->version > t->timestamp.version && now < before)
		return tuf_refuse(&t->failure, TUF_ROLLED_BACK, "timestamp: "
		    "snapshot's version is %lld, was %lld before",
		    (long long)now, (long long)before);
	return 0;
}

static void
got_timestamp(struct tuf *t, const void *p, size_t n)
{
	struct tuf_meta	m = { 0 };

	if (read_role(t, &m, TUF_TIMESTAMP, p, n, &t->failure) < 0 ||
	    check_timestamp(t, &m) < 0)
		goto out;
	if (m.version == t->timestamp.version) {
		if (tuf_not_expired(t, &t->timestamp, "timestamp") == 0)
			enter_snapshot(t);	/* the one that we have */
	} else if (tuf_not_expired(t, &m, "timestamp") == 0 &&
	    tuf_store_write(t->dir, "timestamp", p, n, &t->failure) == 0) {
		replace(&t->timestamp, &m);
		enter_snapshot(t);
	}
out:
	tuf_meta_release(&m);
}

/* -- snapshot -- */

static void
enter_snapshot(struct tuf *t)
{
	const json_t	*meta = meta_of(&t->timestamp, "snapshot");
	int64_t		 version = json_int(meta, "version", 0);

	t->state = TUF_AT_SNAPSHOT;
	tuf_meta_release(&t->snapshot);
	read_local(t, &t->old_snapshot, TUF_SNAPSHOT, TUF_MAX_SNAPSHOT);
	if (t->old_snapshot.version == version &&
	    t->old_snapshot.expires > t->now) {
		replace(&t->snapshot, &t->old_snapshot);
		enter_targets(t);
	} else
		tuf_ask(t, "snapshot", is_consistent(t) ? version : 0,
		    (size_t)json_int(meta, "length", TUF_MAX_SNAPSHOT));
}

/* No targets role may be older than before, or be gone. */
static int
check_snapshot(struct tuf *t, const struct tuf_meta *m)
{
	json_t		*had = json_object_get(t->old_snapshot.body, "meta");
	json_t		*has = json_object_get(m->body, "meta"), *v;
	const char	*name;
	int64_t		 version;

	if (m->version != json_int(meta_of(&t->timestamp, "snapshot"),
	    "version", 0))
		return tuf_refuse(&t->failure, TUF_WRONG_VERSION,
		    "snapshot: version %lld is not the timestamp's",
		    (long long)m->version);
	json_object_foreach(had, name, v) {
		version = json_int(json_object_get(has, name), "version", 0);
		if (version < json_int(v, "version", 0))
			return tuf_refuse(&t->failure, TUF_ROLLED_BACK,
			    "snapshot: %.100s has version %lld, had %lld "
			    "before", name, (long long)version,
			    (long long)json_int(v, "version", 0));
	}
	return 0;
}

static void
got_snapshot(struct tuf *t, const void *p, size_t n)
{
	struct tuf_meta	m = { 0 };

	if (tuf_check_bytes(meta_of(&t->timestamp, "snapshot"), "snapshot",
	    p, n, &t->failure) == 0 &&
	    read_role(t, &m, TUF_SNAPSHOT, p, n, &t->failure) == 0 &&
	    check_snapshot(t, &m) == 0 &&
	    tuf_not_expired(t, &m, "snapshot") == 0 &&
	    tuf_store_write(t->dir, "snapshot", p, n, &t->failure) == 0) {
		replace(&t->snapshot, &m);
		enter_targets(t);
	}
	tuf_meta_release(&m);
}

/* -- targets, and delegated roles alike -- */

int
tuf_targets_take(struct tuf *t, struct tuf_meta *m, const char *role,
    const json_t *keys, const json_t *by, const void *p, size_t n)
{
	const json_t	*meta = meta_of(&t->snapshot, role);
	int64_t		 version = json_int(meta, "version", 0);

	if (tuf_check_bytes(meta, role, p, n, &t->failure) < 0 ||
	    tuf_meta_read(m, TUF_TARGETS, role, p, n, &t->failure) < 0)
		return -EBADMSG;
	if (tuf_verify(m, role, keys, by, &t->failure) < 0)
		return -EBADMSG;
	if (m->version != version)
		return tuf_refuse(&t->failure, TUF_WRONG_VERSION,
		    "%s: version %lld, the snapshot says %lld", role,
		    (long long)m->version, (long long)version);
	return tuf_not_expired(t, m, role);
}

int
tuf_targets_load(struct tuf *t, struct tuf_meta *m, const char *role,
    const json_t *keys, const json_t *by)
{
	const json_t		*meta = meta_of(&t->snapshot, role);
	struct tuf_failure	 keep = t->failure;
	struct buf		 b = BUF_INIT;
	int			 rc = -ENOENT;

	if (meta == NULL)
		return tuf_refuse(&t->failure, TUF_MISSING,
		    "%s: the snapshot does not have it", role);
	tuf_meta_release(m);
	if (strlen(role) <= TUF_MAX_NAME)
		rc = tuf_store_read(t->dir, role, TUF_MAX_TARGETS, &b);
	if (rc == 0)
		rc = tuf_targets_take(t, m, role, keys, by, buf_str(&b),
		    b.len);
	buf_release(&b);
	if (rc == 0)
		return 0;
	t->failure = keep;		/* what is old is no fault */
	tuf_meta_release(m);
	tuf_ask(t, role, is_consistent(t) ? json_int(meta, "version", 0) : 0,
	    (size_t)json_int(meta, "length", TUF_MAX_TARGETS));
	return 1;
}

static void
enter_targets(struct tuf *t)
{
	t->state = TUF_AT_TARGETS;
	if (tuf_targets_load(t, &t->targets, "targets", root_keys(t),
	    tuf_role_of(&t->root, "targets")) == 0)
		t->state = TUF_FRESH;
}

static void
got_targets(struct tuf *t, const void *p, size_t n)
{
	if (tuf_targets_take(t, &t->targets, "targets", root_keys(t),
	    tuf_role_of(&t->root, "targets"), p, n) == 0 &&
	    tuf_store_write(t->dir, "targets", p, n, &t->failure) == 0)
		t->state = TUF_FRESH;
}

/* -- what the caller sees -- */

struct tuf *
tuf_open(const char *dir)
{
	struct tuf	*t = xcalloc(1, sizeof(*t));

	t->dir = xstrdup(dir);
	return t;
}

void
tuf_close(struct tuf *t)
{
	if (t == NULL)
		return;
	tuf_search_end(t);
	tuf_meta_release(&t->root);
	tuf_meta_release(&t->timestamp);
	tuf_meta_release(&t->snapshot);
	tuf_meta_release(&t->old_snapshot);
	tuf_meta_release(&t->targets);
	free(t->dir);
	free(t);
}

void
tuf_refresh(struct tuf *t, int64_t now)
{
	tuf_search_end(t);
	t->failure = (struct tuf_failure){ TUF_OK, "" };
	t->want.name[0] = '\0';
	t->roots = 0;
	t->now = now;
	enter_root(t);
}

int
tuf_step(struct tuf *t, struct tuf_want *want)
{
	if (t->failure.fault != TUF_OK)
		return -EBADMSG;
	if (t->want.name[0] == '\0')
		return 0;
	*want = t->want;
	return TUF_WANTS;
}

void
tuf_give(struct tuf *t, const void *p, size_t n)
{
	static void (*const	got[])(struct tuf *, const void *, size_t) = {
		[TUF_AT_ROOT] = got_root,
		[TUF_AT_TIMESTAMP] = got_timestamp,
		[TUF_AT_SNAPSHOT] = got_snapshot,
		[TUF_AT_TARGETS] = got_targets,
		[TUF_SEARCHING] = tuf_search_give
	};
	struct tuf_want		asked = t->want;

	if (asked.name[0] == '\0' || t->failure.fault != TUF_OK)
		return;
	t->want.name[0] = '\0';
	if (p != NULL && n > asked.max)
		tuf_refuse(&t->failure, TUF_TOO_LARGE,
		    "%s: more than %zu bytes", asked.name, asked.max);
	else if (p == NULL && t->state != TUF_AT_ROOT)
		tuf_refuse(&t->failure, TUF_MISSING,
		    "%s: the server does not have it", asked.name);
	else
		got[t->state](t, p, n);
}

const struct tuf_failure *
tuf_failure(const struct tuf *t)
{
	return &t->failure;
}

int
tuf_role(const struct tuf *t, const char *role, int64_t *version,
    int64_t *expires)
{
	const struct tuf_meta	*m =
	    strcmp(role, "root") == 0 ? &t->root :
	    strcmp(role, "timestamp") == 0 ? &t->timestamp :
	    strcmp(role, "snapshot") == 0 ? &t->snapshot :
	    strcmp(role, "targets") == 0 ? &t->targets : NULL;

	if (m == NULL || m->doc == NULL)
		return -ENOENT;
	*version = m->version;
	*expires = m->expires;
	return 0;
}

const char *
tuf_fault_name(enum tuf_fault f)
{
	static const char *const	names[TUF_FAULTS] = {
		[TUF_OK] = "ok", [TUF_NO_ROOT] = "no_root",
		[TUF_MALFORMED] = "malformed",
		[TUF_WRONG_TYPE] = "wrong_type",
		[TUF_WRONG_SIGNATURE] = "wrong_signature",
		[TUF_EXPIRED] = "expired",
		[TUF_ROLLED_BACK] = "rolled_back",
		[TUF_WRONG_VERSION] = "wrong_version",
		[TUF_WRONG_LENGTH] = "wrong_length",
		[TUF_WRONG_HASH] = "wrong_hash", [TUF_MISSING] = "missing",
		[TUF_TOO_LARGE] = "too_large", [TUF_TOO_MANY] = "too_many",
		[TUF_NO_TARGET] = "no_target", [TUF_NO_STORE] = "no_store"
	};

	return names[f];
}
