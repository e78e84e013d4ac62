/* A stored event carries the whole job, secrets included; here is what of it
 * goes out. */
#include <string.h>

#include "events.h"

static const char *const types[] = {
	"buildJobAdded", "buildJobStarted", "buildJobCompleted",
	"buildJobFailed", "buildJobCancelled"
};

int
event_type_known(const char *type)
{
	size_t	i;

	for (i = 0; i < nitems(types); i++)
		if (strcmp(types[i], type) == 0)
			return 1;
	return 0;
}

json_t *
event_job(const struct server *s, const json_t *event)
{
	return event_type_known(json_str(event, "type", "")) ?
	    jobview(s, json_object_get(event, "data")) : NULL;
}

json_t *
event_view(const struct server *s, const json_t *event)
{
	json_t	*job = event_job(s, event);

	if (job == NULL)
		return NULL;
	return json_pack("{sO sO sO so}",
	    "seq", json_object_get(event, "seq"),
	    "t", json_object_get(event, "t"),
	    "type", json_object_get(event, "type"), "job", job);
}
