/* Feeds: by their format, and what all formats share. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "intel_feed_private.h"
#include "log.h"

static const struct {
	const char	*word;
	int		(*read)(struct feed_reading *, const char *, size_t);
} formats[INTEL_FORMATS] = {
	[INTEL_PLAIN]	= { "plain", feed_lines },
	[INTEL_CSV]	= { "csv", feed_csv },
	[INTEL_HOSTS]	= { "hosts", feed_hosts },
	[INTEL_STIX]	= { "stix", feed_stix },
	[INTEL_MISP]	= { "misp", feed_misp }
};

const char *
intel_format_word(enum intel_format f)
{
	return formats[f].word;
}

enum intel_format
intel_format_of(const char *word)
{
	size_t	f = 0;

	while (f < nitems(formats) && strcmp(formats[f].word, word) != 0)
		f++;
	return (enum intel_format)f;
}

void
feed_refuse(struct feed_reading *r, const char *why)
{
	if (r->count->refused++ > 0)
		return;
	r->count->line = r->line;
	snprintf(r->count->fault, sizeof(r->count->fault), "%s", why);
}

int
feed_take(struct feed_reading *r, enum intel_kind kind, const char *text,
    size_t len, int confidence, int64_t until)
{
	struct intel_value	 v;
	const char		*why;

	if (intel_value_read(&v, kind, text, len, &why) < 0) {
		feed_refuse(r, why);
		return 0;
	}
	if (until != 0 && until <= r->now) {
		r->count->passed++;
		return 0;
	}
	r->count->taken++;
	return r->sink(&v, confidence, until, r->arg);
}

int
feed_take_plain(struct feed_reading *r, enum intel_kind kind,
    const char *text, size_t len)
{
	return feed_take(r, kind, text, len, r->feed->confidence,
	    r->feed->ttl > 0 ? r->now + r->feed->ttl : 0);
}

int
intel_feed_read(const struct intel_feed *feed, const char *text, size_t len,
    int64_t now, intel_sink sink, void *arg, struct intel_count *count)
{
	struct feed_reading	r = { feed, now, sink, arg, count, 0 };

	memset(count, 0, sizeof(*count));
	return formats[feed->format].read(&r, text, len);
}
