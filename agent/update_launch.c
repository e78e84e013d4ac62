/*
 * The updater: the one that a package brings, else the one beside us, else
 * the one in the PATH.  It is started in a session of its own, and we watch
 * its journal until it has staged the new binary and waits for us to go: so
 * that what fails before costs no running agent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "child.h"
#include "clock.h"
#include "control.h"
#include "crypto.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "settings.h"
#include "update.h"

#define UPDATER	"muster-updater"

enum {
	MAX_WORDS	= 96,		/* ours, and those that start us */
	MAX_JOURNAL	= 256 * 1024	/* as the updater has it */
};

/* -- out of the package -- */

static void
on_member(struct child *c, const char *text, size_t n, int err, void *arg)
{
	struct update	*u = arg;
	size_t		 m = strlen(UPDATER);

	(void)c;
	if (err)
		log_warn("update", "tar: %.*s", (int)n, text);
	else if (n >= m && memcmp(text + n - m, UPDATER, m) == 0 &&
	    (n == m || text[n - m - 1] == '/') && text[0] != '-') {
		free(u->member);
		u->member = xstrndup(text, n);
	}
}

static void
on_tar(struct child *c, int code, int sig, int timed_out, void *arg)
{
	struct update	*u = arg;

	(void)c, (void)sig;
	u->child = NULL;
	if (u->closing)
		return;
	if (code != 0)
		update_fail(u, "malformed", "%s: tar: %s %d", u->offer.path,
		    timed_out ? "no end in time, code" : "exit code", code);
	else
		update_step(u);
}

static void
run_tar(struct update *u, char **argv)
{
	static const struct child_events events = { on_member, on_tar };
	struct child_options		 o = { .argv = argv,
		.timeout_ms = UPDATE_TAR_MS };
	int				 rc;

	rc = child_start(&u->child, &u->agent->loop, &o, &events, u);
	if (rc < 0)
		update_fail(u, "launch", "tar: %s", errstr(rc));
}

void
update_list(struct update *u)
{
	char	tar[] = "tar", list[] = "-tzf";
	char	*argv[] = { tar, list, u->file, NULL };

	run_tar(u, argv);
}

/* tar(1) leaves it in our directory, without what stands before its name. */
void
update_extract(struct update *u)
{
	char	 tar[] = "tar", take[] = "-xzf", to[] = "-C", strip[48];
	char	*dir = update_path(u, "."), *p;
	char	*argv[] = { tar, take, u->file, to, dir, strip, u->member,
		    NULL };
	int	 n = 0;

	for (p = u->member; *p != '\0'; p++)
		n += *p == '/';
	snprintf(strip, sizeof(strip), "--strip-components=%d", n);
	u->extracted = 1;
	run_tar(u, argv);
	free(dir);
}

static char *
find_updater(struct update *u)
{
	char	*path;

	if (u->extracted)
		return update_path(u, UPDATER);
	path = update_beside(UPDATER);
	if (path != NULL && file_exists(path))
		return path;
	free(path);
	return xstrdup(UPDATER);
}

/* -- its words -- */

struct words {
	const char	*word[MAX_WORDS];
	char		*owned[MAX_WORDS];	/* what is to be freed, or NULL */
	size_t		 n;
};

static void
add(struct words *w, const char *word, char *take)
{
	if (w->n + 1 >= MAX_WORDS) {
		free(take);
		return;			/* seen in launch() */
	}
	w->owned[w->n] = take;
	w->word[w->n++] = take != NULL ? take : word;
}

static void
add_dirs(struct words *w, const struct settings *s)
{
	add(w, "--state-dir", NULL);
	add(w, settings_state_dir(s), NULL);
	add(w, "--log-dir", NULL);
	add(w, settings_log_dir(s), NULL);
}

/* How this agent is started again: by the words of the settings, by systemd
 * where that started it, else as it was. */
static void
add_command(struct words *w, struct update *u, const char *exe)
{
	const struct settings	*s = u->agent->config.settings;
	const char		*word;
	char			*unit;
	int			 user;
	size_t			 i;

	add(w, "--", NULL);
	for (i = 0; (word = settings_item(s, "start-command", i)) != NULL;
	    i++)
		add(w, word, NULL);
	if (i > 0)
		return;
	if ((unit = platform_unit(&user)) != NULL) {
		add(w, "systemctl", NULL);
		add(w, user ? "--user" : "--system", NULL);
		add(w, "restart", NULL);
		add(w, NULL, unit);
		return;
	}
	add(w, exe, NULL);
	for (i = 1; u->agent->argv[i] != NULL; i++)
		add(w, u->agent->argv[i], NULL);
}

