/* The log files of logPaths as a part of the agent: their lines go to the
 * server, as the host's programs wrote them. */
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "file.h"
#include "log.h"
#include "settings.h"
#include "spool.h"
#include "tail.h"

static int
keep(struct agent *a, enum spool_class class, const char *type, json_t *data)
{
	json_t	*o = data != NULL ? json_pack("{so ss ss}", "data", data,
		    "module", "logs", "type", type) : NULL;
	int	 rc = o != NULL ? spool_add(a->spool, class, o) : -1;

	json_decref(o);
	return rc;
}

static int
on_line(const char *path, const char *text, size_t len, int cut, void *arg)
{
	struct agent	*a = arg;
	json_t		*o;

	(void)len;
	if (a->config.log_file != NULL &&
	    strcmp(path, a->config.log_file) == 0)
		return 0;		/* what we say of it would be in it */
	o = json_pack("{ss ss ss}", "level", "info", "message", text,
	    "source", path);
	if (o != NULL && cut)
		json_object_set_new(o, "cut", json_true());
	return keep(a, SPOOL_LOG, "log", o);
}

static void
on_dropped(const char *path, uint64_t lines, void *arg)
{
	log_warn("logs", "%s: %llu lines were dropped", path,
	    (unsigned long long)lines);
	keep(arg, SPOOL_EVENT, "log.dropped", json_pack("{sI ss}", "lines",
	    (json_int_t)lines, "source", path));
}

void
logs_start(struct agent *a)
{
	const struct settings	*set = a->config.settings;
	struct tail_options	 o = {
		.loop = &a->loop, .rate = settings_int(set, "log-rate"),
		.line = on_line, .dropped = on_dropped, .arg = a
	};
	const char		**list;
	char			*path;
	size_t			 n = 0;

	if (settings_item(set, "log-paths", 0) == NULL)
		return;
	while (settings_item(set, "log-paths", n) != NULL)
		n++;
	list = xcalloc(n + 1, sizeof(*list));
	for (n = 0; settings_item(set, "log-paths", n) != NULL; n++)
		list[n] = settings_item(set, "log-paths", n);
	a->log_patterns = list;
	path = file_join(settings_state_dir(set), "logs.json");
	o.state_file = path;
	a->tail = tail_new(&o, list);
	free(path);
}

int
logs_stop(struct agent *a)
{
	tail_stop(a->tail);
	a->tail = NULL;
	return 0;
}

void
logs_release(struct agent *a)
{
	free(a->log_patterns);
}
