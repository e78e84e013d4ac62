/* The table of what muster-agent doctor tries, and the lines it prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "doctor.h"
#include "log.h"

static const struct doctor_check checks[] = {
	{ "state", doctor_state },
	{ "privileges", doctor_privileges },
	{ "memlock", doctor_memlock },
	{ "confinement", doctor_confine },
	{ "server", doctor_server },
	{ "secret", doctor_secret },
	{ "proxy", doctor_proxy },
	{ "dns", doctor_dns },
	{ "tcp", doctor_tcp },
	{ "http", doctor_http },
	{ "link", doctor_auth },
};

int
doctor_main(const struct agent_config *c)
{
	static const char *const	words[] = {
		"ok", "warn", "FAIL", "skip"
	};
	uv_loop_t			loop;
	struct doctor			d = { .config = c, .loop = &loop };
	enum doctor_verdict		v;
	char				*what, *mend;
	size_t				 i;

	if (uv_loop_init(&loop) < 0)
		die(EXIT_SYSTEM, "event loop: cannot be made");
	for (i = 0; i < nitems(checks); i++) {
		what = mend = NULL;
		v = checks[i].run(&d, &what, &mend);
		d.failed += v == DOCTOR_FAIL;
		printf("%s\t%s\t%s%s%s\n", words[v], checks[i].name,
		    what != NULL ? what : "", mend != NULL ? "\t" : "",
		    mend != NULL ? mend : "");
		fflush(stdout);
		free(what);
		free(mend);
	}
	if (d.addresses != NULL)
		uv_freeaddrinfo(d.addresses);
	free(d.proxy);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return d.failed > 0 ? EXIT_NO : EXIT_YES;
}
