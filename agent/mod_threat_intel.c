/*
 * The module threat-intel: what feeds know to be bad, against what the
 * sensors see.  It hears the other modules' events, and when its feeds have
 * changed also those of the last days that the spool still keeps.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "confine.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "mod_threat_intel.h"
#include "platform.h"
#include "settings.h"
#include "tls.h"

enum { FIRST_MS = 200, DEFAULT_CONFIDENCE = 50, BLOCK_CONFIDENCE = 80,
	HOUR_S = 3600 };

static const struct json_field feed_fields[] = {
	{ .name = "name", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = INTEL_MAX_NAME - 1 },
	{ .name = "file", .kind = JSON_K_STR, .min = 1, .max = 1024 },
	{ .name = "url", .kind = JSON_K_STR, .min = 1, .max = 1024 },
	{ .name = "format", .kind = JSON_K_STR,
	    .words = "plain|csv|hosts|stix|misp" },
	{ .name = "kind", .kind = JSON_K_STR,
	    .words = "any|ip|domain|url|md5|sha1|sha256|name|path" },
	{ .name = "column", .kind = JSON_K_STR, .min = 1, .max = 128 },
	{ .name = "delimiter", .kind = JSON_K_STR, .min = 1, .max = 1 },
	{ .name = "confidence", .kind = JSON_K_INT, .min = 0, .max = 100 },
	{ .name = "ttlHours", .kind = JSON_K_INT, .min = 1, .max = 876000 }
};

static const struct json_field fields[] = {
	{ .name = "enabled", .kind = JSON_K_BOOL },
	{ .name = "feeds", .kind = JSON_K_ARR, .max = INTEL_MAX_FEEDS,
	    .element = JSON_K_OBJ },
	{ .name = "warninglists", .kind = JSON_K_ARR, .max = 256,
	    .element = JSON_K_STR },
	{ .name = "minConfidence", .kind = JSON_K_INT, .min = 0, .max = 100 },
	{ .name = "refreshMinutes", .kind = JSON_K_INT, .min = 1,
	    .max = 60 * 24 * 30 },
	{ .name = "caFile", .kind = JSON_K_STR, .min = 1, .max = 1024 },
	{ .name = "block", .kind = JSON_K_BOOL },
	{ .name = "blockConfidence", .kind = JSON_K_INT, .min = 0,
	    .max = 100 },
	{ .name = "blockMounts", .kind = JSON_K_ARR, .max = 64,
	    .element = JSON_K_STR },
	{ .name = "blockCgroup", .kind = JSON_K_STR, .min = 1, .max = 1024 },
	{ .name = "management", .kind = JSON_K_ARR, .max = 64,
	    .element = JSON_K_STR }
};

/* -- configuration -- */

static int
bad_feed(char **why, size_t i, const char *text)
{
	*why = xasprintf("feeds[%zu]: %s", i, text);
	return -EINVAL;
}

static char *
maybe_dup(const json_t *o, const char *name)
{
	const char	*text = json_str(o, name, NULL);

	return text != NULL ? xstrdup(text) : NULL;
}

static int
set_feed(struct threat_intel *t, size_t i, const json_t *o, char **why)
{
	struct intel_source	*s = &t->source[i];
	struct json_err		 e;
	struct url		 u;
	const char		*fixed;
	char			 words[300];
	size_t			 k;

	if (json_check(o, feed_fields, nitems(feed_fields), &e) < 0)
		return bad_feed(why, i, json_err_str(&e, words,
		    sizeof(words)));
	t->n_sources = i + 1;
	s->all = t;
	s->name = maybe_dup(o, "name");
	s->file = maybe_dup(o, "file");
	s->url = maybe_dup(o, "url");
	s->column = maybe_dup(o, "column");
	s->feed = (struct intel_feed){
		.format = intel_format_of(json_str(o, "format", "plain")),
		.kind = intel_kind_of(json_str(o, "kind", "any")),
		.column = s->column,
		.delimiter = json_str(o, "delimiter", ",")[0],
		.confidence = (int)json_int(o, "confidence",
		    DEFAULT_CONFIDENCE),
		.ttl = json_int(o, "ttlHours", 0) * HOUR_S
	};
	for (k = 0; k < i; k++)
		if (strcmp(t->source[k].name, s->name) == 0)
			return bad_feed(why, i, "name: is another feed's");
	if ((s->file == NULL) == (s->url == NULL))
		return bad_feed(why, i, "file or url: one is required");
	if (s->url == NULL)
		return 0;
	if (url_parse(s->url, &u, &fixed) < 0)
		return bad_feed(why, i, fixed);
	s->file = xasprintf("%s/%zu", t->dir, i);
	return 0;
}

