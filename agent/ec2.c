/*
 * This host's public address, as the EC2 metadata service has it: a token by
 * PUT (version 2), then the address with it; where no token is given, the
 * address without one (version 1).  Each step has a second.
 */
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "agent.h"
#include "buf.h"
#include "http.h"

enum {
	STEP_MS		= 1000,	/* the service is on the host's own link */
	MAX_ANSWER	= 1024	/* tokens have 56 bytes */
};

struct ec2 {
	uv_loop_t	*loop;
	char		*base;
	void		(*done)(const char *address, void *arg);
	void		*arg;
};

static void
on_address(const struct httpc_answer *a, void *arg)
{
	struct ec2	*e = arg;
	unsigned char	 ip[4];
	int		 good = a->rc == 0 && a->status == 200 &&
	    uv_inet_pton(AF_INET, a->body, ip) == 0;

	e->done(good ? a->body : NULL, e->arg);
	free(e->base);
	free(e);
}

static void
on_token(const struct httpc_answer *a, void *arg)
{
	struct ec2		*e = arg;
	struct httpc_options	 o = { .timeout_ms = STEP_MS,
	    .max_body = MAX_ANSWER };
	char			*url, *headers = NULL;

	if (a->rc == 0 && a->status == 200 && a->body_len > 0 &&
	    strpbrk(a->body, "\r\n") == NULL)
		headers = xasprintf("X-aws-ec2-metadata-token: %s\r\n",
		    a->body);
	o.headers = headers;
	url = xasprintf("%s/latest/meta-data/public-ipv4", e->base);
	httpc_start(e->loop, url, &o, on_address, e);
	free(url);
	free(headers);
}

void
ec2_address(uv_loop_t *loop, const char *base,
    void (*done)(const char *, void *), void *arg)
{
	struct httpc_options	 o = { .method = "PUT", .body = "",
	    .timeout_ms = STEP_MS, .max_body = MAX_ANSWER,
	    .headers = "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n" };
	struct ec2		*e = xcalloc(1, sizeof(*e));
	char			*url = xasprintf("%s/latest/api/token", base);

	e->loop = loop;
	e->base = xstrdup(base);
	e->done = done;
	e->arg = arg;
	httpc_start(loop, url, &o, on_token, e);
	free(url);
}
