/*
 * muster-buildsrv: starts everything in order, and ends it in the reverse.
 * Start: settings, directories, the lock, keys, the store, the signing
 * helper's public key, the queue, the gateway, the listeners.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "buf.h"
#include "buildsrv.h"
#include "child.h"
#include "file.h"
#include "gateway.h"
#include "ipc.h"
#include "lock.h"
#include "platform.h"
#include "queue.h"
#include "settings.h"
#include "tls.h"

enum {
	STOP_GRACE	= 10000,	/* ms for answers that are under way */
	SIGN_TIMEOUT	= 5000,		/* ms for the helper's public key */
	LEASE		= 30000		/* ms of a build without a renewal */
};

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
	{ "agents-plaintext", 0, NULL, SETTING_BOOL, "false", 0, 0, NULL,
	    "build agents that may use ws:// beyond loopback", 0, NULL },
};

struct app {
	struct server	 server;
	struct lock	*lock;
	uv_signal_t	 sigint, sigterm, sighup;
	int		 open;		/* parts that have yet to end */
	int		 stopping;
	char		*dirs[4];	/* of the queue: work, templates */
	char		**env;
};

/* -- where the parts of an installation are -- */

/* The first of these that exists, relative to our own directory. */
static char *
near_exe(const char *const *places)
{
	char	 exe[1024], *path, *slash;
	size_t	 n = sizeof(exe);

	if (uv_exepath(exe, &n) < 0 || (slash = strrchr(exe, '/')) == NULL)
		return xstrdup(places[0]);
	*slash = '\0';
	for (; *places != NULL; places++) {
		path = file_join(exe, *places);
		if (file_exists(path)) {
			slash = realpath(path, NULL);
			free(path);
			return slash;
		}
		free(path);
	}
	return xstrdup("/nonexistent");
}

static char *
place(const struct settings *s, const char *name, const char *const *places)
{
	return settings_has(s, name) ? xstrdup(settings_str(s, name)) :
	    near_exe(places);
}

/* -- what the pipeline is started with: nothing of ours that is secret -- */

struct line {
	char	*text;
	int	 code;
};

static void
on_line(struct child *child, const char *p, size_t n, int err, void *arg)
{
	struct line	*l = arg;

	(void)child;
	if (!err && l->text == NULL)
		l->text = xstrndup(p, n);
	else if (err)
		log_warn("start", "%.*s", (int)n, p);
}

static void
on_ended(struct child *child, int code, int signal, int timed_out, void *arg)
{
	struct line	*l = arg;

	(void)child;
	l->code = signal != 0 || timed_out ? EXIT_SYSTEM : code;
}

/* The sources' hash, computed once: it names the templates in the cache. */
static char *
source_hash(uv_loop_t *loop, const char *scripts, const char *source)
{
	static const struct child_events events = { on_line, on_ended };
	char		*tool = file_join(scripts, "muster-source-hash");
	char		*dir = xstrdup(source);
	char		*argv[] = { tool, dir, NULL };
	struct child_options o = { .argv = argv, .timeout_ms = 30000 };
	struct child	*child;
	struct line	 l = { NULL, -1 };
	int		 rc;

	if ((rc = child_start(&child, loop, &o, &events, &l)) < 0)
		die(EXIT_SYSTEM, "%s: %s", tool, errstr(rc));
	while (l.code < 0)
		uv_run(loop, UV_RUN_ONCE);
	if (l.code != 0 || l.text == NULL)
		die(EXIT_SYSTEM, "%s %s: exit %d", tool, source, l.code);
	free(tool);
	free(dir);
	return l.text;
}

static void
env_add(char ***env, size_t *n, const char *name, const char *value)
{
	if (value == NULL)
		return;
	*env = xrealloc(*env, (*n + 2) * sizeof(**env));
	(*env)[(*n)++] = xasprintf("%s=%s", name, value);
	(*env)[*n] = NULL;
}

static char **
pipeline_environment(struct app *a, const char *scripts, const char *source,
    const char *sign_socket)
{
	static const char *const bin_places[] = { ".", NULL };
	const struct settings *s = a->server.settings;
	char	**env = NULL, *bin = near_exe(bin_places), *path, *hash;
	char	 *build_dir = settings_has(s, "build-dir") ?
	    xstrdup(settings_str(s, "build-dir")) :
	    file_join(a->dirs[1], "build");
	size_t	  n = 0;

	hash = source_hash(a->server.loop, scripts, source);
	path = xasprintf("%s:%s:%s", bin, scripts, getenv("PATH") != NULL ?
	    getenv("PATH") : "/usr/local/bin:/usr/bin:/bin");
	env_add(&env, &n, "PATH", path);
	env_add(&env, &n, "HOME", getenv("HOME"));
	env_add(&env, &n, "TMPDIR", getenv("TMPDIR"));
	env_add(&env, &n, "LC_ALL", "C");
	env_add(&env, &n, "SOURCE_DATE_EPOCH", getenv("SOURCE_DATE_EPOCH"));
	env_add(&env, &n, "LINUX_GPG_KEY", getenv("LINUX_GPG_KEY"));
	env_add(&env, &n, "MUSTER_SOURCE", source);
	env_add(&env, &n, "MUSTER_SOURCE_HASH", hash);
	env_add(&env, &n, "MUSTER_TEMPLATE_DIR", a->dirs[1]);
	env_add(&env, &n, "MUSTER_SIGN_SOCKET", sign_socket);
	env_add(&env, &n, "MUSTER_BUILD_DIR", build_dir);
	env_add(&env, &n, "TOOLCHAIN_DIR", a->server.toolchain_dir);
	free(bin);
	free(path);
	free(hash);
	free(build_dir);
	return env;
}

