/*
 * Commands to agents of document 004, whose answers carry the command's name
 * and no number: of those under way with that name the oldest is answered.
 * The sweep ends what nobody answers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "gateway_private.h"
#include "json.h"

struct command {
	struct link		 link;		/* in g->commands */
	struct gateway_agent	*agent;
	char			*name;
	int64_t			 until;		/* mono, ms */
	gateway_command_done	 done;
	void			*arg;
};

static void
end(struct command *x, int rc, const json_t *result)
{
	list_remove(&x->link);
	x->done(rc, result, x->arg);
	free(x->name);
	free(x);
}

int
gateway_command(struct gateway *g, const char *uid, const char *user,
    const char *name, json_t *args, int64_t timeout_ms,
    gateway_command_done done, void *arg)
{
	struct gateway_agent	*a;
	struct command		*x;
	int			 rc = 0;

	HASH_FIND(by_uid, g->by_uid, uid, (unsigned)strlen(uid), a);
	if (a == NULL || (user != NULL && (a->user == NULL ||
	    strcmp(a->user, user) != 0)))
		rc = -ENOENT;
	else if (a->conn == NULL)
		rc = -ENOTCONN;
	else if (a->conn->hmac == NULL)
		rc = -ENOTSUP;
	if (rc < 0) {
		json_decref(args);
		return rc;
	}
	x = xcalloc(1, sizeof(*x));
	x->agent = a;
	x->name = xstrdup(name);
	x->until = clock_mono_ms() + timeout_ms;
	x->done = done;
	x->arg = arg;
	list_append(&g->commands, &x->link);
	hmac_command(a->conn, name, args);
	return 0;
}

void
command_answered(struct gateway *g, struct gateway_agent *a,
    const json_t *payload)
{
	const char	*name = json_str(payload, "command", "");
	struct link	*l, *next;
	struct command	*x;

	LIST_EACH(l, next, &g->commands) {
		x = LIST_ITEM(l, struct command, link);
		if (x->agent == a && strcmp(x->name, name) == 0) {
			end(x, 0, payload);
			return;
		}
	}
}

/* Ends those of an agent, of all where it is NULL, that are due by now. */
void
commands_end(struct gateway *g, const struct gateway_agent *a, int64_t now,
    int rc)
{
	struct link	*l, *next;
	struct command	*x;

	LIST_EACH(l, next, &g->commands) {
		x = LIST_ITEM(l, struct command, link);
		if ((a == NULL || x->agent == a) && x->until <= now)
			end(x, rc, NULL);
	}
}
