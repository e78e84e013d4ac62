/* The texts of values: what they mean, and what is no value. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "settings_private.h"

enum { MAX_ITEMS = 256 };	/* of one list */

void
value_clear(struct value *v)
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

int
value_int(const char *text, int64_t *out)
{
	char	*end;

	if (text[0] == '\0')
		return -EINVAL;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno != 0 || *end != '\0' ? -EINVAL : 0;
}

int
value_duration(const char *text, int64_t *ms)
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

int
value_bool(const char *text)
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
		if (value_int(text, &n) < 0)
			settings_usage(s, "%s: '%s' is not a whole number", where, text);
		break;
	case SETTING_DURATION:
		if (value_duration(text, &n) < 0)
			settings_usage(s, "%s: '%s' is not a time (like 500ms, 30s, 24h)",
			    where, text);
		break;
	case SETTING_BOOL:
		if (value_bool(text) < 0)
			settings_usage(s, "%s: '%s' is neither true nor false", where,
			    text);
		return;
	default:
		if (strcmp(d->name, "log-level") == 0 &&
		    log_level_parse(text) < 0)
			settings_usage(s, "%s: '%s' is not a log level", where, text);
		if (strcmp(d->name, "log-format") == 0 &&
		    strcmp(text, "text") != 0 && strcmp(text, "json") != 0)
			settings_usage(s, "%s: '%s' is not text or json", where, text);
		return;
	}
	if (n < d->min || (d->max > 0 && n > d->max))
		settings_usage(s, "%s: %s is not from %lld to %lld%s", where, text,
		    (long long)d->min, (long long)d->max,
		    d->type == SETTING_DURATION ? " ms" : "");
}

void
value_set(struct settings *s, struct value *v, const char *where, const char *text,
    const char *origin)
{
	check(s, v->def, where, text);
	if (v->def->type != SETTING_LIST || v->origin != origin)
		value_clear(v);
	if (v->n >= MAX_ITEMS)
		settings_usage(s, "%s: given more than %d times", where, MAX_ITEMS);
	append(v, text);
	v->origin = origin;
}
