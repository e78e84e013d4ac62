/*
 * Accounts: made over the server's own socket, known by the hash of a key.
 * The record ("account", by name) names the hash under which "key" leads back
 * to it; the key itself is shown once, to who made it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "buf.h"
#include "clock.h"

static const struct json_field account_fields[] = {
	{ "name", JSON_K_STR, 1, 1, MAX_NAME, NULL, NULL, 0, 0 },
	{ "role", JSON_K_STR, 0, 0, 0, "admin|user", NULL, 0, 0 },
	{ "type", JSON_K_STR, 0, 0, 0, "user|service|action", NULL, 0, 0 },
	{ "workspaces", JSON_K_ARR, 0, 0, MAX_WORKSPACES, NULL, NULL, 0,
	    JSON_K_STR },
};

/* Letters, digits and . _ - @, so that names need no quoting anywhere. */
static int
name_is_good(const char *s)
{
	return s[0] != '\0' && s[0] != '-' && s[0] != '.' &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._@-") == strlen(s);
}

int
workspaces_check(struct call *c, const json_t *list)
{
	const char	*name;
	json_t		*item;
	size_t		 i, k;

	json_array_foreach(list, i, item) {
		name = json_string_value(item);
		if (strlen(name) > MAX_NAME || !name_is_good(name)) {
			call_error(c, 400, "workspaces", "a workspace has 1 "
			    "to %d letters, digits and ._@- and begins with "
			    "none of .-", MAX_NAME);
			return -EINVAL;
		}
		for (k = 0; k < i; k++)
			if (json_equal(json_array_get(list, k), item)) {
				call_error(c, 400, "workspaces",
				    "%s is there twice", name);
				return -EINVAL;
			}
	}
	return 0;
}

json_t *
account_view(const json_t *account)
{
	char	 text[CLOCK_RFC3339_SIZE];
	json_t	*list = json_object_get(account, "workspaces");
	json_t	*v = json_pack("{ss ss ss sb so ss}",
		    "name", json_str(account, "name", ""),
		    "role", json_str(account, "role", ""),
		    "type", json_str(account, "type", ""),
		    "disabled", json_bool(account, "disabled", 0),
		    "workspaces", list != NULL ? json_incref(list) :
		    json_array(), "createdAt",
		    clock_rfc3339(json_int(account, "created", 0), text));
	int64_t	 rotated = json_int(account, "rotated", 0);

	if (rotated > 0)
		json_object_set_new(v, "rotatedAt",
		    json_string(clock_rfc3339(rotated, text)));
	return v;
}

void
account_key(char key[ACCOUNT_KEY_SIZE], char hash[2 * SHA256_SIZE + 1])
{
	uint8_t	random[TOKEN_BYTES];

	crypto_random(random, sizeof(random));
	snprintf(key, 8, "muster_");
	base64url_encode(random, sizeof(random), key + 7);
	secret_hash(key, hash);
	crypto_wipe(random, sizeof(random));
}

/* -- POST /api/accounts -- */

static void
on_made(int rc, const json_t *unused, void *arg)
{
	struct call	*c = arg;
	const char	*name = json_str(c->body, "name", "");

	(void)unused;
	if (rc == -EEXIST) {
		call_error(c, 409, "name", "an account %s exists already",
		    name);
		return;
	}
	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	log_info("account", "made name=%s role=%s type=%s uid=%lld request=%s",
	    name, json_str(c->job, "role", ""), json_str(c->job, "type", ""),
	    (long long)c->req->uid, c->req->id);
	/* c->job carried the answer with the key: shown now and never again. */
	call_json(c, 201, json_incref(c->job));
}

static void
account_add(struct call *c, const char *name)
{
	char	 key[ACCOUNT_KEY_SIZE], hash[2 * SHA256_SIZE + 1];
	json_t	*list = json_object_get(c->body, "workspaces");
	json_t	*account, *ref, *note;

	account_key(key, hash);
	account = json_pack("{ss ss ss sI ss so}", "name", name,
	    "role", json_str(c->body, "role", "user"),
	    "type", json_str(c->body, "type", "user"),
	    "created", (json_int_t)clock_wall_ms(), "key", hash,
	    "workspaces", list != NULL ? json_incref(list) : json_array());
	ref = json_pack("{ss}", "account", name);
	note = audit_record(c, "account.add", name, "ok");
	c->job = account_view(account);
	json_object_set_new(c->job, "key", json_string(key));
	json_object_set_new(c->job, "success", json_true());
	store_write(c->server->store, (struct store_op[]){
	    { STORE_ADD, "account", name, account },
	    { STORE_ADD, "key", hash, ref },
	    { STORE_APPEND, "audit", NULL, note } }, 3, on_made, c);
	json_decref(account);
	json_decref(ref);
	json_decref(note);
	crypto_wipe(key, sizeof(key));
}

void
account_post(struct call *c)
{
	const char	*name;

	if (call_body(c, account_fields, nitems(account_fields)) < 0)
		return;
	name = json_str(c->body, "name", "");
	if (!name_is_good(name) || strcmp(name, "local") == 0)
		call_error(c, 400, "name", "name may have letters, digits and "
		    "._@- and begins with none of .- (\"local\" is taken)");
	else if (workspaces_check(c, json_object_get(c->body,
	    "workspaces")) == 0)
		account_add(c, name);
}

/* -- GET /api/accounts, GET /api/account -- */

static void
on_list(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;
	json_t		*out, *item;
	size_t		 i;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	out = json_array();
	json_array_foreach(json_object_get(page, "items"), i, item)
		json_array_append_new(out,
		    account_view(json_object_get(item, "value")));
	call_json(c, 200, json_pack("{sb so sO?}", "success", 1, "accounts",
	    out, "nextCursor", json_object_get(page, "next")));
}

void
account_list(struct call *c)
{
	int64_t	 limit;
	char	*after;

	if (call_query(c, "cursor|limit") < 0 ||
	    (limit = call_limit(c, MAX_PAGE)) < 0)
		return;
	after = http_query(c->req, "cursor");
	store_list(c->server->store, "account", "", after, (size_t)limit, 0,
	    on_list, c);
	free(after);
}

void
account_own(struct call *c)
{
	json_t	*v;

	if (call_query(c, "") < 0)
		return;
	v = c->local ? json_pack("{ss ss ss sb s[]}", "name", "local", "role",
	    "admin", "type", "user", "disabled", 0, "workspaces") :
	    account_view(c->account);
	call_json(c, 200, json_pack("{sb so}", "success", 1, "account", v));
}