static void
fill(struct words *w, struct update *u, const char *exe)
{
	const struct agent	*a = u->agent;
	struct link_status	 link = { 0, NULL, -1 };
	uint8_t			 sum[SHA256_SIZE];
	char			*hex = xmalloc(65);

	add(w, u->updater, NULL);
	add(w, u->package ? "--package" : "--binary", NULL);
	add(w, u->ready, NULL);
	add(w, "--target", NULL);
	add(w, exe, NULL);
	add(w, "--pid", NULL);
	add(w, NULL, xasprintf("%d", (int)uv_os_getpid()));
	add_dirs(w, a->config.settings);
	add(w, "--control", NULL);
	add(w, NULL, control_path(a->config.settings));
	add(w, "--checksum", NULL);
	if (file_sha256(u->ready, sum, NULL) < 0)
		memset(sum, 0, sizeof(sum));	/* which it will refuse */
	add(w, NULL, hex_encode(sum, sizeof(sum), hex));
	add(w, "--expect-version", NULL);
	add(w, u->offer.version, NULL);
	add(w, "--remove-file", NULL);
	if (u->extracted)
		add(w, "--remove-self", NULL);
	if (a->config.log_file != NULL) {
		add(w, "--agent-log", NULL);
		add(w, a->config.log_file, NULL);
	}
	if (a->link != NULL)
		link_status(a->link, &link);
	if (link.connected)
		add(w, "--reached", NULL);
	add_command(w, u, exe);
}

/* -- its start, and until it waits for us -- */

static json_t *
read_journal(const struct update *u)
{
	char		*path = file_join(settings_state_dir(
			    u->agent->config.settings), "update.json");
	struct json_err	 e;
	int		 rc;
	json_t		*o = json_read_file(path, MAX_JOURNAL, &e, &rc);

	free(path);
	return o;
}

static void
on_updater_gone(uv_process_t *p, int64_t code, int sig)
{
	struct update	*u = p->data;
	json_t		*o = read_journal(u);

	(void)sig;
	uv_close((uv_handle_t *)p, NULL);
	u->running = 0;
	update_fail(u, "updater", "it ended with code %d at step %s: %s",
	    (int)code, json_str(o, "failed_step", "none"), json_str(o,
	    "failed_text", "see updater.log"));
	json_decref(o);
}

static void
on_look(uv_timer_t *t)
{
	struct update	*u = t->data;
	json_t		*o = read_journal(u);
	int		 waits = strcmp(json_str(o, "step", ""), "wait") == 0
			    && json_int(o, "pid", 0) == uv_os_getpid();

	json_decref(o);
	if (waits) {
		uv_timer_stop(t);
		update_step(u);
	} else if (clock_mono_ms() > u->until) {
		uv_process_kill(&u->process, SIGKILL);
		uv_timer_stop(t);	/* on_updater_gone() follows */
	}
}

/* Detached, with its words in updater.log. */
static int
spawn(struct update *u, const char *const *argv, uv_process_t *process,
    uv_exit_cb ended)
{
	char			*log = file_join(settings_log_dir(
				    u->agent->config.settings), "updater.log");
	int			 fd = file_open(log, UV_FS_O_WRONLY |
				    UV_FS_O_CREAT | UV_FS_O_APPEND, 0600), rc;
	uv_stdio_container_t	 io[3] = {
		{ .flags = UV_IGNORE },
		{ .flags = fd < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = fd },
		{ .flags = fd < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = fd }
	};
	uv_process_options_t	 o = {
		.file = argv[0], .args = (char **)(uintptr_t)argv,
		.flags = UV_PROCESS_DETACHED | UV_PROCESS_WINDOWS_HIDE,
		.stdio = io, .stdio_count = 3, .exit_cb = ended
	};

	rc = uv_spawn(&u->agent->loop, process, &o);
	if (fd >= 0)
		file_close(fd);
	free(log);
	return rc;
}

static void
words_release(struct words *w)
{
	while (w->n > 0)
		free(w->owned[--w->n]);
}

void
update_launch(struct update *u)
{
	char		*exe = platform_program();
	struct words	 w = { .n = 0 };
	int		 rc = exe != NULL ? 0 : -ENOENT;

	u->updater = find_updater(u);
	if (rc == 0)
		fill(&w, u, exe);
	if (w.n + 1 >= MAX_WORDS)
		rc = -E2BIG;
	u->process.data = u;
	if (rc == 0 && (rc = spawn(u, w.word, &u->process, on_updater_gone)) < 0)
		uv_close((uv_handle_t *)&u->process, NULL);
	words_release(&w);
	free(exe);
	if (rc < 0) {
		update_fail(u, "no_updater", "%s: %s", u->updater,
		    errstr(rc));
		return;
	}
	u->running = 1;
	u->until = clock_mono_ms() + UPDATE_STAGE_MS;
	uv_timer_start(&u->wait, on_look, UPDATE_LOOK_MS, UPDATE_LOOK_MS);
}

/* -- what was left undone -- */

static void
on_recovered(uv_process_t *p, int64_t code, int sig)
{
	struct update	*u = p->data;

	(void)sig;
	log_info("update", "the updater's recovery ended with code %d",
	    (int)code);
	uv_close((uv_handle_t *)p, NULL);
	u->running = 0;
}

void
update_recover(struct update *u, const char *self)
{
	struct words	 w = { .n = 0 };
	char		*updater = self != NULL && file_exists(self) ?
			    xstrdup(self) : find_updater(u);

	log_warn("update", "an interrupted update: %s --recover", updater);
	add(&w, updater, NULL);
	add(&w, "--recover", NULL);
	add_dirs(&w, u->agent->config.settings);
	u->process.data = u;
	if (spawn(u, w.word, &u->process, on_recovered) < 0) {
		log_error("update", "%s: cannot be run", updater);
		uv_close((uv_handle_t *)&u->process, NULL);
	} else
		u->running = 1;
	words_release(&w);
	free(updater);
}