/* -- the end -- */

static void
on_store_closed(void *arg)
{
	struct app	*a = arg;

	lock_drop(a->lock);
	a->lock = NULL;
	log_info(NULL, "stopped");
}

static void
part_ended(void *arg)
{
	struct app	*a = arg;

	if (--a->open == 0)
		store_close(a->server.store, on_store_closed, a);
}

static void
on_stop(uv_signal_t *h, int signum)
{
	struct app	*a = h->data;

	if (a->stopping) {
		log_warn(NULL, "stopping already");
		return;
	}
	a->stopping = 1;
	log_info(NULL, "signal %d: stopping", signum);
	a->open = 3;
	httpd_stop(a->server.httpd, STOP_GRACE, part_ended, a);
	gateway_stop(a->server.gateway, part_ended, a);
	queue_stop(a->server.queue, 1, part_ended, a);
	uv_close((uv_handle_t *)&a->sigint, NULL);
	uv_close((uv_handle_t *)&a->sigterm, NULL);
	uv_close((uv_handle_t *)&a->sighup, NULL);
}

static void
on_hup(uv_signal_t *h, int signum)
{
	struct app	*a = h->data;
	char		*why = NULL;

	(void)signum;
	if (a->server.tls == NULL)
		return;
	if (tls_reload(a->server.tls, &why) < 0)
		log_error("tls", "the old certificate stays: %s", why);
	else
		log_info("tls", "certificate read anew");
	free(why);
}

/* -- the start, part by part -- */

static void
more_files(void)
{
	struct rlimit	l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

static void
make_dirs(struct app *a, const struct settings *s)
{
	static const char *const names[] = { "work", "templates", "artifacts",
	    "store" };
	const char	*state = settings_state_dir(s);
	const char	*run = settings_run_dir(s);
	char		*path;
	size_t		 i;
	int		 rc;

	if ((rc = platform_private_dir(state)) < 0)
		die(EXIT_SYSTEM, "%s: %s", state, errstr(rc));
	if ((rc = file_mkdirs(run, 0755)) < 0)
		die(EXIT_SYSTEM, "%s: %s", run, errstr(rc));
	for (i = 0; i < nitems(names); i++) {
		a->dirs[i] = file_join(state, names[i]);
		if ((rc = platform_private_dir(a->dirs[i])) < 0)
			die(EXIT_SYSTEM, "%s: %s", a->dirs[i], errstr(rc));
	}
	a->server.artifact_dir = a->dirs[2];
	path = file_join(state, "buildsrv.lock");
	rc = lock_take(&a->lock, path, 0, 0, MUSTER_VERSION);
	if (rc == -EWOULDBLOCK || rc == -EAGAIN)
		die(EXIT_NO, "%s: another server runs on this state", path);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	free(path);
}

static void
open_store(struct app *a)
{
	char	*where = xasprintf("lmdb:%s", a->dirs[3]), *why = NULL;
	int	 rc;

	rc = store_open(&a->server.store, a->server.loop, where, &why);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", where,
		    why != NULL ? why : errstr(rc));
	free(where);
	store_watch(a->server.store, build_watch, &a->server);
}

/* Without the helper nothing is signed, and so nothing is built. */
static void
ask_signer(struct server *s, const char *socket)
{
	json_t	*ask = json_pack("{ss}", "op", "public_key"), *answer = NULL;
	int	 rc = ipc_ask(socket, ask, SIGN_TIMEOUT, &answer);

	if (rc < 0)
		die(EXIT_SYSTEM, "%s: the signing helper does not answer: %s "
		    "(start it: muster-sign --serve)", socket, errstr(rc));
	snprintf(s->update_key, sizeof(s->update_key), "%s",
	    json_str(answer, "public_key", ""));
	if (s->update_key[0] == '\0')
		die(EXIT_SYSTEM, "%s: the signing helper has no key: %s",
		    socket, json_str(answer, "error", "no public_key"));
	json_decref(ask);
	json_decref(answer);
}

