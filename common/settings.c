/*
 * A setting ends up as a list of texts (one, or several for a LIST) with an
 * origin.  Sources are read from the weakest to the strongest, each
 * replacing what the one before gave, so that precedence is just the order
 * of calls in settings_load().  Values are checked when they come, so that
 * the error can name where they stand.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "platform.h"
#include "settings.h"

enum {
	MAX_CONFIG	= 1024 * 1024,	/* bytes of a configuration file */
	MAX_ITEMS	= 256,		/* of one list */
	HELP_COLUMN	= 30
};

struct value {
	const struct setting	*def;
	char			**item;
	size_t			  n;
	const char		*origin;
};

struct settings {
	const struct settings_spec *spec;
	struct value		*v;
	size_t			 n;
	int			 first;
	int			 show;
	char			*config_file;
	char			*dirs[3];
};

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

static _Noreturn void
usage_error(const struct settings_spec *spec, const char *text)
{
	fprintf(stderr, "%s: %s\nusage: %s%s%s\n", spec->tool, text,
	    spec->tool, spec->synopsis[0] != '\0' ? " " : "", spec->synopsis);
	exit(EXIT_USAGE);
}

static void	fail(const struct settings *, const char *, ...)
		    PRINTF_LIKE(2, 3);

static void
fail(const struct settings *s, const char *fmt, ...)
{
	struct buf	b = BUF_INIT;
	va_list		ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	usage_error(s->spec, buf_str(&b));
}

void
settings_usage(const struct settings *s, const char *fmt, ...)
{
	struct buf	b = BUF_INIT;
	va_list		ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	usage_error(s->spec, buf_str(&b));
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

static struct value *
find(const struct settings *s, const char *name, size_t len)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		if (strlen(s->v[i].def->name) == len &&
		    strncmp(s->v[i].def->name, name, len) == 0)
			return &s->v[i];
	return NULL;
}

static const struct value *
must_find(const struct settings *s, const char *name)
{
	const struct value	*v = find(s, name, strlen(name));

	if (v == NULL)
		die(EXIT_BUG, "settings: no setting is called %s", name);
	return v;
}

static void
clear(struct value *v)
{
	size_t	i;

	for (i = 0; i < v->n; i++)
		free(v->item[i]);
	free(v->item);
	v->item = NULL;
	v->n = 0;
}

static void
append(struct value *v, const char *text)
{
	v->item = xrealloc(v->item, (v->n + 1) * sizeof(*v->item));
	v->item[v->n++] = xstrdup(text);
}

/* -- the text of a value: -EINVAL with words in why -- */

static int
parse_int(const char *text, int64_t *out)
{
	char	*end;

	if (text[0] == '\0')
		return -EINVAL;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno != 0 || *end != '\0' ? -EINVAL : 0;
}

static int
parse_duration(const char *text, int64_t *ms)
{
	static const struct {
		const char	*unit;
		int64_t		 ms;
	} units[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 }
	};
	char	*end;
	size_t	 i;
	int64_t	 n;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0)
		return -EINVAL;
	for (i = 0; i < nitems(units); i++)
		if (strcmp(end, units[i].unit) == 0) {
			if (n > INT64_MAX / units[i].ms)
				return -EINVAL;
			*ms = n * units[i].ms;
			return 0;
		}
	return -EINVAL;
}

static int
parse_bool(const char *text)
{
	static const char *const	yes[] = { "true", "1", "yes", "on" };
	static const char *const	no[] = { "false", "0", "no", "off" };
	size_t				i;

	for (i = 0; i < nitems(yes); i++)
		if (strcmp(text, yes[i]) == 0)
			return 1;
	for (i = 0; i < nitems(no); i++)
		if (strcmp(text, no[i]) == 0)
			return 0;
	return -EINVAL;
}

