/* Where the server listens: TCP addresses and Unix sockets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifndef _WIN32
#include <sys/un.h>
#endif

#include "httpd_impl.h"
#include "log.h"

enum { EMFILE_PAUSE = 10 };	/* ms */

static void
on_connection(uv_stream_t *handle, int rc)
{
	struct listener	*l = handle->data;

	if (rc == 0) {
		conn_accept(l);
		return;
	}
	/* No descriptor is left, not even libuv's spare one, and the kernel
	 * will tell so at each turn: rather slow than spinning. */
	log_warn("http", "cannot take a connection: %s", errstr(rc));
	uv_sleep(EMFILE_PAUSE);
}

static void
on_listener_closed(uv_handle_t *handle)
{
	struct listener	*l = handle->data;

	handle->data = l->server;
	httpd_handle_gone(handle);
	free(l);
}

void
listener_close(struct listener *l)
{
	list_remove(&l->link);
	unixsock_release(&l->path);
	uv_close(&l->h.handle, on_listener_closed);
}

/* -- TCP -- */

/* Takes "HOST:PORT" apart; host may be "". */
static int
split_where(const char *where, char host[256], char port[6])
{
	const char	*colon = strrchr(where, ':');
	size_t		 n, digits;

	if (colon == NULL)
		return -EINVAL;
	digits = strlen(colon + 1);
	n = (size_t)(colon - where);
	if (digits == 0 || digits > 5
	    || strspn(colon + 1, "0123456789") != digits
	    || atoi(colon + 1) > 65535)
		return -EINVAL;
	strcpy(port, colon + 1);
	if (n >= 2 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	} else if (memchr(where, ':', n) != NULL) {
		return -EINVAL;		/* IPv6 without brackets */
	}
	if (n >= 256)
		return -ENAMETOOLONG;
	memcpy(host, where, n);
	host[n] = '\0';
	return 0;
}

static int
listen_address(struct listener *l, const struct sockaddr *a)
{
	int	rc;

	if ((rc = uv_tcp_bind(&l->h.tcp, a, 0)) < 0)
		return rc;
	return uv_listen(&l->h.stream, HTTPD_BACKLOG, on_connection);
}

static int
bound_port(struct listener *l)
{
	struct sockaddr_storage	a;
	int			n = sizeof(a);

	if (uv_tcp_getsockname(&l->h.tcp, (struct sockaddr *)&a, &n) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6
	    ? ((struct sockaddr_in6 *)&a)->sin6_port
	    : ((struct sockaddr_in *)&a)->sin_port);
}

static int
listen_tcp(struct listener *l, const char *where, char **url)
{
	struct addrinfo	 hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE
	};
	uv_getaddrinfo_t req;
	char		 host[256], port[6];
	const char	*name;
	int		 rc;

	if ((rc = split_where(where, host, port)) < 0)
		return rc;
	/* "::" takes IPv4 too, where the system has both. */
	name = host[0] != '\0' ? host : "::";
	rc = uv_getaddrinfo(l->server->loop, &req, NULL, name, port, &hints);
	if (rc == 0) {
		rc = listen_address(l, req.addrinfo->ai_addr);
		uv_freeaddrinfo(req.addrinfo);
	}
	if (rc == 0 && url != NULL)
		*url = xasprintf(strchr(host, ':') ? "%s://[%s]:%d"
		    : "%s://%s:%d", l->tls != NULL ? "https" : "http",
		    host[0] != '\0' ? host : "127.0.0.1", bound_port(l));
	return rc;
}

/* -- both -- */

/* The path in a URL's host part, percent-encoded. */
static char *
path_url(const char *path)
{
	struct buf	b = BUF_INIT;

	buf_adds(&b, "http+unix://");
	for (; *path != '\0'; path++)
		if (strchr("/%:?#@[] ", *path) != NULL)
			buf_printf(&b, "%%%02X", (unsigned char)*path);
		else
			buf_addc(&b, *path);
	return buf_take(&b);
}

static int
listen_path(struct listener *l, const char *path, char **url)
{
	int	rc;

	rc = unixsock_listen(&l->path, &l->h.pipe, path, 0600, HTTPD_BACKLOG,
	    on_connection);
	if (rc == 0 && url != NULL)
		*url = path_url(path);
	return rc;
}

static struct listener *
listener_new(struct httpd *h, int local, const struct tls *tls)
{
	struct listener	*l = xcalloc(1, sizeof(*l));

	l->server = h;
	l->tls = local ? NULL : tls;
	l->local = local;
	list_append(&h->listeners, &l->link);
	h->handles++;
	if (local)
		uv_pipe_init(h->loop, &l->h.pipe, 0);
	else
		uv_tcp_init(h->loop, &l->h.tcp);
	l->h.handle.data = l;
	return l;
}

int
httpd_listen(struct httpd *h, const char *where, const struct tls *tls,
    char **url)
{
	int		 local = strncmp(where, "unix:", 5) == 0, rc;
	struct listener	*l = listener_new(h, local, tls);

	if (local)
		rc = listen_path(l, where + 5, url);
	else
		rc = listen_tcp(l, where, url);
	l->h.handle.data = l;
	if (rc < 0)
		listener_close(l);
	return rc;
}

/* -- a socket that somebody else made -- */

#ifdef _WIN32
int
httpd_listen_fd(struct httpd *h, int fd, const struct tls *tls, char **url)
{
	(void)h;
	(void)fd;
	(void)tls;
	(void)url;
	return UV_ENOTSUP;
}
#else
/* The family of a stream socket that listens, or -errno. */
static int
listening_family(int fd, struct sockaddr_storage *a)
{
	socklen_t	n = sizeof(*a), len = sizeof(int);
	int		type = 0, on = 0;

	memset(a, 0, sizeof(*a));
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0
	    || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) < 0
	    || getsockname(fd, (struct sockaddr *)a, &n) < 0)
		return -errno;
	if (type != SOCK_STREAM || !on)
		return -EPROTOTYPE;
	if (a->ss_family != AF_UNIX && a->ss_family != AF_INET
	    && a->ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	return a->ss_family;
}

static char *
fd_url(const struct listener *l, const struct sockaddr_storage *a)
{
	const struct sockaddr_un	*u = (const void *)a;
	const struct sockaddr		*sa = (const void *)a;
	const struct sockaddr_in	*in = (const void *)a;
	char				 host[46];

	if (a->ss_family == AF_UNIX)
		return path_url(u->sun_path);
	if (uv_ip_name(sa, host, sizeof(host)) < 0)
		return NULL;
	/* Every address: one of them is sure to reach it. */
	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
		strcpy(host, "127.0.0.1");
	/* The port is in the same place for both families. */
	return xasprintf(strchr(host, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
	    l->tls != NULL ? "https" : "http", host, ntohs(in->sin_port));
}

int
httpd_listen_fd(struct httpd *h, int fd, const struct tls *tls, char **url)
{
	struct sockaddr_storage	 a;
	struct listener		*l;
	int			 rc = listening_family(fd, &a);

	if (rc < 0) {
		close(fd);
		return rc;
	}
	l = listener_new(h, rc == AF_UNIX, tls);
	rc = l->local ? uv_pipe_open(&l->h.pipe, fd)
	    : uv_tcp_open(&l->h.tcp, fd);
	if (rc < 0)
		close(fd);
	else
		rc = uv_listen(&l->h.stream, HTTPD_BACKLOG, on_connection);
	if (rc < 0)
		listener_close(l);
	else if (url != NULL)
		*url = fd_url(l, &a);
	return rc;
}
#endif
