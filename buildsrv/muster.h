/* muster(1)'s own: subcommands, the client's side of the API, tables. */
#ifndef MUSTER_MUSTER_H
#define MUSTER_MUSTER_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "settings.h"

struct tls;

/* What every subcommand that talks to the server takes. */
#define CLIENT_SETTINGS							\
	{ "server", 's', "MUSTER_SERVER", SETTING_STR,			\
	    "http://127.0.0.1:8080", 0, 0, "URL", "the build server", 0, NULL }, \
	{ "api-key", 0, "MUSTER_API_KEY", SETTING_STR, NULL, 0, 0, NULL, \
	    "the account's key", SETTING_SECRET | SETTING_NO_FLAG, NULL }, \
	{ "ca-file", 0, "MUSTER_CA_FILE", SETTING_PATH, NULL, 0, 0, "FILE", \
	    "trust these certificates (PEM)", 0, NULL },		\
	{ "json", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,		\
	    "print the server's JSON", SETTING_FLAG, NULL }

struct client {
	uv_loop_t	*loop;
	char		*server;	/* URL without '/' at the end */
	const char	*key;		/* or NULL */
	struct tls	*tls;
	int		 json;		/* print JSON instead of a table */
};

/* muster_client.c: each ends the process with the right code on failure. */
void	client_open(struct client *, const struct settings *);
/* Over the server's own socket, where no key is needed. */
void	client_open_local(struct client *, const char *socket);
void	client_close(struct client *);
/* Calls the API; the answer is the caller's.  body is taken, may be NULL. */
json_t	*client_call(const struct client *, const char *method,
	    const char *path, json_t *body);
/* The URL of a path at this server, freed by the caller. */
char	*client_url(const struct client *, const char *path);
/* A job's path, its id checked; freed by the caller. */
char	*job_path(const char *id, const char *tail);

/* muster_table.c: aligned at a terminal, tab-separated in a pipe. */
struct table;
struct table *table_new(const char *const *heads, size_t n);
void	table_add(struct table *, const char *const *cells);
void	table_print(struct table *);	/* and frees */
/* JSON, pretty at a terminal, compact in a pipe. */
void	print_json(const json_t *);
int	at_terminal(int fd);
/* A byte count for people, "1.2 MB", into out. */
char	*human_bytes(int64_t, char out[24]);
/* "3s ago", "2h ago", from milliseconds. */
char	*human_ago(int64_t ms, char out[24]);

/* muster_download.c */
/* Fetches a finished job's artifact to file ("-": stdout), checks its size,
 * SHA-256 and signature; pin is the public key to insist on, or NULL. */
void	download_job(const struct client *, const json_t *job,
	    const char *file, const char *pin);

/* The subcommands: one file each or a family in one. */
int	build_main(int argc, char **argv);
int	jobs_main(int argc, char **argv);
int	job_main(int argc, char **argv);
int	logs_main(int argc, char **argv);
int	cancel_main(int argc, char **argv);
int	download_main(int argc, char **argv);
int	agents_main(int argc, char **argv);
int	account_main(int argc, char **argv);

#endif
