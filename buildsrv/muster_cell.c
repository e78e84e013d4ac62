/* Values: exact for scripts, and as people read them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "json.h"
#include "muster.h"

/* RFC 3339 in UTC, as the server writes it; 0 where it is none. */
static int64_t
time_parse(const char *s)
{
	struct tm	t = { .tm_year = 0 };
	int		n = 0, ms = 0;

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon,
	    &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec, &n) != 6)
		return 0;
	if (s[n] == '.')
		sscanf(s + n + 1, "%3d", &ms);
	t.tm_year -= 1900;
	t.tm_mon--;
	return (int64_t)timegm(&t) * 1000 + ms;
}

int64_t
member_time(const json_t *o, const char *key)
{
	const json_t	*v = json_object_get(o, key);

	if (json_is_string(v))
		return time_parse(json_string_value(v));
	return json_is_integer(v) ? (int64_t)json_integer_value(v) : 0;
}

static char *
human_ago(int64_t ms, char out[CELL])
{
	static const struct {
		int64_t	below, of;	/* seconds */
		char	unit;
	} units[] = {
		{ 60, 1, 's' }, { 3600, 60, 'm' }, { 2 * 86400, 3600, 'h' },
		{ INT64_MAX, 86400, 'd' }
	};
	int64_t	s = (clock_wall_ms() - ms) / 1000;
	int	past = s >= 0;
	size_t	i;

	if (!past)
		s = -s;
	for (i = 0; s >= units[i].below; i++)
		continue;
	snprintf(out, CELL, "%s%lld%c%s", past ? "" : "in ",
	    (long long)(s / units[i].of), units[i].unit, past ? " ago" : "");
	return out;
}

char *
clock_text(int64_t ms, char out[CELL])
{
	time_t		t = (time_t)(ms / 1000);
	struct tm	tm;
	size_t		n;

	localtime_r(&t, &tm);
	n = strftime(out, CELL, "%H:%M:%S", &tm);
	snprintf(out + n, CELL - n, ".%03d", (int)(ms % 1000));
	return out;
}

char *
cell_time(const json_t *o, const char *key, int wide, char out[CELL])
{
	int64_t	ms = member_time(o, key);
	char	text[CLOCK_RFC3339_SIZE];

	out[0] = '\0';
	if (ms > 0 && wide)
		human_ago(ms, out);
	else if (ms > 0)
		snprintf(out, CELL, "%s", clock_rfc3339(ms, text));
	return out;
}

char *
cell_int(const json_t *o, const char *key, char out[CELL])
{
	const json_t	*v = json_object_get(o, key);

	out[0] = '\0';
	if (json_is_integer(v))
		snprintf(out, CELL, "%lld", (long long)json_integer_value(v));
	return out;
}

char *
cell_ms(const json_t *o, const char *key, int wide, char out[CELL])
{
	cell_int(o, key, out);
	return wide && out[0] != '\0' ?
	    human_ms(json_int(o, key, 0), out) : out;
}

char *
cell_bytes(const json_t *o, const char *key, int wide, char out[CELL])
{
	cell_int(o, key, out);
	return wide && out[0] != '\0' ?
	    human_bytes(json_int(o, key, 0), out) : out;
}

char *
human_ms(int64_t ms, char out[CELL])
{
	long long	s = ms / 1000;

	if (ms < 1000)
		snprintf(out, CELL, "%lld ms", (long long)ms);
	else if (s < 60)
		snprintf(out, CELL, "%.1f s", (double)ms / 1000);
	else if (s < 3600)
		snprintf(out, CELL, "%lld:%02lld", s / 60, s % 60);
	else
		snprintf(out, CELL, "%lld:%02lld:%02lld", s / 3600,
		    s / 60 % 60, s % 60);
	return out;
}

char *
words_joined(const json_t *list)
{
	struct buf	 b = BUF_INIT;
	const json_t	*item;
	size_t		 i;

	json_array_foreach(list, i, item)
		buf_printf(&b, "%s%s", i > 0 ? "," : "",
		    json_string_value(item));
	return buf_take(&b);
}

char *
human_bytes(int64_t n, char out[CELL])
{
	static const char	units[] = "kMGT";
	double			x = (double)n;
	int			i = -1;

	while (x >= 1000 && i < 3) {
		x /= 1000;
		i++;
	}
	if (i < 0)
		snprintf(out, CELL, "%lld B", (long long)n);
	else
		snprintf(out, CELL, "%.1f %cB", x, units[i]);
	return out;
}
