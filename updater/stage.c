/* Up to a new binary beside the target that is what it should be. */
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "buf.h"
#include "child.h"
#include "crypto.h"
#include "file.h"
#include "log.h"
#include "sign.h"
#include "updater.h"

/* -- commands -- */

struct command {
	void	(*line)(const char *, void *);
	void	*arg;
	int	 code, signal, timed_out;
};

static void
on_line(struct child *c, const char *text, size_t n, int err, void *arg)
{
	struct command	*cmd = arg;
	char		*line = xstrndup(text, n);

	(void)c;
	if (err)
		log_warn("command", "%s", line);
	else if (cmd->line != NULL)
		cmd->line(line, cmd->arg);
	free(line);
}

static void
on_ended(struct child *c, int code, int signal, int timed_out, void *arg)
{
	struct command	*cmd = arg;

	(void)c;
	cmd->code = code;
	cmd->signal = signal;
	cmd->timed_out = timed_out;
}

int
command_run(const char *const *argv, int64_t timeout_ms, int *code,
    void (*line)(const char *, void *), void *arg)
{
	static const struct child_events	 events = { on_line, on_ended };
	struct child_options			 o = { 0 };
	struct command				 cmd = { line, arg, 0, 0, 0 };
	struct child				*c;
	uv_loop_t				 loop;
	int					 rc;

	if ((rc = uv_loop_init(&loop)) < 0)
		return rc;
	o.argv = (char *const *)(uintptr_t)argv;
	o.timeout_ms = timeout_ms;
	if ((rc = child_start(&c, &loop, &o, &events, &cmd)) == 0) {
		uv_run(&loop, UV_RUN_DEFAULT);
		*code = cmd.signal ? 128 + cmd.signal : cmd.code;
		rc = cmd.timed_out ? -ETIMEDOUT : *code != 0 ? -ECANCELED : 0;
	}
	uv_loop_close(&loop);
	return rc;
}

/* -- check -- */

/* "muster-agent 0.1.0": the last word of the first line. */
static void
on_version(const char *line, void *arg)
{
	char		*version = arg;
	const char	*word = strrchr(line, ' ');

	if (version[0] == '\0')
		snprintf(version, UPDATE_VERSION, "%s",
		    word != NULL ? word + 1 : line);
}

static int
ask_version(const char *path, char version[UPDATE_VERSION], int *code)
{
	const char	*argv[] = { path, "--version", NULL };

	version[0] = '\0';
	return command_run(argv, UPDATE_VERSION_MS, code, on_version, version);
}

static int
hash_text(const char *path, char text[65])
{
	uint8_t	sum[SHA256_SIZE];
	int	rc = file_sha256(path, sum, NULL);

	if (rc == 0)
		hex_encode(sum, sizeof(sum), text);
	return rc;
}

int
is_binary(const char *path, const char *sha256)
{
	char	text[65];
	int	rc = hash_text(path, text);

	return rc < 0 ? rc : strcmp(text, sha256) == 0;
}

/* What the report and the proof of the server need to know; an old agent
 * that cannot say its version is no hindrance. */
static void
look_at_old(struct update *u)
{
	json_t	*status;
	int	 code;

	ask_version(u->target, u->old_version, &code);
	if (u->reached == 0 && !u->leaving &&
	    (status = control_status(u)) != NULL) {
		u->reached = control_reached(status);
		json_decref(status);
	}
}

