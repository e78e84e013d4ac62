/*
 * Where the server is reached: its own Unix socket, the addresses of
 * --listen, and the sockets that systemd listens at for us, each with or
 * without TLS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "buf.h"
#include "metrics.h"
#include "settings.h"
#include "sockets.h"
#include "testecho.h"
#include "tls.h"

enum {
	PASSED_FIRST	= 3,		/* the protocol's first descriptor */
	PASSED_MAX	= 64		/* more nobody means */
};

static struct {
	int	 n;
	char	*names;			/* "a:b:c", or NULL */
} passed;

/* -- settings -- */

void
listen_url(struct server *s)
{
	const char	*url = settings_str(s->settings, "server-url"), *why;
	struct url	 u;
	size_t		 n;

	if (url == NULL)
		return;
	if (url_parse(url, &u, &why) < 0)
		settings_usage(s->settings, "%s: SERVER_URL: %s", url, why);
	n = strlen(url);
	s->url = xstrndup(url, url[n - 1] == '/' ? n - 1 : n);
}

void
listen_tls(struct server *s)
{
	const char	*cert = settings_str(s->settings, "tls-cert");
	const char	*key = settings_str(s->settings, "tls-key");
	char		*why = NULL;

	if (cert == NULL && key == NULL)
		return;
	if (cert == NULL || key == NULL)
		settings_usage(s->settings,
		    "--tls-cert and --tls-key belong together");
	if (tls_server(&s->tls, cert, key, &why) < 0)
		die(EXIT_USAGE, "%s", why);
}

void
listen_reload(struct server *s)
{
	char	*why = NULL;

	if (s->tls == NULL)
		return;
	if (tls_reload(s->tls, &why) < 0)
		log_error("tls", "the old certificate stays: %s", why);
	else
		log_info("tls", "certificate read anew");
	free(why);
}

/* -- sockets that systemd passed: sd_listen_fds(3) -- */

void
listen_inherit(void)
{
	const char	*pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	const char	*names = getenv("LISTEN_FDNAMES");
	int		 i;

	if (pid != NULL && n != NULL && strtol(pid, NULL, 10) == getpid()) {
		passed.n = (int)strtol(n, NULL, 10);
		if (passed.n < 0 || passed.n > PASSED_MAX)
			die(EXIT_USAGE, "LISTEN_FDS=%s: from 0 to %d", n,
			    PASSED_MAX);
		passed.names = names != NULL ? xstrdup(names) : NULL;
	}
	for (i = 0; i < passed.n; i++)
		if (fcntl(PASSED_FIRST + i, F_SETFD, FD_CLOEXEC) < 0)
			die(EXIT_USAGE, "descriptor %d was to be passed: %s",
			    PASSED_FIRST + i, strerror(errno));
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* The i-th of the names, freed by the caller. */
static char *
passed_name(int i)
{
	const char	*p = passed.names;

	for (; p != NULL && i > 0; i--) {
		p = strchr(p, ':');
		p = p != NULL ? p + 1 : NULL;
	}
	return p != NULL ? xstrndup(p, strcspn(p, ":")) : xstrdup("unknown");
}

/* -- listening -- */

/* Takes url; the first that hosts can reach is what agents and downloads
 * get. */
static void
announce(struct server *s, char *url)
{
	log_info(NULL, "listening at %s", url);
	if (s->url == NULL && strncmp(url, "http+", 5) != 0)
		s->url = xstrdup(url);
	free(url);
}

/* What is named "http" stays clear text, for a proxy in front of us. */
static void
listen_passed(struct server *s)
{
	char	*url, *name;
	int	 i, rc;

	for (i = 0; i < passed.n; i++) {
		name = passed_name(i);
		url = NULL;
		rc = httpd_listen_fd(s->httpd, PASSED_FIRST + i,
		    strcmp(name, "http") == 0 ? NULL : s->tls, &url);
		if (rc < 0)
			die(EXIT_USAGE, "descriptor %d (%s): no stream socket "
			    "that listens: %s", PASSED_FIRST + i, name,
			    errstr(rc));
		announce(s, url);
		free(name);
	}
	free(passed.names);
}

static void
listen_addresses(struct server *s)
{
	const char	*where;
	char		*url;
	size_t		 i;
	int		 rc;

	/* Sockets that were passed stand for the default. */
	if (passed.n > 0 && strcmp(settings_origin(s->settings, "listen"),
	    "default") == 0)
		return;
	for (i = 0; (where = settings_item(s->settings, "listen", i)) != NULL;
	    i++) {
		url = NULL;
		rc = httpd_listen(s->httpd, where, s->tls, &url);
		if (rc < 0)
			die(EXIT_SYSTEM, "%s: cannot listen: %s", where,
			    errstr(rc));
		announce(s, url);
	}
}

static void
on_answered(const struct http_req *req, int status, void *arg)
{
	struct server	*s = arg;

	metrics_answered(req, status, s->metrics);
	access_log(req, status);
}

void
listen_start(struct server *s)
{
	char	*own = xasprintf("unix:%s/buildsrv.sock",
		    settings_run_dir(s->settings)), *url = NULL;
	int	 rc;

	s->httpd = httpd_new(s->loop, api_handle, s);
	httpd_set_max_body(s->httpd, settings_bool(s->settings, "test-echo") ?
	    TESTECHO_MAX_PAYLOAD : MAX_API_BODY);
	httpd_set_large(s->httpd, "/api/releases/", MAX_RELEASE_BODY);
	httpd_set_max_peer(s->httpd, (size_t)settings_int(s->settings,
	    "max-connections-per-address"));
	httpd_observe(s->httpd, on_answered, s);
	if ((rc = httpd_listen(s->httpd, own, NULL, &url)) < 0)
		die(EXIT_SYSTEM, "%s: %s", own, errstr(rc));
	listen_passed(s);
	listen_addresses(s);
	if (s->url == NULL) {
		log_warn(NULL, "no host can reach this: set SERVER_URL");
		s->url = xstrdup(url);
	}
	free(url);
	free(own);
}
