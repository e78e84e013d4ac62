/* muster(1)'s own: subcommands, the client's side of the API, tables. */
#ifndef MUSTER_MUSTER_H
#define MUSTER_MUSTER_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "buf.h"
#include "log.h"
#include "muster_show.h"
#include "settings.h"

struct tls;
struct httpc_answer;
struct json_err;
struct sse_event;

/* Limits, with their reasons.  Times in milliseconds. */
enum {
	CLIENT_SILENCE	= 30000,	/* an answer that does not come */
	FOLLOW_SILENCE	= 60000,	/* four keep-alives that did not come */
	FOLLOW_PATIENCE	= 120000,	/* a server that restarts is back */
	FOLLOW_PAUSE	= 500,		/* before the second try; it doubles */
	FOLLOW_PAUSE_MAX = 5000,
	MAX_ROWS	= 1000000,	/* of one list: what -n takes */
	PAGE_JOBS	= 200		/* the server's limit for one answer */
};

/* What every subcommand that talks to the server takes. */
#define CLIENT_SETTINGS							\
	{ "server", 's', "MUSTER_SERVER", SETTING_STR,			\
	    "http://127.0.0.1:8080", 0, 0, "URL", "the build server", 0, NULL }, \
	{ "api-key", 0, "MUSTER_API_KEY", SETTING_STR, NULL, 0, 0, NULL, \
	    "the account's key", SETTING_SECRET | SETTING_NO_FLAG, NULL }, \
	{ "ca-file", 0, "MUSTER_CA_FILE", SETTING_PATH, NULL, 0, 0, "FILE", \
	    "trust these certificates (PEM)", 0, NULL },		\
	{ "silence", 0, "MUSTER_SILENCE", SETTING_DURATION, NULL, 100,	\
	    86400000, "TIME", "give a silent server up after it", 0, NULL }, \
	{ "json", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,		\
	    "print JSON, as the server said it", SETTING_FLAG, NULL }

/* Where a subcommand may speak to the server's own socket instead. */
#define SOCKET_SETTING							\
	{ "socket", 0, "MUSTER_SOCKET", SETTING_PATH, NULL, 0, 0, "PATH", \
	    "the server's own socket", 0, NULL }

struct client {
	uv_loop_t	*loop;
	char		*server;	/* URL without '/' at the end */
	char		*name;		/* what people call it: URL, or path */
	const char	*key;		/* or NULL */
	struct tls	*tls;
	int64_t		 silence_ms;	/* 0: the defaults above */
	int		 json;		/* print JSON instead of a table */
};

/* -- muster_client.c: requests and answers -- */

/* Ends the process where the settings are wrong. */
void	client_open(struct client *, const struct settings *);
/* The same at a server that the settings do not name. */
void	client_open_at(struct client *, const struct settings *,
	    const char *url);
/* Over the server's own socket, where no key is needed. */
void	client_open_local(struct client *, const struct settings *);
/* What was said most clearly: --server, --socket, MUSTER_SERVER; else the
 * socket where it is ours to use, else the default server. */
void	client_open_either(struct client *, const struct settings *);
void	client_close(struct client *);

struct request {
	const char	*method;	/* NULL: GET */
	const char	*path;		/* from '/', with the query */
	json_t		*body;		/* taken; may be NULL */
	const char	*headers;	/* more "Name: value\r\n" lines */
	int64_t		 timeout_ms;	/* of silence; 0: the client's */
};

struct answer {
	int	 status;	/* or a negative code: there is none */
	char	*why;		/* words for that code */
	json_t	*body;		/* NULL: none, or no JSON */
	int64_t	 retry_s;	/* when the server asks us to come again */
};

/* Calls done once, later; the answer's contents are done's to release. */
void	client_start(const struct client *, struct request,
	    void (*done)(struct answer *, void *arg), void *arg);
/* The same as a plain call. */
void	client_ask(const struct client *, struct request, struct answer *);
/* What came, without what went to a sink; *e says why body is NULL. */
struct answer answer_of(const struct httpc_answer *, struct json_err *e);
void	answer_release(struct answer *);
int	answer_good(const struct answer *);	/* 2xx, and JSON */
/* Whether the same request may well be answered a little later. */
int	answer_passes(const struct answer *);
/* What a bad answer means: for people, freed by the caller; for scripts. */
char	*answer_words(const struct client *, const struct answer *);
enum exit_code answer_code(const struct answer *);

