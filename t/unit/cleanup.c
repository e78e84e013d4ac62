/* What a pass of the clean-up takes, and what it leaves. */
#include "cleanuptap.h"

enum { HOUR = 3600 * 1000 };

/* -- builds -- */

static void
add(const char *id)
{
	WAIT(store_job_add(store, pack("{ss ss}", "id", id, "user", "anna"),
	    HEAR));
}

/* The next job, ended as completed with a token, or otherwise. */
static void
end(const char *status, const char *content, int64_t token_ends_in)
{
	char		*id, *key, hash[2][2 * SHA256_SIZE + 1];
	long long	 fence;
	int64_t		 expires = clock_wall_ms() + token_ends_in;
	struct store_op	 ops[3];
	json_t		*patch = NULL, *ref;
	size_t		 n = 0;

	WAIT(store_job_claim(store, "srv", 60000, 3, HEAR));
	id = xstrdup(str_at("id"));
	fence = int_at("fence");
	key = xasprintf("anna/%s", id);
	if (content != NULL) {
		publish_content(content);
		patch = json_pack("{sI}", "tokenExpires",
		    (json_int_t)expires);
		ref = token_for(id, content, expires);
		ops[n++] = (struct store_op){ STORE_PUT, "token", key, ref };
		ops[n++] = (struct store_op){ STORE_PUT, "token-hash",
		    hash_key(&server, "download", id, hash[0]), ref };
		ops[n++] = (struct store_op){ STORE_PUT, "regkey",
		    hash_key(&server, "register", id, hash[1]), ref };
	}
	WAIT(store_job_finish(store, id, fence, status, patch, ops, n, HEAR));
	if (content != NULL)
		json_decref(ref);
	json_decref(patch);
	free(key);
	free(id);
}

static int
has_job(const char *id)
{
	WAIT(store_job_get(store, id, HEAR));
	return rc == 0;
}

static int
has(const char *kind, const char *key)
{
	WAIT(store_get(store, kind, key, HEAR));
	return rc == 0;
}

static void
revoke_token(const char *key)
{
	struct store_op	op = { STORE_MERGE, "token", key, NULL };

	op.value = pack("{sb}", "revoked", 1);
	WAIT(store_write(store, &op, 1, HEAR));
}

/* Such that what was before is older than this moment. */
static void
later(void)
{
	uv_sleep((unsigned)cleanup_clock + 20);
}

/* -- tests -- */

static void
test_nothing(void)
{
	pass(0);
	is_int("an empty store has nothing", passed_int("jobs")
	    + passed_int("tokens") + passed_int("events")
	    + passed_int("files") + passed_int("directories"), 0);
	is_int("an answer lists nothing", json_array_size(json_object_get(
	    passed, "items")), 0);
}

static void
test_jobs(void)
{
	char	hash[2][2 * SHA256_SIZE + 1];

	server.cleanup->keep_jobs = HOUR;
	server.cleanup->keep_events = HOUR;
	server.cleanup->orphan_grace = HOUR;
	add("runs");
	WAIT(store_job_claim(store, "srv", 60000, 3, HEAR));
	later();
	add("failed");
	end("failed", NULL, 0);
	add("live");
	end("completed", "live content", HOUR);
	add("revoked");
	end("completed", "revoked content", HOUR);
	revoke_token("anna/revoked");
	add("over");
	end("completed", "over content", -2 * HOUR);
	add("waits");
	later();
	pass(0);
	is_int("young jobs stay", passed_int("jobs"), 0);
	is_int("the old token goes", passed_int("tokens"), 1);
	ok("and its hash", !has("token", "anna/over") && !has("token-hash",
	    hash_key(&server, "download", "over", hash[0])));
	ok("its job stays", has_job("over"));

	server.cleanup->keep_jobs = 0;
	pass(1);
	is_int("a dry pass counts old jobs", passed_int("jobs"), 3);
	ok("but leaves them", has_job("failed") && has_job("revoked")
	    && has_job("over"));
	pass(0);
	is_int("a pass takes as many", passed_int("jobs"), 3);
	ok("those that ended", !has_job("failed") && !has_job("over"));
	ok("and whose token was revoked", !has_job("revoked"));
	ok("not one whose download can be had", has_job("live"));
	ok("nor what runs or waits", has_job("runs") && has_job("waits"));
	ok("with the token", !has("token", "anna/revoked"));
	ok("its hash", !has("token-hash", hash_key(&server, "download",
	    "revoked", hash[0])));
	ok("and the registration key", !has("regkey", hash_key(&server,
	    "register", "revoked", hash[1])));
	ok("not those of another", has("token", "anna/live")
	    && has("regkey", hash_key(&server, "register", "live",
	    hash[0])));
	WAIT(store_job_stats(store, HEAR));
	ok("the counts agree", int_at("completed") == 1
	    && int_at("failed") == 0 && int_at("running") == 1
	    && int_at("pending") == 1);
}

