/*
 * A setting ends up as a list of texts (one, or several for a LIST) with an
 * origin.  Values are checked when they come, so that the error can name
 * where they stand.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "file.h"
#include "log.h"
#include "platform.h"
#include "settings_private.h"

static const struct setting group_config[] = {
	{ "config", 0, "MUSTER_CONFIG", SETTING_PATH, NULL, 0, 0, "FILE",
	    "read settings from FILE (JSON)", 0, NULL },
	{ "show-config", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "print each setting with its origin, and exit", SETTING_FLAG,
	    NULL },
};

static const struct setting group_dirs[] = {
	{ "state-dir", 0, "MUSTER_STATE_DIR", SETTING_PATH, NULL, 0, 0, "DIR",
	    "what is kept across restarts", 0, NULL },
	{ "run-dir", 0, "MUSTER_RUN_DIR", SETTING_PATH, NULL, 0, 0, "DIR",
	    "sockets and locks", 0, NULL },
	{ "log-dir", 0, "MUSTER_LOG_DIR", SETTING_PATH, NULL, 0, 0, "DIR",
	    "log files", 0, NULL },
};

static const struct setting group_log[] = {
	{ "log-level", 0, "MUSTER_LOG_LEVEL", SETTING_STR, "info", 0, 0,
	    "LEVEL", "debug, info, warn, error or none", 0, NULL },
	{ "log-format", 0, "MUSTER_LOG_FORMAT", SETTING_STR, "text", 0, 0,
	    "FORMAT", "text or json", 0, NULL },
};

static const struct setting group_all[] = {
	{ "help", 'h', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "print this, and exit", SETTING_FLAG, NULL },
	{ "version", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "print the version, and exit", SETTING_FLAG, NULL },
};

void
settings_usage(const struct settings *s, const char *fmt, ...)
{
	const struct settings_spec	*spec = s->spec;
	struct buf			 b = BUF_INIT;
	va_list				 ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\nusage: %s%s%s\n", spec->tool, buf_str(&b),
	    spec->tool, spec->synopsis[0] != '\0' ? " " : "", spec->synopsis);
	log_exit(EXIT_USAGE);
}

static void
add_table(struct settings *s, const struct setting *t, size_t n)
{
	size_t	i;

	s->v = xrealloc(s->v, (s->n + n) * sizeof(*s->v));
	for (i = 0; i < n; i++)
		s->v[s->n + i] = (struct value){ &t[i], NULL, 0, "unset" };
	s->n += n;
}

static const struct value *
must_find(const struct settings *s, const char *name)
{
	const struct value	*v = settings_find(s, name, strlen(name));

	if (v == NULL)
		die(EXIT_BUG, "settings: no setting is called %s", name);
	return v;
}

static void
fill_dirs(struct settings *s)
{
	static const char *const	names[] = {
		"state-dir", "run-dir", "log-dir"
	};
	static const char *const	which[] = { "state", "run", "log" };
	struct value			*v;
	size_t				 i;
	char				*dir;

	for (i = 0; i < nitems(names); i++) {
		v = settings_find(s, names[i], strlen(names[i]));
		if (v->n == 0) {
			dir = platform_dir(which[i]);
			value_set(s, v, names[i], dir, "default");
			free(dir);
		}
		s->dirs[i] = file_absolute(v->item[0]);
	}
}

/* --config and MUSTER_CONFIG must be known before the file can be read. */
static int
find_config(struct settings *s, int argc, char **argv)
{
	const char	*env = getenv("MUSTER_CONFIG");
	char		*dir;
	int		 i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--config=", 9) == 0)
			s->config_file = xstrdup(argv[i] + 9);
		else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			s->config_file = xstrdup(argv[i + 1]);
		else if (argv[i][0] != '-' &&
		    s->spec->groups & SETTINGS_STOP_AT_OPERAND)
			break;
		else
			continue;
		return 1;
	}
	if (env != NULL && env[0] != '\0') {
		s->config_file = xstrdup(env);
		return 1;
	}
	if (s->spec->config_name != NULL) {
		dir = platform_dir("config");
		s->config_file = file_join(dir, s->spec->config_name);
		free(dir);
	}
	return 0;
}