/* Asks; the answer's JSON is the caller's.  Anything else than a good answer
 * ends the process with words and code.  body is taken, may be NULL. */
json_t	*client_call(const struct client *, const char *method,
	    const char *path, json_t *body);
/* One of several things to do: says on stderr what became of it (with --json
 * on stdout), and goes on; the first fault's code is kept in *code. */
void	client_act(const struct client *, const char *tool, struct request,
	    const char *what, int *code);
/* The URL of a path at this server, freed by the caller. */
char	*client_url(const struct client *, const char *path);
/* A job's path, its id checked; freed by the caller. */
char	*job_path(const char *id, const char *tail);
/* Adds "?name=value" or "&name=value", percent-encoded. */
void	query_add(struct buf *path, const char *name, const char *value);
void	query_add_int(struct buf *path, const char *name, int64_t value);
/* Adds one percent-encoded segment. */
void	path_add(struct buf *path, const char *segment);
/* The only operand of a subcommand, or the usage line. */
const char *one_operand(const struct settings *, int argc, char **argv,
	    const char *what);

/* -- muster_follow.c: a stream of events that connects anew -- */

enum follow_end {
	FOLLOW_DONE,		/* event() or follow_stop() ended it */
	FOLLOW_PLAIN,		/* the server has JSON there, no stream */
	FOLLOW_FAILED		/* see the answer */
};

struct follow_events {
	/* 0 goes on; 1 has heard all it wants. */
	int	(*event)(const struct sse_event *, void *arg);
	/* Any bytes came, keep-alives too; may be NULL. */
	void	(*alive)(void *arg);
	/* The connection was lost and is tried again; may be NULL. */
	void	(*lost)(const char *why, void *arg);
	/* The last call; the answer is borrowed and says why it failed. */
	void	(*ended)(enum follow_end, const struct answer *, void *arg);
};

struct follow;
/* ev must outlive it; path is copied. */
struct follow *follow_start(const struct client *, const char *path,
	    const struct follow_events *ev, void *arg);
void	follow_stop(struct follow *);
/* Starts and waits for the end, with words on stderr for what is lost;
 * failure ends the process.  FOLLOW_DONE or FOLLOW_PLAIN. */
enum follow_end follow_run(const struct client *, const char *path,
	    int (*event)(const struct sse_event *, void *arg), void *arg);

/* -- muster_download.c -- */

/* Fetches a finished job's artifact to file ("-": stdout), checks its size,
 * SHA-256 and signature; pin is the public key to insist on, or NULL. */
void	download_job(const struct client *, const json_t *job,
	    const char *file, const char *pin);

/* -- muster_wait.c -- */

/* Waits for the job's end, with progress at a terminal; the job as it is
 * then, the caller's.  timeout_ms 0: for ever. */
json_t	*job_wait(const struct client *, const char *id, int64_t timeout_ms);
/* Ends the process with words and 1 unless the job is completed. */
void	job_must_be_good(const json_t *job);

/* The subcommands: one file each or a family in one. */
int	build_main(int argc, char **argv);
int	jobs_main(int argc, char **argv);
int	job_main(int argc, char **argv);
int	why_main(int argc, char **argv);
int	logs_main(int argc, char **argv);
int	cancel_main(int argc, char **argv);
int	delete_main(int argc, char **argv);
int	download_main(int argc, char **argv);
int	downloads_main(int argc, char **argv);
int	revoke_main(int argc, char **argv);
int	events_main(int argc, char **argv);
int	stats_main(int argc, char **argv);
int	cleanup_main(int argc, char **argv);
int	version_main(int argc, char **argv);
int	api_main(int argc, char **argv);
int	agents_main(int argc, char **argv);
int	exec_main(int argc, char **argv);
int	modules_main(int argc, char **argv);
int	reports_main(int argc, char **argv);
/* One agent's uid, by uid, host or name; the caller frees; or it ends the
 * process. */
char	*agent_uid(const struct client *, const char *word);
int	account_main(int argc, char **argv);
int	audit_main(int argc, char **argv);
int	webhook_main(int argc, char **argv);
int	graph_main(int argc, char **argv);
int	policy_main(int argc, char **argv);
int	release_main(int argc, char **argv);
int	rollout_main(int argc, char **argv);
int	top_main(int argc, char **argv);

#endif
