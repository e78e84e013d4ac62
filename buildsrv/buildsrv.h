/* muster-buildsrv's own: the server, one API call, and what each file does. */
#ifndef MUSTER_BUILDSRV_H
#define MUSTER_BUILDSRV_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "crypto.h"
#include "http.h"
#include "json.h"
#include "list.h"
#include "log.h"
#include "store.h"

struct gateway;
struct queue;
struct queue_ops;
struct settings;
struct tls;

/* Limits, with their reasons. */
enum {
	MAX_NAME	= 64,	/* of an account, an agent: file names carry it */
	MAX_PAGE	= 200,	/* jobs or tokens in one answer */
	MAX_LOG_LINES	= 1000,	/* of a log in one answer */
	MAX_API_BODY	= 64 * 1024,	/* no request of the API is near */
	TOKEN_BYTES	= 24	/* random bits of a token: 192 */
};

struct server {
	uv_loop_t		*loop;
	const struct settings	*settings;
	struct store		*store;
	struct httpd		*httpd;
	struct queue		*queue;
	struct gateway		*gateway;
	struct tls		*tls;
	char			*url;		/* SERVER_URL, no '/' at the end */
	char			*artifact_dir, *toolchain_dir;
	uint8_t			 secret[32];	/* of tokens, secret.c */
	uint8_t			 identity_public[ED25519_PUBLIC];
	uint8_t			 identity_secret[ED25519_SECRET];
	char			 update_key[BASE64_SIZE(ED25519_PUBLIC)];
	int64_t			 token_ms;	/* validity of a download token */
	json_t			*measured;	/* estimate.c */
	struct link		 waiting;	/* builds with useQueue:false */
};

/* One request of the API, from its head to its answer. */
struct call {
	struct server	*server;
	struct http_req	*req;
	char		*param;		/* what ':' in the route stood for */
	json_t		*account;	/* the caller's, owned; NULL: nobody */
	const char	*user;		/* the caller's name, or NULL */
	int		 admin;
	int		 local;		/* over our socket, by root or our uid */
	json_t		*body;		/* owned */
	json_t		*job;		/* owned; of the handler that has one */
	struct link	 link;		/* in server.waiting */
};

/* api.c: routes, authentication, the end of a call. */
void	api_handle(struct http_req *, void *server);
/* Each answers and frees the call. */
void	call_json(struct call *, int status, json_t *take);
void	call_error(struct call *, int status, const char *field,
	    const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));
void	call_failed(struct call *, int rc);	/* 500, with a log line */
/* Frees without an answer: it went out by other means. */
void	call_free(struct call *);
/* Reads the body against a table into c->body.  0, or -EINVAL: answered. */
int	call_body(struct call *, const struct json_field *, size_t n);
/* Refuses query parameters not in "a|b|c".  0, or -EINVAL: answered. */
int	call_query(struct call *, const char *words);
/* A number in the query, or its default; -1: answered. */
int64_t	call_number(struct call *, const char *name, int64_t absent,
	    int64_t max);
/* Whether the caller may see what belongs to this user. */
int	call_may_see(const struct call *, const char *user);

/* builds.c */
void	build_post(struct call *);
void	build_list(struct call *);
void	build_get(struct call *);
void	build_log(struct call *);
void	build_cancel(struct call *);
void	build_stats(struct call *);
/* An event was stored: answers the calls that wait for their build. */
void	build_watch(int64_t seq, const char *job, void *server);

/* jobview.c: a job as the API shows it; a new reference. */
json_t	*jobview(const struct server *, const json_t *job);

/* targets.c: what this server can build. */
/* "linux-x64" for os and architecture, or NULL where it cannot be built. */
const char *target_find(const struct server *, const char *os,
	    const char *arch);
/* ["linux/x64", ...]; a new reference. */
json_t	*target_list(const struct server *);

/* jobfiles.c: between the queue and the pipeline. */
int	job_prepare(const json_t *job, const char *dir, void *server);
char	*job_secret(const json_t *job, void *server);
int	job_finish(const json_t *job, const json_t *result, json_t *patch,
	    struct queue_ops *, void *server);

/* estimate.c: how long builds took, and what that says of the next. */
void	estimate_load(struct server *);
/* Words such as "about 2 seconds", freed by the caller. */
char	*estimate_text(const struct server *, const char *target,
	    int64_t ahead);
/* Takes a finished build into account; the target's new record, borrowed. */
const json_t *estimate_add(struct server *, const char *target, int cached,
	    int64_t ms);

/* artifacts.c */
void	artifact_download(struct call *);
void	artifact_list(struct call *);
void	artifact_revoke(struct call *);
void	artifact_stats(struct call *);

/* accounts.c */
void	account_post(struct call *);
void	account_list(struct call *);

/* agents.c */
void	agent_list(struct call *);
void	agent_link(struct call *);
void	health(struct call *);

/* secret.c: keys of the server, and what is derived from them. */
/* Reads or makes the key files in the state directory; dies on a fault. */
void	secret_load(struct server *, const char *state_dir);
/* The download token and the registration key of a job: derived, so that
 * the store needs only their hashes.  Text of TOKEN_BYTES in base64url. */
void	secret_token(const struct server *, const char *use, const char *job,
	    char out[BASE64_SIZE(TOKEN_BYTES)]);
/* Lower-case hex SHA-256 of a text: under what the store keeps it. */
char	*secret_hash(const char *text, char out[2 * SHA256_SIZE + 1]);

#endif