static void
check_required(const struct settings *s)
{
	const struct setting	*d;
	size_t			 i;

	for (i = 0; i < s->n; i++) {
		d = s->v[i].def;
		if (!(d->flags & SETTING_REQUIRED) || s->v[i].n > 0)
			continue;
		if (d->flags & SETTING_NO_FLAG)
			settings_usage(s, "%s is not set", d->env);
		settings_usage(s, "--%s%s%s is needed", d->name,
		    d->env != NULL ? " or " : "",
		    d->env != NULL ? d->env : "");
	}
}

struct settings *
settings_load(const struct settings_spec *spec, int argc, char **argv)
{
	struct settings	*s = xcalloc(1, sizeof(*s));
	int		 named = 0;

	s->spec = spec;
	add_table(s, spec->table, spec->n);
	if (spec->groups & SETTINGS_CONFIG)
		add_table(s, group_config, nitems(group_config));
	if (spec->groups & SETTINGS_DIRS)
		add_table(s, group_dirs, nitems(group_dirs));
	if (spec->groups & SETTINGS_LOG)
		add_table(s, group_log, nitems(group_log));
	add_table(s, group_all, nitems(group_all));

	source_defaults(s);
	if (spec->stamped != NULL)
		source_json(s, spec->stamped, "stamped configuration",
		    "stamped", 0);
	if (spec->groups & SETTINGS_CONFIG) {
		named = find_config(s, argc, argv);
		source_file(s, named);
	}
	source_environment(s);
	source_flags(s, argc, argv);
	if (settings_bool(s, "help")) {
		show_help(s);
		log_exit(EXIT_YES);
	}
	if (settings_bool(s, "version")) {
		printf("%s %s\n", spec->tool, MUSTER_VERSION);
		if (spec->built_with != NULL)
			printf("%s\n", spec->built_with);
		log_exit(EXIT_YES);
	}
	if (spec->groups & SETTINGS_DIRS)
		fill_dirs(s);
	if (spec->groups & SETTINGS_CONFIG && settings_bool(s, "show-config")) {
		show_config(s);
		log_exit(EXIT_YES);
	}
	check_required(s);
	if (spec->groups & SETTINGS_LOG)
		log_init(spec->tool,
		    (enum log_level)log_level_parse(settings_str(s,
		    "log-level")), strcmp(settings_str(s, "log-format"),
		    "json") == 0 ? LOG_JSON : LOG_TEXT);
	else
		log_init(spec->tool, LOG_INFO, LOG_TEXT);
	return s;
}

void
settings_free(struct settings *s)
{
	size_t	i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++)
		value_clear(&s->v[i]);
	for (i = 0; i < nitems(s->dirs); i++)
		free(s->dirs[i]);
	free(s->config_file);
	json_decref(s->file);
	free(s->operand);
	free(s->v);
	free(s);
}

int
settings_first(const struct settings *s)
{
	return s->first;
}

const char *
settings_str(const struct settings *s, const char *name)
{
	const struct value	*v = must_find(s, name);

	return v->n > 0 ? v->item[0] : NULL;
}

int64_t
settings_int(const struct settings *s, const char *name)
{
	const struct value	*v = must_find(s, name);
	int64_t			 n = 0;

	if (v->n == 0)
		return 0;
	if (v->def->type == SETTING_DURATION)
		value_duration(v->item[0], &n);
	else
		value_int(v->item[0], &n);
	return n;
}

int
settings_bool(const struct settings *s, const char *name)
{
	const struct value	*v = must_find(s, name);

	return v->n > 0 && value_bool(v->item[0]) == 1;
}

int
settings_has(const struct settings *s, const char *name)
{
	return must_find(s, name)->n > 0;
}

const char *
settings_item(const struct settings *s, const char *name, size_t i)
{
	const struct value	*v = must_find(s, name);

	return i < v->n ? v->item[i] : NULL;
}

const char *
settings_origin(const struct settings *s, const char *name)
{
	return must_find(s, name)->origin;
}

const char *
settings_state_dir(const struct settings *s)
{
	return s->dirs[0];
}

const char *
settings_run_dir(const struct settings *s)
{
	return s->dirs[1];
}

const char *
settings_log_dir(const struct settings *s)
{
	return s->dirs[2];
}

const char *
settings_config_file(const struct settings *s)
{
	return s->config_file;
}
