/*
 * What the agent is doing, as one table: state, event, next state, action.
 * An event that the table does not have for the present state is refused and
 * logged; nothing changes then.  muster-agent(8) draws it.
 */
#ifndef MUSTER_AGENT_STATE_H
#define MUSTER_AGENT_STATE_H

#include <jansson.h>

/* In document 003's order and names. */
enum state_name {
	STATE_STARTING, STATE_IDLE, STATE_FORCE_RESTARTING,
	STATE_UPDATING_STARTING, STATE_UPDATING_DOWNLOADING,
	STATE_UPDATING_VERIFYING, STATE_UPDATING_EXTRACTING_UPDATER,
	STATE_UPDATING_PREPARING_SHUTDOWN, STATE_SHUTTING_DOWN, STATE_STOPPED,
	STATES
};

enum state_event {
	ON_STARTED,		/* all parts run */
	ON_FORCE,		/* another agent asks for our place */
	ON_STOP,		/* a signal, or the control pipe */
	ON_UPDATE,		/* a newer version is offered */
	ON_DOWNLOAD,		/* there is room: the download begins */
	ON_VERIFY,		/* it is whole */
	ON_EXTRACT,		/* it is the right one */
	ON_PREPARE,		/* the updater is at hand */
	ON_LAUNCHED,		/* the updater runs */
	ON_FAILED,		/* the update cannot go on */
	ON_LEAVE,		/* the one who asked has had his answer */
	ON_STOPPED,		/* all parts have ended */
	STATE_EVENTS
};

enum state_action {
	ACT_NONE,
	ACT_SHUT_DOWN,		/* end all parts in order */
	ACT_UPDATE,		/* check what is offered */
	ACT_ABORT,		/* end an update where it is; shut down */
	STATE_ACTIONS
};

struct state;

struct state *state_new(void);		/* STATE_STARTING */
void	state_free(struct state *);
/* Who does this action; the last one told so.  It is called within
 * state_event(), after the transition, and may cause events itself. */
void	state_on(struct state *, enum state_action, void (*)(void *arg),
	    void *arg);
/* 0, or -EBUSY: refused, and logged. */
int	state_event(struct state *, enum state_event);
/* Whether the event would be taken; says nothing. */
int	state_takes(const struct state *, enum state_event);
enum state_name state_now(const struct state *);
int	state_is_updating(const struct state *);
const char *state_text(enum state_name);	/* "IDLE" */
/* For the status: {state, since, before, refused}. */
json_t	*state_json(const struct state *);
/* The table, a transition a line: state, event, next, action. */
void	state_print(void);

#endif
