/* AWS Signature Version 4 for requests without a body; pure. */
#ifndef MUSTER_SIGV4_H
#define MUSTER_SIGV4_H

#include <stdint.h>

struct buf;

struct sigv4 {
	const char	*access_key, *secret_key;
	const char	*session_token;	/* or NULL */
	const char	*region, *service;	/* "us-east-1", "s3" */
	const char	*method;
	const char	*host;		/* as the Host header has it */
	const char	*path;		/* encoded, begins with '/' */
	const char	*query;		/* encoded and sorted, or "" */
	int64_t		 time_s;	/* since 1970 */
};

/* Appends the headers "x-amz-...: ...\r\n" and "Authorization: ...\r\n". */
void	sigv4_headers(const struct sigv4 *, struct buf *);

#endif
