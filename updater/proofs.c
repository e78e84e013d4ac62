/*
 * What a new agent has to show, as a ladder: each rung is looked at again
 * and again, in order, until all hold or the time is over.  The lock is the
 * first and always asked for; the others can be chosen (--prove).
 *
 * A rung that the old agent could not have climbed either is not asked of
 * the new one: a server out of reach before, a config.json damaged before.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "clock.h"
#include "confjson.h"
#include "file.h"
#include "json.h"
#include "lock.h"
#include "log.h"
#include "updater.h"

struct look {				/* one time up the ladder */
	struct lock_holder	 holder;
	json_t			*status; /* the agent's, or NULL */
	char			 why[200]; /* the rung that does not hold */
};

static int
fails(struct look *l, const char *why)
{
	snprintf(l->why, sizeof(l->why), "%s", why);
	return 0;
}

/* Its loop runs: the record was written again after it took the lock. */
static int
shows_beat(struct update *u, struct look *l)
{
	(void)u;
	return strcmp(l->holder.beat, l->holder.since) != 0 ||
	    fails(l, "its heartbeat does not advance");
}

static int
shows_control(struct update *u, struct look *l)
{
	const char	*version;

	if (l->status == NULL && (l->status = control_status(u)) == NULL)
		return fails(l, "it does not answer on its control pipe");
	version = json_str(l->status, "version", "");
	if (strcmp(version, u->version) == 0)
		return 1;
	snprintf(l->why, sizeof(l->why), "it says on its control pipe that it"
	    " is version %.31s", version);
	return 0;
}

/* Whether config.json was damaged before the update: then the new agent has
 * none to migrate, and may be the cure. */
static int
was_damaged(const struct update *u)
{
	char		 path[UPDATE_MAX_PATH + 16];
	struct json_err	 e;
	int		 rc;
	json_t		*o;

	snprintf(path, sizeof(path), "%s/" CONFJSON_NAME, u->state_dir);
	o = json_read_file(path, CONFJSON_MAX, &e, &rc);
	json_decref(o);
	return o == NULL && rc != -ENOENT;
}

static int
shows_config(struct update *u, struct look *l)
{
	return confjson_is_staged(u->state_dir, u->version) == 1 ||
	    was_damaged(u) || fails(l, "it did not migrate " CONFJSON_NAME);
}

static int
shows_server(struct update *u, struct look *l)
{
	if (!u->reached)
		return 1;
	if (l->status == NULL && (l->status = control_status(u)) == NULL)
		return fails(l, "it does not answer on its control pipe");
	return control_reached(l->status) ||
	    fails(l, "it does not reach its server, which the old one did");
}

static const struct {
	const char	*name;
	int		(*holds)(struct update *, struct look *);
} rungs[] = {
	{ "beat", shows_beat },
	{ "config", shows_config },
	{ "control", shows_control },
	{ "server", shows_server },
};

/* The next name of a list: its length, 0 at the end. */
static size_t
name_at(const char **names)
{
	*names += strspn(*names, ", ");
	return strcspn(*names, ", ");
}

int
proofs_check(const char *names, char bad[32])
{
	size_t	i, n;

	for (; (n = name_at(&names)) > 0; names += n) {
		for (i = 0; i < nitems(rungs); i++)
			if (strlen(rungs[i].name) == n &&
			    strncmp(names, rungs[i].name, n) == 0)
				break;
		if (i == nitems(rungs)) {
			snprintf(bad, 32, "%.*s", (int)n, names);
			return -EINVAL;
		}
	}
	return 0;
}

static int
asks_for(const struct update *u, const char *name)
{
	const char	*at = u->proofs;
	size_t		 n;

	for (; (n = name_at(&at)) > 0; at += n)
		if (strlen(name) == n && strncmp(at, name, n) == 0)
			return 1;
	return 0;
}

int
holder_of(const struct update *u, struct lock_holder *h)
{
	return lock_status(u->lock, h) == 0 && h->held && h->alive;
}

/* 1 when all rungs hold; -EPROTO where waiting cannot help. */
static int
climb(struct update *u, struct look *l)
{
	size_t	i;
	int	good = 1;

	if (!holder_of(u, &l->holder))
		return fails(l, "it did not take its lock");
	if (l->holder.version[0] != '\0' &&
	    strcmp(l->holder.version, u->version) != 0)
		return update_fail(u, -EPROTO, "%s: the agent says it is "
		    "version %s, not %s", u->lock, l->holder.version,
		    u->version);
	for (i = 0; i < nitems(rungs) && good; i++)
		if (asks_for(u, rungs[i].name))
			good = rungs[i].holds(u, l);
	json_decref(l->status);
	l->status = NULL;
	return good;
}

int
proofs_wait(struct update *u, struct lock_holder *h)
{
	int64_t		until = clock_mono_ms() + u->verify_ms;
	struct look	l = { .status = NULL };
	char		text[32];
	int		rc, good;

	for (;;) {
		if ((rc = climb(u, &l)) < 0)
			return rc;
		*h = l.holder;
		if (rc > 0)
			return 0;
		/* One that ends in order may have been a service's starter. */
		if (process_ended(u->new_pid, &good, text, sizeof(text)) &&
		    !good && !holder_of(u, h))
			return update_fail(u, -ECHILD, "the agent ended with "
			    "%s before it was proved: %s", text, l.why);
		if (clock_mono_ms() >= until)
			return update_fail(u, -ETIMEDOUT, "the agent did not "
			    "prove itself in %lld ms: %s",
			    (long long)u->verify_ms, l.why);
		uv_sleep(UPDATE_POLL_MS);
	}
}
