/* The receipt, and the order in which things are made and taken back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "agent.h"
#include "autostart.h"
#include "buf.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "settings.h"

enum {
	MAX_RECEIPT	= 64 * 1024,
	MAX_WORDS	= 256		/* of the agent's command */
};

static const char *const whats[] = { "file", "tree", "other" };

/* -- the receipt -- */

static int
receipt_write(const struct autostart *s)
{
	json_t	*o = json_pack("{ss ss sO}", "kind", s->kind, "name", s->name,
	    "made", s->made);
	char	*text = json_text(o);
	int	 rc = file_write(s->receipt, text, strlen(text), 0600);

	free(text);
	json_decref(o);
	return rc;
}

int
autostart_made(struct autostart *s, enum autostart_what what,
    const char *path)
{
	json_t	*v;
	size_t	 i;

	json_array_foreach(s->made, i, v)
		if (strcmp(json_str(v, "path", ""), path) == 0)
			return 0;
	json_array_append_new(s->made, json_pack("{ss ss}", "what",
	    whats[what], "path", path));
	return receipt_write(s);
}

int
autostart_file(struct autostart *s, const char *path, const char *text,
    int mode)
{
	int	rc = autostart_made(s, MADE_FILE, path);

	return rc < 0 ? rc : file_write(path, text, strlen(text), mode);
}

/* What an earlier call made: its kind (to be freed) and list. */
static char *
receipt_read(struct autostart *s)
{
	struct json_err	 e;
	int		 rc;
	json_t		*o = json_read_file(s->receipt, MAX_RECEIPT, &e, &rc);
	json_t		*made = json_object_get(o, "made");
	char		*kind;

	if (rc < 0 && rc != UV_ENOENT && rc != -ENOENT)
		die(EXIT_SYSTEM, "%s: cannot be read", s->receipt);
	kind = o != NULL ? xstrdup(json_str(o, "kind", "")) : NULL;
	s->made = json_is_array(made) ? json_incref(made) : json_array();
	json_decref(o);
	return kind;
}

/* -- taking back -- */

static int
is_there(const char *path)
{
	uv_fs_t	q;
	int	rc = uv_fs_lstat(NULL, &q, path, NULL);

	uv_fs_req_cleanup(&q);
	return rc == 0;
}

/* A file, a link, or a directory with all that is in it. */
static int
remove_tree(const char *path)
{
	uv_fs_t		 q;
	uv_dirent_t	 e;
	char		*sub;
	int		 rc = uv_fs_lstat(NULL, &q, path, NULL);
	int		 is_dir = rc == 0 &&
			    (q.statbuf.st_mode & 0170000) == 0040000;

	uv_fs_req_cleanup(&q);
	if (rc < 0)
		return rc == UV_ENOENT ? 0 : rc;
	if (!is_dir) {
		rc = uv_fs_unlink(NULL, &q, path, NULL);
		uv_fs_req_cleanup(&q);
		return rc;
	}
	rc = uv_fs_scandir(NULL, &q, path, 0, NULL);
	while (rc >= 0 && uv_fs_scandir_next(&q, &e) == 0) {
		sub = file_join(path, e.name);
		rc = remove_tree(sub);
		free(sub);
	}
	uv_fs_req_cleanup(&q);
	if (rc < 0)
		return rc;
	rc = uv_fs_rmdir(NULL, &q, path, NULL);
	uv_fs_req_cleanup(&q);
	return rc;
}

static int
take_back_one(struct autostart *s, const json_t *v, char **why)
{
	const char	*what = json_str(v, "what", "");
	const char	*path = json_str(v, "path", "");
	int		 rc;

	if (strcmp(what, whats[MADE_OTHER]) == 0)
		return autostart_unmake(s, path, why);
	if (strcmp(what, whats[MADE_TREE]) == 0) {
		rc = remove_tree(path);
	} else {
		rc = remove(path) < 0 ? -errno : 0;
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc < 0)
		*why = xasprintf("%s: cannot be removed: %s", path,
		    errstr(rc));
	return rc;
}

/* The last look: each line of the list once more. */
static int
check_gone(struct autostart *s)
{
	json_t	*v;
	size_t	 i;
	int	 left = 0, other;

	json_array_foreach(s->made, i, v) {
		other = strcmp(json_str(v, "what", ""),
		    whats[MADE_OTHER]) == 0;
		if (other ? autostart_is_there(s, json_str(v, "path", "")) :
		    is_there(json_str(v, "path", ""))) {
			log_error("autostart", "%s is still there",
			    json_str(v, "path", ""));
			left++;
		}
	}
	return left;
}

/* 0, or the exit code.  The receipt goes last, when nothing is left. */
static int
take_back(struct autostart *s)
{
	char	*why = NULL;
	size_t	 i;
	int	 rc = 0;

	if (autostart_let_go(s, &why) < 0) {
		log_warn("autostart", "%s", why);
		free(why);
	}
	for (i = json_array_size(s->made); i-- > 0;) {
		why = NULL;
		if (take_back_one(s, json_array_get(s->made, i), &why) < 0) {
			log_error("autostart", "%s", why);
			free(why);
			rc = EXIT_SYSTEM;
		}
	}
	why = NULL;
	if (autostart_unmake(s, NULL, &why) < 0) {
		log_warn("autostart", "%s", why);
		free(why);
	}
	if (check_gone(s) > 0 || rc != 0)
		return EXIT_SYSTEM;
	json_array_clear(s->made);
	remove(s->receipt);
	return 0;
}

