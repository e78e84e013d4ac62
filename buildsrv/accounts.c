/* Accounts: made over the server's own socket, known by the hash of a key. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "clock.h"

static const struct json_field account_fields[] = {
	{ "name", JSON_K_STR, 1, 1, MAX_NAME, NULL, NULL, 0, 0 },
	{ "role", JSON_K_STR, 0, 0, 0, "admin|user", NULL, 0, 0 },
	{ "type", JSON_K_STR, 0, 0, 0, "user|service|action", NULL, 0, 0 },
};

/* Letters, digits and . _ - @, so that names need no quoting anywhere. */
static int
name_is_good(const char *s)
{
	return s[0] != '\0' && s[0] != '-' && s[0] != '.' &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._@-") == strlen(s);
}

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
	log_info("account", "made name=%s role=%s type=%s uid=%lld", name,
	    json_str(c->job, "role", ""), json_str(c->job, "type", ""),
	    (long long)c->req->uid);
	/* c->job carried the answer with the key: shown now and never again. */
	call_json(c, 201, json_incref(c->job));
}

void
account_post(struct call *c)
{
	char		 key[BASE64_SIZE(TOKEN_BYTES) + 8];
	char		 hash[2 * SHA256_SIZE + 1];
	uint8_t		 random[TOKEN_BYTES];
	const char	*name;
	json_t		*account, *ref;

	if (call_body(c, account_fields, nitems(account_fields)) < 0)
		return;
	name = json_str(c->body, "name", "");
	if (!name_is_good(name) || strcmp(name, "local") == 0) {
		call_error(c, 400, "name", "name may have letters, digits and "
		    "._@- and begins with none of .- (\"local\" is taken)");
		return;
	}
	crypto_random(random, sizeof(random));
	memcpy(key, "muster_", 7);
	base64url_encode(random, sizeof(random), key + 7);
	secret_hash(key, hash);
	account = json_pack("{ss ss ss sI ss}", "name", name,
	    "role", json_str(c->body, "role", "user"),
	    "type", json_str(c->body, "type", "user"),
	    "created", (json_int_t)clock_wall_ms(), "key", hash);
	ref = json_pack("{ss}", "account", name);
	c->job = json_copy(account);
	json_object_set_new(c->job, "key", json_string(key));
	json_object_set_new(c->job, "success", json_true());
	store_write(c->server->store, (struct store_op[]){
	    { STORE_ADD, "account", name, account },
	    { STORE_ADD, "key", hash, ref } }, 2, on_made, c);
	json_decref(account);
	json_decref(ref);
	crypto_wipe(key, sizeof(key));
	crypto_wipe(random, sizeof(random));
}

static void
on_list(int rc, const json_t *page, void *arg)
{
	struct call	*c = arg;
	json_t		*out, *item, *v;
	size_t		 i;

	if (rc < 0) {
		call_failed(c, rc);
		return;
	}
	out = json_array();
	json_array_foreach(json_object_get(page, "items"), i, item) {
		v = json_copy(json_object_get(item, "value"));
		json_object_del(v, "key");
		json_array_append_new(out, v);
	}
	call_json(c, 200, json_pack("{sb so sO?}", "success", 1, "accounts",
	    out, "next", json_object_get(page, "next")));
}

void
account_list(struct call *c)
{
	char	*after;

	if (call_query(c, "cursor") < 0)
		return;
	after = http_query(c->req, "cursor");
	store_list(c->server->store, "account", "", after, MAX_PAGE, 0,
	    on_list, c);
	free(after);
}
