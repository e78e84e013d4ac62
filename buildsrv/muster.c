/* muster: the operator's client.  Finds the subcommand in one table. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "crypto.h"
#include "muster.h"

static const struct command {
	const char	*name;
	int		(*main)(int, char **);
	const char	*about;
} commands[] = {
	{ "build", build_main, "build an agent" },
	{ "jobs", jobs_main, "list builds" },
	{ "job", job_main, "show one build, or wait for it" },
	{ "why", why_main, "say why a build waits" },
	{ "logs", logs_main, "print a build's log" },
	{ "cancel", cancel_main, "cancel builds" },
	{ "delete", delete_main, "delete ended builds" },
	{ "download", download_main, "fetch a built agent, and check it" },
	{ "downloads", downloads_main, "list download links" },
	{ "revoke", revoke_main, "make download links invalid" },
	{ "events", events_main, "print what happened, or happens" },
	{ "agents", agents_main, "list agents and their newest metrics" },
	{ "exec", exec_main, "have agents do something" },
	{ "modules", modules_main, "list and control modules of agents" },
	{ "reports", reports_main, "print what an agent reported" },
	{ "top", top_main, "queue, builds and agents, live" },
	{ "stats", stats_main, "figures of queue and artifacts" },
	{ "account", account_main, "make, list, change accounts" },
	{ "audit", audit_main, "print who did what" },
	{ "webhook", webhook_main, "have events sent to a URL" },
	{ "graph", graph_main, "draw who depends on whom on a host" },
	{ "policy", policy_main, "check network policies, set them on agents" },
	{ "release", release_main, "publish what agents are updated to" },
	{ "rollout", rollout_main, "let agents have a release, in steps" },
	{ "cleanup", cleanup_main, "remove what is no longer needed" },
	{ "api", api_main, "send any request of muster-api(7)" },
	{ "version", version_main, "this version and the server's" },
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

static const struct command *
command_find(const char *name)
{
	size_t	i;

	for (i = 0; i < nitems(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	fprintf(stderr, "muster: unknown command '%s'\n", name);
	usage(stderr);
	return NULL;
}

static int
command_run(const struct command *c, int argc, char **argv)
{
	int	code;

	if (c == NULL)
		return EXIT_USAGE;
	crypto_init();
	/* A server that leaves is an error with a name; a reader of ours that
	 * leaves is seen by out_flush(). */
	signal(SIGPIPE, SIG_IGN);
	code = c->main(argc, argv);
	out_flush();
	return code;
}

static int
is_one_of(const char *s, const char *a, const char *b)
{
	return strcmp(s, a) == 0 || strcmp(s, b) == 0;
}

int
main(int argc, char **argv)
{
	static char	 help[] = "--help";

	log_init("muster", LOG_INFO, LOG_TEXT);
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (argc == 3 && strcmp(argv[1], "help") == 0)
		return command_run(command_find(argv[2]), 2,
		    (char *[]){ argv[2], help, NULL });
	if (is_one_of(argv[1], "--help", "-h") ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return EXIT_YES;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("muster %s\n", MUSTER_VERSION);
		return EXIT_YES;
	}
	return command_run(command_find(argv[1]), argc - 1, argv + 1);
}
