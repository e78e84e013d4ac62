/*
 * MISP's core format: attributes of events and of their objects, from a
 * feed's event, a search's answer, or a bare array.  Only those that are
 * said to be for detection (to_ids) and are not deleted count.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "intel_feed_private.h"
#include "json_walk.h"
#include "log.h"

/* "a|b" has two values; of "ip-dst|port" the second is none. */
static const struct {
	const char	*type;
	enum intel_kind	 first, second;		/* INTEL_KINDS: no value */
} types[] = {
	{ "ip-src", INTEL_IP, INTEL_KINDS },
	{ "ip-dst", INTEL_IP, INTEL_KINDS },
	{ "ip-src|port", INTEL_IP, INTEL_KINDS },
	{ "ip-dst|port", INTEL_IP, INTEL_KINDS },
	{ "domain", INTEL_DOMAIN, INTEL_KINDS },
	{ "hostname", INTEL_DOMAIN, INTEL_KINDS },
	{ "hostname|port", INTEL_DOMAIN, INTEL_KINDS },
	{ "domain|ip", INTEL_DOMAIN, INTEL_IP },
	{ "url", INTEL_URL, INTEL_KINDS },
	{ "md5", INTEL_MD5, INTEL_KINDS },
	{ "sha1", INTEL_SHA1, INTEL_KINDS },
	{ "sha256", INTEL_SHA256, INTEL_KINDS },
	{ "filename", INTEL_NAME, INTEL_KINDS },
	/* the hash is the sign, the name beside it is anybody's */
	{ "filename|md5", INTEL_KINDS, INTEL_MD5 },
	{ "filename|sha1", INTEL_KINDS, INTEL_SHA1 },
	{ "filename|sha256", INTEL_KINDS, INTEL_SHA256 }
};

static int
flag(const json_t *o, const char *name)
{
	const json_t	*v = json_object_get(o, name);

	return json_is_true(v) || json_integer_value(v) == 1 ||
	    (json_is_string(v) && strcmp(json_string_value(v), "1") == 0);
}

/* Till when: last_seen is when it was seen last, so a life counts from it;
 * without one, from the attribute's own time. */
static int64_t
until(const struct feed_reading *r, const json_t *o)
{
	const char	*text = json_str(o, "last_seen", NULL);
	int64_t		 ms, from = r->now;

	if (r->feed->ttl == 0)
		return 0;
	if (text != NULL && clock_read_rfc3339(text, &ms) == 0)
		from = ms / 1000;
	else if (json_is_string(json_object_get(o, "timestamp")) &&
	    strlen(json_str(o, "timestamp", "")) < 12 &&
	    json_str(o, "timestamp", "")[0] != '\0') {
		text = json_str(o, "timestamp", "");
		for (from = 0; *text >= '0' && *text <= '9'; text++)
			from = from * 10 + (*text - '0');
	}
	return from + r->feed->ttl;
}

static int
take(struct feed_reading *r, const json_t *o, size_t type)
{
	const char	*value = json_str(o, "value", "");
	const char	*bar = strchr(value, '|');
	size_t		 n = bar != NULL ? (size_t)(bar - value) :
			    strlen(value);
	int		 rc = 0;

	if (types[type].first != INTEL_KINDS)
		rc = feed_take(r, types[type].first, value, n,
		    r->feed->confidence, until(r, o));
	if (rc != 0 || types[type].second == INTEL_KINDS)
		return rc;
	if (bar == NULL) {
		feed_refuse(r, "an attribute of two values has no '|'");
		return 0;
	}
	return feed_take(r, types[type].second, bar + 1, strlen(bar + 1),
	    r->feed->confidence, until(r, o));
}

static int
on_attribute(const json_t *o, void *arg)
{
	struct feed_reading	*r = arg;
	const char		*type = json_str(o, "type", "");
	size_t			 i = 0;

	r->line++;
	while (i < nitems(types) && strcmp(types[i].type, type) != 0)
		i++;
	if (i == nitems(types) || !flag(o, "to_ids") || flag(o, "deleted")) {
		r->count->passed++;
		return 0;
	}
	return take(r, o, i);
}

int
feed_misp(struct feed_reading *r, const char *text, size_t len)
{
	struct json_err	 e;
	char		 words[200];
	int		 rc;

	rc = json_walk(text, len, "Attribute", INTEL_MAX_ELEMENT,
	    on_attribute, r, &e);
	if (rc == -EINVAL)
		feed_refuse(r, json_err_str(&e, words, sizeof(words)));
	return rc;
}
