/*
 * How long a build will take, said from builds that were measured: for each
 * target a moving mean of those that had to compile and of those that found
 * their template, kept in memory and in the store ("measure").
 */
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"
#include "settings.h"

static void
on_measures(int rc, const json_t *page, void *arg)
{
	struct server	*s = arg;
	json_t		*item;
	size_t		 i;

	if (rc < 0) {
		log_warn("estimate", "measured builds: %s", errstr(rc));
		return;
	}
	json_array_foreach(json_object_get(page, "items"), i, item)
		json_object_set_new(s->measured, json_str(item, "key", ""),
		    json_copy(json_object_get(item, "value")));
}

void
estimate_load(struct server *s)
{
	s->measured = json_object();
	store_list(s->store, "measure", "", NULL, MAX_PAGE, 0, on_measures, s);
}

const json_t *
estimate_add(struct server *s, const char *target, int cached, int64_t ms)
{
	const char	*key = cached ? "cached_ms" : "compiled_ms";
	json_t		*m = json_object_get(s->measured, target);
	int64_t		 was;

	if (m == NULL) {
		m = json_object();
		json_object_set_new(s->measured, target, m);
	}
	was = json_int(m, key, ms);
	json_object_set_new(m, key, json_integer(was + (ms - was) / 4));
	json_object_set_new(m, "count",
	    json_integer(json_int(m, "count", 0) + 1));
	return m;
}

/*
 * Slots become free at one build's time divided by their number; so many
 * must, before the one that is asked for starts.
 */
int64_t
estimate_ms(const struct server *s, const char *target, int64_t ahead,
    int64_t running)
{
	const json_t	*m = json_object_get(s->measured, target);
	int64_t		 one = json_int(m, "cached_ms",
			    json_int(m, "compiled_ms", -1));
	int64_t		 slots = settings_int(s->settings,
			    "max-concurrent-builds");
	int64_t		 before = ahead + running - slots + 1;

	if (one < 0)
		return -1;
	return one + (before > 0 ? before * one / slots : 0);
}

char *
estimate_words(const char *target, int64_t ms)
{
	if (ms < 0)
		return xasprintf("unknown: no build for %s was measured yet",
		    target);
	if (ms < 1000)
		return xstrdup("less than a second");
	if (ms < 90 * 1000)
		return xasprintf("about %lld seconds",
		    (long long)(ms + 999) / 1000);
	return xasprintf("about %lld minutes", (long long)(ms + 59999) / 60000);
}
