/*
 * What the link needs, tried in its order: where to go, with what, by which
 * way, and whether anybody is there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "aws.h"
#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "doctor.h"
#include "file.h"
#include "log.h"
#include "settings.h"
#include "tls.h"

enum {
	TCP_MS		= 5000,
	MAX_SKEW_S	= 300		/* what servers grant */
};

/* -- what is configured -- */

enum doctor_verdict
doctor_state(struct doctor *d, char **what, char **mend)
{
	const char	*dir = settings_state_dir(d->config->settings);
	char		*path = file_join(dir, "doctor.tmp");
	int		 rc = file_create(path, "", 0, 0600);

	if (rc == 0)
		remove(path);
	free(path);
	if (rc == 0) {
		*what = xstrdup(dir);
		return DOCTOR_OK;
	}
	*what = xasprintf("%s: %s", dir, errstr(rc));
	if (rc == UV_ENOENT) {
		*mend = xstrdup("the agent makes it when it starts; was it"
		    " --state-dir that differs?");
		return DOCTOR_WARN;
	}
	*mend = xstrdup("run this as the agent's user, or give it the"
	    " directory");
	return DOCTOR_FAIL;
}

enum doctor_verdict
doctor_server(struct doctor *d, char **what, char **mend)
{
	const char	*fault;

	if (d->config->url == NULL) {
		*what = xstrdup("the link has no URL");
		*mend = xstrdup("set \"server\" or \"wsApiUrl\", or"
		    " \"ec2Auto\" on an EC2 host");
		return d->config->ec2_auto ? DOCTOR_WARN : DOCTOR_FAIL;
	}
	if (url_parse(d->config->url, &d->server, &fault) < 0) {
		*what = xasprintf("%s: %s", d->config->url, fault);
		return DOCTOR_FAIL;
	}
	*what = xasprintf("%s, by document %s's protocol", d->config->url,
	    d->config->hmac ? "004" : "002");
	return DOCTOR_OK;
}

char *
doctor_secret_of(const struct doctor *d, char **why)
{
	const struct agent_config	*c = d->config;
	struct aws			 w;
	char				*secret = NULL;

	if (c->ws_secret != NULL)
		return xstrdup(c->ws_secret);
	if (!c->ec2_auto)
		return NULL;
	if (aws_load(&w, settings_state_dir(c->settings), why) == 0 &&
	    w.secret_key != NULL)
		secret = xstrdup(w.secret_key);
	aws_release(&w);
	return secret;
}

enum doctor_verdict
doctor_secret(struct doctor *d, char **what, char **mend)
{
	char	*why = NULL, *secret;

	if (!d->config->hmac)
		return DOCTOR_SKIP;
	secret = doctor_secret_of(d, &why);
	if (secret != NULL) {
		crypto_wipe(secret, strlen(secret));
		free(secret);
		*what = xstrdup("is there");
		return DOCTOR_OK;
	}
	*what = why != NULL ? why : xstrdup("there is none");
	*mend = xstrdup("set \"wsSecret\"; with \"ec2Auto\", POST"
	    " /internal/set-aws-config");
	return DOCTOR_FAIL;
}

/* -- the way -- */

enum doctor_verdict
doctor_proxy(struct doctor *d, char **what, char **mend)
{
	const char	*given = settings_str(d->config->settings, "proxy");
	const char	*fault;
	struct url	 u;

	if (d->server.host[0] == '\0')
		return DOCTOR_SKIP;
	if (given != NULL && strcmp(given, "none") != 0)
		d->proxy = xstrdup(given);
	else if (given == NULL)
		d->proxy = proxy_for(d->config->url);
	if (d->proxy == NULL) {
		*what = xstrdup("none");
		return DOCTOR_OK;
	}
	if (url_parse(d->proxy, &u, &fault) < 0 || u.tls) {
		*what = xstrdup("the environment's is not http://HOST:PORT");
		*mend = xstrdup("set \"proxy\", or \"none\" for no proxy");
		return DOCTOR_FAIL;
	}
	*what = xasprintf("%s port %d", u.host, u.port);
	return DOCTOR_OK;
}

/* Where the first connection goes. */
static const struct url *
next_hop(const struct doctor *d, struct url *u)
{
	const char	*fault;

	if (d->proxy != NULL && url_parse(d->proxy, u, &fault) == 0)
		return u;
	return &d->server;
}

enum doctor_verdict
doctor_dns(struct doctor *d, char **what, char **mend)
{
	struct addrinfo		 hints = { .ai_socktype = SOCK_STREAM }, *a;
	struct url		 u;
	const struct url	*hop = next_hop(d, &u);
	uv_getaddrinfo_t	 req;
	struct buf		 b = BUF_INIT;
	char			 text[64], port[8];
	int			 rc;

	if (hop->host[0] == '\0' || d->failed > 0)
		return DOCTOR_SKIP;
	snprintf(port, sizeof(port), "%d", hop->port);
	if ((rc = uv_getaddrinfo(d->loop, &req, NULL, hop->host, port,
	    &hints)) < 0) {
		*what = xasprintf("%s: %s", hop->host, errstr(rc));
		*mend = xstrdup("is the name right? does this host's resolver"
		    " answer (getent hosts NAME)?");
		return DOCTOR_FAIL;
	}
	d->addresses = req.addrinfo;
	for (a = d->addresses; a != NULL; a = a->ai_next)
		if (uv_ip_name(a->ai_addr, text, sizeof(text)) == 0)
			buf_printf(&b, "%s%s", b.len > 0 ? " " : "", text);
	*what = xasprintf("%s: %s", hop->host, buf_str(&b));
	buf_release(&b);
	return DOCTOR_OK;
}

