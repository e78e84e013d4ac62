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

struct cleanup;
struct detail;
struct events;
struct gateway;
struct idem;
struct limits;
struct metrics;
struct notify;
struct queue;
struct queue_ops;
struct rollouts;
struct settings;
struct streams;
struct testecho;
struct tls;
struct transfers;
struct tufrepo;
struct webhooks;

/* Limits, with their reasons. */
enum {
	MAX_NAME	= 64,	/* of an account, an agent: file names carry it */
	MAX_PAGE	= 200,	/* jobs or tokens in one answer */
	MAX_LOG_LINES	= 1000,	/* of a log in one answer */
	MAX_API_BODY	= 64 * 1024,	/* no request of the API is near */
	MAX_RELEASE_BODY = 1024 * 1024,	/* metadata, a part of a file */
	TOKEN_BYTES	= 24	/* random bits of a token: 192 */
};

struct server {
	uv_loop_t		*loop;
	const struct settings	*settings;
	struct store		*store;
	struct httpd		*httpd;
	struct queue		*queue;		/* NULL: has stopped; so below */
	struct gateway		*gateway;
	struct events		*events;	/* the log's readers: events.h */
	struct streams		*streams;	/* sse.c */
	struct webhooks		*webhooks;
	struct notify		*notify;	/* Socket.IO */
	struct testecho		*echo;		/* --test-echo, or NULL */
	struct metrics		*metrics;
	struct tls		*tls;
	char			*url;		/* SERVER_URL, no '/' at the end */
	char			*artifact_dir, *toolchain_dir, *release_dir;
	struct tufrepo		*tufrepo;	/* update metadata */
	struct rollouts		*rollouts;
	json_t			*patches;	/* patch.c */
	int			 patches_busy;
	uint8_t			 secret[32];	/* of tokens, secret.c */
	uint8_t			 identity_public[ED25519_PUBLIC];
	uint8_t			 identity_secret[ED25519_SECRET];
	char			 update_key[BASE64_SIZE(ED25519_PUBLIC)];
	int64_t			 token_ms;	/* validity of a download token */
	json_t			*measured;	/* estimate.c */
	struct link		 waiting;	/* builds with useQueue:false */
	struct transfers	*transfers;	/* of artifacts */
	struct cleanup		*cleanup;
	struct link		 walks;		/* docwalk.c */
	struct link		 orders;	/* agents_command.c */
	int			 no_walks;	/* the server stops */
	struct detail		*details;	/* detail.c */
	struct limits		*by_key, *by_address;	/* auth.c */
	struct limits		*by_refusal;	/* audit.c */
	char			 idem_cursor[128];	/* idempotency.c */
};

/* One request of the API, from its head to its answer. */
struct call {
	struct server	*server;
	struct http_req	*req;
	char		*param;		/* what ':' in the route stood for */
	json_t		*account;	/* the caller's, owned; NULL: nobody */
	char		*agent;		/* the agent that calls, owned, or NULL */
	const char	*user;		/* the caller's name, or NULL */
	int		 admin;
	int		 local;		/* over our socket, by root or our uid */
	int		 stranger;	/* nobody asked who: errors count */
	const struct route *route;
	void		(*entered)(struct call *);	/* auth.c */
	struct idem	*idem;		/* owned; idempotency.c */
	int64_t		 number;	/* the handler's */
	char		*text;		/* the handler's, owned */
	json_t		*body;		/* owned */
	json_t		*job;		/* owned; of the handler that has one */
	json_t		*record;	/* owned; the job as it is stored */
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
/* 429, with Retry-After in whole seconds. */
void	call_retry(struct call *, int64_t ms, const char *field,
	    const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));
