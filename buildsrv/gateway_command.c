/*
 * Commands to agents, the same over both protocols.  An agent of document 002
 * answers with the number of the request, in parts where it likes, and then
 * done; one of document 004 answers once, with the command's name and no
 * number: of those under way with that name the oldest is answered.  The
 * sweep ends what nobody answers.  Who has no caller any more is told to an
 * agent of document 002, which stops its work; the other document has no
 * word for that.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "esjson.h"
#include "gateway_private.h"
#include "json.h"

#define ID_PREFIX	"command_"

struct gateway_command {
	struct link		 link;		/* in g->commands */
	struct link		 of_agent;	/* in its commands */
	struct gateway_agent	*agent;
	char			*name;
	uint64_t		 serial;
	int64_t			 silence_ms;
	int64_t			 until;		/* mono, ms */
	void			(*part)(const json_t *, void *);
	gateway_done		 done;
	void			*arg;
};

static void
command_free(struct gateway_command *x)
{
	list_remove(&x->link);
	list_remove(&x->of_agent);
	free(x->name);
	free(x);
}

/* The caller may send another from within done(). */
static void
end(struct gateway_command *x, int rc, const json_t *answer)
{
	gateway_done	 done = x->done;
	void		*arg = x->arg;

	command_free(x);
	done(rc, answer, arg);
}

char *
gateway_command_text(const char *name, const json_t *args)
{
	json_t		*o = json_pack("{so ss}", "args", args != NULL ?
			    json_incref((json_t *)(uintptr_t)args) :
			    json_object(), "command", name);
	struct buf	 b = BUF_INIT;

	esjson_write(&b, o, ESJSON_SORT);
	json_decref(o);
	return buf_take(&b);
}

static void
send_002(struct gateway_conn *c, const struct gateway_command *x,
    const char *text)
{
	char	id[sizeof(ID_PREFIX) + 20];

	snprintf(id, sizeof(id), ID_PREFIX "%" PRIu64, x->serial);
	conn_send_text(c, "request", id, LINK_CH_COMMAND, text);
}

/* The agent's last answer to it, "cancelled", is nobody's. */
static void
tell_cancelled(const struct gateway_command *x)
{
	struct gateway_conn	*c = x->agent->conn;
	char			 text[64];
	char			 id[sizeof(ID_PREFIX) + 20 + 7];

	if (c == NULL || c->closing || c->hmac != NULL)
		return;
	snprintf(id, sizeof(id), "cancel_" ID_PREFIX "%" PRIu64, x->serial);
	snprintf(text, sizeof(text), "{\"cancel\":\"" ID_PREFIX "%" PRIu64
	    "\"}", x->serial);
	conn_send_text(c, "request", id, LINK_CH_COMMAND, text);
}

/* Whether this agent can be sent another one now; 0, or why not. */
static int
check(const struct gateway_agent *a)
{
	const struct link	*l;
	int			 n = 0;

	if (a->conn == NULL || a->conn->closing)
		return -ENOTCONN;
	for (l = a->commands.next; l != &a->commands; l = l->next)
		n++;
	return n < GATEWAY_MAX_COMMANDS ? 0 : -EBUSY;
}

int
gateway_command(struct gateway *g, const char *uid, const char *user,
    const struct gateway_order *o, struct gateway_command **out)
{
	struct gateway_agent	*a = agent_find_uid(g, uid);
	struct gateway_command	*x;
	int			 rc;

	if (a == NULL || !agent_is_of(a, user))
		return -ENOENT;
	if ((rc = check(a)) < 0)
		return rc;
	x = xcalloc(1, sizeof(*x));
	x->agent = a;
	x->name = xstrdup(o->name);
	x->serial = ++g->last_command;
	x->silence_ms = o->silence_ms;
	x->until = clock_mono_ms() + o->silence_ms;
	x->part = o->part;
	x->done = o->done;
	x->arg = o->arg;
	list_append(&g->commands, &x->link);
	list_append(&a->commands, &x->of_agent);
	if (a->conn->hmac != NULL)
		hmac_command(a->conn, o->text);
	else
		send_002(a->conn, x, o->text);
	if (out != NULL)
		*out = x;
	return 0;
}

void
gateway_command_drop(struct gateway_command *x)
{
	tell_cancelled(x);
	command_free(x);
}

void
command_answered(struct gateway_agent *a, const json_t *payload)
{
	const char		*name = json_str(payload, "command", "");
	struct link		*l, *next;
	struct gateway_command	*x;

	LIST_EACH(l, next, &a->commands) {
		x = LIST_ITEM(l, struct gateway_command, of_agent);
		if (strcmp(x->name, name) == 0) {
			end(x, 0, payload);
			return;
		}
	}
}

/* What comes for a command that was given up is no fault. */
void
command_response(struct gateway_agent *a, const char *id,
    const json_t *payload)
{
	struct link		*l, *next;
	struct gateway_command	*x;
	uint64_t		 serial;
	const json_t		*part = json_object_get(payload, "part");

	if (strncmp(id, ID_PREFIX, strlen(ID_PREFIX)) != 0)
		return;
	serial = strtoull(id + strlen(ID_PREFIX), NULL, 10);
	LIST_EACH(l, next, &a->commands) {
		x = LIST_ITEM(l, struct gateway_command, of_agent);
		if (x->serial != serial)
			continue;
		x->until = clock_mono_ms() + x->silence_ms;
		if (json_bool(payload, "done", 0))
			end(x, 0, payload);
		else if (part != NULL && x->part != NULL)
			x->part(part, x->arg);
		return;
	}
}

void
commands_lost(struct gateway_agent *a)
{
	while (!list_empty(&a->commands))
		end(LIST_ITEM(a->commands.next, struct gateway_command,
		    of_agent), -ENOTCONN, NULL);
}

/* done() may drop others: each turn begins at the list's head. */
void
commands_sweep(struct gateway *g, int64_t now, int rc)
{
	struct gateway_command	*x;
	struct link		*l;

again:
	for (l = g->commands.next; l != &g->commands; l = l->next) {
		x = LIST_ITEM(l, struct gateway_command, link);
		if (x->until <= now) {
			if (rc == -ETIMEDOUT)
				tell_cancelled(x);
			end(x, rc, NULL);
			goto again;
		}
	}
}
