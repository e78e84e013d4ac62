/*
 * The networks of threat-intel's indicators, for rules that ask for them.  They
 * are read from the file that it keeps, and again when that is another one or
 * an indicator has expired; what was read last stays when it cannot be read.
 */
#ifdef HAVE_BPF
#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "intel.h"
#include "log.h"
#include "mod_policy_private.h"

/* As many as the blocking at connect(2) takes; with the document's own CIDRs
 * they are a large part of what a generation can hold. */
enum { MAX_INDICATORS = 262144 };
enum { EXPIRE_S = 60 };		/* a file with many is not read each second */

struct policy_indicators {
	char			*path;
	struct policy_indicator	*list;
	size_t			 n, room;
	size_t			 left_out;	/* there was no room for them */
	size_t			 wide;		/* see intel_is_wide() */
	int64_t			 until;		/* the first expires, s; 0:
						 * none does */
	int64_t			 again;		/* when it is read for that */
	uint8_t			 sha256[32];	/* of the list */
	struct stat		 seen;		/* the file that was tried */
	int			 known;		/* some file was read */
	char			*fault;		/* of the last one, or NULL */
};

struct policy_indicators *
policy_indicators_new(const char *state_dir)
{
	struct policy_indicators	*x = xcalloc(1, sizeof(*x));

	x->again = INT64_MAX;
	x->path = file_join(state_dir, "indicators");
	return x;
}

static void
read_value(struct policy_cidr *c, const struct intel_value *v)
{
	memset(c, 0, sizeof(*c));
	c->v6 = !intel_is_ipv4(v);
	c->len = c->v6 ? v->prefix : (uint8_t)(v->prefix - 96);
	if (c->v6)
		memcpy(c->addr, v->data, 16);
	else
		memcpy(c->addr, v->data + 12, 4);
}

static int
take(const struct intel_hit *h, void *arg)
{
	struct policy_indicators	*x = arg;

	if (h->value.kind != INTEL_IP)
		return 0;
	if (h->until != 0 && (x->until == 0 || h->until < x->until))
		x->until = h->until;
	if (intel_is_wide(&h->value)) {
		x->wide++;
		return 0;
	}
	if (x->n == MAX_INDICATORS) {
		x->left_out++;
		return 0;
	}
	if (x->n == x->room) {
		x->room = x->room * 2 + 256;
		x->list = xrealloc(x->list, x->room * sizeof(*x->list));
	}
	read_value(&x->list[x->n].cidr, &h->value);
	x->list[x->n++].confidence = (uint8_t)h->confidence;
	return 0;
}

static void
set_fault(struct policy_indicators *x, char *fault)
{
	if (fault != NULL && (x->fault == NULL ||
	    strcmp(fault, x->fault) != 0))
		log_warn("policy", "indicators: %s", fault);
	free(x->fault);
	x->fault = fault;
}

/* Whether the list is another one by now. */
static int
load(struct policy_indicators *x, int64_t now)
{
	struct intel	*t;
	const char	*why;
	uint8_t		 sha[32];
	int		 rc;

	if ((rc = intel_open(&t, x->path, &why)) < 0) {
		set_fault(x, xasprintf("%s: %s", x->path, rc == -EINVAL ?
		    why : errstr(rc)));
		return 0;
	}
	set_fault(x, NULL);
	x->n = x->left_out = x->wide = 0;
	x->until = 0;
	intel_each(t, now, take, x);
	intel_close(t);
	x->known = 1;
	x->again = x->until == 0 ? INT64_MAX : x->until < now + EXPIRE_S ?
	    now + EXPIRE_S : x->until;
	memcpy(sha, x->sha256, sizeof(sha));
	crypto_sha256(x->list, x->n * sizeof(*x->list), x->sha256);
	return memcmp(sha, x->sha256, sizeof(sha)) != 0;
}

static int
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int
policy_indicators_look(struct policy_indicators *x)
{
	int64_t		now = clock_wall_ms() / 1000;
	struct stat	st;

	if (stat(x->path, &st) < 0) {
		set_fault(x, xasprintf("%s: %s", x->path, errno == ENOENT ?
		    "is not there; the module threat-intel makes it" :
		    errstr(-errno)));
		memset(&x->seen, 0, sizeof(x->seen));
		return 0;
	}
	if (is_same(&st, &x->seen) && now < x->again)
		return 0;
	x->seen = st;
	return load(x, now);
}

const struct policy_indicator *
policy_indicators_list(const struct policy_indicators *x, size_t *n)
{
	*n = x->n;
	return x->list;
}

int
policy_indicators_known(const struct policy_indicators *x)
{
	return x->known;
}

const uint8_t *
policy_indicators_hash(const struct policy_indicators *x)
{
	return x->sha256;
}

json_t *
policy_indicators_show(const struct policy_indicators *x)
{
	json_t	*o = json_pack("{sI sI sI}", "networks", (json_int_t)x->n,
	    "leftOut", (json_int_t)x->left_out, "tooWide",
	    (json_int_t)x->wide);

	if (x->fault != NULL)
		json_object_set_new(o, "fault", json_string(x->fault));
	return o;
}

#endif
