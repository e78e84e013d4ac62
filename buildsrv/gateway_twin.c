/*
 * The same key on two hosts: a copied disk, an image with an identity in it.
 * Each connection of one pushes out the other's, and what they report mixes.
 * It is noticed, and the agent is marked until an operator clears it:
 *
 *  - a boot id comes back after another one was seen: no host boots into an
 *    earlier boot again, so both run;
 *  - another machine id pushes out a connection that was alive;
 *  - of agents that tell neither: three times in ten minutes an address
 *    pushes out a connection of another address that was alive.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "gateway_private.h"
#include "json.h"
#include "log.h"

enum {
	ALIVE_MS	= 45 * 1000,	/* silence in which a link may stand */
	CONTEST_MS	= 10 * 60 * 1000,
	CONTESTS	= 3
};

struct twin {				/* of an agent that told, or fought */
	uint64_t	boots[4];	/* hashes, the present one first */
	char		*machine;
	char		*here, *there;	/* JSON: this host, and the other */
	int64_t		 contested;	/* mono, ms: a live one was pushed out */
	int64_t		 began;		/* of the contests counted */
	int		 contests;
	char		*mark;		/* JSON, or NULL */
};

void
twin_free(struct twin *t)
{
	if (t == NULL)
		return;
	free(t->machine);
	free(t->here);
	free(t->there);
	free(t->mark);
	free(t);
}

static json_t *
note_read(const char *text)
{
	json_t	*o = text != NULL ? json_loads(text, 0, NULL) : NULL;

	return o != NULL ? o : json_object();
}

static void
mark(struct gateway *g, struct gateway_agent *a, const char *why)
{
	struct twin	*t = a->twin;
	json_t		*o;

	if (t->mark != NULL)
		return;
	o = json_pack("{sI ss s[oo]}", "since", (json_int_t)clock_wall_ms(),
	    "why", why, "hosts", note_read(t->there), note_read(t->here));
	t->mark = json_text(o);
	log_warn("gateway", "agent %s: two hosts have its key: %s; marked",
	    a->uid, why);
	agent_keep(g, a, "duplicate", o);
	json_decref(o);
}

/* Whether this boot was the present one before another was. */
static int
boot_returns(struct twin *t, const char *boot)
{
	uint8_t		hash[SHA256_SIZE];
	uint64_t	id;
	size_t		i;
	int		returns = 0;

	crypto_sha256(boot, strlen(boot), hash);
	memcpy(&id, hash, sizeof(id));
	for (i = 0; i < nitems(t->boots) - 1; i++)
		if (t->boots[i] == id) {
			returns = i > 0;
			break;
		}
	memmove(t->boots + 1, t->boots, i * sizeof(t->boots[0]));
	t->boots[0] = id;
	return returns;
}

static int
was_contested(const struct twin *t)
{
	return t->contested > 0 && clock_mono_ms() - t->contested < ALIVE_MS;
}

void
twin_told(struct gateway *g, struct gateway_agent *a, const json_t *info)
{
	const char	*machine = json_str(info, "machine_id", NULL);
	const char	*boot = json_str(info, "boot_id", NULL);
	const char	*why = NULL;
	struct twin	*t = a->twin;
	json_t		*o;

	if (machine == NULL && boot == NULL)
		return;
	if (t == NULL)
		a->twin = t = xcalloc(1, sizeof(*t));
	if (boot != NULL && boot_returns(t, boot))
		why = "an earlier boot of it is back";
	else if (machine != NULL && t->machine != NULL &&
	    strcmp(t->machine, machine) != 0 && was_contested(t))
		why = "another machine pushed it out";
	agent_set(&t->machine, machine);
	o = json_pack("{ss? ss? ss? ss? sI}", "address", a->address, "name",
	    a->name, "machine_id", machine, "boot_id", boot, "seen",
	    (json_int_t)clock_wall_ms());
	free(t->there);
	t->there = t->here;
	t->here = json_text(o);
	json_decref(o);
	if (why != NULL)
		mark(g, a, why);
}

void
twin_replaced(struct gateway *g, struct gateway_agent *a, const char *before,
    const char *now, int64_t last)
{
	int64_t		 mono = clock_mono_ms();
	struct twin	*t = a->twin;

	if (mono - last > ALIVE_MS)
		return;
	if (t == NULL)
		a->twin = t = xcalloc(1, sizeof(*t));
	t->contested = mono;
	if (t->boots[0] != 0 || t->machine != NULL || strcmp(before, now) == 0)
		return;			/* it tells by itself, or is one */
	if (t->contests == 0 || mono - t->began > CONTEST_MS) {
		t->began = mono;
		t->contests = 0;
	}
	if (++t->contests < CONTESTS)
		return;
	free(t->there);
	free(t->here);
	t->there = xasprintf("{\"address\":\"%s\"}", before);
	t->here = xasprintf("{\"address\":\"%s\"}", now);
	mark(g, a, "two addresses push each other out");
}

json_t *
twin_mark(const struct gateway_agent *a)
{
	return a->twin != NULL && a->twin->mark != NULL ?
	    json_loads(a->twin->mark, 0, NULL) : NULL;
}

void
twin_load(struct gateway_agent *a, const json_t *doc)
{
	const json_t	*o = json_object_get(doc, "duplicate");

	if (!json_is_object(o))
		return;
	a->twin = xcalloc(1, sizeof(*a->twin));
	a->twin->mark = json_text(o);
}

int
gateway_clear(struct gateway *g, const char *uid, const char *user)
{
	struct gateway_agent	*a = agent_find_uid(g, uid);

	if (a == NULL || !agent_is_of(a, user))
		return -ENOENT;
	if (a->twin != NULL) {		/* the present host stays known */
		free(a->twin->mark);
		a->twin->mark = NULL;
		memset(a->twin->boots + 1, 0, sizeof(a->twin->boots) -
		    sizeof(a->twin->boots[0]));
		a->twin->contests = 0;
	}
	return 0;
}
