/* LMDB: its errors, its map, opening it, reading from it. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "store_lmdb.h"

/* Address space, not memory or disk; a file that grows past it doubles it. */
size_t	store_map_first = sizeof(void *) > 4 ? (size_t)1 << 30 :
	    (size_t)128 << 20;

static const char *const db_names[STORE_DBS] = {
	"meta", "doc", "job", "list", "pending", "lease", "user", "turn",
	"log", "event", "event_user", "history"
};

int
lmdb_error(int code)
{
	switch (code) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_KEYEXIST:
		return -EEXIST;
	case MDB_MAP_FULL:
	case MDB_MAP_RESIZED:
		return -EFBIG;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:		/* RLIMIT_FSIZE */
		return -ENOSPC;
	case MDB_VERSION_MISMATCH:
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INCOMPATIBLE:
		return -EBADMSG;
	case MDB_TXN_FULL:
		return -E2BIG;
	case MDB_READERS_FULL:
		return -EMFILE;
	default:		/* LMDB's other codes are negative */
		return code > 0 ? -code : -EIO;
	}
}

int
name_check(const char *s, size_t max)
{
	size_t	 n = s != NULL ? strnlen(s, max + 1) : 0;
	json_t	*j;

	if (n == 0 || n > max || (j = json_stringn(s, n)) == NULL)
		return -EINVAL;
	json_decref(j);
	return 0;
}

/*
 * Larger, or as large as another process has made it.  No transaction is
 * open here: the worker has ended, and reads do not outlast their call.
 */
int
map_grow(struct store *s)
{
	MDB_envinfo	ours, theirs;
	int		rc;

	mdb_env_info(s->env, &ours);
	rc = lmdb_error(mdb_env_set_mapsize(s->env, 0));
	mdb_env_info(s->env, &theirs);
	if (rc < 0 || theirs.me_mapsize > ours.me_mapsize)
		return rc;
	if (ours.me_mapsize > SIZE_MAX / 2)
		return -ENOSPC;
	return lmdb_error(mdb_env_set_mapsize(s->env, ours.me_mapsize * 2));
}

/* -- reading -- */

int
read_begin(struct store *s, struct store_txn *t)
{
	int	code = mdb_txn_renew(s->read);

	/* Another process has grown the map.  Ours would be told by its own
	 * batch, so none of ours is under way. */
	if (code == MDB_MAP_RESIZED && !s->busy && map_grow(s) == 0)
		code = mdb_txn_renew(s->read);
	*t = (struct store_txn){ .store = s, .mdb = s->read,
	    .now = clock_wall_ms() };
	return lmdb_error(code);
}

void
read_end(struct store_txn *t)
{
	mdb_txn_reset(t->mdb);
}

/* -- opening and closing -- */

static int
dbs_open(struct store *s)
{
	struct store_txn	 t = { .store = s };
	int64_t			 version;
	int			 i, rc;

	rc = lmdb_error(mdb_txn_begin(s->env, NULL, 0, &t.mdb));
	if (rc < 0)
		return rc;
	for (i = 0; rc == 0 && i < STORE_DBS; i++)
		rc = lmdb_error(mdb_dbi_open(t.mdb, db_names[i], MDB_CREATE,
		    &s->db[i]));
	if (rc == 0)
		rc = meta_add(&t, "version", 0, &version);
	if (rc == 0 && version == 0)
		rc = meta_add(&t, "version", version = STORE_VERSION, NULL);
	if (rc == 0 && version != STORE_VERSION)
		rc = -EPROTO;
	if (rc == 0)
		rc = meta_add(&t, "event", 0, &s->last_event);
	if (rc == 0)
		rc = meta_add(&t, "trimmed", 0, &s->trimmed);
	if (rc == 0)
		return lmdb_error(mdb_txn_commit(t.mdb));
	mdb_txn_abort(t.mdb);
	return rc;
}

static int
env_open(struct store *s, const char *dir)
{
	int	dead, rc;

	if ((rc = file_mkdirs(dir, 0700)) < 0)
		return rc;
	if ((rc = lmdb_error(mdb_env_create(&s->env))) < 0)
		return rc;
	if ((rc = lmdb_error(mdb_env_set_maxdbs(s->env, STORE_DBS))) < 0
	    || (rc = lmdb_error(mdb_env_set_mapsize(s->env,
	    store_map_first))) < 0)
		return rc;
	/* NOTLS: the reader's slot belongs to the transaction. */
	rc = lmdb_error(mdb_env_open(s->env, dir, MDB_NOTLS, 0600));
	if (rc < 0)
		return rc;
	mdb_reader_check(s->env, &dead);	/* of killed processes */
	if ((rc = dbs_open(s)) < 0)
		return rc;
	rc = lmdb_error(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->read));
	if (rc == 0)
		mdb_txn_reset(s->read);
	return rc;
}

static void
store_release(struct store *s)
{
	struct link	*l, *n;

	LIST_EACH(l, n, &s->watches)
		free(LIST_ITEM(l, struct store_watch, link));
	if (s->read != NULL)
		mdb_txn_abort(s->read);
	if (s->env != NULL)
		mdb_env_close(s->env);
	cache_free(s);
	free(s);
}

int
store_open(struct store **out, uv_loop_t *loop, const char *where, char **why)
{
	struct store	*s = xcalloc(1, sizeof(*s));
	const char	*dir = where;
	int		 rc = -EINVAL;

	s->loop = loop;
	s->work.data = s;
	list_init(&s->queued);
	list_init(&s->batch);
	list_init(&s->watches);
	cache_new(s);
	if (strncmp(where, "lmdb:", 5) == 0 && where[5] != '\0')
		rc = env_open(s, dir = where + 5);
	if (rc < 0) {
		if (why != NULL)
			*why = xasprintf("%s: %s", dir, rc == -EINVAL ?
			    "not of the form lmdb:DIR" : rc == -EPROTO ?
			    "written by another version" : errstr(rc));
		store_release(s);
		return rc;
	}
	uv_idle_init(loop, &s->turn);
	*out = s;
	return 0;
}

void
store_free(uv_handle_t *h)
{
	struct store	*s = LIST_ITEM(h, struct store, turn);
	void		(*closed)(void *) = s->closed;
	void		*arg = s->closed_arg;

	store_release(s);
	closed(arg);
}
