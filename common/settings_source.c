/*
 * Where settings come from.  The sources are read from the weakest to the
 * strongest, so that precedence is just the order of calls.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "json.h"
#include "log.h"
#include "settings_private.h"

enum { MAX_CONFIG = 1024 * 1024 };	/* bytes of a configuration file */

struct value *
settings_find(const struct settings *s, const char *name, size_t len)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		if (strlen(s->v[i].def->name) == len &&
		    strncmp(s->v[i].def->name, name, len) == 0)
			return &s->v[i];
	return NULL;
}

/* -- sources, weakest first -- */

void
source_defaults(struct settings *s)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].def->fallback != NULL)
			value_set(s, &s->v[i], s->v[i].def->name,
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
		value_set(s, v, where, json_string_value(j), origin);
	else if (json_is_boolean(j))
		value_set(s, v, where, json_is_true(j) ? "true" : "false", origin);
	else if (json_is_integer(j)) {
		snprintf(number, sizeof(number), "%lld",
		    (long long)json_integer_value(j));
		value_set(s, v, where, number, origin);
	} else if (json_is_array(j) && v->def->type == SETTING_LIST) {
		json_array_foreach(j, i, item)
			if (!json_is_string(item))
				settings_usage(s, "%s[%zu]: must be a string", where, i);
		value_clear(v);
		v->origin = origin;
		json_array_foreach(j, i, item)
			value_set(s, v, where, json_string_value(item), origin);
	} else
		settings_usage(s, "%s: is of the wrong type", where);
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
void
source_json(struct settings *s, const json_t *o, const char *where,
    const char *origin, int strict)
{
	const json_t	*j;
	const char	*name;
	json_t		*any;
	char		*key, *at;
	size_t		 i;

	if (!json_is_object(o))
		settings_usage(s, "%s: must be a JSON object", where);
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
				settings_usage(s, "%s: %s: is not known here", where,
				    name);
}

void
source_file(struct settings *s, int named)
{
	struct json_err	 e;
	char		 words[320];
	json_t		*o;
	int		 rc;

	if (s->config_file == NULL)
		return;
	o = json_read_file(s->config_file, MAX_CONFIG, &e, &rc);
	if (rc == UV_ENOENT && !named)
		return;
	if (rc == -EINVAL)
		settings_usage(s, "%s: %s", s->config_file,
		    json_err_str(&e, words, sizeof(words)));
	if (rc < 0)
		settings_usage(s, "%s: %s", s->config_file, errstr(rc));
	source_json(s, o, s->config_file, "file", !s->spec->lenient_file);
	s->file = o;
}

int
settings_file_changed(const struct settings *s)
{
	struct json_err	 e;
	json_t		*o;
	int		 rc, changed;

	if (s->config_file == NULL)
		return 0;
	o = json_read_file(s->config_file, MAX_CONFIG, &e, &rc);
	changed = rc == -ENOENT ? s->file != NULL : rc < 0 ||
	    !json_equal(o, s->file);
	json_decref(o);
	return changed;
}

void
source_environment(struct settings *s)
{
	const char	*text;
	size_t		 i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].def->env != NULL &&
		    (text = getenv(s->v[i].def->env)) != NULL &&
		    text[0] != '\0')
			value_set(s, &s->v[i], s->v[i].def->env, text,
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
	struct value	*v = settings_find(s, name, len);
	char		*where;

	if (v == NULL && len > 3 && strncmp(name, "no-", 3) == 0 &&
	    (v = settings_find(s, name + 3, len - 3)) != NULL) {
		if (v->def->type != SETTING_BOOL || eq != NULL)
			settings_usage(s, "unknown option --%.*s", (int)len, name);
		value_set(s, v, argv[*i], "false", "flag");
		return;
	}
	if (v == NULL)
		settings_usage(s, "unknown option --%.*s", (int)len, name);
	if (v->def->flags & SETTING_NO_FLAG)
		settings_usage(s, "--%s: a secret does not belong on a command line; "
		    "use %s", v->def->name, v->def->env);
	where = xasprintf("--%s", v->def->name);
	if (v->def->type == SETTING_BOOL)
		value_set(s, v, where, eq != NULL ? eq + 1 : "true", "flag");
	else if (eq != NULL)
		value_set(s, v, where, eq + 1, "flag");
	else if (*i + 1 < argc)
		value_set(s, v, where, argv[++*i], "flag");
	else
		settings_usage(s, "%s: needs a value", where);
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
			settings_usage(s, "unknown option %s", where);
		if (v->def->type == SETTING_BOOL) {
			value_set(s, v, where, "true", "flag");
			continue;
		}
		if (p[1] != '\0')
			value_set(s, v, where, p + 1, "flag");
		else if (*i + 1 < argc)
			value_set(s, v, where, argv[++*i], "flag");
		else
			settings_usage(s, "%s: needs a value", where);
		return;
	}
}

/*
 * Walks the arguments; operands are gathered at the end, in their order.
 * argv[0] stays.
 */
void
source_flags(struct settings *s, int argc, char **argv)
{
	char	**operand;
	int	  i, n = 0, only_operands = 0;

	operand = s->operand = xcalloc((size_t)argc + 1, sizeof(*operand));

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
		settings_usage(s, "unexpected argument '%s'", operand[0]);
	s->first = argc - n;
	for (i = 0; i < n; i++)
		argv[s->first + i] = operand[i];
}
