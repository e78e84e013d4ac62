/* muster-updater: from the command line to an update, and what became of it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "buf.h"
#include "child.h"
#include "crypto.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "updater.h"

static const struct setting table[] = {
	{ "package", 0, NULL, SETTING_PATH, NULL, 0, 0, "FILE",
	    "a .tar.gz with the new muster-agent in it", SETTING_FLAG, NULL },
	{ "binary", 0, NULL, SETTING_PATH, NULL, 0, 0, "FILE",
	    "the new binary itself", SETTING_FLAG, NULL },
	{ "target", 0, NULL, SETTING_PATH, NULL, 0, 0, "FILE",
	    "the installed binary to replace", SETTING_FLAG, NULL },
	{ "pid", 0, NULL, SETTING_INT, NULL, 2, INT32_MAX, "PID",
	    "the running agent, which is about to go", SETTING_FLAG, NULL },
	{ "lock", 0, NULL, SETTING_PATH, NULL, 0, 0, "FILE",
	    "the agent's lock (STATE_DIR/agent.lock)", 0, NULL },
	{ "checksum", 0, NULL, SETTING_STR, NULL, 64, 64, "HEX",
	    "SHA-256 of FILE", SETTING_FLAG, NULL },
	{ "signature", 0, NULL, SETTING_STR, NULL, 0, 0, "BASE64",
	    "Ed25519 signature of FILE", SETTING_FLAG, NULL },
	{ "public-key", 0, "MUSTER_PUBLIC_KEY", SETTING_STR, NULL, 0, 0,
	    "BASE64", "key that must have signed FILE", 0, NULL },
	{ "expect-version", 0, NULL, SETTING_STR, NULL, 1, 31, "V",
	    "version that the new binary must be", SETTING_FLAG, NULL },
	{ "wait", 0, NULL, SETTING_DURATION, "60s", 0, 3600000, "TIME",
	    "for PID to go, before it is ended", 0, NULL },
	{ "verify-time", 0, "MUSTER_UPDATER_VERIFY_TIME", SETTING_DURATION,
	    "30s", 100, 3600000, "TIME", "for the new agent to take its lock", 0, NULL },
	{ "settle", 0, "MUSTER_UPDATER_SETTLE", SETTING_DURATION,
	    "30s", 0, 3600000, "TIME",
	    "for it to stay alive, before the old binary goes", 0, NULL },
	{ "prove", 0, NULL, SETTING_STR, "beat,config,control,server", 0, 0,
	    "WORDS", "what it must show besides its lock, or none", 0, NULL },
	{ "control", 0, NULL, SETTING_PATH, NULL, 0, 0, "PATH",
	    "the agent's control pipe (RUN_DIR/control.sock)", 0, NULL },
	{ "agent-log", 0, NULL, SETTING_PATH, NULL, 0, 0, "FILE",
	    "the agent's log file, for the report of a failure", 0, NULL },
	{ "reached", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "the agent that goes had reached its server", SETTING_FLAG, NULL },
	{ "remove-file", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "remove FILE in the end", SETTING_FLAG, NULL },
	{ "remove-self", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "remove this very program in the end", SETTING_FLAG, NULL },
	{ "recover", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "finish or undo an interrupted update, and exit", SETTING_FLAG,
	    NULL },
	{ "no-start", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "with --recover: the caller is about to start the agent",
	    SETTING_FLAG, NULL }
};

static const struct settings_spec spec = {
	.tool = "muster-updater",
	.synopsis = "--package FILE | --binary FILE --target FILE "
	    "[options] [-- COMMAND ...]\n"
	    "       muster-updater --recover [--no-start] [--state-dir DIR]",
	.about = "Swap the agent's binary, prove the new one, or roll back.",
	.table = table,
	.n = nitems(table),
	.groups = SETTINGS_CONFIG | SETTINGS_DIRS | SETTINGS_LOG |
	    SETTINGS_STOP_AT_OPERAND | SETTINGS_OPERANDS,
	.config_name = "updater.json",
	/* MUSTER_CONFIG may come from the agent and name the agent's file. */
	.lenient_file = 1
};

/* -- from the settings -- */

static void
set_path(const struct settings *s, char *to, size_t n, const char *path,
    const char *name)
{
	if ((size_t)snprintf(to, n, "%s", path) >= n)
		settings_usage(s, "--%s: longer than %zu bytes", name, n - 1);
}

static void
set_proofs(const struct settings *s, struct update *u)
{
	const char	*sum = settings_str(s, "checksum");
	const char	*key = settings_str(s, "public-key");
	const char	*sig = settings_str(s, "signature");
	size_t		 n;

	if (sum != NULL && hex_decode(sum, u->sum, sizeof(u->sum)) < 0)
		settings_usage(s, "--checksum: not 64 hex digits");
	if (key != NULL && (base64_decode(key, strlen(key), u->key,
	    sizeof(u->key), &n) < 0 || n != sizeof(u->key)))
		settings_usage(s, "--public-key: not base64 of %zu bytes",
		    sizeof(u->key));
	if (sig != NULL && (base64_decode(sig, strlen(sig), u->signature,
	    sizeof(u->signature), &n) < 0 || n != sizeof(u->signature)))
		settings_usage(s, "--signature: not base64 of %zu bytes",
		    sizeof(u->signature));
	if (sig == NULL && key != NULL)
		settings_usage(s, "--signature: required with a public key");
	if (sig != NULL && key == NULL)
		settings_usage(s, "--public-key: required with --signature");
	if (sum == NULL && sig == NULL)
		settings_usage(s, "--checksum or --signature: required, or "
		    "anything could be installed");
	u->has_sum = sum != NULL;
	u->has_key = key != NULL;
}

