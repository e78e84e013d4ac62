/* What changes an account: a new key, an end or a new beginning, and the
 * workspaces it may use. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "buf.h"
#include "clock.h"
#include "limits.h"

enum { MAX_GRACE = 7 * 24 * 3600 };	/* s that an old key stays good */

/* Answers what is no account's name, or nobody's, as 404 and others as
 * failures; 0 when there was none. */
static int
change_failed(struct call *c, int rc)
{
	if (rc == -ENOENT || rc == -EINVAL)
		call_error(c, 404, NULL, "no such account");
	else if (rc < 0)
		call_failed(c, rc);
	return rc < 0;
}

/* -- POST /api/accounts/:/disable, enable; PUT /api/accounts/:/workspaces -- */

static void
on_changed(int rc, const json_t *account, void *arg)
{
	struct call	*c = arg;

	if (change_failed(c, rc))
		return;
	log_info("account", "changed name=%s disabled=%d uid=%lld request=%s",
	    c->param, json_bool(account, "disabled", 0),
	    (long long)c->req->uid, c->req->id);
	events_drop(c->server, c->param);
	call_json(c, 200, json_pack("{sb so}", "success", 1, "account",
	    account_view(account)));
}

static void
on_merged(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)unused;
	if (!change_failed(c, rc))
		store_get(c->server->store, "account", c->param, on_changed,
		    c);
}

/* Takes the members, and notes the change with them. */
static void
account_merge(struct call *c, const char *action, json_t *take)
{
	json_t	*note = audit_record(c, action, c->param, "ok");

	store_write(c->server->store, (struct store_op[]){
	    { STORE_MERGE, "account", c->param, take },
	    { STORE_APPEND, "audit", NULL, note } }, 2, on_merged, c);
	json_decref(take);
	json_decref(note);
}

/* The body of a request that needs none, {} at most. */
static int
no_body(struct call *c)
{
	return c->req->body_len > 0 ? call_body(c, NULL, 0) : 0;
}

void
account_disable(struct call *c)
{
	if (no_body(c) == 0)
		account_merge(c, "account.disable", json_pack("{sb}",
		    "disabled", 1));
}

void
account_enable(struct call *c)
{
	if (no_body(c) == 0)
		account_merge(c, "account.enable", json_pack("{sb}",
		    "disabled", 0));
}

static const struct json_field workspaces_fields[] = {
	{ "workspaces", JSON_K_ARR, 1, 0, MAX_WORKSPACES, NULL, NULL, 0,
	    JSON_K_STR },
};

void
account_workspaces(struct call *c)
{
	json_t	*list;

	if (call_body(c, workspaces_fields, nitems(workspaces_fields)) < 0)
		return;
	list = json_object_get(c->body, "workspaces");
	if (workspaces_check(c, list) == 0)
		account_merge(c, "account.workspaces", json_pack("{sO}",
		    "workspaces", list));
}

/* -- POST /api/accounts/:/rotate -- */

static const struct json_field rotate_fields[] = {
	{ "grace", JSON_K_ANY, 0, 0, 0, NULL, NULL, 0, 0 },
};

/* Seconds: a number, or "90s", "10m", "2h", "7d".  -1 where it is neither. */
static int64_t
grace_seconds(const json_t *v)
{
	static const char	units[] = "smhd";
	static const int	seconds[] = { 1, 60, 3600, 86400 };
	const char		*text = json_string_value(v), *unit;
	int64_t			 n;
	char			*end;

	if (v == NULL)
		return 0;
	if (json_is_integer(v))
		n = json_integer_value(v);
	else if (text == NULL || text[0] < '0' || text[0] > '9')
		return -1;
	else {
		n = strtoll(text, &end, 10);
		if (n > MAX_GRACE || *end == '\0' || end[1] != '\0' ||
		    (unit = strchr(units, *end)) == NULL)
			return -1;
		n *= seconds[unit - units];
	}
	return n < 0 || n > MAX_GRACE ? -1 : n;
}

static void
on_rotated(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;

	(void)unused;
	if (rc == -ENOENT || rc == -EEXIST) {
		call_error(c, 409, NULL,
		    "the key was changed by another request meanwhile");
		return;
	}
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	log_info("account", "new key name=%s by=%s request=%s", c->param,
	    c->user, c->req->id);
	events_drop(c->server, c->param);
	call_json(c, 200, json_incref(c->job));
}

/*
 * The old key's record goes in the same transaction: of two rotations at once
 * the second does not find it, and fails.  With a grace it stays beside, as
 * "oldkey", until the next rotation.
 */
static void
rotate(struct call *c, const json_t *account, int64_t grace)
{
	char		 key[ACCOUNT_KEY_SIZE], hash[2 * SHA256_SIZE + 1];
	const char	*old = json_str(account, "key", "");
	const char	*older = json_str(account, "oldKey", "");
	int64_t		 now = clock_wall_ms();
	json_t		*ref, *keep, *more, *note;
	struct store_op	 ops[6];
	size_t		 n = 0;

	account_key(key, hash);
	ref = json_pack("{ss}", "account", c->param);
	keep = json_pack("{ss sI}", "account", c->param, "expires",
	    (json_int_t)(now + grace * 1000));
	more = json_pack("{ss sI ss}", "key", hash, "rotated",
	    (json_int_t)now, "oldKey", grace > 0 ? old : "");
	note = audit_record(c, "account.rotate", c->param, "ok");
	ops[n++] = (struct store_op){ STORE_DEL, "key", old, NULL };
	ops[n++] = (struct store_op){ STORE_ADD, "key", hash, ref };
	ops[n++] = (struct store_op){ STORE_MERGE, "account", c->param, more };
	ops[n++] = (struct store_op){ STORE_APPEND, "audit", NULL, note };
	if (older[0] != '\0')
		ops[n++] = (struct store_op){ STORE_DROP, "oldkey", older,
		    NULL };
	if (grace > 0)
		ops[n++] = (struct store_op){ STORE_PUT, "oldkey", old, keep };
	c->job = json_pack("{sb ss ss sI}", "success", 1, "name", c->param,
	    "key", key, "grace", (json_int_t)grace);
	store_write(c->server->store, ops, n, on_rotated, c);
	json_decref(ref);
	json_decref(keep);
	json_decref(more);
	json_decref(note);
	crypto_wipe(key, sizeof(key));
}

static void
on_account(int rc, const json_t *account, void *arg)
{
	struct call	*c = arg;

	if (!change_failed(c, rc))
		rotate(c, account, c->number);
}

void
account_rotate(struct call *c)
{
	/* Other names than the own are one thing, whether there or not. */
	if (!c->local && strcmp(c->param, c->user) != 0) {
		if (c->admin)
			call_error(c, 403, NULL, "another's key is changed "
			    "only over the server's own socket");
		else
			call_error(c, 404, NULL, "no such account");
		return;
	}
	if (c->req->body_len > 0 &&
	    call_body(c, rotate_fields, nitems(rotate_fields)) < 0)
		return;
	c->number = grace_seconds(json_object_get(c->body, "grace"));
	if (c->number < 0)
		call_error(c, 400, "grace", "grace must be seconds, or a time "
		    "such as 10m, and no more than 7d");
	else
		store_get(c->server->store, "account", c->param, on_account,
		    c);
}
