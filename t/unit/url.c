/* Addresses: what is taken, how it is read, and what is refused. */
#include "http.h"
#include "tap.h"

static void
test_good(void)
{
	static const struct {
		const char	*text;
		int		 tls;
		const char	*host;
		int		 port;
		const char	*path;
		int		 loopback;
	} table[] = {
		{ "http://a.example", 0, "a.example", 80, "/", 0 },
		{ "https://A.Example/x?y=1", 1, "a.example", 443, "/x?y=1", 0 },
		{ "ws://localhost:3000/ws/agent", 0, "localhost", 3000,
		    "/ws/agent", 1 },
		{ "wss://[2001:DB8::1]:8443/agent", 1, "2001:db8::1", 8443,
		    "/agent", 0 },
		{ "HTTP://127.3.2.1?q", 0, "127.3.2.1", 80, "/?q", 1 },
		{ "http://[::1]/", 0, "::1", 80, "/", 1 },
		{ "http://a#b/c", 0, "a", 80, "/", 0 },
		{ "http://a/b%20c#d", 0, "a", 80, "/b%20c", 0 },
		{ "http://x-1_2.local.:65535/", 0, "x-1_2.local.", 65535, "/",
		    0 },
		{ "http://127.0.0.1.example/", 0, "127.0.0.1.example", 80, "/",
		    0 },
		{ "http://[::ffff:127.0.0.1]/", 0, "::ffff:127.0.0.1", 80, "/",
		    0 },
		{ "http://128.0.0.1/", 0, "128.0.0.1", 80, "/", 0 },
		{ "http+unix://%2Frun%2fx.sock/api/a?b", 0, "localhost", 0,
		    "/api/a?b", 1 },
	};
	const char	*why;
	struct url	 u;
	size_t		 i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ok(table[i].text, url_parse(table[i].text, &u, &why) == 0
		    && u.tls == table[i].tls && u.port == table[i].port
		    && strcmp(u.host, table[i].host) == 0
		    && strcmp(u.path, table[i].path) == 0
		    && url_is_loopback(&u) == table[i].loopback);
		printf("# %s %d %s\n", u.host, u.port, u.path);
	}
	is_str("a socket's path is decoded", u.socket, "/run/x.sock");
}

static void
test_bad(void)
{
	static const char *const table[] = {
		"", "http", "http:/a", "ftp://a", "http://", "https:///x",
		"http://:80/", "http://a:/", "http://a:0/", "http://a:65536/",
		"http://a:99999999999999999999/", "http://a:8x/",
		"http://a:-1/", "http://user@a/", "http://user:pw@a/",
		"http://a b/", "http://a/b c", "http://a/\r\nX: y",
		"http://a\n/", "http://\x7f/", "http://\xc3\xa4/",
		"http://a/\xc3\xa4", "http://[::1", "http://[::1]x/",
		"http://[a]/", "http://[127.0.0.1]/", "http://[]/",
		"http://::1/", "http://a%41/", "http://a..b/", "http://.a/",
		"http://127.1/", "http://2130706433/", "http://0x7f.1/",
		"http://0177.0.0.1/", "http://1.2.3.4.5/", "http://a.0x10/",
		"http+unix://", "http+unix:///x", "http+unix://%2/x",
		"http+unix://%zz/", "http+unix://a%00b/", "http://a\\b/",
	};
	char		 text[4096];
	const char	*why;
	struct url	 u;
	size_t		 i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(text, sizeof(text), "refused: %.*s",
		    (int)strcspn(table[i], "\r\n"), table[i]);
		why = NULL;
		ok(text,
		    url_parse(table[i], &u, &why) < 0 && why != NULL
		    && *why != '\0');
	}
	for (i = 100; i < 4000; i += 100) {
		snprintf(text, sizeof(text), "http://%0*d.example/", (int)i, 0);
		if (url_parse(text, &u, &why) == 0 && i >= sizeof(u.host))
			break;
		snprintf(text, sizeof(text), "http://a/%0*d", (int)i, 0);
		if (url_parse(text, &u, &why) == 0 && i >= sizeof(u.path))
			break;
		snprintf(text, sizeof(text), "http+unix://%0*d/", (int)i, 0);
		if (url_parse(text, &u, &why) == 0 && i >= sizeof(u.socket))
			break;
	}
	ok("nothing is cut short", i >= 4000);
}

int
main(void)
{
	test_good();
	test_bad();
	return done();
}
