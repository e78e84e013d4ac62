/*
 * What this agent can be asked to do: one table of commands for the link, in
 * both protocols, and for the control pipe.  A command gets its args, gives
 * parts of an answer where it has any, and then one last answer.
 */
#ifndef MUSTER_COMMANDS_H
#define MUSTER_COMMANDS_H

#include <jansson.h>
#include <uv.h>

struct command_table;
struct command_call;		/* one call under way */

enum {
	/* Who may call; a command has one or both. */
	COMMAND_LINK	= 1,	/* the server */
	COMMAND_CONTROL	= 2,	/* root and the agent's owner, on this host */

	COMMAND_MAX_NAME = 64,
	COMMAND_MAX_RUNNING = 64	/* of all callers together */
};

struct command {
	const char	*name;		/* borrowed for ever, like about */
	const char	*about;		/* one line for people */
	unsigned	 who;		/* COMMAND_LINK | COMMAND_CONTROL */
	/*
	 * Must lead to command_done(), now or later; args is an object that
	 * lives until run() returns.
	 */
	void		(*run)(struct command_call *, const json_t *args,
			    void *arg);
	void		*arg;
};

/* Has one command already, "commands", which lists those that its caller may
 * call: [{"name","about"}]. */
struct command_table *command_table_new(void);
void	command_table_free(struct command_table *);	/* none is under way */
/* Copies it.  The name must not be taken. */
void	command_add(struct command_table *, const struct command *);

/* -- for commands -- */

/* Takes the part.  One of a caller that has gone reaches nobody. */
void	command_part(struct command_call *, json_t *part_take);
/*
 * The last word, once: takes the result, which may be NULL; error is "" or
 * NULL where all is well.  The call is gone afterwards.
 */
void	command_done(struct command_call *, json_t *result_take,
	    const char *error);
/*
 * What to do when the caller goes before the last word: stop the work, and
 * call command_done() all the same, in there or later.
 */
void	command_on_cancel(struct command_call *,
	    void (*cancelled)(struct command_call *, void *arg), void *arg);
unsigned command_who(const struct command_call *);	/* who calls */

/* -- for callers -- */

struct command_caller {
	unsigned	 who;		/* COMMAND_LINK or COMMAND_CONTROL */
	/* Both borrow; part may be NULL.  done comes once, last; error is ""
	 * where all is well, result is NULL where there is none. */
	void		(*part)(const json_t *part, void *arg);
	void		(*done)(const json_t *result, const char *error,
			    void *arg);
	void		*arg;
};
/*
 * Runs a command; args may be NULL and else must be an object.  What is not
 * known, not allowed to this caller or too much is answered by done(), too.
 * NULL where done() was called already.
 */
struct command_call *command_start(struct command_table *, const char *name,
	    const json_t *args, const struct command_caller *);
/* The caller goes: it hears nothing from then on. */
void	command_cancel(struct command_call *);

#endif
