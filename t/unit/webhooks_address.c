/* Which addresses a webhook may reach, and that no connection is made to
 * another, whatever a name resolves to. */
#include "../../buildsrv/webhooks_address.c"

#include <stdlib.h>

#include "http.h"
#include "tap.h"

static int
allowed(const char *text)
{
	union {
		struct sockaddr		a;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
	}	s;

	memset(&s, 0, sizeof(s));
	if (uv_ip4_addr(text, 80, &s.in) < 0 &&
	    uv_ip6_addr(text, 80, &s.in6) < 0)
		return -1;
	return address_is_public(&s.a);
}

static void
test_lists(void)
{
	static const char *const	good[] = {
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
		"100.128.0.0", "126.255.255.255", "128.0.0.1",
		"169.253.255.255", "169.255.0.0", "172.15.255.255",
		"172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0",
		"198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2600::1", "2a00:1450::1", "2001:200::1",
		"::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"
	}, *const bad[] = {
		"0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255",
		"100.64.0.0", "100.127.255.255", "127.0.0.1",
		"127.255.255.254", "169.254.169.254", "172.16.0.0",
		"172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
		"192.168.1.1", "198.18.0.0", "198.19.255.255",
		"198.51.100.7", "203.0.113.7", "224.0.0.1",
		"255.255.255.255", "::", "::1", "::7f00:1", "fc00::1",
		"fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1",
		"2001::1", "3fff::1", "100::1", "5f00::1", "::ffff:10.0.0.1",
		"::ffff:127.0.0.1", "64:ff9b::10.0.0.1",
		"64:ff9b:1::1.1.1.1", "2002:a00:1::1", "2002:7f00:1::1"
	};
	size_t	i;

	for (i = 0; i < nitems(good); i++)
		is_int(good[i], allowed(good[i]), 1);
	for (i = 0; i < nitems(bad); i++)
		is_int(bad[i], allowed(bad[i]), 0);
}

/* -- connections -- */

static int	asked;

static void
on_request(struct http_req *q, void *arg)
{
	(void)arg;
	asked++;
	http_reply(q, 200, "text/plain", "x", 1);
}

static void
on_answer(const struct httpc_answer *a, void *arg)
{
	int	*rc = arg;

	*rc = a->rc < 0 ? a->rc : a->status;
}

static int
fetch(uv_loop_t *loop, const char *url, int (*allow)(const struct sockaddr *))
{
	struct httpc_options	o = { .allow = allow };
	int			rc = 1;

	httpc_start(loop, url, &o, on_answer, &rc);
	while (rc == 1)
		uv_run(loop, UV_RUN_ONCE);
	return rc;
}

static void
test_connections(void)
{
	uv_loop_t	 loop;
	struct httpd	*h;
	char		*url = NULL, name[64];

	uv_loop_init(&loop);
	h = httpd_new(&loop, on_request, NULL);
	is_int("a server", httpd_listen(h, "127.0.0.1:0", NULL, &url), 0);
	snprintf(name, sizeof(name), "http://localhost%s", strrchr(url, ':'));
	is_int("its name leads to it", fetch(&loop, name, NULL), 200);
	is_int("but not under guard", fetch(&loop, name, address_is_public),
	    UV_EACCES);
	is_int("nor does its address", fetch(&loop, url, address_is_public),
	    UV_EACCES);
	is_int("nor a Unix socket", fetch(&loop, "http+unix://%2Fx/",
	    address_is_public), UV_EACCES);
	is_int("it was asked once", asked, 1);
	free(url);
	httpd_stop(h, 0, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

int
main(void)
{
	test_lists();
	test_connections();
	return done();
}
