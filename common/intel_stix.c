/*
 * STIX 2.1 (OASIS): the indicators of a bundle, as far as each is a list of
 * values of which any is a sign: [a:b = 'v' OR ...] OR [...], and IN (...).
 * A pattern that wants several things together ("AND", "FOLLOWEDBY") is no
 * single value and is passed over, counted.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "intel_feed_private.h"
#include "json_walk.h"
#include "log.h"

static const struct {
	const char	*path;
	enum intel_kind	 kind;
} paths[] = {
	{ "ipv4-addr:value", INTEL_IP }, { "ipv6-addr:value", INTEL_IP },
	{ "network-traffic:dst_ref.value", INTEL_IP },
	{ "domain-name:value", INTEL_DOMAIN },
	{ "network-traffic:dst_ref.domain-name.value", INTEL_DOMAIN },
	{ "url:value", INTEL_URL },
	{ "file:hashes.md5", INTEL_MD5 },
	{ "file:hashes.'md5'", INTEL_MD5 },
	{ "file:hashes.'sha-1'", INTEL_SHA1 },
	{ "file:hashes.sha1", INTEL_SHA1 },
	{ "file:hashes.'sha1'", INTEL_SHA1 },
	{ "file:hashes.'sha-256'", INTEL_SHA256 },
	{ "file:hashes.sha256", INTEL_SHA256 },
	{ "file:hashes.'sha256'", INTEL_SHA256 },
	{ "file:name", INTEL_NAME }
};

struct pattern {
	struct feed_reading	*r;
	const char		*at;
	int			 confidence;
	int64_t			 until;
	int			 dry;		/* only whether it is one */
};

static void
space(struct pattern *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static int
sign(struct pattern *p, char c)
{
	space(p);
	if (*p->at != c)
		return 0;
	p->at++;
	return 1;
}

static int
word(struct pattern *p, const char *w)
{
	size_t	n = strlen(w);

	space(p);
	if (strncasecmp(p->at, w, n) != 0 ||
	    isalnum((unsigned char)p->at[n]))
		return 0;
	p->at += n;
	return 1;
}

/* 'text' with \' and \\ in it, taken as a value of this kind.  -EINVAL for
 * what is none; else what the sink says. */
static int
literal(struct pattern *p, enum intel_kind kind)
{
	char	text[INTEL_MAX_VALUE];
	size_t	n = 0;

	if (!sign(p, '\''))
		return -EINVAL;
	for (; *p->at != '\'' && *p->at != '\0'; p->at++) {
		if (*p->at == '\\' && p->at[1] != '\0')
			p->at++;
		if (n == sizeof(text))
			return -EINVAL;
		text[n++] = *p->at;
	}
	if (*p->at++ == '\0')
		return -EINVAL;
	return p->dry ? 0 :
	    feed_take(p->r, kind, text, n, p->confidence, p->until);
}

static int
object_path(struct pattern *p, enum intel_kind *kind)
{
	char	text[64];
	size_t	n = 0, i;

	space(p);
	while (n + 1 < sizeof(text) && *p->at != '\0' &&
	    strchr(" \t\r\n=!<>()[]", *p->at) == NULL)
		text[n++] = (char)tolower((unsigned char)*p->at++);
	text[n] = '\0';
	for (i = 0; i < nitems(paths); i++)
		if (strcmp(paths[i].path, text) == 0) {
			*kind = paths[i].kind;
			return 0;
		}
	return -EINVAL;
}

/* path = 'v', or path IN ('v', 'w') */
static int
comparison(struct pattern *p)
{
	enum intel_kind	kind;
	int		rc;

	if (object_path(p, &kind) < 0)
		return -EINVAL;
	if (sign(p, '='))
		return literal(p, kind);
	if (!word(p, "IN") || !sign(p, '('))
		return -EINVAL;
	do {
		if ((rc = literal(p, kind)) != 0)
			return rc;
	} while (sign(p, ','));
	return sign(p, ')') ? 0 : -EINVAL;
}

/* Comparisons of which any will do, in brackets, any of which will do. */
static int
pattern(struct pattern *p)
{
	int	rc;

	do {
		if (!sign(p, '['))
			return -EINVAL;
		do {
			if ((rc = comparison(p)) != 0)
				return rc;
		} while (word(p, "OR"));
		if (!sign(p, ']'))
			return -EINVAL;
	} while (word(p, "OR"));
	space(p);
	return *p->at == '\0' ? 0 : -EINVAL;
}

/* Time of a member in s; 0 where there is none, -1 for a bad one. */
static int64_t
when(const json_t *o, const char *name)
{
	const char	*text = json_str(o, name, NULL);
	int64_t		 ms;

	if (text == NULL)
		return 0;
	return clock_read_rfc3339(text, &ms) == 0 ? ms / 1000 : -1;
}

static int
on_object(const json_t *o, void *arg)
{
	struct feed_reading	*r = arg;
	const char		*text = json_str(o, "pattern", NULL);
	struct pattern		 p = { r, text, 0, when(o, "valid_until"), 1 };
	int64_t			 from = when(o, "valid_from");

	r->line++;
	if (strcmp(json_str(o, "type", ""), "indicator") != 0)
		return 0;
	if (text == NULL || p.until < 0 || from < 0 ||
	    strlen(text) > INTEL_MAX_PATTERN) {
		feed_refuse(r, "an indicator's pattern, valid_from or "
		    "valid_until is missing or cannot be read");
		return 0;
	}
	if (p.until == 0 && r->feed->ttl > 0)
		p.until = (from > 0 ? from : r->now) + r->feed->ttl;
	p.confidence = (int)json_int(o, "confidence", r->feed->confidence);
	p.confidence = p.confidence < 0 ? 0 : p.confidence > 100 ? 100 :
	    p.confidence;
	if (json_bool(o, "revoked", 0) ||
	    strcmp(json_str(o, "pattern_type", "stix"), "stix") != 0 ||
	    pattern(&p) < 0) {
		r->count->passed++;
		return 0;
	}
	p.at = text;
	p.dry = 0;
	return pattern(&p);
}

int
feed_stix(struct feed_reading *r, const char *text, size_t len)
{
	struct json_err	 e;
	char		 words[200];
	int		 rc;

	rc = json_walk(text, len, "objects", INTEL_MAX_ELEMENT, on_object, r,
	    &e);
	if (rc == -EINVAL)
		feed_refuse(r, json_err_str(&e, words, sizeof(words)));
	return rc;
}