/* Refuses a text that is no value of this setting; where says whose it is. */
static void
check(const struct settings *s, const struct setting *d, const char *where,
    const char *text)
{
	int64_t	n = 0;

	switch (d->type) {
	case SETTING_INT:
		if (parse_int(text, &n) < 0)
			fail(s, "%s: '%s' is not a whole number", where, text);
		break;
	case SETTING_DURATION:
		if (parse_duration(text, &n) < 0)
			fail(s, "%s: '%s' is not a time (like 500ms, 30s, 24h)",
			    where, text);
		break;
	case SETTING_BOOL:
		if (parse_bool(text) < 0)
			fail(s, "%s: '%s' is neither true nor false", where,
			    text);
		return;
	default:
		if (strcmp(d->name, "log-level") == 0 &&
		    log_level_parse(text) < 0)
			fail(s, "%s: '%s' is not a log level", where, text);
		if (strcmp(d->name, "log-format") == 0 &&
		    strcmp(text, "text") != 0 && strcmp(text, "json") != 0)
			fail(s, "%s: '%s' is not text or json", where, text);
		return;
	}
	if (n < d->min || (d->max > 0 && n > d->max))
		fail(s, "%s: %s is not from %lld to %lld%s", where, text,
		    (long long)d->min, (long long)d->max,
		    d->type == SETTING_DURATION ? " ms" : "");
}

static void
set(struct settings *s, struct value *v, const char *where, const char *text,
    const char *origin)
{
	check(s, v->def, where, text);
	if (v->def->type != SETTING_LIST || v->origin != origin)
		clear(v);
	if (v->n >= MAX_ITEMS)
		fail(s, "%s: given more than %d times", where, MAX_ITEMS);
	append(v, text);
	v->origin = origin;
}

/* -- sources, weakest first -- */

static void
from_defaults(struct settings *s)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].def->fallback != NULL)
			set(s, &s->v[i], s->v[i].def->name,
			    s->v[i].def->fallback, "default");
}

/* The member's name in a configuration file. */
static char *
json_key(const struct setting *d)
{
	char	*key = xstrdup(d->key != NULL ? d->key : d->name), *p;

	if (d->key == NULL)
		for (p = key; *p != '\0'; p++)
			if (*p == '-')
				*p = '_';
	return key;
}

static void
set_json(struct settings *s, struct value *v, const char *where,
    const json_t *j, const char *origin)
{
	char	 number[32];
	size_t	 i;
	json_t	*item;

	if (json_is_string(j))
		set(s, v, where, json_string_value(j), origin);
	else if (json_is_boolean(j))
		set(s, v, where, json_is_true(j) ? "true" : "false", origin);
	else if (json_is_integer(j)) {
		snprintf(number, sizeof(number), "%lld",
		    (long long)json_integer_value(j));
		set(s, v, where, number, origin);
	} else if (json_is_array(j) && v->def->type == SETTING_LIST) {
		json_array_foreach(j, i, item)
			if (!json_is_string(item))
				fail(s, "%s[%zu]: must be a string", where, i);
		clear(v);
		v->origin = origin;
		json_array_foreach(j, i, item)
			set(s, v, where, json_string_value(item), origin);
	} else
		fail(s, "%s: is of the wrong type", where);
}

static int
known_key(const struct settings *s, const char *name)
{
	size_t	 i;
	char	*key;
	int	 same;

	for (i = 0; i < s->n; i++) {
		if (s->v[i].def->flags & SETTING_FLAG)
			continue;
		key = json_key(s->v[i].def);
		same = strcmp(key, name) == 0;
		free(key);
		if (same)
			return 1;
	}
	return 0;
}

/* where is the file's path, or "stamped configuration". */
static void
from_json(struct settings *s, const json_t *o, const char *where,
    const char *origin, int strict)
{
	const json_t	*j;
	const char	*name;
	json_t		*any;
	char		*key, *at;
	size_t		 i;

	if (!json_is_object(o))
		fail(s, "%s: must be a JSON object", where);
	for (i = 0; i < s->n; i++) {
		if (s->v[i].def->flags & SETTING_FLAG)
			continue;
		key = json_key(s->v[i].def);
		if ((j = json_object_get(o, key)) != NULL) {
			at = xasprintf("%s: %s", where, key);
			set_json(s, &s->v[i], at, j, origin);
			free(at);
		}
		free(key);
	}
	if (strict)
		json_object_foreach((json_t *)(uintptr_t)o, name, any)
			if (!known_key(s, name))
				fail(s, "%s: %s: is not known here", where,
				    name);
}

