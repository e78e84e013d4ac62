/* Rollouts in GET /metrics: how many there are, and how far those are that
 * somebody should look at. */
#include <string.h>

#include "buf.h"
#include "rollout_private.h"

static void
head(struct buf *b, const char *name, const char *about)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, about, name);
}

static void
count_states(const struct rollouts *r, struct buf *b)
{
	static const char *const	states[] = { "running", "paused",
		"stopped", "done", "ended" };
	size_t				i, j, n;
	json_t				*v;

	head(b, "muster_rollouts", "Rollouts by state.");
	for (i = 0; i < nitems(states); i++) {
		n = 0;
		json_array_foreach(r->list, j, v)
			n += strcmp(json_str(v, "state", ""), states[i]) == 0;
		buf_printf(b, "muster_rollouts{state=\"%s\"} %zu\n",
		    states[i], n);
	}
}

static void
one(struct buf *b, const json_t *rollout, const char *is, int64_t n)
{
	buf_printf(b, "muster_rollout_agents{version=\"%s\",channel=\"%s\","
	    "rollout=\"%s\",is=\"%s\"} %lld\n",
	    json_str(rollout, "version", ""),
	    json_str(rollout, "channel", ""), json_str(rollout, "id", ""),
	    is, (long long)n);
}

void
rollouts_metrics(const struct rollouts *r, struct buf *b)
{
	struct rollout_counts	 c;
	const char		*state;
	json_t			*v;
	size_t			 i;

	count_states(r, b);
	head(b, "muster_rollout_agents",
	    "Agents of the rollouts that run or stopped by themselves.");
	json_array_foreach(r->list, i, v) {
		state = json_str(v, "state", "");
		if (strcmp(state, "running") != 0 &&
		    strcmp(state, "stopped") != 0)
			continue;
		rollout_count(r, v, &c);
		one(b, v, "updated", c.updated);
		one(b, v, "failed", c.failed);
		one(b, v, "busy", c.busy + c.offered);
		one(b, v, "waiting", c.waiting);
	}
}