static int
by_tls(const struct threat_intel *t)
{
	size_t	i;

	for (i = 0; i < t->n_sources; i++)
		if (t->source[i].url != NULL &&
		    strncmp(t->source[i].url, "https:", 6) == 0)
			return 1;
	return 0;
}

static int
configure(struct threat_intel *t, const json_t *config, char **why)
{
	const json_t	*feeds = json_object_get(config, "feeds");
	struct json_err	 e;
	char		 words[300];
	size_t		 i;
	int		 rc = json_check(config, fields, nitems(fields), &e);

	if (rc < 0) {
		*why = xstrdup(json_err_str(&e, words, sizeof(words)));
		return rc;
	}
	t->least = (int)json_int(config, "minConfidence", DEFAULT_CONFIDENCE);
	t->refresh_ms = json_int(config, "refreshMinutes", 60) * 60 * 1000;
	t->warninglists = json_incref(json_object_get(config,
	    "warninglists"));
	for (i = 0; rc == 0 && i < json_array_size(feeds); i++)
		rc = set_feed(t, i, json_array_get(feeds, i), why);
	if (rc == 0 && by_tls(t))
		rc = tls_client(&t->tls, json_str(config, "caFile", NULL),
		    NULL, 1, why);
	return rc;
}

/* -- life -- */

/* What cannot be blocked is told, and alerts go on: 0, or -EINVAL for what
 * the configuration has wrong. */
static int
start_blocking(struct threat_intel *t, const json_t *config, char **why)
{
	int	rc;

	t->block_confidence = (int)json_int(config, "blockConfidence",
	    BLOCK_CONFIDENCE);
	if (!json_bool(config, "block", 0))
		return 0;
	rc = intel_block_start(t, json_str(config, "blockCgroup", NULL),
	    json_object_get(config, "management"), why);
	if (rc == -EINVAL)
		return rc;
	if (rc == 0)
		rc = intel_guard_start(t, json_object_get(config,
		    "blockMounts"), why);
	if (rc < 0) {
		t->block_fault = xasprintf("block: %s", *why != NULL ? *why :
		    errstr(rc));
		free(*why);
		*why = NULL;
	}
	intel_block_fill(t);
	return 0;
}

static void
on_refresh(uv_timer_t *timer)
{
	intel_refresh(timer->data);
}

static void
release(struct threat_intel *t)
{
	size_t	i;

	for (i = 0; i < t->n_sources; i++) {
		free(t->source[i].name);
		free(t->source[i].file);
		free(t->source[i].url);
		free(t->source[i].column);
		free(t->source[i].fault);
	}
	intel_close(t->t);
	intel_forget(t);
	json_decref(t->warninglists);
	json_decref(t->suppressed);
	tls_free(t->tls);
	free(t->block_fault);
	free(t->path);
	free(t->dir);
	free(t);
}

static int
intel_start(struct module *m, const json_t *config, void **self, char **why)
{
	struct threat_intel	*t = xcalloc(1, sizeof(*t));
	const char		*fixed;
	int			 rc;

	t->m = m;
	t->path = file_join(module_state_dir(m), "indicators");
	t->dir = file_join(module_state_dir(m), "feeds");
	t->suppressed = json_object();
	if ((rc = platform_private_dir(t->dir)) < 0)
		*why = xasprintf("%s: %s", t->dir, errstr(rc));
	else
		rc = configure(t, config, why);
	if (rc < 0) {
		release(t);
		return rc;
	}
	/* the last life's serves until the feeds have been read */
	intel_open(&t->t, t->path, &fixed);
	if ((rc = start_blocking(t, config, why)) < 0) {
		release(t);
		return rc;
	}
	uv_timer_init(module_loop(m), &t->refresh);
	t->refresh.data = t;
	uv_timer_start(&t->refresh, on_refresh, FIRST_MS,
	    (uint64_t)t->refresh_ms);
	module_source(m, "events", t->block_fault);
	*self = t;
	return 0;
}

