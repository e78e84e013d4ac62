/* The agent's own word: its status, asked for on the control pipe. */
#include "control.h"
#include "json.h"
#include "updater.h"

json_t *
control_status(const struct update *u)
{
	json_t	*answer, *result;

	if (control_ask(u->control, "status", NULL, UPDATE_ASK_MS, NULL, NULL,
	    &answer) < 0)
		return NULL;
	result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	return result;
}

int
control_reached(const json_t *status)
{
	return json_bool(json_object_get(status, "link"), "connected", 0);
}
