/* The access log: a line for each answer, at debug level. */
#include <string.h>

#include <uv.h>

#include "buildsrv.h"

/* What follows is the right to a file, and not for logs. */
static const char secret_path[] = "/api/artifacts/download";

/* Paths come decoded: nothing in them may look like another line's end or
 * another word. */
static void
path_clean(const char *path, char *out, size_t n)
{
	size_t	i;

	for (i = 0; i < n - 1 && path[i] != '\0'; i++)
		out[i] = (unsigned char)path[i] > ' ' && path[i] != 0x7f ?
		    path[i] : '?';
	out[i] = '\0';
}

void
access_log(const struct http_req *req, int status)
{
	uint64_t	us;
	char		path[256];

	if (!log_wants(LOG_DEBUG))
		return;
	us = (uv_hrtime() - req->began) / 1000;
	path_clean(strncmp(req->path, secret_path, sizeof(secret_path) - 1)
	    == 0 ? secret_path : req->path, path, sizeof(path));
	log_debug("access", "%s %s status=%d ms=%llu.%03llu user=%s peer=%s "
	    "request=%s", req->method[0] != '\0' ? req->method : "-",
	    path[0] != '\0' ? path : "-", status,
	    (unsigned long long)(us / 1000), (unsigned long long)(us % 1000),
	    req->who[0] != '\0' ? req->who : "-", req->peer, req->id);
}
