/* AWS credentials that somebody gave this agent, and whether S3 takes them. */
#ifndef MUSTER_AWS_H
#define MUSTER_AWS_H

#include <jansson.h>
#include <uv.h>

struct httpc;
struct tls;

/* Each a string or NULL; freed by aws_release(). */
struct aws {
	char	*access_key, *secret_key, *session_token, *region, *bucket;
	char	*endpoint;	/* "https://HOST[:PORT]"; NULL: Amazon's */
};

/*
 * What is stored in dir, else what the environment has.  0, also where there
 * is nothing (secret_key NULL); or -errno with *why, freed by the caller.
 */
int	aws_load(struct aws *, const char *dir, char **why);
/* Stores what a request's body has, mode 0600.  0; -EINVAL with *why for
 * what is not of the form; else -errno with *why. */
int	aws_save(const json_t *, const char *dir, char **why);
void	aws_release(struct aws *);

/*
 * Asks S3 for the bucket's first key, or for the list of buckets where none
 * is set; done() hears once, later, and takes {valid, status, code, message,
 * endpoint, bucket, region}.  httpc_cancel() on the result makes that soon.
 */
struct httpc *aws_validate(const struct aws *, uv_loop_t *, const struct tls *,
	    void (*done)(json_t *, void *arg), void *arg);

#endif