/* Frees without an answer: it went out by other means. */
void	call_free(struct call *);
/* Reads the body against a table into c->body.  0, or -EINVAL: answered. */
int	call_body(struct call *, const struct json_field *, size_t n);
/* Refuses query parameters not in "a|b|c".  0, or -EINVAL: answered. */
int	call_query(struct call *, const char *words);
/* A number in the query, or its default; -1: answered. */
int64_t	call_number(struct call *, const char *name, int64_t absent,
	    int64_t max);
/* The number in "limit", from 1 to MAX_PAGE; -1: answered. */
int64_t	call_limit(struct call *, int64_t absent);
/* Whether the caller may see what belongs to this user. */
int	call_may_see(const struct call *, const char *user);

/* auth.c: who calls, and how often. */
/*
 * 0 with the key's account, borrowed; -EACCES for nobody's: wait_ms is how
 * long to hold that answer back; -EBUSY: too often, again in wait_ms; else
 * the store failed.
 */
typedef void (*auth_done)(int rc, const json_t *account, int64_t wait_ms,
	    void *arg);
void	auth_load(struct server *);
void	auth_release(struct server *);
/* done() hears the outcome once, now or later.  The key is not kept. */
void	auth_key(struct server *, const char *key, const char *peer,
	    auth_done, void *arg);
/* Finds out who calls, then entered(); or it is answered. */
void	auth_call(struct call *, void (*entered)(struct call *));
/* Whether one who shows no key is heard now; else it is answered. */
int	auth_stranger(struct call *);
/* What the call's address asked for counts as a failure. */
void	auth_charge(struct call *);

/* access.c: a line in the log for each answer. */
void	access_log(const struct http_req *, int status);

/* audit.c: who did what. */
void	audit_load(struct server *);
/* A value for STORE_APPEND to "audit", in the transaction that does it: a new
 * reference.  The object is what it was done to, and no secret. */
json_t	*audit_record(const struct call *, const char *action,
	    const char *object, const char *result);
/* Writes such a record, which it takes, by itself. */
void	audit_write(struct server *, json_t *record_take);
/* Both at once. */
void	audit_note(const struct call *, const char *action,
	    const char *object, const char *result);
/* A known caller asked for what his role may not do. */
void	audit_refused(const struct call *);
void	audit_list(struct call *);

/* openapi.c */
void	openapi_get(struct call *);

/* idempotency.c */
/* Where the request has an Idempotency-Key that was seen, again() with its
 * record; else go(); or it is answered. */
void	idem_begin(struct call *, void (*go)(struct call *),
	    void (*again)(struct call *, const json_t *record));
/* Once more: what go() did ended with -EEXIST. */
void	idem_look(struct call *);
/* The operation that keeps the key, for the transaction that makes the job;
 * 1, or 0 without a key.  To be released. */
size_t	idem_op(const struct call *, const char *job, struct store_op *);
void	idem_op_release(struct store_op *);
/* Keeps what else the answer said in the record that was made, as its "said",
 * if there is one; then done(), with the call, now or later. */
void	idem_keep(struct call *, const char *said, store_done done);
void	idem_free(struct idem *);

/* build_post.c */
void	build_post(struct call *);
/* The agent's module behind a capability of document 000's; borrowed. */
const char *capability_module(const char *name);
/* An event was stored: answers the calls that wait for their build. */
void	build_watch(int64_t seq, const char *job, void *server);

/* build_list.c */
void	build_list(struct call *);

/* why.c */
void	build_why(struct call *);

/* builds.c */
/* 1 when the job is there and the caller's to see; else it is answered. */
int	build_visible(struct call *, int rc, const json_t *job);
void	build_get(struct call *);
void	build_log(struct call *);
void	build_cancel(struct call *);
void	build_stats(struct call *);

/* jobview.c: a job as the API shows it; a new reference. */
json_t	*jobview(const struct server *, const json_t *job);

