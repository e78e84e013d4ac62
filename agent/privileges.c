/*
 * The agent starts modules that load programs into the kernel, and an updater
 * that replaces its own file: with no_new_privs a child has no capability
 * that its parent has not.  So the agent keeps what they need, and each
 * module gives it up by itself once it has started (confine.h).
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "confine.h"
#include "log.h"
#include "module.h"
#include "privileges.h"

static const struct privilege_use	own[] = {
	{ "logs", CONFINE_DAC_READ_SEARCH,
	    "log files that its user may not read are not followed" },
	{ "updates", CONFINE_CHOWN | CONFINE_DAC_OVERRIDE | CONFINE_FOWNER,
	    "a program of another owner is not replaced" },
	{ "children", CONFINE_KILL | CONFINE_SETGID | CONFINE_SETUID,
	    "what it starts runs as its own user" },
};

static int	 confined;
static char	*lacking;		/* layers that the kernel has not */

static size_t
modules_of_binary(void)
{
	size_t	n = 0;

	while (module_types[n] != NULL)
		n++;
	return n;
}

const struct privilege_use *
privilege_use(size_t n)
{
	static struct privilege_use	u;

	if (n < nitems(own))
		return &own[n];
	if (n >= modules_of_binary() + nitems(own))
		return NULL;
	n -= nitems(own);
	u = (struct privilege_use){ module_types[n]->name,
		module_types[n]->needs | module_types[n]->caps, NULL };
	return &u;
}

uint64_t
privileges_wanted(void)
{
	const struct privilege_use	*u;
	uint64_t			 caps = 0;
	size_t				 i;

	for (i = 0; (u = privilege_use(i)) != NULL; i++)
		caps |= u->caps;
	return caps;
}

void
privileges_drop(int wanted_by_config)
{
	char	*why = NULL;

	confine_memlock();
	if (!wanted_by_config) {
		log_warn("privileges", "all are kept, as --keep-privileges"
		    " has it");
		return;
	}
	if (confine_agent(privileges_wanted(), &lacking, &why) < 0)
		log_error("privileges", "not all could be given up: %s",
		    why != NULL ? why : "");
	else
		confined = 1;
	if (lacking != NULL)
		log_info("privileges", "given up without %s", lacking);
	free(why);
}

json_t *
privileges_json(void)
{
	const struct privilege_use	*u;
	json_t				*has = json_array(), *list;
	json_t				*lacks = json_object(), *o;
	uint64_t			 caps = confine_has();
	size_t				 i;

	for (i = 0; i < 64; i++)
		if (caps & CONFINE_CAP(i))
			json_array_append_new(has,
			    json_string(confine_cap_name((int)i)));
	for (i = 0; (u = privilege_use(i)) != NULL; i++) {
		list = confine_lacks(u->caps);
		if (json_array_size(list) > 0)
			json_object_set(lacks, u->who, list);
		json_decref(list);
	}
	o = json_pack("{sb so so}", "confined", confined, "has", has, "lacks",
	    lacks);
	if (lacking != NULL)
		json_object_set_new(o, "without", json_string(lacking));
	return o;
}
