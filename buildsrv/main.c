/*
 * muster-buildsrv: starts everything in order, and ends it in the reverse.
 * Start: settings, directories, the lock, keys, the signing helper's public
 * key, the store, the gateway, the listeners, the queue.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "app.h"
#include "child.h"
#include "settings.h"

static const struct setting table[] = {
	{ "listen", 'l', "MUSTER_LISTEN", SETTING_LIST, "127.0.0.1:8080", 0, 0,
	    "ADDRESS", "serve HTTP at HOST:PORT or unix:PATH (repeatable)", 0,
	    NULL },
	{ "server-url", 0, "SERVER_URL", SETTING_STR, NULL, 0, 0, "URL",
	    "the address that agents and downloads use", 0, NULL },
	{ "max-concurrent-builds", 'j', "MAX_CONCURRENT_BUILDS", SETTING_INT,
	    "2", 1, 64, "N", "builds at once", 0, NULL },
	{ "build-token-validity-hours", 0, "BUILD_TOKEN_VALIDITY_HOURS",
	    SETTING_INT, "24", 1, 24 * 3660, "HOURS",
	    "how long a download stays valid", 0, NULL },
	{ "build-timeout", 0, "MUSTER_BUILD_TIMEOUT", SETTING_DURATION, "15m",
	    1000, 86400000, "TIME", "a build that takes longer is ended", 0,
	    NULL },
	{ "max-attempts", 0, NULL, SETTING_INT, "3", 1, 10, "N",
	    "starts of one job that crashes interrupt", 0, NULL },
	{ "max-queued-per-user", 0, NULL, SETTING_INT, "200", 1, 1000000, "N",
	    "builds of one user that may wait", 0, NULL },
	{ "rate-limit", 0, NULL, SETTING_INT, "200", 0, 1000000, "N",
	    "requests a second with one key, twice as many at once; 0: any",
	    0, NULL },
	{ "rate-limit-address", 0, NULL, SETTING_INT, "20", 0, 1000000, "N",
	    "requests a second that fail or show no key, from one address",
	    0, NULL },
	{ "max-connections-per-address", 0, NULL, SETTING_INT, "4096", 0,
	    HTTP_MAX_CONNS, "N", "connections from one address; 0: any", 0,
	    NULL },
	{ "keep-jobs", 0, NULL, SETTING_INT, "30", 0, 36500, "DAYS",
	    "how long ended builds are kept, with their logs", 0, NULL },
	{ "keep-events", 0, NULL, SETTING_INT, "30", 0, 36500, "DAYS",
	    "how long what happened can be had again", 0, NULL },
	{ "keep-reports", 0, NULL, SETTING_INT, "30", 0, 36500, "DAYS",
	    "how long what agents reported is kept", 0, NULL },
	{ "keep-templates", 0, NULL, SETTING_INT, "30", 0, 36500, "DAYS",
	    "how long compiled templates are kept that nothing uses", 0,
	    NULL },
	{ "orphan-grace", 0, NULL, SETTING_DURATION, "1h", 0, 86400000000,
	    "TIME", "how long files without a record are in the trash", 0,
	    NULL },
	{ "cleanup-interval", 0, NULL, SETTING_DURATION, "1h", 0, 86400000000,
	    "TIME", "from one clean-up to the next; 0: only when asked", 0,
	    NULL },
	{ "timestamp-life", 0, NULL, SETTING_DURATION, "24h", 2000,
	    2592000000, "TIME", "how long update metadata is good without "
	    "this server", 0, NULL },
	{ "snapshot-life", 0, NULL, SETTING_DURATION, "7d", 2000,
	    31536000000, "TIME", "the same of its snapshot", 0, NULL },
	{ "tls-cert", 0, "MUSTER_TLS_CERT", SETTING_PATH, NULL, 0, 0, "FILE",
	    "certificate chain (PEM): serve HTTPS", 0, NULL },
	{ "tls-key", 0, "MUSTER_TLS_KEY", SETTING_PATH, NULL, 0, 0, "FILE",
	    "its private key (PEM)", 0, NULL },
	{ "sign-socket", 0, "MUSTER_SIGN_SOCKET", SETTING_PATH, NULL, 0, 0,
	    "PATH", "where muster-sign serves", 0, NULL },
	{ "source", 0, "MUSTER_SOURCE", SETTING_PATH, NULL, 0, 0, "DIR",
	    "the sources that templates are compiled from", 0, NULL },
	{ "toolchain-dir", 0, "TOOLCHAIN_DIR", SETTING_PATH, NULL, 0, 0, "DIR",
	    "the compilers and libraries of each target", 0, NULL },
	{ "build-dir", 0, "MUSTER_BUILD_DIR", SETTING_PATH, NULL, 0, 0, "DIR",
	    "where templates are compiled", 0, NULL },
	{ "scripts", 0, "MUSTER_SCRIPTS", SETTING_PATH, NULL, 0, 0, "DIR",
	    "where muster-pipeline is", 0, NULL },
	{ "open-registration", 0, NULL, SETTING_BOOL, "false", 0, 0, NULL,
	    "let agents register without a registration key", 0, NULL },
	{ "stop-grace", 0, NULL, SETTING_DURATION, "0s", 0, 86400000, "TIME",
	    "let running builds complete for so long when stopped", 0, NULL },
	{ "webhooks-private", 0, NULL, SETTING_BOOL, "false", 0, 0, NULL,
	    "webhooks may reach loopback and private networks", 0, NULL },
	{ "metrics-open", 0, NULL, SETTING_BOOL, "false", 0, 0, NULL,
	    "GET /metrics without a key from this host", 0, NULL },
	{ "metrics-agents", 0, NULL, SETTING_INT, "1000", 0, 100000, "N",
	    "agents whose own figures GET /metrics has", 0, NULL },
	{ "test-echo", 0, NULL, SETTING_BOOL, "false", 0, 0, NULL,
	    "serve what the Socket.IO test suites expect; for tests alone",
	    SETTING_FLAG, NULL },
	{ "agents-plaintext", 0, NULL, SETTING_BOOL, "false", 0, 0, NULL,
	    "build agents that may use ws:// beyond loopback", 0, NULL },
};

static void
more_files(void)
{
	struct rlimit	l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

int
main(int argc, char **argv)
{
	static const struct settings_spec spec = {
		.tool = "muster-buildsrv",
		.synopsis = "[--listen ADDRESS]... [--server-url URL] "
		    "[--state-dir DIR] [option ...]",
		.about = "Builds agents, signs them, hands them out, and "
		    "keeps their connections.",
		.table = table, .n = nitems(table),
		.groups = SETTINGS_CONFIG | SETTINGS_DIRS | SETTINGS_LOG,
		.config_name = "buildsrv.json",
	};
	static struct app	 app;
	struct settings		*s;

	child_role(argc, argv);
	listen_inherit();
	/* A slow look-up of a name must not hold up the store's commits. */
	setenv("UV_THREADPOOL_SIZE", "8", 0);
	s = settings_load(&spec, argc, argv);
	crypto_init();
	more_files();
	app.server.loop = uv_default_loop();
	app.server.settings = s;
	app.server.token_ms = settings_int(s, "build-token-validity-hours") *
	    3600000;
	list_init(&app.server.waiting);
	list_init(&app.server.walks);
	list_init(&app.server.orders);
	listen_url(&app.server);
	listen_tls(&app.server);
	start_dirs(&app);
	secret_load(&app.server, settings_state_dir(s));
	start_signer(&app);
	start_store(&app);
	auth_load(&app.server);
	audit_load(&app.server);
	estimate_load(&app.server);
	places_find(&app);
	start_gateway(&app.server);
	start_updates(&app);
	listen_start(&app.server);	/* served once the loop runs */
	start_events(&app.server);
	start_queue(&app);
	start_cleanup(&app);
	stop_watch(&app);
	uv_run(app.server.loop, UV_RUN_DEFAULT);
	uv_loop_close(app.server.loop);
	start_release(&app);
	settings_free(s);
	return EXIT_YES;
}