static void
test_events(void)
{
	int64_t	last = store_event_last(store);

	is_int("young events stay", store_event_first(store), 1);
	later();
	server.cleanup->keep_events = 0;
	pass(1);
	is_int("a dry pass counts them", passed_int("events"), last);
	is_int("but leaves them", store_event_first(store), 1);
	pass(0);
	is_int("a pass takes as many", passed_int("events"), last);
	is_int("which is marked", store_event_first(store), last + 1);
	pass(1);
	is_int("then there are none", passed_int("events"), 0);
	server.cleanup->keep_events = HOUR;
}

/* "runs" runs since before these are published. */
static void
test_orphans(void)
{
	struct transfer_want	 w = { "anna/x", "a", NULL, 9, 0, 9, 0, 0 };
	struct transfer		*t;
	char			 name[2 * SHA256_SIZE + 1];

	server.cleanup->orphan_grace = 0;
	pass(0);
	is_int("a build that runs keeps what was published since",
	    passed_int("orphans"), 0);
	ok("all of it", where_is("revoked content") == IN_PLACE);
	WAIT(store_job_release(store, "srv", HEAR));
	WAIT(store_job_claim(store, "srv", 60000, 1, HEAR));
	ok("it runs no longer", rc == 0);	/* this is "waits" */
	WAIT(store_job_finish(store, str_at("id"), int_at("fence"), "failed",
	    NULL, NULL, 0, HEAR));
	publish_content("fresh content");
	later();

	server.cleanup->orphan_grace = HOUR;
	pass(0);
	is_int("young files stay", passed_int("orphans"), 0);
	server.cleanup->orphan_grace = 0;
	pass(1);
	is_int("a dry pass counts orphans", passed_int("orphans"), 3);
	ok("but leaves them", where_is("revoked content") == IN_PLACE);
	pass(0);
	is_int("a pass finds as many", passed_int("orphans"), 3);
	is_int("but removes none yet", passed_int("files"), 0);
	ok("they are in the trash", where_is("revoked content") == IN_TRASH
	    && where_is("fresh content") == IN_TRASH);
	ok("not what a token leads to", where_is("live content") == IN_PLACE);

	server.cleanup->orphan_grace = HOUR;
	later();
	pass(0);
	is_int("where they have their time", passed_int("files"), 0);
	server.cleanup->orphan_grace = 0;
	w.sha256 = content_name("fresh content", name);
	t = transfer_begin(server.transfers, &w);
	pass(0);
	is_int("then they go", passed_int("files"), 2);
	is_int("with their bytes", passed_int("bytes"),
	    strlen("revoked content") + strlen("over content"));
	ok("but not one that is being sent",
	    where_is("fresh content") == IN_TRASH
	    && where_is("revoked content") == NOWHERE);
	transfer_end(t, 0);
	pass(0);
	ok("until it was sent", where_is("fresh content") == NOWHERE);
}

static void
test_restore(void)
{
	char	 name[2 * SHA256_SIZE + 1];
	char	*place = file_join(server.artifact_dir,
		    content_name("live content", name));
	char	*trash = xasprintf("%s/" ARTIFACT_TRASH "/%s",
		    server.artifact_dir, name);

	ok("a file in the trash", rename(place, trash) == 0);
	pass(1);
	is_int("to which a token leads", passed_int("restored"), 1);
	ok("is left there by a dry pass",
	    where_is("live content") == IN_TRASH);
	pass(0);
	ok("and put back by another", where_is("live content") == IN_PLACE);
	revoke_token("anna/live");
	later();
	pass(0);
	ok("when that is revoked it is an orphan",
	    where_is("live content") == IN_TRASH);
	later();
	pass(0);
	ok("and goes", where_is("live content") == NOWHERE);
	free(place);
	free(trash);
}

