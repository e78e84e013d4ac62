/*
 * Under a flood a sensor reports the first events of each kind and counts the
 * rest, which are told in a summary when the window ends.  All memory is
 * bounded: LIMIT_KEYS kinds of 255 bytes, what is beyond them goes under one
 * key, "(others)".
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "module.h"
#include "sensor.h"

enum { MAX_KEY = 255 };

struct kind {
	char		*key;		/* NULL: free */
	char		 type[16];
	unsigned	 told;
	uint64_t	 counted;
};

struct limit {
	struct module	*m;
	const char	*sensor;
	struct kind	 kinds[LIMIT_KEYS];
	struct kind	 others;
	unsigned	 n, told;
	int64_t		 from;
	uint64_t	 counted;
};

struct limit *
limit_new(struct module *m, const char *sensor)
{
	struct limit	*l = xcalloc(1, sizeof(*l));

	l->m = m;
	l->sensor = sensor;
	l->from = clock_wall_ms();
	return l;
}

static uint32_t
hash(const char *type, const char *key)
{
	uint32_t	h = 2166136261U;

	for (; *type != '\0'; type++)
		h = (h ^ (unsigned char)*type) * 16777619U;
	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 16777619U;
	return h;
}

static struct kind *
find(struct limit *l, const char *type, const char *key)
{
	uint32_t	i, h = hash(type, key);
	struct kind	*k;

	for (i = 0; i < 16; i++) {
		k = &l->kinds[(h + i) % LIMIT_KEYS];
		if (k->key == NULL)
			break;
		if (strncmp(k->key, key, MAX_KEY) == 0 &&
		    strcmp(k->type, type) == 0)
			return k;
	}
	if (i == 16)
		return &l->others;
	k->key = xstrndup(key, MAX_KEY);
	memcpy(k->type, type, strlen(type) < sizeof(k->type) ? strlen(type) :
	    sizeof(k->type) - 1);
	l->n++;
	return k;
}

int
limit_take(struct limit *l, const char *type, const char *key)
{
	struct kind	*k = find(l, type, key);

	if (k != &l->others && k->told < LIMIT_PER_KEY &&
	    (l->told < LIMIT_ALL || k->told == 0)) {
		k->told++;
		l->told++;
		return 1;
	}
	k->counted++;
	l->counted++;
	return 0;
}

static void
tell(struct limit *l, const char *type, const char *key, uint64_t count,
    int64_t now)
{
	json_t	*o = json_pack("{ss ss so sI sI sI}", "sensor", l->sensor,
	    "type", type, "key", text_json(key), "count", (json_int_t)count,
	    "from", (json_int_t)l->from, "to", (json_int_t)now);

	module_event(l->m, SPOOL_EVENT, "summary", o);
}

void
limit_flush(struct limit *l)
{
	int64_t	now = clock_wall_ms();
	size_t	i;

	for (i = 0; l->n > 0 && i < LIMIT_KEYS; i++) {
		struct kind	*k = &l->kinds[i];

		if (k->key == NULL)
			continue;
		if (k->counted > 0)
			tell(l, k->type, k->key, k->counted, now);
		free(k->key);
		memset(k, 0, sizeof(*k));
		l->n--;
	}
	if (l->others.counted > 0)
		tell(l, "any", "(others)", l->others.counted, now);
	l->others.counted = 0;
	l->told = 0;
	l->from = now;
}

uint64_t
limit_counted(const struct limit *l)
{
	return l->counted;
}
