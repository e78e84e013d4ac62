/*
 * Events against indicators.  A record of a sensor has values under fixed
 * names; each is looked up as what it is.  A match is an alert, told once an
 * hour for the same value, program and indicator, with how often it came.
 */
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "mod_threat_intel.h"

struct recent {
	UT_hash_handle	 hh;
	int64_t		 told;		/* mono, ms */
	uint64_t	 since;		/* matches since then */
	char		 key[];
};

/* Where a record's data has values, and of which kinds. */
static const struct {
	const char	*member;
	enum intel_kind	 kind;
} members[] = {
	{ "remoteAddress", INTEL_IP },
	{ "name", INTEL_DOMAIN },	/* of DNS */
	{ "sha256", INTEL_SHA256 }, { "sha1", INTEL_SHA1 },
	{ "md5", INTEL_MD5 },
	{ "exe", INTEL_PATH }, { "exe", INTEL_NAME },
	{ "path", INTEL_PATH }, { "path", INTEL_NAME },
	{ "to", INTEL_PATH }, { "to", INTEL_NAME }
};

json_t *
intel_hits_json(const struct intel_hit *hits, size_t n)
{
	char	 text[INTEL_MAX_VALUE + 64], when[CLOCK_RFC3339_SIZE];
	json_t	*a = json_array(), *o;
	size_t	 i;

	for (i = 0; i < n; i++) {
		o = json_pack("{ss ss ss si}", "source", hits[i].source,
		    "kind", intel_kind_word(hits[i].value.kind), "indicator",
		    intel_value_text(&hits[i].value, text, sizeof(text)),
		    "confidence", hits[i].confidence);
		if (o != NULL && hits[i].until > 0)
			json_object_set_new(o, "until", json_string(
			    clock_rfc3339(hits[i].until * 1000, when)));
		if (o != NULL)		/* a name that is no UTF-8 */
			json_array_append_new(a, o);
	}
	return a;
}

/* -- what was told lately -- */

void
intel_forget(struct threat_intel *t)
{
	struct recent	*r, *next;

	HASH_ITER(hh, t->recent, r, next) {
		HASH_DEL(t->recent, r);
		free(r);
	}
}

/* How often it came since it was told; 0: do not tell it now. */
static uint64_t
to_tell(struct threat_intel *t, const char *key)
{
	struct recent	*r;
	int64_t		 now = clock_mono_ms();
	uint64_t	 n;

	HASH_FIND_STR(t->recent, key, r);
	if (r == NULL) {
		if (HASH_COUNT(t->recent) >= INTEL_MAX_RECENT)
			intel_forget(t);
		r = xcalloc(1, sizeof(*r) + strlen(key) + 1);
		strcpy(r->key, key);
		HASH_ADD_STR(t->recent, key, r);
	} else if (now - r->told < INTEL_ALERT_MS) {
		r->since++;
		return 0;
	}
	n = r->since + 1;
	r->told = now;
	r->since = 0;
	return n;
}

/* -- one value -- */

static void
tell(struct threat_intel *t, const json_t *record, const char *member,
    const struct intel_hit *hits, size_t n, int retro)
{
	const json_t	*data = json_object_get(record, "data");
	struct buf	 key = BUF_INIT;
	char		 text[INTEL_MAX_VALUE + 64];
	uint64_t	 times;

	buf_printf(&key, "%s %s %s %s", member, json_str(record, "type", ""),
	    json_str(data, "exe", ""), intel_value_text(&hits[0].value, text,
	    sizeof(text)));
	times = to_tell(t, buf_str(&key));
	buf_release(&key);
	if (times == 0)
		return;
	t->alerts++;
	module_event(t->m, SPOOL_ALERT, "indicator", json_pack(
	    "{ss so sI sb sO}", "member", member, "hits", intel_hits_json(
	    hits, n), "times", (json_int_t)times, "retro", retro, "event",
	    record));
}

static void
look(struct threat_intel *t, const json_t *record, const char *member,
    enum intel_kind kind, const char *text, int retro)
{
	struct intel_hit	 hits[INTEL_MAX_HITS];
	struct intel_value	 v;
	const char		*why;
	size_t			 n, good = 0, i;

	if (kind == INTEL_NAME && strrchr(text, '/') != NULL)
		text = strrchr(text, '/') + 1;
	if (intel_value_read(&v, kind, text, strlen(text), &why) < 0)
		return;
	t->looked++;
	n = intel_find(t->t, &v, clock_wall_ms() / 1000, hits);
	for (i = 0; i < n; i++)
		if (hits[i].confidence >= t->least)
			hits[good++] = hits[i];
	if (good == 0)
		return;
	t->matched++;
	tell(t, record, member, hits, good, retro);
}

/* URLs stand in the arguments of what fetches them. */
static void
look_argv(struct threat_intel *t, const json_t *record, const json_t *argv,
    int retro)
{
	const char	*text;
	size_t		 i;

	for (i = 0; i < json_array_size(argv); i++) {
		text = json_string_value(json_array_get(argv, i));
		if (text != NULL && strstr(text, "://") != NULL)
			look(t, record, "argv", INTEL_URL, text, retro);
	}
}

/* Where a name of DNS leads: addresses, and other names. */
static void
look_answers(struct threat_intel *t, const json_t *record,
    const json_t *answers, int retro)
{
	struct intel_value	 v;
	const char		*text, *why;
	size_t			 i;

	for (i = 0; i < json_array_size(answers); i++) {
		text = json_string_value(json_array_get(answers, i));
		if (text != NULL)
			look(t, record, "answers", intel_value_read(&v,
			    INTEL_IP, text, strlen(text), &why) == 0 ?
			    INTEL_IP : INTEL_DOMAIN, text, retro);
	}
}

void
intel_match(struct threat_intel *t, const json_t *record, int retro)
{
	const json_t	*data = json_object_get(record, "data");
	const char	*text;
	size_t		 i;

	if (t->t == NULL || intel_count(t->t, INTEL_ANY) == 0 ||
	    strcmp(json_str(record, "module", ""), "threat-intel") == 0)
		return;
	for (i = 0; i < nitems(members); i++)
		if ((text = json_str(data, members[i].member, NULL)) != NULL)
			look(t, record, members[i].member, members[i].kind,
			    text, retro);
	look_argv(t, record, json_object_get(data, "argv"), retro);
	look_answers(t, record, json_object_get(data, "answers"), retro);
}

/* -- what was before -- */

static int
on_kept(const struct spool_item *item, void *arg)
{
	void		**both = arg;
	struct json_err	  e;
	json_t		 *record;

	intel_guard_serve(both[0]);
	if (item->class != SPOOL_EVENT)
		return 0;
	record = json_read(item->text, item->len, &e);
	if (record != NULL) {
		intel_match(both[0], record, 1);
		++*(uint64_t *)both[1];
	}
	json_decref(record);
	return 0;
}

uint64_t
intel_retro(struct threat_intel *t)
{
	char		*dir = file_join(module_state_dir(t->m), "spool");
	uint64_t	 n = 0;
	void		*both[] = { t, &n };

	if (t->t != NULL && intel_count(t->t, INTEL_ANY) > 0)
		spool_each_in(dir, 0, on_kept, both);
	free(dir);
	return n;
}
