/*
 * The daemon: the only process that can read the private key.  A request is
 * a line of JSON (ipc.h); the peer's uid comes from the socket.  SIGTERM: the
 * gpg processes are ended and answered, then the socket goes.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "ipc.h"
#include "log.h"
#include "settings.h"
#include "signer.h"

/* Root, ourselves, and whom --allow-uid names. */
static int
allowed(int64_t uid, void *arg)
{
	const struct signer	*g = arg;
	const char		*text;
	size_t			 i;

	if (uid == 0 || uid == (int64_t)geteuid())
		return 1;
	for (i = 0; (text = settings_item(g->s, "allow-uid", i)) != NULL; i++)
		if (uid == strtoll(text, NULL, 10))
			return 1;
	return 0;
}

static void
check_uids(const struct settings *s)
{
	const char	*text;
	size_t		 i;

	for (i = 0; (text = settings_item(s, "allow-uid", i)) != NULL; i++)
		if (text[0] == '\0' || strlen(text) > 10 ||
		    strspn(text, "0123456789") != strlen(text))
			settings_usage(s, "--allow-uid: '%s' is not a user's "
			    "number", text);
}

/* No core, no tracer, no privilege by exec: before the key is read. */
static void
harden(void)
{
	struct rlimit	none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die(EXIT_SYSTEM, "cannot drop privileges: %s",
		    errstr(-errno));
}

void
signer_idle(struct signer *g)
{
	if (!g->stopping || gpg_running() > 0 || g->ipc == NULL)
		return;
	ipc_stop(g->ipc);
	g->ipc = NULL;
	uv_close((uv_handle_t *)&g->sigterm, NULL);
	uv_close((uv_handle_t *)&g->sigint, NULL);
}

static void
on_signal(uv_signal_t *h, int signum)
{
	struct signer	*g = h->data;

	log_info("sign", "ending on signal %d", signum);
	g->stopping = 1;
	gpg_kill_all();
	signer_idle(g);
}

static void
watch_signal(struct signer *g, uv_loop_t *loop, uv_signal_t *h, int signum)
{
	uv_signal_init(loop, h);
	h->data = g;
	uv_signal_start(h, on_signal, signum);
}

/* "ready" to the descriptor that who started us waits on. */
static void
tell_ready(const struct settings *s)
{
	int	fd = (int)settings_int(s, "ready-fd");

	if (!settings_has(s, "ready-fd"))
		return;
	if (write(fd, "ready\n", 6) != 6)
		log_warn("sign", "--ready-fd %d: %s", fd, errstr(-errno));
	close(fd);
}

static void
listen_at(struct signer *g, uv_loop_t *loop)
{
	/* Who may speak is decided by uid; the mode only lets them knock. */
	int	 mode = settings_has(g->s, "allow-uid") ? 0666 : 0600, rc;
	char	*path = settings_has(g->s, "socket") ?
		    xstrdup(settings_str(g->s, "socket")) :
		    file_join(settings_run_dir(g->s), "sign.sock");

	rc = ipc_serve(&g->ipc, loop, path, mode, allowed, signer_request,
	    g);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	log_info("sign", "serving at %s", path);
	free(path);
}

static void
setup(struct signer *g, const struct settings *s, uv_loop_t *loop)
{
	const char	*dir = settings_str(s, "key-dir");
	const char	*work = settings_str(s, "work-dir");
	char		*made = NULL, *why;

	g->s = s;
	check_uids(s);
	harden();
	if (dir == NULL)
		dir = made = file_join(settings_state_dir(s), "sign");
	if (sign_key_open(&g->key, dir, &why) < 0)
		die(EXIT_USAGE, "%s", why);
	g->log = file_join(dir, "signatures.log");
	free(made);
	if (work != NULL && (g->work_dir = realpath(work, NULL)) == NULL)
		die(EXIT_USAGE, "%s: %s", work, errstr(-errno));
	watch_signal(g, loop, &g->sigterm, SIGTERM);
	watch_signal(g, loop, &g->sigint, SIGINT);
	listen_at(g, loop);
	tell_ready(s);
}

int
sign_serve(const struct settings *s)
{
	struct signer	 g = { .key = SIGN_KEY_INIT };
	uv_loop_t	*loop = uv_default_loop();

	signal(SIGPIPE, SIG_IGN);
	setup(&g, s, loop);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	sign_key_release(&g.key);
	free(g.log);
	free(g.work_dir);
	return EXIT_YES;
}