struct attempt {
	uv_tcp_t	 tcp;
	uv_connect_t	 req;
	uv_timer_t	 timer;
	int		 rc, over;
};

static void
attempt_end(struct attempt *t, int rc)
{
	if (t->over++)
		return;
	t->rc = rc;
	uv_close((uv_handle_t *)&t->tcp, NULL);
	uv_close((uv_handle_t *)&t->timer, NULL);
}

static void
on_connect(uv_connect_t *req, int rc)
{
	attempt_end(req->data, rc);
}

static void
on_late(uv_timer_t *h)
{
	attempt_end(h->data, UV_ETIMEDOUT);
}

static int
try_address(uv_loop_t *loop, const struct sockaddr *to)
{
	struct attempt	t = { .rc = UV_EINVAL };
	int		rc;

	uv_tcp_init(loop, &t.tcp);
	uv_timer_init(loop, &t.timer);
	t.req.data = t.timer.data = &t;
	uv_timer_start(&t.timer, on_late, TCP_MS, 0);
	if ((rc = uv_tcp_connect(&t.req, &t.tcp, to, on_connect)) < 0)
		attempt_end(&t, rc);
	uv_run(loop, UV_RUN_DEFAULT);
	return t.rc;
}

enum doctor_verdict
doctor_tcp(struct doctor *d, char **what, char **mend)
{
	const struct addrinfo	*a;
	struct buf		 b = BUF_INIT;
	char			 text[64] = "";
	int			 rc, good = 0, bad = 0;

	if (d->addresses == NULL)
		return DOCTOR_SKIP;
	for (a = d->addresses; a != NULL; a = a->ai_next) {
		rc = try_address(d->loop, a->ai_addr);
		uv_ip_name(a->ai_addr, text, sizeof(text));
		buf_printf(&b, "%s%s %s", b.len > 0 ? ", " : "", text,
		    rc == 0 ? "connects" : errstr(rc));
		good += rc == 0;
		bad += rc != 0;
	}
	*what = buf_take(&b);
	if (bad > 0)
		*mend = xstrdup(good > 0 ? "some addresses do not answer; the"
		    " agent takes one that does" : "does the server run, and"
		    " does a firewall let this host out to that port?");
	return good == 0 ? DOCTOR_FAIL : bad > 0 ? DOCTOR_WARN : DOCTOR_OK;
}

/* -- who is there -- */

/* "Sat, 28 Nov 2026 17:00:00 GMT" as s, or -1. */
static int64_t
read_date(const char *s)
{
	static const char	months[] =
	    "JanFebMarAprMayJunJulAugSepOctNovDec";
	char			name[4] = "", text[64];
	const char		*m;
	int			 day, year, h, min, sec;
	int64_t			 ms;

	if (s == NULL || sscanf(s, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day,
	    name, &year, &h, &min, &sec) != 6 || strlen(name) != 3 ||
	    (m = strstr(months, name)) == NULL)
		return -1;
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", year,
	    (int)(m - months) / 3 + 1, day, h, min, sec);
	return clock_read_rfc3339(text, &ms) < 0 ? -1 : ms / 1000;
}

struct fetched {
	char	*what, *mend;
	enum doctor_verdict verdict;
};

static void
on_fetched(const struct httpc_answer *a, void *arg)
{
	struct fetched	*f = arg;
	int64_t		 theirs, off;

	if (a->rc < 0) {
		f->what = xstrdup(a->why != NULL ? a->why : errstr(a->rc));
		f->mend = xstrdup("with TLS: is the certificate for this name,"
		    " in date, and by a CA that is known here? (\"ca-file\")");
		f->verdict = DOCTOR_FAIL;
		return;
	}
	theirs = read_date(httpc_header(a->req, "date"));
	off = clock_wall_ms() / 1000 - theirs;
	f->verdict = DOCTOR_OK;
	if (theirs < 0) {
		f->what = xstrdup("answers, and does not tell its time");
		return;
	}
	f->what = xasprintf("answers; this host's clock is %lld s %s",
	    (long long)(off < 0 ? -off : off), off < 0 ? "behind its" :
	    "ahead of its");
	if (off > MAX_SKEW_S || off < -MAX_SKEW_S) {
		f->verdict = DOCTOR_WARN;
		f->mend = xstrdup("set the clock (NTP); the agent goes by the"
		    " server's until then");
	}
}

enum doctor_verdict
doctor_http(struct doctor *d, char **what, char **mend)
{
	struct httpc_options	 o = { .timeout_ms = TCP_MS * 2,
		.max_body = 64 * 1024 };
	struct fetched		 f = { NULL, NULL, DOCTOR_FAIL };
	struct tls		*tls = NULL;
	char			*url;
	int			 v6 = strchr(d->server.host, ':') != NULL;

	if (d->failed > 0 || d->server.host[0] == '\0')
		return DOCTOR_SKIP;
	if (d->proxy != NULL) {
		*what = xstrdup("through a proxy: see link");
		return DOCTOR_SKIP;
	}
	if (d->server.tls && tls_client(&tls, d->config->ca_file, NULL, 1,
	    what) < 0)
		return DOCTOR_FAIL;
	o.tls = tls;
	url = xasprintf("http%s://%s%s%s:%d/healthz", d->server.tls ? "s" :
	    "", v6 ? "[" : "", d->server.host, v6 ? "]" : "",
	    d->server.port);
	httpc_start(d->loop, url, &o, on_fetched, &f);
	uv_run(d->loop, UV_RUN_DEFAULT);
	*what = f.what;
	*mend = f.mend;
	free(url);
	tls_free(tls);
	return f.verdict;
}