int
step_check(struct update *u)
{
	uint8_t		sum[SHA256_SIZE];
	struct stat	st;
	int		rc;

	if (stat(u->target, &st) < 0)
		return update_fail(u, -errno, "%s: %s", u->target,
		    errstr(-errno));
	if (!S_ISREG(st.st_mode))
		return update_fail(u, -EINVAL, "%s: not a regular file",
		    u->target);
	if (u->command[0][0] == '/' && access(u->command[0], X_OK) < 0)
		return update_fail(u, -errno, "%s: %s", u->command[0],
		    errstr(-errno));
	if ((rc = hash_text(u->target, u->old_sha256)) < 0)
		return update_fail(u, rc, "%s: %s", u->target, errstr(rc));
	if ((rc = file_sha256(u->file, sum, NULL)) < 0)
		return update_fail(u, rc, "%s: %s", u->file, errstr(rc));
	if (u->has_sum && !crypto_equal(sum, u->sum, sizeof(sum)))
		return update_fail(u, -EBADMSG, "%s: the checksum differs",
		    u->file);
	if (u->has_key && !sign_check(u->key, SIGN_ARTIFACT, sum, u->signature))
		return update_fail(u, -EBADMSG, "%s: the signature is not "
		    "that of the key", u->file);
	/* What is staged must come from these very bytes. */
	memcpy(u->sum, sum, sizeof(sum));
	look_at_old(u);
	return 0;
}

/* -- stage -- */

int
stage_copy(struct update *u, const char *to, int mode)
{
	uint8_t	sum[SHA256_SIZE];
	int	rc;

	unlink(to);
	if ((rc = file_copy(u->file, to, mode)) < 0 ||
	    (rc = file_sha256(to, sum, NULL)) < 0)
		return update_fail(u, rc, "%s: %s", to, errstr(rc));
	if (!crypto_equal(sum, u->sum, sizeof(sum)))
		return update_fail(u, -EBADMSG, "%s: changed after it was "
		    "checked", u->file);
	return 0;
}

/* Made beside the target, so that a rename can put it there. */
static int
stage_from_package(struct update *u)
{
	char	path[2 * UPDATE_MAX_PATH];
	int	rc;

	if ((rc = package_unpack(u, path, sizeof(path))) < 0)
		return rc;
	unlink(u->staged);
	if ((rc = file_copy(path, u->staged, 0700)) < 0)
		return update_fail(u, rc, "%s: %s", u->staged, errstr(rc));
	return 0;
}

/* Owner and mode are the old binary's. */
static int
take_after(const char *from, const char *to)
{
	struct stat	st, now;

	if (stat(from, &st) < 0 || stat(to, &now) < 0)
		return -errno;
	if ((st.st_uid != now.st_uid || st.st_gid != now.st_gid) &&
	    chown(to, st.st_uid, st.st_gid) < 0)
		return -errno;
	return chmod(to, (st.st_mode & 0777) | 0500) < 0 ? -errno : 0;
}

/* The new binary must run here and be the version that was meant. */
static int
check_version(struct update *u)
{
	char	want[UPDATE_VERSION];
	int	rc, code = 0;

	memcpy(want, u->version, sizeof(want));
	rc = ask_version(u->staged, u->version, &code);
	if (rc == -ECANCELED)
		return update_fail(u, rc, "%s --version: exit code %d",
		    u->staged, code);
	if (rc < 0)
		return update_fail(u, rc, "%s --version: %s", u->staged,
		    errstr(rc));
	if (u->version[0] == '\0')
		return update_fail(u, -EPROTO, "%s --version: says nothing",
		    u->staged);
	if (want[0] != '\0' && strcmp(want, u->version) != 0)
		return update_fail(u, -EPROTO, "%s: version %s, wanted %s",
		    u->file, u->version, want);
	return 0;
}

int
step_stage(struct update *u)
{
	int	rc;

	rc = u->package ? stage_from_package(u) :
	    stage_copy(u, u->staged, 0700);
	if (rc < 0)
		return rc;
	if ((rc = take_after(u->target, u->staged)) < 0 ||
	    (rc = hash_text(u->staged, u->new_sha256)) < 0 ||
	    (rc = file_sync_dir_of(u->staged)) < 0)
		return update_fail(u, rc, "%s: %s", u->staged, errstr(rc));
	if (strcmp(u->new_sha256, u->old_sha256) == 0)
		return update_fail(u, -EEXIST, "%s is this very binary",
		    u->target);
	return check_version(u);
}
