/* One table; everything else here looks things up in it. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "state.h"

static const struct transition {
	enum state_name		state;
	enum state_event	event;
	enum state_name		next;
	enum state_action	action;
} table[] = {
#define S(state)	STATE_##state
	{ S(STARTING), ON_STARTED, S(IDLE), ACT_NONE },
	{ S(STARTING), ON_STOP, S(SHUTTING_DOWN), ACT_SHUT_DOWN },

	{ S(IDLE), ON_STOP, S(SHUTTING_DOWN), ACT_SHUT_DOWN },
	{ S(IDLE), ON_FORCE, S(FORCE_RESTARTING), ACT_NONE },
	{ S(IDLE), ON_UPDATE, S(UPDATING_STARTING), ACT_UPDATE },

	{ S(FORCE_RESTARTING), ON_LEAVE, S(SHUTTING_DOWN), ACT_SHUT_DOWN },
	{ S(FORCE_RESTARTING), ON_STOP, S(SHUTTING_DOWN), ACT_SHUT_DOWN },

	/* The updater tells of each step; a stop ends an update, until the
	 * detached updater has it in hand. */
	{ S(UPDATING_STARTING), ON_DOWNLOAD, S(UPDATING_DOWNLOADING),
	    ACT_NONE },
	{ S(UPDATING_STARTING), ON_FAILED, S(IDLE), ACT_NONE },
	{ S(UPDATING_STARTING), ON_STOP, S(SHUTTING_DOWN), ACT_ABORT },
	{ S(UPDATING_DOWNLOADING), ON_VERIFY, S(UPDATING_VERIFYING),
	    ACT_NONE },
	{ S(UPDATING_DOWNLOADING), ON_FAILED, S(IDLE), ACT_NONE },
	{ S(UPDATING_DOWNLOADING), ON_STOP, S(SHUTTING_DOWN), ACT_ABORT },
	{ S(UPDATING_VERIFYING), ON_EXTRACT, S(UPDATING_EXTRACTING_UPDATER),
	    ACT_NONE },
	{ S(UPDATING_VERIFYING), ON_FAILED, S(IDLE), ACT_NONE },
	{ S(UPDATING_VERIFYING), ON_STOP, S(SHUTTING_DOWN), ACT_ABORT },
	{ S(UPDATING_EXTRACTING_UPDATER), ON_PREPARE,
	    S(UPDATING_PREPARING_SHUTDOWN), ACT_NONE },
	{ S(UPDATING_EXTRACTING_UPDATER), ON_FAILED, S(IDLE), ACT_NONE },
	{ S(UPDATING_EXTRACTING_UPDATER), ON_STOP, S(SHUTTING_DOWN),
	    ACT_ABORT },
	{ S(UPDATING_PREPARING_SHUTDOWN), ON_LAUNCHED, S(SHUTTING_DOWN),
	    ACT_SHUT_DOWN },
	{ S(UPDATING_PREPARING_SHUTDOWN), ON_FAILED, S(IDLE), ACT_NONE },
	{ S(UPDATING_PREPARING_SHUTDOWN), ON_STOP, S(SHUTTING_DOWN),
	    ACT_SHUT_DOWN },

	{ S(SHUTTING_DOWN), ON_STOPPED, S(STOPPED), ACT_NONE },
#undef S
};

static const char *const state_names[STATES] = {
	"STARTING", "IDLE", "FORCE_RESTARTING", "UPDATING_STARTING",
	"UPDATING_DOWNLOADING", "UPDATING_VERIFYING",
	"UPDATING_EXTRACTING_UPDATER", "UPDATING_PREPARING_SHUTDOWN",
	"SHUTTING_DOWN", "STOPPED"
};

static const char *const event_names[STATE_EVENTS] = {
	"started", "force", "stop", "update", "download", "verify",
	"extract", "prepare", "launched", "failed", "leave", "stopped"
};

static const char *const action_names[STATE_ACTIONS] = {
	"-", "shut-down", "update", "abort"
};

struct state {
	enum state_name	 now, before;
	int64_t		 since;		/* wall clock, ms */
	int64_t		 refused;	/* events, since the start */
	struct {
		void	(*act)(void *);
		void	 *arg;
	} actions[STATE_ACTIONS];
};

struct state *
state_new(void)
{
	struct state	*s = xcalloc(1, sizeof(*s));

	s->now = s->before = STATE_STARTING;
	s->since = clock_wall_ms();
	return s;
}

void
state_free(struct state *s)
{
	free(s);
}

void
state_on(struct state *s, enum state_action action, void (*act)(void *),
    void *arg)
{
	s->actions[action].act = act;
	s->actions[action].arg = arg;
}

static const struct transition *
find(const struct state *s, enum state_event event)
{
	size_t	i;

	for (i = 0; i < nitems(table); i++)
		if (table[i].state == s->now && table[i].event == event)
			return &table[i];
	return NULL;
}

int
state_event(struct state *s, enum state_event event)
{
	const struct transition	*t = find(s, event);

	if (t == NULL) {
		s->refused++;
		log_info("state", "refused: %s in state %s",
		    event_names[event], state_names[s->now]);
		return -EBUSY;
	}
	log_info("state", "State transition: %s -> %s", state_names[s->now],
	    state_names[t->next]);
	s->before = s->now;
	s->now = t->next;
	s->since = clock_wall_ms();
	if (s->actions[t->action].act != NULL)
		s->actions[t->action].act(s->actions[t->action].arg);
	return 0;
}

int
state_takes(const struct state *s, enum state_event event)
{
	return find(s, event) != NULL;
}

enum state_name
state_now(const struct state *s)
{
	return s->now;
}

int
state_is_updating(const struct state *s)
{
	return s->now >= STATE_UPDATING_STARTING &&
	    s->now <= STATE_UPDATING_PREPARING_SHUTDOWN;
}

const char *
state_text(enum state_name name)
{
	return state_names[name];
}

json_t *
state_json(const struct state *s)
{
	char	since[CLOCK_RFC3339_SIZE];

	clock_rfc3339(s->since, since);
	return json_pack("{ss ss ss sI}", "state", state_names[s->now],
	    "since", since, "before", state_names[s->before], "refused",
	    (json_int_t)s->refused);
}

void
state_print(void)
{
	size_t	i;

	for (i = 0; i < nitems(table); i++)
		printf("%s\t%s\t%s\t%s\n", state_names[table[i].state],
		    event_names[table[i].event], state_names[table[i].next],
		    action_names[table[i].action]);
}
