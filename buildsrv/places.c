/*
 * Where the parts of an installation are: the pipeline's script, the agent's
 * sources, the toolchains; and with what environment the script is started,
 * which has nothing of ours that is secret.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "buf.h"
#include "child.h"
#include "file.h"
#include "settings.h"

/* The first of these, relative to our own directory, that holds a file of
 * that name. */
static char *
near_exe(const char *const *places, const char *holds)
{
	char	 exe[1024], *path, *file, *slash;
	int	 found;
	size_t	 n = sizeof(exe);

	if (uv_exepath(exe, &n) < 0 || (slash = strrchr(exe, '/')) == NULL)
		return xstrdup(places[0]);
	*slash = '\0';
	for (; *places != NULL; places++) {
		path = file_join(exe, *places);
		file = file_join(path, holds);
		found = file_exists(file);
		free(file);
		slash = found ? realpath(path, NULL) : NULL;
		free(path);
		if (found)
			return slash;
	}
	return xstrdup("/nonexistent");
}

static char *
place(const struct settings *s, const char *name, const char *const *places,
    const char *holds)
{
	return settings_has(s, name) ? file_absolute(settings_str(s, name)) :
	    near_exe(places, holds);
}

/* -- the environment -- */

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
pipeline_environment(struct app *a, const char *scripts, const char *source)
{
	static const char *const bin_places[] = { ".", NULL };
	const struct settings *s = a->server.settings;
	char	**env = NULL, *bin = near_exe(bin_places, "muster-sign"), *path, *hash;
	char	 *build_dir = settings_has(s, "build-dir") ?
	    file_absolute(settings_str(s, "build-dir")) :
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
	env_add(&env, &n, "MUSTER_SIGN_SOCKET", a->sign_socket);
	env_add(&env, &n, "MUSTER_BUILD_DIR", build_dir);
	env_add(&env, &n, "TOOLCHAIN_DIR", a->server.toolchain_dir);
	free(bin);
	free(path);
	free(hash);
	free(build_dir);
	return env;
}

void
places_find(struct app *a)
{
	static const char *const script_places[] = { "../lib/muster",
	    "../../scripts", "../../../scripts", NULL };
	static const char *const source_places[] = { "../share/muster/src",
	    "../..", "../../..", NULL };
	static const char *const toolchain_places[] = {
	    "../lib/muster/toolchains", "../toolchain", "../../toolchain",
	    NULL };
	const struct settings *s = a->server.settings;
	char	*scripts = place(s, "scripts", script_places,
		    "muster-pipeline");
	char	*source = place(s, "source", source_places, "agent");

	a->pipeline = file_join(scripts, "muster-pipeline");
	a->server.toolchain_dir = place(s, "toolchain-dir",
	    toolchain_places, ".");
	a->env = pipeline_environment(a, scripts, source);
	free(scripts);
	free(source);
}
