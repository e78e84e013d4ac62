/* What other rooms of the server ask about the agents that are known. */
#include <string.h>

#include "crypto.h"
#include "gateway_private.h"

static struct gateway_agent *
find(const struct gateway *g, const char *id)
{
	struct gateway_agent	*a, *next;

	HASH_FIND(by_uid, g->by_uid, id, (unsigned)strlen(id), a);
	if (a != NULL)
		return a;
	HASH_ITER(by_uid, g->by_uid, a, next)
		if (a->host_id != NULL && strcmp(a->host_id, id) == 0)
			return a;
	return NULL;
}

static void
view(const struct gateway_agent *a, struct gateway_view *v)
{
	*v = (struct gateway_view){ .uid = a->uid, .host_id = a->host_id,
	    .user = a->user, .version = a->version, .os = a->os,
	    .arch = a->arch, .connected = a->conn != NULL,
	    .last_seen = a->last_seen, .metrics = a->metrics };
}

int
gateway_look(const struct gateway *g, const char *id, struct gateway_view *v)
{
	struct gateway_agent	*a = find(g, id);

	if (a != NULL)
		view(a, v);
	return a != NULL;
}

void
gateway_each(const struct gateway *g,
    void (*each)(const struct gateway_view *, void *), void *arg)
{
	struct gateway_agent	*a, *next;
	struct gateway_view	 v;

	HASH_ITER(by_uid, g->by_uid, a, next) {
		view(a, &v);
		each(&v, arg);
	}
}

const char *
gateway_token_ok(struct gateway *g, const char *id, const char *token)
{
	struct gateway_agent	*a;
	uint8_t			 hash[SHA256_SIZE];
	char			 hex[2 * SHA256_SIZE + 1];

	HASH_FIND(by_uid, g->by_uid, id, (unsigned)strlen(id), a);
	if (a == NULL)
		a = hmac_find(g, id);
	crypto_sha256(token, strlen(token), hash);
	hex_encode(hash, sizeof(hash), hex);
	return a != NULL && a->bootstrap != NULL &&
	    crypto_equal_str(a->bootstrap, hex) ? a->uid : NULL;
}
