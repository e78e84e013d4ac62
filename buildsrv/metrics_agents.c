/*
 * The agents' own measurements for Prometheus, which wants a family's samples
 * together: each family is one pass over the same agents, those that are
 * connected, up to the number that the operator chose.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "gateway.h"
#include "metrics_private.h"

static const struct {
	const char	*family, *member, *help;
} figures[] = {
	{ "muster_agent_cpu_percent", "cpuPercent",
	    "Processor use of an agent's host, as it was told last." },
	{ "muster_agent_memory_percent", "memPercent",
	    "Memory use of an agent's host, as it was told last." },
	{ "muster_agent_disk_percent", "diskUsage",
	    "Disk use of an agent's host, as it was told last." }
};

enum { FIGURES = nitems(figures) };

struct gather {
	struct buf	text[FIGURES];
	int64_t		left;		/* so many agents more */
	uint64_t	omitted;
};

/* As the format has it: backslash, quote and newline. */
static void
quote(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\' || *s == '"')
			buf_addc(b, '\\');
		if (*s == '\n')
			buf_adds(b, "\\n");
		else
			buf_addc(b, *s);
	}
}

static void
add_agent(const struct gateway_view *v, void *arg)
{
	struct gather	*g = arg;
	json_t		*o, *n;
	size_t		 i;

	if (!v->connected || v->metrics == NULL)
		return;
	if (g->left == 0) {
		g->omitted++;
		return;
	}
	g->left--;
	o = json_loads(v->metrics, JSON_DECODE_INT_AS_REAL, NULL);
	for (i = 0; i < FIGURES; i++) {
		n = json_object_get(o, figures[i].member);
		if (!json_is_number(n))
			continue;
		buf_printf(&g->text[i], "%s{agent=\"%s\",host=\"",
		    figures[i].family, v->uid);
		quote(&g->text[i], v->host_id != NULL ? v->host_id : "");
		buf_printf(&g->text[i], "\"} %.6g\n", json_number_value(n));
	}
	json_decref(o);
}

void
metrics_agents(struct buf *b, const struct gateway *gateway, int64_t max)
{
	struct gather	g = { .left = max };
	size_t		i;

	if (gateway == NULL)
		return;
	for (i = 0; i < FIGURES; i++)
		g.text[i] = (struct buf)BUF_INIT;
	gateway_each(gateway, add_agent, &g);
	for (i = 0; i < FIGURES; i++) {
		buf_printf(b, "# HELP %s %s\n# TYPE %s gauge\n",
		    figures[i].family, figures[i].help, figures[i].family);
		buf_add(b, g.text[i].p, g.text[i].len);
		buf_release(&g.text[i]);
	}
	buf_printf(b, "# HELP muster_agents_omitted Connected agents past "
	    "--metrics-agents, whose figures are not here.\n"
	    "# TYPE muster_agents_omitted gauge\n"
	    "muster_agents_omitted %llu\n", (unsigned long long)g.omitted);
}