static void
set_command(const struct settings *s, struct update *u, int argc, char **argv)
{
	int	i, first = settings_first(s), n = argc - first;

	if (n > UPDATE_MAX_WORDS)
		settings_usage(s, "COMMAND: more than %d words",
		    UPDATE_MAX_WORDS);
	for (i = 0; i < n; i++)
		u->command[i] = argv[first + i];
	if (n == 0)
		u->command[0] = u->target;
	/* A later --recover may start from another directory. */
	else if (strchr(argv[first], '/') != NULL && argv[first][0] != '/')
		settings_usage(s, "COMMAND: %s: not an absolute path",
		    argv[first]);
}

/* The link itself stays; the file that it leads to is replaced. */
static void
set_target(const struct settings *s, struct update *u)
{
	const char	*path = settings_str(s, "target");
	char		*real;

	if (path == NULL)
		settings_usage(s, "--target: required");
	if ((real = realpath(path, NULL)) != NULL)
		set_path(s, u->target, sizeof(u->target), real, "target");
	else
		die(EXIT_SYSTEM, "%s: %s", path, errstr(-errno));
	free(real);
	snprintf(u->old, sizeof(u->old), "%s.old", u->target);
	snprintf(u->staged, sizeof(u->staged), "%s.new", u->target);
}

/* The process to wait for: the one named, else who holds the agent's lock. */
static void
set_pid(const struct settings *s, struct update *u)
{
	struct lock_holder	h;

	u->leaving = settings_has(s, "pid");
	if (u->leaving) {
		u->pid = settings_int(s, "pid");
		if (u->pid == getpid())
			settings_usage(s, "--pid: that is this updater");
		u->pid_start = platform_process_start(u->pid);
	} else if (lock_status(u->lock, &h) == 0 && h.held && h.alive) {
		u->pid = h.pid;
		u->pid_start = h.start_ticks;
	}
}

static void
set_proofs_asked(const struct settings *s, struct update *u)
{
	const char	*names = settings_str(s, "prove");
	char		 bad[32];

	if (strcmp(names, "none") == 0)
		names = "";
	if (proofs_check(names, bad) < 0)
		settings_usage(s, "--prove: %s: must be beat, config, control"
		    " or server, with commas between, or none", bad);
	if ((size_t)snprintf(u->proofs, sizeof(u->proofs), "%s", names) >=
	    sizeof(u->proofs))
		settings_usage(s, "--prove: longer than %zu bytes",
		    sizeof(u->proofs) - 1);
}

/* The updater that a package brings takes the place of the one that stands
 * beside the agent. */
static void
set_updater(const struct settings *s, struct update *u)
{
	char	own[UPDATE_MAX_PATH];
	size_t	n = sizeof(own);

	u->remove = settings_bool(s, "remove-file");
	snprintf(u->installed, sizeof(u->installed), "%.*smuster-updater",
	    (int)(strrchr(u->target, '/') + 1 - u->target), u->target);
	if (settings_bool(s, "remove-self") && uv_exepath(own, &n) == 0 &&
	    strcmp(own, u->installed) != 0)
		set_path(s, u->self, sizeof(u->self), own, "own path");
	if (settings_has(s, "agent-log"))
		set_path(s, u->agent_log, sizeof(u->agent_log),
		    settings_str(s, "agent-log"), "agent-log");
	u->reached = settings_bool(s, "reached");
}

static void
set_places(const struct settings *s, struct update *u)
{
	if (strlen(settings_state_dir(s)) > UPDATE_MAX_PATH - 32)
		settings_usage(s, "--state-dir: too long");
	if (strlen(settings_log_dir(s)) > UPDATE_MAX_PATH - 32)
		settings_usage(s, "--log-dir: too long");
	snprintf(u->journal, sizeof(u->journal), "%s/update.json",
	    settings_state_dir(s));
	snprintf(u->unpacked, sizeof(u->unpacked), "%s/update.d",
	    settings_state_dir(s));
	snprintf(u->output, sizeof(u->output), "%s/agent.out",
	    settings_log_dir(s));
	set_path(s, u->state_dir, sizeof(u->state_dir), settings_state_dir(s),
	    "state-dir");
	if (settings_has(s, "control"))
		set_path(s, u->control, sizeof(u->control),
		    settings_str(s, "control"), "control");
	else if ((size_t)snprintf(u->control, sizeof(u->control),
	    "%s/control.sock", settings_run_dir(s)) >= sizeof(u->control))
		settings_usage(s, "--run-dir: too long");
	if (!settings_has(s, "lock"))
		snprintf(u->lock, sizeof(u->lock), "%s/agent.lock",
		    settings_state_dir(s));
	else if (settings_str(s, "lock")[0] != '/')
		settings_usage(s, "--lock: not an absolute path");
	else
		set_path(s, u->lock, sizeof(u->lock), settings_str(s, "lock"),
		    "lock");
}