/* The script, and what it is started with; the caller frees. */
static char *
find_pipeline(struct app *a, const struct settings *s, const char *sign_socket)
{
	static const char *const script_places[] = { "../lib/muster",
	    "../../scripts", "../../../scripts", NULL };
	static const char *const source_places[] = { "../share/muster/src",
	    "../..", "../../..", NULL };
	static const char *const toolchain_places[] = {
	    "../lib/muster/toolchains", "../toolchain", "../../toolchain",
	    NULL };
	char	*scripts = place(s, "scripts", script_places);
	char	*source = place(s, "source", source_places);
	char	*pipeline = file_join(scripts, "muster-pipeline");

	a->server.toolchain_dir = place(s, "toolchain-dir", toolchain_places);
	a->env = pipeline_environment(a, scripts, source, sign_socket);
	free(scripts);
	free(source);
	return pipeline;
}

static void
start_queue(struct app *a, const struct settings *s, const char *pipeline)
{
	struct queue_options o = {
		.store = a->server.store,
		.owner = "buildsrv",
		.max_concurrent = (int)settings_int(s,
		    "max-concurrent-builds"),
		.pipeline = pipeline,
		.work_dir = a->dirs[0],
		.artifact_dir = a->dirs[2],
		.lease_ms = LEASE,
		.max_attempts = (int)settings_int(s, "max-attempts"),
		.build_timeout_ms = settings_int(s, "build-timeout"),
		.env = a->env,
		.prepare = job_prepare,
		.secret = job_secret,
		.finish = job_finish,
		.arg = &a->server,
	};
	int	rc = queue_start(&a->server.queue, a->server.loop, &o);

	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", pipeline, errstr(rc));
}

static void
start_gateway(struct server *s)
{
	struct gateway_options	o = {
		.store = s->store,
		.loop = s->loop,
		.identity_secret = s->identity_secret,
		.open_registration = settings_bool(s->settings,
		    "open-registration"),
	};

	if ((s->gateway = gateway_new(&o)) == NULL)
		die(EXIT_SYSTEM, "the agents' gateway cannot start");
}

static void
start_tls(struct server *s)
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

static void
start_listeners(struct server *s)
{
	const char	*where;
	char		*url, *own;
	size_t		 i;
	int		 rc;

	s->httpd = httpd_new(s->loop, api_handle, s);
	httpd_set_max_body(s->httpd, MAX_API_BODY);
	own = xasprintf("unix:%s/buildsrv.sock",
	    settings_run_dir(s->settings));
	if ((rc = httpd_listen(s->httpd, own, NULL, NULL)) < 0)
		die(EXIT_SYSTEM, "%s: %s", own, errstr(rc));
	free(own);
	for (i = 0; (where = settings_item(s->settings, "listen", i)) != NULL;
	    i++) {
		url = NULL;
		rc = httpd_listen(s->httpd, where, s->tls, &url);
		if (rc < 0)
			die(EXIT_SYSTEM, "%s: cannot listen: %s", where,
			    errstr(rc));
		log_info(NULL, "listening at %s", url != NULL ? url : where);
		if (s->url == NULL && url != NULL)
			s->url = xstrdup(url);
		free(url);
	}
}

static void
find_url(struct server *s)
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

static void
watch_signals(struct app *a)
{
	signal(SIGPIPE, SIG_IGN);
	uv_signal_init(a->server.loop, &a->sigint);
	uv_signal_init(a->server.loop, &a->sigterm);
	uv_signal_init(a->server.loop, &a->sighup);
	a->sigint.data = a->sigterm.data = a->sighup.data = a;
	uv_signal_start(&a->sigint, on_stop, SIGINT);
	uv_signal_start(&a->sigterm, on_stop, SIGTERM);
	uv_signal_start(&a->sighup, on_hup, SIGHUP);
}

static void
app_release(struct app *a)
{
	size_t	i;

	for (i = 0; i < nitems(a->dirs); i++)
		free(a->dirs[i]);
	for (i = 0; a->env[i] != NULL; i++)
		free(a->env[i]);
	free(a->env);
	tls_free(a->server.tls);
	json_decref(a->server.measured);
	free(a->server.toolchain_dir);
	free(a->server.url);
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
	char			*sign_socket, *pipeline;

	child_role(argc, argv);
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
	find_url(&app.server);
	start_tls(&app.server);
	make_dirs(&app, s);
	secret_load(&app.server, settings_state_dir(s));
	sign_socket = settings_has(s, "sign-socket") ?
	    xstrdup(settings_str(s, "sign-socket")) :
	    file_join(settings_run_dir(s), "sign.sock");
	ask_signer(&app.server, sign_socket);
	open_store(&app);
	estimate_load(&app.server);
	pipeline = find_pipeline(&app, s, sign_socket);
	start_gateway(&app.server);
	start_listeners(&app.server);	/* served once the loop runs */
	start_queue(&app, s, pipeline);
	watch_signals(&app);
	uv_run(app.server.loop, UV_RUN_DEFAULT);
	uv_loop_close(app.server.loop);
	free(sign_socket);
	free(pipeline);
	app_release(&app);
	settings_free(s);
	return EXIT_YES;
}
