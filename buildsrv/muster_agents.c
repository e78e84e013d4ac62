/* agents: who is connected, and what they last measured. */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "muster.h"

/* A number for people, or "" where the agent does not have it. */
static const char *
number(const json_t *o, const char *key, char out[24])
{
	const json_t	*v = json_object_get(o, key);

	if (!json_is_number(v))
		return "";
	snprintf(out, 24, "%.1f", json_number_value(v));
	return out;
}

static void
add_agent(struct table *t, const json_t *a)
{
	const json_t	*m = json_object_get(a, "metrics");
	char		 cpu[24], mem[24], disk[24], seen[24];

	table_add(t, (const char *const[]){ json_str(a, "uid", ""),
	    json_str(a, "host_id", ""), json_str(a, "user", ""),
	    json_bool(a, "connected", 0) ? "yes" : "no",
	    human_ago(json_int(a, "last_seen", 0), seen),
	    json_str(a, "version", ""), json_str(a, "os", ""),
	    number(m, "cpuPercent", cpu), number(m, "memPercent", mem),
	    number(m, "diskUsage", disk) });
}

int
agents_main(int argc, char **argv)
{
	static const struct setting table[] = { CLIENT_SETTINGS };
	static const struct settings_spec spec = {
		.tool = "muster agents", .synopsis = "[--json]",
		.about = "Lists agents: who is connected, and the newest "
		    "metrics in percent.",
		.table = table, .n = nitems(table),
	};
	static const char *const heads[] = { "UID", "HOST", "USER",
	    "CONNECTED", "SEEN", "VERSION", "OS", "CPU", "MEM", "DISK" };
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	struct table	*t;
	json_t		*answer, *agent;
	size_t		 i;

	client_open(&c, s);
	answer = client_call(&c, "GET", "/agents", NULL);
	if (c.json)
		print_json(json_object_get(answer, "agents"));
	else {
		t = table_new(heads, nitems(heads));
		json_array_foreach(json_object_get(answer, "agents"), i, agent)
			add_agent(t, agent);
		table_print(t);
	}
	json_decref(answer);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
