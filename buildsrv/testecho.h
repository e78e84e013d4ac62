/* muster-buildsrv --test-echo: what the protocols' own test suites expect of
 * a server.  Never mounted unless asked for. */
#ifndef MUSTER_TESTECHO_H
#define MUSTER_TESTECHO_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct http_req;
struct testecho;

enum { TESTECHO_MAX_PAYLOAD = 1000000 };	/* for httpd_set_max_body() */

/* With the suites' heartbeats, whose answers may take so long (ms): 200 is
 * what the suites expect, and too short for others on a busy machine. */
struct testecho *testecho_new(uv_loop_t *, int64_t ping_timeout);
/* Whether the path is one of its own: then the request is answered. */
int	testecho_handle(struct testecho *, struct http_req *);
/* done(), then its memory goes: no request may come here after it. */
void	testecho_stop(struct testecho *, void (*done)(void *), void *arg);

#endif
