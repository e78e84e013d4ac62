/*
 * muster-agent doctor: a table of checks, each of which tries one thing that
 * the agent needs, and says what is wrong and how to mend it.  A room adds a
 * line to the table in doctor.c, and a function in its own file.
 */
#ifndef MUSTER_DOCTOR_H
#define MUSTER_DOCTOR_H

#include <uv.h>

#include "http.h"

struct agent_config;

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_WARN,		/* it works, and somebody should look */
	DOCTOR_FAIL,
	DOCTOR_SKIP		/* not here, or not after what failed before */
};

struct doctor {
	const struct agent_config *config;
	uv_loop_t	*loop;		/* a check may run it until it is done */
	/* What checks tell those that come after them. */
	int		 failed;	/* how many so far */
	struct url	 server;	/* the link's; host "" where none */
	char		*proxy;		/* or NULL */
	struct addrinfo	*addresses;	/* of the server, or of its proxy */
};

struct doctor_check {
	const char	*name;
	/* *what: what was found, *mend: what to do about it; both may stay
	 * NULL, and are freed by the caller. */
	enum doctor_verdict (*run)(struct doctor *, char **what, char **mend);
};

/* One line a check on stdout; EXIT_YES, or EXIT_NO where one has failed. */
int	doctor_main(const struct agent_config *);

/* doctor_link.c */
enum doctor_verdict	doctor_server(struct doctor *, char **, char **);
enum doctor_verdict	doctor_secret(struct doctor *, char **, char **);
enum doctor_verdict	doctor_state(struct doctor *, char **, char **);
enum doctor_verdict	doctor_proxy(struct doctor *, char **, char **);
enum doctor_verdict	doctor_dns(struct doctor *, char **, char **);
enum doctor_verdict	doctor_tcp(struct doctor *, char **, char **);
enum doctor_verdict	doctor_http(struct doctor *, char **, char **);
/* The link's secret, freed by the caller; or NULL, maybe with *why. */
char	*doctor_secret_of(const struct doctor *, char **why);

/* doctor_privileges_linux.c */
enum doctor_verdict	doctor_privileges(struct doctor *, char **, char **);
enum doctor_verdict	doctor_memlock(struct doctor *, char **, char **);
enum doctor_verdict	doctor_confine(struct doctor *, char **, char **);

/* doctor_auth.c */
enum doctor_verdict	doctor_auth(struct doctor *, char **, char **);

#endif
