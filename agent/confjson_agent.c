/* The agent's config.json: its form, and the ways from the older ones. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "confjson.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "settings.h"

enum {
	CONFIG_FORM	= 1,
	MAX_JOURNAL	= 256 * 1024	/* as the updater has it */
};

/*
 * Form 0 is a file that somebody wrote by hand or that another agent had:
 * "modules" may be a list of names, which are enabled then.
 */
static int
from_0(json_t *o, char **why)
{
	json_t		*list = json_object_get(o, "modules"), *modules;
	const char	*name;
	size_t		 i;

	if (list == NULL || json_is_object(list))
		return 0;
	if (!json_is_array(list)) {
		*why = xstrdup("modules: must be a list of names");
		return -EINVAL;
	}
	modules = json_object();
	for (i = 0; i < json_array_size(list); i++) {
		name = json_string_value(json_array_get(list, i));
		if (name == NULL || *name == '\0') {
			*why = xasprintf("modules[%zu]: must be a name", i);
			json_decref(modules);
			return -EINVAL;
		}
		json_object_set_new(modules, name, json_pack("{sb}",
		    "enabled", 1));
	}
	json_object_set_new(o, "modules", modules);
	return 0;
}

static const struct confjson_step steps[] = {
	{ 0, from_0 },
};

const struct confjson_spec agent_confjson = {
	.version = CONFIG_FORM,
	.steps = steps,
	.n = nitems(steps),
	.current = MUSTER_VERSION
};

/* From the swap on, until the updater has decided: where it was killed right
 * behind the swap the journal does not know yet that we are started. */
int
update_on_trial(const char *state_dir)
{
	static const char *const	words[] = {
		"swap", "start", "prove", "clean"
	};
	char		*path = file_join(state_dir, "update.json");
	struct json_err	 e;
	int		 rc, is = 0;
	json_t		*o = json_read_file(path, MAX_JOURNAL, &e, &rc);
	size_t		 i;

	for (i = 0; i < nitems(words); i++)
		is |= strcmp(json_str(o, "step", ""), words[i]) == 0;
	is = is && strcmp(json_str(o, "version", ""), MUSTER_VERSION) == 0;
	json_decref(o);
	free(path);
	return is;
}