static char *
make_dir(const char *in, const char *name, int days)
{
	char	*path = xasprintf("%s/%s/%s", store_dir, in, name);
	char	*cmd = xasprintf("mkdir -p '%s/in' && touch '%s/in/file' && "
		    "touch -d '%d days ago' '%s'", path, path, days, path);

	if (system(cmd) != 0)
		printf("# failed: %s\n", cmd);
	free(cmd);
	return path;
}

static void
test_dirs(void)
{
	static const char	key[] = "0123456789abcdef0123456789abcdef"
				    "0123456789abcdef0123456789abcde";
	char			*dir[8], *name[5], *lock_path;
	struct lock		*lock;
	int			 i;

	for (i = 0; i < 5; i++)
		name[i] = xasprintf("%s%d%s", key, i, i == 2 ? ".new" :
		    i == 3 ? ".old" : "");
	server.cleanup->keep_templates = 30LL * 24 * HOUR;
	server.cleanup->orphan_grace = HOUR;
	dir[0] = make_dir("templates", name[0], 31);
	dir[1] = make_dir("templates", name[1], 29);
	dir[2] = make_dir("templates", name[2], 0);
	dir[3] = make_dir("templates", name[3], 0);
	dir[4] = make_dir("templates", "build", 400);
	dir[5] = make_dir("work", "12345", 1);
	dir[6] = make_dir("work", "12346", 0);
	dir[7] = make_dir("work", "other", 400);
	lock_path = xasprintf("%s/templates/lock", store_dir);
	ok("while something is compiled", lock_take(&lock, lock_path, 0, 0,
	    "") == 0);
	pass(0);
	ok("templates stay", file_exists(dir[0]) && file_exists(dir[2]));
	ok("an old run's directory goes", !file_exists(dir[5]));
	ok("not a young one", file_exists(dir[6]));
	ok("nor one that is no run's", file_exists(dir[7]));
	lock_drop(lock);
	pass(1);
	is_int("a dry pass counts templates", passed_int("directories"), 3);
	ok("but leaves them", file_exists(dir[0]));
	pass(0);
	is_int("a pass takes as many", passed_int("directories"), 3);
	ok("one that nobody uses", !file_exists(dir[0]));
	ok("what is half made, and half removed", !file_exists(dir[2])
	    && !file_exists(dir[3]));
	ok("not one that is used", file_exists(dir[1]));
	ok("nor the compiler's", file_exists(dir[4]));
	for (i = 0; i < 8; i++)
		free(dir[i]);
	for (i = 0; i < 5; i++)
		free(name[i]);
	free(lock_path);
}

static void
test_temporary(void)
{
	static const char *const names[] = { "token.key.0123456789ab.tmp",
	    "notes.tmp", "x.0123456789ab.tmp.txt" };
	char	*path[3], *cmd;
	int	 i;

	for (i = 0; i < 3; i++) {
		path[i] = file_join(store_dir, names[i]);
		cmd = xasprintf("touch -d '1 hour ago' '%s'", path[i]);
		if (system(cmd) != 0)
			printf("# failed: %s\n", cmd);
		free(cmd);
	}
	pass(0);
	is_int("temporary files go", passed_int("temporary"), 1);
	ok("those that a killed write left", !file_exists(path[0]));
	ok("and no other", file_exists(path[1]) && file_exists(path[2]));
	for (i = 0; i < 3; i++)
		free(path[i]);
}

/* More than one answer lists, and than one batch takes. */
static void
test_many(void)
{
	enum { MANY = 1200 };
	char	content[32];
	int	i;

	for (i = 0; i < MANY; i++) {
		snprintf(content, sizeof(content), "content %d", i);
		publish_content(content);
	}
	later();
	server.cleanup->orphan_grace = 0;
	pass(0);
	is_int("many orphans", passed_int("orphans"), MANY);
	ok("not all are listed", json_array_size(json_object_get(passed,
	    "items")) == CLEANUP_ITEMS
	    && json_bool(passed, "truncated", 0));
	later();
	pass(0);
	is_int("all go", passed_int("files"), MANY);
}

int
main(void)
{
	crypto_init();
	log_init("cleanup", LOG_NONE, LOG_TEXT);
	begin_store();
	if (open_store() < 0)
		return 1;
	begin_cleanup();
	test_nothing();
	test_jobs();
	test_events();
	test_orphans();
	test_restore();
	test_dirs();
	test_temporary();
	test_many();
	end_cleanup();
	pack_end();
	end_store();
	return done();
}
