/* muster: the operator's client.  Finds the subcommand in one table. */
#include <stdio.h>
#include <string.h>

#include "crypto.h"
#include "log.h"
#include "muster.h"

static const struct command {
	const char	*name;
	int		(*main)(int, char **);
	const char	*about;
} commands[] = {
	{ "build", build_main, "build an agent" },
	{ "jobs", jobs_main, "list builds" },
	{ "job", job_main, "show one build" },
	{ "logs", logs_main, "print a build's log" },
	{ "cancel", cancel_main, "cancel a build" },
	{ "download", download_main, "fetch a built agent, and check it" },
	{ "agents", agents_main, "list agents and their newest metrics" },
	{ "account", account_main, "make and list accounts" },
};

static void
usage(FILE *to)
{
	size_t	i;

	fprintf(to, "usage: muster COMMAND [option ...]\n\n");
	for (i = 0; i < nitems(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name,
		    commands[i].about);
	fprintf(to, "\nmuster COMMAND --help tells more; muster(1) tells all."
	    "\nMUSTER_SERVER and MUSTER_API_KEY name the server and the key."
	    "\n");
}

int
main(int argc, char **argv)
{
	size_t	i;

	log_init("muster", LOG_INFO, LOG_TEXT);
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return EXIT_YES;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("muster %s\n", MUSTER_VERSION);
		return EXIT_YES;
	}
	crypto_init();
	for (i = 0; i < nitems(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	fprintf(stderr, "muster: unknown command '%s'\n", argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}
