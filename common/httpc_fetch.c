/* A request as a plain call: for tools that have nothing else to do. */
#include <stdlib.h>

#include "buf.h"
#include "http.h"

struct fetch {
	char	**body;
	size_t	 *n;
	char	**why;
	int	  result;
	int	  done;
};

static void
on_done(const struct httpc_answer *a, void *arg)
{
	struct fetch	*f = arg;

	f->done = 1;
	f->result = a->rc < 0 ? a->rc : a->status;
	if (f->body != NULL)
		*f->body = xmemdup(a->body, a->body_len);
	if (f->n != NULL)
		*f->n = a->body_len;
	if (f->why != NULL)
		*f->why = a->rc < 0 ? xstrdup(a->why) : NULL;
}

int
httpc_fetch(uv_loop_t *loop, const char *url, const struct httpc_options *o,
    char **body, size_t *n, char **why)
{
	struct fetch	f = { body, n, why, 0, 0 };

	httpc_start(loop, url, o, on_done, &f);
	while (!f.done)
		uv_run(loop, UV_RUN_ONCE);
	return f.result;
}