static void
intel_hear(void *self, const json_t *record)
{
	intel_match(self, record, 0);
}

/* -- status and commands -- */

static json_t *
feeds_status(const struct threat_intel *t)
{
	json_t	*a = json_array(), *o;
	size_t	 i;

	for (i = 0; i < t->n_sources; i++) {
		const struct intel_source	*s = &t->source[i];

		o = json_pack("{ss ss sI sI sI}", "name", s->name, "format",
		    intel_format_word(s->feed.format), "taken",
		    (json_int_t)s->count.taken, "refused",
		    (json_int_t)s->count.refused, "passed",
		    (json_int_t)s->count.passed);
		if (s->count.refused > 0)
			json_object_set_new(o, "firstRefused", json_pack(
			    "{sI ss}", "line", (json_int_t)s->count.line,
			    "text", s->count.fault));
		if (s->fault != NULL)
			json_object_set_new(o, "error",
			    json_string(s->fault));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *
intel_status(void *self)
{
	const struct threat_intel	*t = self;
	char				 when[CLOCK_RFC3339_SIZE];
	json_t				*o, *block = json_object();

	o = json_pack("{so sO sI sI sI sI}", "feeds", feeds_status(t),
	    "suppressed", t->suppressed, "indicators", (json_int_t)(t->t !=
	    NULL ? intel_count(t->t, INTEL_ANY) : 0), "lookedUp",
	    (json_int_t)t->looked, "matched", (json_int_t)t->matched,
	    "alerts", (json_int_t)t->alerts);
	intel_block_status(t, block);
	intel_guard_status(t, block);
	if (json_object_size(block) > 0)
		json_object_set(o, "block", block);
	json_decref(block);
	if (t->t != NULL)
		json_object_set_new(o, "made", json_string(clock_rfc3339(
		    intel_made_at(t->t) * 1000, when)));
	return o;
}

static void
answer_find(const struct threat_intel *t, struct module_call *c)
{
	const char		*text = json_str(module_call_args(c), "value",
				    "");
	const char		*word = json_str(module_call_args(c), "kind",
				    "any"), *why;
	enum intel_kind		 kind = intel_kind_of(word);
	struct intel_hit	 hits[INTEL_MAX_HITS];
	struct intel_value	 v;
	char			 fault[128];

	if (kind == INTEL_KINDS)
		module_answer(c, NULL, "kind: is no kind of indicator");
	else if (intel_value_read(&v, kind, text, strlen(text), &why) < 0) {
		snprintf(fault, sizeof(fault), "value: %s", why);
		module_answer(c, NULL, fault);
	} else
		module_answer(c, t->t == NULL ? json_array() :
		    intel_hits_json(hits, intel_find(t->t, &v,
		    clock_wall_ms() / 1000, hits)), NULL);
}

static void
intel_command(void *self, struct module_call *c)
{
	struct threat_intel	*t = self;
	const char		*verb = module_call_verb(c);

	if (strcmp(verb, "find") == 0)
		answer_find(t, c);
	else if (strcmp(verb, "refresh") == 0) {
		intel_refresh(t);
		module_answer(c, NULL, NULL);
	} else if (strcmp(verb, "retro") == 0)
		module_answer(c, json_pack("{sI}", "records",
		    (json_int_t)intel_retro(t)), NULL);
	else
		module_answer(c, NULL,
		    "verb: must be status, find, refresh or retro");
}

const struct module_type module_threat_intel = {
	.name = "threat-intel",
	.about = "indicators from feeds against what the sensors see",
	.memory_mb = 128,	/* a list of hosts in memory while it is read */
	/* to block addresses, and programs */
	.needs = CONFINE_BPF | CONFINE_NET_ADMIN | CONFINE_SYS_ADMIN,
	.confine = CONFINE_TCP,	/* feeds with a URL */
	.start = intel_start,
	.status = intel_status,
	.command = intel_command,
	.hear = intel_hear
};
