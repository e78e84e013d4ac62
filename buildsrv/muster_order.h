/*
 * Commands to agents, for the subcommands that are made of them: exec,
 * modules, and others to come.  The server streams what each agent says.
 */
#ifndef MUSTER_MUSTER_ORDER_H
#define MUSTER_MUSTER_ORDER_H

#include <jansson.h>

#include "muster.h"

struct order;

/* What every subcommand takes that speaks to agents. */
#define ORDER_SETTINGS							\
	CLIENT_SETTINGS,						\
	{ "label", 'l', NULL, SETTING_LIST, NULL, 0, 0, "NAME=VALUE",	\
	    "to all agents with this label, not to one", SETTING_FLAG,	\
	    NULL },							\
	{ "all", 'a', NULL, SETTING_BOOL, NULL, 0, 0, NULL,		\
	    "to all agents", SETTING_FLAG, NULL },			\
	{ "timeout", 't', NULL, SETTING_DURATION, "30s", 1000, 3600000,	\
	    "TIME", "give a silent agent up after it", SETTING_FLAG, NULL }

/*
 * Whom the settings and operands mean: with --label or --all nobody is named,
 * else argv[*first] is an agent, and *first goes on.  The caller frees.
 */
struct order *order_new(const struct settings *, int argc, char **argv,
	    int *first);
void	order_free(struct order *);
/* Whether it is to the one agent that was named. */
int	order_is_single(const struct order *);
/* The args of a command from operands NAME=VALUE, where a value that is JSON
 * is taken as such, else as text.  Ends the process where one is no such. */
json_t	*order_args(const struct settings *, int argc, char **argv);

/* Shows the result, or a part, of one agent's answer: for people and pipes. */
typedef void (*order_show)(const char *host, const json_t *, void *arg);
/*
 * Has them do it; shows what comes as it comes (a line of JSON each with
 * --json; show NULL: order_print), faults on stderr.  The exit code: 0; 1 an
 * agent refused or failed; 99 one did not answer; 111 one is not connected.
 */
enum exit_code order_run(const struct client *, const struct order *,
	    const char *command, json_t *args_take, order_show, void *arg);
/* The same for a verb of a module. */
enum exit_code order_module(const struct client *, const struct order *,
	    const char *module, const char *verb, json_t *args_take,
	    order_show, void *arg);
/* A text as it is, anything else as JSON; arg is the order: with several
 * agents the host goes before it. */
void	order_print(const char *host, const json_t *, void *order);

#endif
