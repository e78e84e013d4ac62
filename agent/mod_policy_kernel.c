/*
 * The programs, and which generation they go by: that is one word of ctl, so
 * from one packet to the next everything has changed.  It says the slot that
 * serves, and during a trial when it ends by itself.
 */
#ifdef HAVE_BPF
#include <sys/resource.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "buf.h"
#include "log.h"
#include "policy.skel.h"
#include "mod_policy_kernel_private.h"

struct policy_kernel {
	struct policy_bpf	*bpf;
	char			*dir;		/* of pins; NULL: none */
	char			*unpinned;
	int			 adopted;
	struct policy_slots	 slots;
};

int64_t
policy_boot_ns(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* -- ctl -- */

static int
ctl_get(const struct policy_kernel *k, uint64_t *c)
{
	uint32_t	zero = 0;

	return bpf_map_lookup_elem(bpf_map__fd(k->bpf->maps.policy_ctl),
	    &zero, c) < 0 ? -errno : 0;
}

static int
ctl_set(struct policy_kernel *k, int64_t deadline_ns, int slot)
{
	uint64_t	c = POLICY_CTL(deadline_ns, (unsigned)slot);
	uint32_t	zero = 0;

	return bpf_map_update_elem(bpf_map__fd(k->bpf->maps.policy_ctl),
	    &zero, &c, BPF_ANY) < 0 ? -errno : 0;
}

int
policy_kernel_state(const struct policy_kernel *k, struct policy_state *s)
{
	uint64_t	c;
	int		i, rc;

	if ((rc = ctl_get(k, &c)) < 0)
		return rc;
	s->slot = (int)POLICY_CTL_SLOT(c);
	s->deadline_ns = (int64_t)POLICY_CTL_DEADLINE(c);
	for (i = 0; i < 2; i++)
		s->has[i] = slots_has(&k->slots, i);
	return 0;
}

int
policy_kernel_set(struct policy_kernel *k, const struct policy_image *m,
    char **why)
{
	struct policy_state	s;
	int			rc;

	if ((rc = policy_kernel_state(k, &s)) < 0)
		*why = xstrdup(errstr(rc));
	else if ((rc = slots_put(&k->slots, m, !s.slot, why)) == 0) {
		rc = ctl_set(k, 0, !s.slot);
		slots_carry_counts(&k->slots, s.slot, !s.slot);
		slots_empty(&k->slots, s.slot);
	}
	return rc;
}

int
policy_kernel_try(struct policy_kernel *k, const struct policy_image *m,
    int64_t deadline_ns, char **why)
{
	struct policy_state	s;
	int			rc;

	if ((rc = policy_kernel_state(k, &s)) < 0)
		*why = xstrdup(errstr(rc));
	else if ((rc = slots_put(&k->slots, m, !s.slot, why)) == 0)
		rc = ctl_set(k, deadline_ns, s.slot);
	return rc;
}

int
policy_kernel_confirm(struct policy_kernel *k)
{
	struct policy_state	s;
	int			rc;

	if ((rc = policy_kernel_state(k, &s)) < 0)
		return rc;
	if (s.deadline_ns == 0 || !s.has[!s.slot])
		return -ENOENT;
	if ((rc = ctl_set(k, 0, !s.slot)) == 0)
		slots_empty(&k->slots, s.slot);
	return rc;
}

int
policy_kernel_revert(struct policy_kernel *k)
{
	struct policy_state	s;
	int			rc;

	if ((rc = policy_kernel_state(k, &s)) < 0 ||
	    (rc = ctl_set(k, 0, s.slot)) < 0)
		return rc;
	if (s.has[!s.slot])
		slots_empty(&k->slots, !s.slot);
	return 0;
}

int
policy_kernel_clear(struct policy_kernel *k)
{
	int	rc = policy_kernel_revert(k);

	slots_empty(&k->slots, 0);
	slots_empty(&k->slots, 1);
	return rc;
}

/* -- the whole -- */

/* Kernels before 5.11 count maps against RLIMIT_MEMLOCK. */
static void
raise_memlock(void)
{
	struct rlimit	r = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &r) < 0 &&
	    getrlimit(RLIMIT_MEMLOCK, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &r);
	}
}

static int
quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int
load(struct policy_kernel *k, uint32_t attached)
{
	if ((k->bpf = policy_bpf__open()) == NULL)
		return -errno;
	k->adopted = pins_adopt(k->bpf->obj, k->dir, attached);
	if (!k->adopted) {		/* some may have been reused already */
		policy_bpf__destroy(k->bpf);
		if ((k->bpf = policy_bpf__open()) == NULL)
			return -errno;
	}
	return policy_bpf__load(k->bpf);
}

int
policy_kernel_open(struct policy_kernel **out, const char *dir,
    uint32_t attached, char **why)
{
	struct policy_kernel	*k = xcalloc(1, sizeof(*k));
	int			 rc, i;

	*why = NULL;
	raise_memlock();
	libbpf_set_print(quiet);
	if (dir != NULL)
		k->dir = pins_dir(dir, &k->unpinned);
	if ((rc = load(k, attached)) < 0) {
		*why = xasprintf("the kernel does not take the program: %s%s",
		    errstr(rc), rc == -EPERM ? "; it needs CAP_BPF and"
		    " CAP_NET_ADMIN, and before Linux 5.11 a LimitMEMLOCK of"
		    " infinity" : "");
		policy_kernel_close(k);
		return rc;
	}
	k->slots.dir = k->dir;
	k->slots.fd = bpf_map__fd(k->bpf->maps.policy_slots);
	if (!k->adopted)
		slots_unpin(&k->slots);
	if ((rc = pins_put_all(k->dir, k->bpf->obj)) < 0)
		k->unpinned = xasprintf("%s: %s", k->dir, errstr(rc));
	for (i = 0; i < 2; i++)
		slots_adopt(&k->slots, i);
	*out = k;
	return 0;
}

void
policy_kernel_close(struct policy_kernel *k)
{
	slots_forget(&k->slots, 0);
	slots_forget(&k->slots, 1);
	policy_bpf__destroy(k->bpf);
	free(k->dir);
	free(k->unpinned);
	free(k);
}

int
policy_kernel_adopted(const struct policy_kernel *k)
{
	return k->adopted;
}

const char *
policy_kernel_unpinned(const struct policy_kernel *k)
{
	return k->unpinned;
}

int
policy_kernel_program(const struct policy_kernel *k, enum policy_dir dir)
{
	return bpf_program__fd(dir == POLICY_IN ? k->bpf->progs.muster_in :
	    k->bpf->progs.muster_out);
}

int
policy_kernel_ring(const struct policy_kernel *k)
{
	return bpf_map__fd(k->bpf->maps.policy_ring);
}

const struct policy_head *
policy_kernel_head(const struct policy_kernel *k, int slot)
{
	return slots_head(&k->slots, slot);
}

#endif