static void
set_update(const struct settings *s, struct update *u, int argc, char **argv)
{
	const char	*file;

	u->package = settings_has(s, "package");
	if (u->package + settings_has(s, "binary") != 1)
		settings_usage(s, "--package or --binary: one is required");
	file = u->package ? "package" : "binary";
	set_path(s, u->file, sizeof(u->file), settings_str(s, file), file);
	set_proofs(s, u);
	set_target(s, u);
	set_command(s, u, argc, argv);
	set_pid(s, u);
	set_proofs_asked(s, u);
	set_updater(s, u);
	if (settings_has(s, "expect-version"))
		snprintf(u->version, sizeof(u->version), "%s",
		    settings_str(s, "expect-version"));
	u->wait_ms = settings_int(s, "wait");
	u->verify_ms = settings_int(s, "verify-time");
	u->settle_ms = settings_int(s, "settle");
}

/* -- what became of it -- */

static int
report(const struct update *u, int outcome)
{
	if (outcome == STEP_DONE) {
		log_info(NULL, "%s: updated to version %s", u->target,
		    u->version);
		return EXIT_YES;
	}
	if (outcome == STEP_START) {
		log_info(NULL, "%s: version %s is in place, and has to prove"
		    " itself", u->target, u->version);
		return EXIT_YES;
	}
	if (outcome == STEP_ROLLED_BACK) {
		log_error(NULL, "%s: not updated, failed at step %s: %s",
		    u->target, u->failed_step, u->failed_text);
		return EXIT_NO;
	}
	log_error(NULL, "%s: stuck at step %s, run muster-updater --recover",
	    u->target, step_name(u->step));
	return EXIT_SYSTEM;
}

/* An interrupted update found in the journal: its exit code; -1 for none. */
static int
recover(struct update *u)
{
	struct lock_holder	 h;
	const char		*why;
	int			 rc = journal_read(u, &why);

	if (rc == -ENOENT)
		return -1;
	if (rc == -EINVAL)
		die(EXIT_SYSTEM, "%s: bad %s", u->journal, why);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", u->journal, errstr(rc));
	if (u->step == STEP_DONE || u->step == STEP_ROLLED_BACK) {
		journal_tidy(u);
		return -1;
	}
	if (u->no_start && holder_of(u, &h))
		return -1;		/* it has an updater of its own called */
	return report(u, update_run(u, 1));
}

static struct lock *
only_one(const struct settings *s)
{
	struct lock_holder	 h;
	char			*path;
	struct lock		*l;
	int			 rc;

	if ((rc = platform_private_dir(settings_state_dir(s))) < 0)
		die(EXIT_SYSTEM, "%s: %s", settings_state_dir(s), errstr(rc));
	if ((rc = platform_private_dir(settings_log_dir(s))) < 0)
		die(EXIT_SYSTEM, "%s: %s", settings_log_dir(s), errstr(rc));
	path = file_join(settings_state_dir(s), "update.lock");
	/* Not waited for: it may be what starts the agent that calls us. */
	if (settings_bool(s, "no-start") && lock_status(path, &h) == 0 &&
	    h.held && h.alive)
		die(EXIT_NO, "%s: another updater is at work", path);
	rc = lock_take(&l, path, LOCK_WAIT, UPDATE_LOCK_MS, MUSTER_VERSION);
	if (rc == -ETIMEDOUT)
		die(EXIT_NO, "%s: another updater is at work", path);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	free(path);
	return l;
}

int
main(int argc, char **argv)
{
	struct update	 u = { 0 }, before = { 0 };
	struct settings	*s;
	struct lock	*l;
	int		 code;

	child_role(argc, argv);
	s = settings_load(&spec, argc, argv);
	crypto_init();
	signal(SIGHUP, SIG_IGN);	/* only the session ends */
	signal(SIGPIPE, SIG_IGN);
	set_places(s, &u);
	u.no_start = settings_bool(s, "no-start");
	if (u.no_start && !settings_bool(s, "recover"))
		settings_usage(s, "--no-start: only with --recover");
	before = u;
	if (!settings_bool(s, "recover"))
		set_update(s, &u, argc, argv);
	l = only_one(s);
	file_sweep(u.journal);
	code = recover(&before);
	if (settings_bool(s, "recover"))
		code = code < 0 ? EXIT_YES : code;
	/* An old agent that does not start may be why there is a new one. */
	else if (code != EXIT_SYSTEM || before.step == STEP_RESTART)
		code = report(&u, update_run(&u, 0));
	json_decref(before.words);
	json_decref(before.logs);
	json_decref(u.logs);
	lock_drop(l);
	settings_free(s);
	return code;
}
