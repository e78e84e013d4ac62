/*
 * What of a stored event goes out.  A job's carries the whole job, secrets
 * included; a rollout's is what the API shows of it.
 */
#include <string.h>

#include "events.h"

static const struct {
	const char	*name, *subject;
} types[] = {
	{ "buildJobAdded",	"job" },
	{ "buildJobStarted",	"job" },
	{ "buildJobCompleted",	"job" },
	{ "buildJobFailed",	"job" },
	{ "buildJobCancelled",	"job" },
	{ "rolloutStarted",	"rollout" },
	{ "rolloutAdvanced",	"rollout" },
	{ "rolloutPaused",	"rollout" },
	{ "rolloutResumed",	"rollout" },
	{ "rolloutStopped",	"rollout" },
	{ "rolloutDone",	"rollout" },
	{ "rolloutEnded",	"rollout" }
};

/* "job" or "rollout"; NULL: no such type. */
static const char *
subject_of(const char *type)
{
	size_t	i;

	for (i = 0; i < nitems(types); i++)
		if (strcmp(types[i].name, type) == 0)
			return types[i].subject;
	return NULL;
}

int
event_type_known(const char *type)
{
	return subject_of(type) != NULL;
}

json_t *
event_subject(const struct server *s, const json_t *event)
{
	const char	*subject = subject_of(json_str(event, "type", ""));
	json_t		*data = json_object_get(event, "data");

	if (subject == NULL)
		return NULL;
	return strcmp(subject, "job") == 0 ? jobview(s, data) :
	    json_copy(data);
}

json_t *
event_view(const struct server *s, const json_t *event)
{
	const char	*type = json_str(event, "type", "");
	json_t		*subject = event_subject(s, event);

	if (subject == NULL)
		return NULL;
	return json_pack("{sO sO ss so}",
	    "seq", json_object_get(event, "seq"),
	    "t", json_object_get(event, "t"),
	    "type", type, subject_of(type), subject);
}
