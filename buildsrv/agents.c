/* The agents that are connected or were, and the server's own health. */
#include <string.h>

#include "buildsrv.h"
#include "gateway.h"
#include "queue.h"
#include "settings.h"

void
agent_link(struct call *c)
{
	gateway_accept(c->server->gateway, c->req);
	call_free(c);
}

void
agent_list(struct call *c)
{
	if (call_query(c, "") == 0)
		call_json(c, 200, json_pack("{sb so}", "success", 1, "agents",
		    gateway_agents(c->server->gateway,
		    c->admin ? NULL : c->user)));
}

void
health(struct call *c)
{
	call_json(c, 200, json_pack("{ss ss}", "status", "ok", "version",
	    MUSTER_VERSION));
}
