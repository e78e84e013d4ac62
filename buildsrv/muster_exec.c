/* exec: what agents have in their own list of commands; never a shell. */
#include <string.h>

#include "muster_order.h"

static const struct setting exec_table[] = { ORDER_SETTINGS };

static const struct settings_spec exec_spec = {
	.tool = "muster exec",
	.synopsis = "[-t TIME] [--json] AGENT|-l NAME=VALUE|-a COMMAND "
	    "[NAME=VALUE ...]",
	.about = "Has agents do something of their own list, and prints the "
	    "answers as they come.",
	.table = exec_table, .n = nitems(exec_table),
	.groups = SETTINGS_OPERANDS,
};

int
exec_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&exec_spec, argc, argv);
	int		 at = settings_first(s), code;
	struct order	*o = order_new(s, argc, argv, &at);
	struct client	 c;

	if (at >= argc)
		settings_usage(s, "say what to do; 'commands' lists what an "
		    "agent can");
	client_open(&c, s);
	code = order_run(&c, o, argv[at], order_args(s, argc - at - 1,
	    argv + at + 1), NULL, NULL);
	order_free(o);
	client_close(&c);
	settings_free(s);
	return code;
}