static void
from_file(struct settings *s, int named)
{
	struct json_err	 e;
	char		 words[320];
	json_t		*o;
	int		 rc;

	if (s->config_file == NULL)
		return;
	o = json_read_file(s->config_file, MAX_CONFIG, &e, &rc);
	if (rc == -ENOENT && !named)
		return;
	if (rc == -EINVAL)
		fail(s, "%s: %s", s->config_file,
		    json_err_str(&e, words, sizeof(words)));
	if (rc < 0)
		fail(s, "%s: %s", s->config_file, errstr(rc));
	from_json(s, o, s->config_file, "file", !s->spec->lenient_file);
	json_decref(o);
}

static void
from_environment(struct settings *s)
{
	const char	*text;
	size_t		 i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].def->env != NULL &&
		    (text = getenv(s->v[i].def->env)) != NULL &&
		    text[0] != '\0')
			set(s, &s->v[i], s->v[i].def->env, text,
			    "environment");
}

/* -- flags -- */

static struct value *
by_letter(struct settings *s, char c)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].def->letter == c && c != '\0')
			return &s->v[i];
	return NULL;
}

/* One long option; eats *i's next argument where it needs one. */
static void
long_flag(struct settings *s, int argc, char **argv, int *i)
{
	const char	*name = argv[*i] + 2, *eq = strchr(name, '=');
	size_t		 len = eq != NULL ? (size_t)(eq - name) : strlen(name);
	struct value	*v = find(s, name, len);
	char		*where;

	if (v == NULL && len > 3 && strncmp(name, "no-", 3) == 0 &&
	    (v = find(s, name + 3, len - 3)) != NULL) {
		if (v->def->type != SETTING_BOOL || eq != NULL)
			fail(s, "unknown option --%.*s", (int)len, name);
		set(s, v, argv[*i], "false", "flag");
		return;
	}
	if (v == NULL)
		fail(s, "unknown option --%.*s", (int)len, name);
	if (v->def->flags & SETTING_NO_FLAG)
		fail(s, "--%s: a secret does not belong on a command line; "
		    "use %s", v->def->name, v->def->env);
	where = xasprintf("--%s", v->def->name);
	if (v->def->type == SETTING_BOOL)
		set(s, v, where, eq != NULL ? eq + 1 : "true", "flag");
	else if (eq != NULL)
		set(s, v, where, eq + 1, "flag");
	else if (*i + 1 < argc)
		set(s, v, where, argv[++*i], "flag");
	else
		fail(s, "%s: needs a value", where);
	free(where);
}

/* A bundle of short ones: -q, -ovalue, -o value. */
static void
short_flags(struct settings *s, int argc, char **argv, int *i)
{
	const char	*p = argv[*i] + 1;
	struct value	*v;
	char		 where[3] = { '-', 0, 0 };

	for (; *p != '\0'; p++) {
		where[1] = *p;
		if ((v = by_letter(s, *p)) == NULL)
			fail(s, "unknown option %s", where);
		if (v->def->type == SETTING_BOOL) {
			set(s, v, where, "true", "flag");
			continue;
		}
		if (p[1] != '\0')
			set(s, v, where, p + 1, "flag");
		else if (*i + 1 < argc)
			set(s, v, where, argv[++*i], "flag");
		else
			fail(s, "%s: needs a value", where);
		return;
	}
}

/*
 * Walks the arguments; operands are gathered at the end, in their order.
 * argv[0] stays.
 */
static void
from_flags(struct settings *s, int argc, char **argv)
{
	char	**operand = xcalloc((size_t)argc + 1, sizeof(*operand));
	int	  i, n = 0, only_operands = 0;

	for (i = 1; i < argc; i++) {
		if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0') {
			operand[n++] = argv[i];
			if (s->spec->groups & SETTINGS_STOP_AT_OPERAND)
				only_operands = 1;
		} else if (strcmp(argv[i], "--") == 0)
			only_operands = 1;
		else if (argv[i][1] == '-')
			long_flag(s, argc, argv, &i);
		else
			short_flags(s, argc, argv, &i);
	}
	if (n > 0 && !(s->spec->groups &
	    (SETTINGS_OPERANDS | SETTINGS_STOP_AT_OPERAND)))
		fail(s, "unexpected argument '%s'", operand[0]);
	s->first = argc - n;
	for (i = 0; i < n; i++)
		argv[s->first + i] = operand[i];
	free(operand);
}

