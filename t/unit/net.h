/* What the tests of stream, httpc and ws share: a listener on a free
 * loopback port, a directory for certificates. */
#ifndef MUSTER_T_NET_H
#define MUSTER_T_NET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "loop.h"
#include "stream.h"
#include "tls.h"

/* Runs what is left and closes the loop: 1 when nothing was left over. */
static int
net_done(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) == 0;
}

struct net_listener {
	union {
		uv_stream_t	stream;
		uv_tcp_t	tcp;
		uv_pipe_t	pipe;
	} h;
	int	 port;
	/* What an accepted connection gets. */
	const struct tls *tls;
	int64_t	 timeout_ms;
	const struct stream_events *ev;
	void	*(*arg)(struct stream *);	/* made for each, or NULL */
};

static void
net_accept(uv_stream_t *server, int rc)
{
	struct net_listener	*l = server->data;
	struct stream		*s;

	if (rc < 0)
		return;
	s = stream_accept(server, l->tls, l->timeout_ms, l->ev, NULL);
	if (l->arg != NULL)
		stream_set_events(s, l->ev, l->arg(s));
}

static void
net_listen(struct net_listener *l, const struct stream_events *ev,
    void *(*arg)(struct stream *), const struct tls *tls)
{
	struct sockaddr_storage	a;
	int			n = sizeof(a);

	memset(l, 0, sizeof(*l));
	l->ev = ev;
	l->arg = arg;
	l->tls = tls;
	l->timeout_ms = 5000;
	uv_ip4_addr("127.0.0.1", 0, (struct sockaddr_in *)&a);
	uv_tcp_init(&loop, &l->h.tcp);
	l->h.stream.data = l;
	if (uv_tcp_bind(&l->h.tcp, (struct sockaddr *)&a, 0) < 0
	    || uv_listen(&l->h.stream, 16, net_accept) < 0) {
		printf("Bail out! no loopback socket\n");
		exit(1);
	}
	uv_tcp_getsockname(&l->h.tcp, (struct sockaddr *)&a, &n);
	l->port = ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static void
net_unlisten(struct net_listener *l)
{
	uv_close((uv_handle_t *)&l->h.stream, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* -- certificates, by openssl(1) -- */

static char	net_dir[64];

static int
net_sh(const char *script)
{
	struct buf	b = BUF_INIT;
	int		rc;

	buf_printf(&b, "cd %s && (%s) >/dev/null 2>&1", net_dir, script);
	rc = system(buf_str(&b));
	buf_release(&b);
	return rc == 0;
}

static const char *
net_path(const char *name)
{
	static char	path[4][128];
	static int	i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", net_dir, name);
	return path[i];
}

static void
net_rmdir(void)
{
	char	cmd[80];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", net_dir);
	if (system(cmd) != 0)
		perror(net_dir);
}

static void
net_mkdir(void)
{
	const char	*tmp = getenv("TMPDIR");

	snprintf(net_dir, sizeof(net_dir), "%.40s/muster-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(net_dir) == NULL) {
		perror(net_dir);
		exit(1);
	}
	atexit(net_rmdir);
}

/*
 * ca.pem signs good.pem (localhost, 127.0.0.1, ::1), other.pem (for another
 * host), old.pem (expired) and rsa.pem (good, but RSA); stranger.pem is signed
 * by itself.  Keys are NAME.key.  0, and it is said, where there is no openssl.
 */
static int
net_certificates(void)
{
	int	rc = net_sh(
	    "printf 'basicConstraints=critical,CA:TRUE\n' >ca.ext;"
	    "key() { openssl ecparam -name prime256v1 -genkey -noout"
	    "  -out $1.key; };"
	    "req() { openssl req -new -key $1.key -subj /CN=$1 -out $1.csr; };"
	    "sign() { n=$1; shift; openssl x509 -req -in $n.csr -out $n.pem"
	    "  -extfile $n.ext \"$@\"; };"
	    "by='-CA ca.pem -CAkey ca.key -CAcreateserial';"
	    "set -e;"
	    "for n in ca good other old stranger; do key $n; req $n; done;"
	    "openssl genrsa -out rsa.key 2048; req rsa;"
	    "for n in good old rsa stranger; do printf"
	    "  'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n' >$n.ext;"
	    "done;"
	    "printf 'subjectAltName=DNS:other.example,IP:127.0.0.9\n'"
	    "  >other.ext;"
	    "sign ca -signkey ca.key -days 3650;"
	    "sign good $by -days 3650;"
	    "sign rsa $by -days 3650;"
	    "sign other $by -days 3650;"
	    "sign stranger -signkey stranger.key -days 3650;"
	    "mkdir certs; : >index; echo 01 >serial;"
	    "printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\n"
	    "new_certs_dir=certs\ndefault_md=sha256\npolicy=p\n[p]\n"
	    "commonName=supplied\n' >ca.cnf;"
	    "openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key"
	    "  -in old.csr -out old.pem -notext -extfile old.ext"
	    "  -startdate 20200101000000Z -enddate 20200201000000Z");

	if (!rc)
		printf("# openssl(1) is missing: no TLS tests\n");
	return rc;
}

/* The listener anew, under TLS with *own, for peers with *tls; 0 as above. */
static int
net_tls(struct net_listener *l, struct tls **own, struct tls **tls)
{
	if (!net_certificates())
		return 0;
	tls_server(own, net_path("good.pem"), net_path("good.key"), NULL);
	tls_client(tls, net_path("ca.pem"), NULL, 1, NULL);
	net_unlisten(l);
	net_listen(l, l->ev, l->arg, *own);
	return 1;
}

/* The loop, the directory and a listener. */
static void
net_begin(struct net_listener *l, const struct stream_events *ev,
    void *(*arg)(struct stream *))
{
	crypto_init();
	uv_loop_init(&loop);
	net_mkdir();
	net_listen(l, ev, arg, NULL);
}

#endif