/* detail.c: answers with a job's details, and keeps the last few. */
/* 1: answered and freed the call, with what was kept of this record. */
int	detail_again(struct call *, const json_t *record);
void	detail_answer(struct call *, const json_t *record, json_t *take);
/* The store's watch: a job's log has grown. */
void	detail_watch(int64_t seq, const char *id, void *server);
void	detail_free(struct server *);

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
/* How long (ms) until a new build for this target is done, when so many wait
 * before it and so many run; -1: not known. */
int64_t	estimate_ms(const struct server *, const char *target,
	    int64_t ahead, int64_t running);
/* The same in words, "about 2 seconds", freed by the caller. */
char	*estimate_words(const char *target, int64_t ms);
/* Takes a finished build into account; the target's new record, borrowed. */
const json_t *estimate_add(struct server *, const char *target, int cached,
	    int64_t ms);

/* artifacts.c, artifact_tokens.c, artifact_stats.c */
void	artifact_download(struct call *);
void	artifact_list(struct call *);
void	artifact_revoke(struct call *);
void	artifact_stats(struct call *);

/* job_delete.c: a job's or a token's record, with all that is its alone. */
void	build_delete(struct call *);
/* note (may be NULL) is for the audit log; the result is the job. */
void	job_delete(struct server *, const json_t *job, const json_t *note,
	    store_done, void *arg);
void	token_delete(struct server *, const char *key, const json_t *token,
	    store_done, void *arg);

/* cleanup.c; the rest is in cleanup.h. */
void	cleanup_post(struct call *);

/* accounts.c */
void	account_post(struct call *);
void	account_list(struct call *);
void	account_own(struct call *);

/* accounts_change.c */
void	account_rotate(struct call *);
void	account_disable(struct call *);
void	account_enable(struct call *);
void	account_workspaces(struct call *);

/* agents.c */
void	agent_list(struct call *);
void	agent_link(struct call *);
void	agent_label(struct call *);
void	agent_clear(struct call *);
void	health(struct call *);

/* agent_auth.c: as auth_call(), and agents may call, too. */
void	agent_auth(struct call *, void (*entered)(struct call *));

/* update_api.c */
void	update_get(struct call *);
void	update_report(struct call *);
void	agent_channel(struct call *);

/* release_api.c */
void	release_list(struct call *);
void	release_upload(struct call *);
void	release_publish(struct call *);
void	release_metadata(struct call *);
void	release_target(struct call *);

/* rollout_api.c */
void	rollout_post(struct call *);
void	rollout_list(struct call *);
void	rollout_get(struct call *);
void	rollout_change(struct call *);

/* agents_link.c: agents of document 004. */
void	link_accept_004(struct call *);
void	link_secret_post(struct call *);
void	link_secret_delete(struct call *);
/* The gateway's link_secret. */
char	*link_secret(const json_t *, void *server);

/* agents_command.c */
void	agent_command(struct call *);
void	agents_command(struct call *);
/* Ends those that are under way: the server stops. */
void	orders_stop(struct server *);

/* sse_agent.c: what agents reported, as pages and as streams. */
void	agent_events(struct call *);
/* The gateway's reported. */
void	agent_reported(const char *uid, void *server);

/* sse_events.c, sse_log.c: events and logs, as pages and as streams. */
void	event_list(struct call *);
/* Whether the caller asks for server-sent events. */
int	sse_wanted(const struct call *);
/* Answers with the log of a job that the caller may see. */
void	sse_log(struct call *, const json_t *job);
/* Cuts what a user listens to by any way: its key was changed, or the account
 * disabled. */
void	events_drop(struct server *, const char *user);

/* webhooks.c */
void	webhook_list(struct call *);
void	webhook_post(struct call *);
void	webhook_get(struct call *);
void	webhook_delete(struct call *);

/* metrics.c */
void	metrics_get(struct call *);
/* Whether --metrics-open lets the caller in, though it shows no key. */
int	metrics_open(const struct call *);
/* api.c: method and path of an answered request's tag. */
void	api_route(int tag, const char **method, const char **path);

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