/* -- what is printed -- */

static void
print_help(const struct settings *s)
{
	const struct setting	*d;
	struct buf		 b = BUF_INIT;
	size_t			 i;

	printf("usage: %s%s%s\n%s\n\n", s->spec->tool,
	    s->spec->synopsis[0] != '\0' ? " " : "", s->spec->synopsis,
	    s->spec->about);
	for (i = 0; i < s->n; i++) {
		d = s->v[i].def;
		if (d->flags & SETTING_NO_FLAG)
			continue;
		buf_clear(&b);
		if (d->letter != '\0')
			buf_printf(&b, "  -%c, --%s", d->letter, d->name);
		else
			buf_printf(&b, "      --%s", d->name);
		if (d->type != SETTING_BOOL)
			buf_printf(&b, " %s", d->arg != NULL ? d->arg : "WORD");
		printf("%-*s %s", HELP_COLUMN, buf_str(&b), d->help);
		if (d->fallback != NULL)
			printf(" (%s)", d->fallback);
		if (d->env != NULL)
			printf(" [%s]", d->env);
		putchar('\n');
	}
	for (i = 0; i < s->n; i++)
		if (s->v[i].def->flags & SETTING_NO_FLAG)
			printf("  environment only: %s: %s\n",
			    s->v[i].def->env, s->v[i].def->help);
	buf_release(&b);
}

/* name <TAB> value <TAB> origin, one a line. */
static void
print_config(const struct settings *s)
{
	const struct value	*v;
	size_t			 i, k;

	for (i = 0; i < s->n; i++) {
		v = &s->v[i];
		if (v->def->flags & SETTING_FLAG)
			continue;
		printf("%s\t", v->def->name);
		if (v->def->flags & SETTING_SECRET)
			printf("%s", v->n > 0 ? "(set)" : "");
		else
			for (k = 0; k < v->n; k++)
				printf("%s%s", k > 0 ? "," : "", v->item[k]);
		printf("\t%s\n", v->origin);
	}
}

/* -- */

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
		v = find(s, names[i], strlen(names[i]));
		if (v->n == 0) {
			dir = platform_dir(which[i]);
			set(s, v, names[i], dir, "default");
			free(dir);
		}
		s->dirs[i] = xstrdup(v->item[0]);
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
			fail(s, "%s is not set", d->env);
		fail(s, "--%s%s%s is needed", d->name,
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

	from_defaults(s);
	if (spec->stamped != NULL)
		from_json(s, spec->stamped, "stamped configuration",
		    "stamped", 0);
	if (spec->groups & SETTINGS_CONFIG) {
		named = find_config(s, argc, argv);
		from_file(s, named);
	}
	from_environment(s);
	from_flags(s, argc, argv);
	if (settings_bool(s, "help")) {
		print_help(s);
		exit(EXIT_YES);
	}
	if (settings_bool(s, "version")) {
		printf("%s %s\n", spec->tool, MUSTER_VERSION);
		exit(EXIT_YES);
	}
	if (spec->groups & SETTINGS_DIRS)
		fill_dirs(s);
	if (spec->groups & SETTINGS_CONFIG && settings_bool(s, "show-config")) {
		print_config(s);
		exit(EXIT_YES);
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
		clear(&s->v[i]);
	for (i = 0; i < nitems(s->dirs); i++)
		free(s->dirs[i]);
	free(s->config_file);
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
		parse_duration(v->item[0], &n);
	else
		parse_int(v->item[0], &n);
	return n;
}

int
settings_bool(const struct settings *s, const char *name)
{
	const struct value	*v = must_find(s, name);

	return v->n > 0 && parse_bool(v->item[0]) == 1;
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