/* -- the command -- */

/* Options that name a place must do so from any directory. */
static int
is_place(const char *flag)
{
	static const char *const	names[] = {
		"--config", "--state-dir", "--run-dir", "--log-dir",
		"--log-file", "--ca-file"
	};
	size_t				i, n = strcspn(flag, "=");

	for (i = 0; i < nitems(names); i++)
		if (strlen(names[i]) == n && strncmp(names[i], flag, n) == 0)
			return 1;
	return 0;
}

static int
is_ours(const char *flag)
{
	return strstr(flag, "-autostart") != NULL ||
	    strncmp(flag, "--init-system", 13) == 0 ||
	    strncmp(flag, "--service-dir", 13) == 0;
}

/* This program, with the options that it was given now. */
static char **
own_command(const struct agent_config *c)
{
	static char	 exe[4096];
	char		**argv = xcalloc(MAX_WORDS + 2, sizeof(*argv));
	const char	*place;
	size_t		 size = sizeof(exe), n = 0;
	int		 i;

	if (uv_exepath(exe, &size) < 0)
		die(EXIT_SYSTEM, "this program's path is not known");
	argv[n++] = exe;
	for (i = 1; i < c->argc && n < MAX_WORDS; i++) {
		if (is_ours(c->argv[i])) {
			if (strchr(c->argv[i], '=') == NULL &&
			    strstr(c->argv[i], "-autostart") == NULL)
				i++;		/* its value */
			continue;
		}
		place = strchr(c->argv[i], '=') != NULL ?
		    strchr(c->argv[i], '=') + 1 : i + 1 < c->argc ?
		    c->argv[i + 1] : "";
		if (is_place(c->argv[i]) && *place != '/' &&
		    strchr(place, ':') == NULL)
			settings_usage(c->settings, "%s: must be absolute"
			    " with --enable-autostart", c->argv[i]);
		argv[n++] = c->argv[i];
	}
	return argv;
}

char *
autostart_quoted(char *const *argv)
{
	struct buf	b = BUF_INIT;
	const char	*p;

	for (; *argv != NULL; argv++) {
		if (b.len > 0)
			buf_addc(&b, ' ');
		buf_addc(&b, '\'');
		for (p = *argv; *p != '\0'; p++)
			if (*p == '\'')
				buf_adds(&b, "'\\''");
			else
				buf_addc(&b, *p);
		buf_addc(&b, '\'');
	}
	return buf_take(&b);
}

/* -- the whole -- */

static int
is_default(const struct settings *s, const char *name)
{
	return strcmp(settings_origin(s, name), "default") == 0;
}

/* A name goes into paths and into other programs' files. */
static const char *
service_name(const struct settings *s)
{
	const char	*name = settings_str(s, "service");
	size_t		 n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	if (n == 0 || name[n] != '\0' || n > 64 || *name == '-')
		settings_usage(s, "service: %s: must be of letters, digits,"
		    " '-' and '_'", name);
	return name;
}

static int
enable_it(struct autostart *s, const char *asked, const char *before)
{
	char	*why = NULL;
	int	 rc;

	if ((s->kind = autostart_kind(s, asked, &why)) == NULL) {
		log_error("autostart", "%s", why);
		free(why);
		return EXIT_SYSTEM;
	}
	if (before != NULL && strcmp(before, s->kind) != 0) {
		asked = s->kind;
		s->kind = before;
		if (take_back(s) != 0)
			return EXIT_SYSTEM;
		s->kind = asked;
	}
	if ((rc = autostart_make(s, &why)) < 0) {
		log_error("autostart", "%s: %s", s->kind, why != NULL ? why :
		    errstr(rc));
		free(why);
		take_back(s);
		return EXIT_SYSTEM;
	}
	log_info("autostart", "enabled, by %s; the list of what was made is"
	    " %s", s->kind, s->receipt);
	return EXIT_YES;
}

int
autostart_main(const struct agent_config *c, int enable)
{
	const struct settings	*set = c->settings;
	struct autostart	 s = { .name = service_name(set),
		.state_dir = settings_state_dir(set),
		.run_dir = settings_run_dir(set),
		.log_dir = settings_log_dir(set),
		.scan_dir = settings_str(set, "service-dir") };
	char			*before;
	int			 rc = platform_private_dir(s.state_dir);

	if (rc < 0)
		die(EXIT_SYSTEM, "%s: cannot be made private: %s",
		    s.state_dir, errstr(rc));
	s.moved = !is_default(set, "state-dir") ||
	    !is_default(set, "run-dir") || !is_default(set, "log-dir");
	s.argv = own_command(c);
	s.receipt = file_join(s.state_dir, "autostart.json");
	before = receipt_read(&s);
	if (enable) {
		rc = enable_it(&s, settings_str(set, "init-system"), before);
	} else if (before == NULL) {
		log_info("autostart", "was not enabled");
	} else {
		s.kind = before;
		if ((rc = take_back(&s)) == 0)
			log_info("autostart", "disabled; nothing is left");
	}
	json_decref(s.made);
	free(before);
	free(s.receipt);
	free(s.argv);
	return rc;
}
