/*
 * A generation is built in a map of its own that nobody sees yet, then put
 * in the slot that does not serve, then one word of ctl is written: from one
 * packet to the next everything has changed.  The slot that was left is
 * emptied, but not before the kernel has waited for all programs that may
 * still look at it: changing a map of maps waits for them.
 *
 * Pins: programs need none, for the filters hold them; maps are pinned under
 * their names, generations as generation0 and generation1, so that a process
 * without CAP_SYS_ADMIN, which finding by id takes, can take them over.
 */
#ifdef HAVE_BPF
#include <assert.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "policy.skel.h"
#include "mod_policy_kernel.h"

enum {
	BPF_FS		= (int)0xcafe4a11,	/* its statfs number */
	INNER_FLAGS	= BPF_F_MMAPABLE | 1 << 12	/* BPF_F_INNER_MAP */
};

struct policy_kernel {
	struct policy_bpf	*bpf;
	char			*dir;		/* of pins; NULL: none */
	char			*unpinned;
	int			 adopted;
	uint32_t		*words[2];	/* mapped generations */
	size_t			 bytes[2];
};

int64_t
policy_boot_ns(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* -- maps of a process before us -- */

static int
find_pinned(const char *dir, const char *name)
{
	char	*path = file_join(dir, name);
	int	 fd = bpf_obj_get(path);

	free(path);
	return fd;
}

/* By the program that is attached: needs CAP_SYS_ADMIN. */
static int
find_attached(uint32_t program, const char *name)
{
	struct bpf_prog_info	p;
	struct bpf_map_info	m;
	uint32_t		ids[16], n = sizeof(p), i;
	int			fd;

	if (program == 0 || (fd = bpf_prog_get_fd_by_id(program)) < 0)
		return -1;
	memset(&p, 0, sizeof(p));
	p.map_ids = (uint64_t)(uintptr_t)ids;
	p.nr_map_ids = nitems(ids);
	i = bpf_obj_get_info_by_fd(fd, &p, &n) < 0 ? 0 :
	    p.nr_map_ids < nitems(ids) ? p.nr_map_ids : nitems(ids);
	close(fd);
	while (i-- > 0) {
		memset(&m, 0, sizeof(m));
		n = sizeof(m);
		if ((fd = bpf_map_get_fd_by_id(ids[i])) < 0)
			continue;
		/* the kernel's names have 15 bytes */
		if (bpf_obj_get_info_by_fd(fd, &m, &n) == 0 &&
		    strncmp(m.name, name, sizeof(m.name) - 1) == 0)
			return fd;
		close(fd);
	}
	return -1;
}

static int
is_same(int fd, const struct bpf_map *map)
{
	struct bpf_map_info	i;
	uint32_t		n = sizeof(i);

	memset(&i, 0, sizeof(i));
	return bpf_obj_get_info_by_fd(fd, &i, &n) == 0 &&
	    i.type == (uint32_t)bpf_map__type(map) &&
	    i.key_size == bpf_map__key_size(map) &&
	    i.value_size == bpf_map__value_size(map) &&
	    i.max_entries == bpf_map__max_entries(map);
}

/* All four or none: a set of mixed age would not fit together. */
static int
adopt(struct policy_kernel *k, uint32_t attached)
{
	struct bpf_map	*map;
	int		 fd[8], n = 0, i, good = 1;

	bpf_object__for_each_map(map, k->bpf->obj) {
		fd[n] = -1;
		if (k->dir != NULL)
			fd[n] = find_pinned(k->dir, bpf_map__name(map));
		if (fd[n] < 0)
			fd[n] = find_attached(attached, bpf_map__name(map));
		good = good && fd[n] >= 0 && is_same(fd[n], map);
		if (++n == nitems(fd))
			break;
	}
	i = 0;
	bpf_object__for_each_map(map, k->bpf->obj) {
		if (good)
			good = bpf_map__reuse_fd(map, fd[i]) == 0;
		if (fd[i] >= 0)
			close(fd[i]);
		i++;
	}
	return good;
}

/* -- pins -- */

static int
is_bpf_fs(const char *path)
{
	struct statfs	s;

	return statfs(path, &s) == 0 && (int)s.f_type == BPF_FS;
}

/* The directory for pins: made, private, and its own; NULL and why not. */
static char *
pin_dir(const char *dir, char **why)
{
	char		*up = xstrdup(dir), *slash = strrchr(up, '/');
	struct stat	 st;
	int		 rc = 0;

	if (slash != NULL)
		*slash = '\0';
	if (!is_bpf_fs(up) && slash != NULL)
		(void)mkdir(up, 0700);
	if (!is_bpf_fs(up))
		*why = xasprintf("%s is in no bpf file system", dir);
	else if ((mkdir(dir, 0700) < 0 && errno != EEXIST) ||
	    lstat(dir, &st) < 0)
		rc = -errno;
	else if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) != 0)
		rc = -EPERM;
	if (rc < 0)
		*why = xasprintf("%s: %s", dir, errstr(rc));
	free(up);
	return *why == NULL ? xstrdup(dir) : NULL;
}

static int
pin(const struct policy_kernel *k, int fd, const char *name)
{
	char	*path, *fresh;
	int	 rc = 0;

	if (k->dir == NULL)
		return 0;
	path = file_join(k->dir, name);
	fresh = xasprintf("%s_new", path);	/* no dots there */
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) < 0 || rename(fresh, path) < 0)
		rc = -errno;
	free(fresh);
	free(path);
	return rc;
}

static void
unpin(const struct policy_kernel *k, const char *name)
{
	char	*path;

	if (k->dir == NULL)
		return;
	path = file_join(k->dir, name);
	unlink(path);
	free(path);
}

static const char *
slot_name(int slot)
{
	return slot == 0 ? "generation0" : "generation1";
}

/* -- mapped generations -- */

static void
forget(struct policy_kernel *k, int slot)
{
	if (k->words[slot] != NULL)
		munmap(k->words[slot], k->bytes[slot]);
	k->words[slot] = NULL;
	k->bytes[slot] = 0;
}

static int
map_words(int fd, size_t bytes, uint32_t **words)
{
	void	*p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);

	if (p == MAP_FAILED)
		return -errno;
	*words = p;
	return 0;
}

/* Of a process before us, if we can have it and it is one of these. */
static void
map_old(struct policy_kernel *k, int slot)
{
	struct bpf_map_info	 i;
	const struct policy_head *h;
	uint32_t		 n = sizeof(i), id = 0, at = (uint32_t)slot;
	int			 fd = -1;

	if (bpf_map_lookup_elem(bpf_map__fd(k->bpf->maps.policy_slots), &at,
	    &id) < 0 || id == 0)
		return;
	memset(&i, 0, sizeof(i));
	if (k->dir != NULL)
		fd = find_pinned(k->dir, slot_name(slot));
	if (fd < 0)
		fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &i, &n) == 0 && i.id == id &&
	    i.value_size == POLICY_PAGE &&
	    map_words(fd, (size_t)i.max_entries * POLICY_PAGE,
	    &k->words[slot]) == 0) {
		k->bytes[slot] = (size_t)i.max_entries * POLICY_PAGE;
		h = policy_kernel_head(k, slot);
		if (h->magic != POLICY_MAGIC)
			forget(k, slot);
	}
	close(fd);
}

static int
put_image(struct policy_kernel *k, const struct policy_image *m, int slot,
    char **why)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = INNER_FLAGS);
	uint32_t	*words = NULL, at = (uint32_t)slot;
	size_t		 bytes = m->total * 4;
	int		 fd, rc;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "policy_gen", 4, POLICY_PAGE,
	    (uint32_t)(bytes / POLICY_PAGE), &opts);
	if (fd < 0) {
		rc = -errno;
		*why = xasprintf("a map of %zu KB for the policy cannot be"
		    " made: %s", bytes / 1024, errstr(rc));
		return rc;
	}
	if ((rc = map_words(fd, bytes, &words)) < 0)
		goto out;
	assert(words != NULL);
	memcpy(words, m->words, m->n * 4);
	if (bpf_map_update_elem(bpf_map__fd(k->bpf->maps.policy_slots), &at,
	    &fd, BPF_ANY) < 0 || (rc = pin(k, fd, slot_name(slot))) < 0) {
		rc = rc < 0 ? rc : -errno;
		munmap(words, bytes);
		goto out;
	}
	forget(k, slot);
	k->words[slot] = words;
	k->bytes[slot] = bytes;
out:
	if (rc < 0)
		*why = xasprintf("the policy cannot be given to the kernel:"
		    " %s", errstr(rc));
	close(fd);
	return rc;
}

static void
empty_slot(struct policy_kernel *k, int slot)
{
	uint32_t	at = (uint32_t)slot;

	unpin(k, slot_name(slot));
	bpf_map_delete_elem(bpf_map__fd(k->bpf->maps.policy_slots), &at);
	forget(k, slot);
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
	uint32_t	i, id;
	int		rc;

	if ((rc = ctl_get(k, &c)) < 0)
		return rc;
	s->slot = (int)POLICY_CTL_SLOT(c);
	s->deadline_ns = (int64_t)POLICY_CTL_DEADLINE(c);
	for (i = 0; i < 2; i++)
		s->has[i] = bpf_map_lookup_elem(
		    bpf_map__fd(k->bpf->maps.policy_slots), &i, &id) == 0;
	return 0;
}

/* The same document again, with other invariants: its counts go on. */
static void
carry_counts(struct policy_kernel *k, int from, int to)
{
	const struct policy_head *old = policy_kernel_head(k, from);
	const struct policy_head *h = policy_kernel_head(k, to);
	struct policy_count	 *c, n;
	uint32_t		  i;

	if (old == NULL || memcmp(old->document, h->document,
	    sizeof(h->document)) != 0 || old->slots != h->slots)
		return;
	c = (struct policy_count *)(k->words[to] + h->counters);
	for (i = 0; i < h->slots; i++) {
		n = policy_head_count(old, i);
		__atomic_fetch_add(&c[i].packets, n.packets, __ATOMIC_RELAXED);
		__atomic_fetch_add(&c[i].bytes, n.bytes, __ATOMIC_RELAXED);
	}
}

int
policy_kernel_set(struct policy_kernel *k, const struct policy_image *m,
    char **why)
{
	struct policy_state	s;
	int			rc;

	if ((rc = policy_kernel_state(k, &s)) < 0)
		*why = xstrdup(errstr(rc));
	else if ((rc = put_image(k, m, !s.slot, why)) == 0) {
		rc = ctl_set(k, 0, !s.slot);
		carry_counts(k, s.slot, !s.slot);
		empty_slot(k, s.slot);
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
	else if ((rc = put_image(k, m, !s.slot, why)) == 0)
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
		empty_slot(k, s.slot);
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
		empty_slot(k, !s.slot);
	return 0;
}

int
policy_kernel_clear(struct policy_kernel *k)
{
	int	rc = policy_kernel_revert(k);

	empty_slot(k, 0);
	empty_slot(k, 1);
	return rc;
}

/* -- reading -- */

const struct policy_head *
policy_kernel_head(const struct policy_kernel *k, int slot)
{
	return (const struct policy_head *)k->words[slot];
}

struct policy_count
policy_head_count(const struct policy_head *h, uint32_t slot)
{
	const uint32_t			*words = (const uint32_t *)h;
	const struct policy_count	*c;
	struct policy_count		 sum = { 0, 0 };
	uint32_t			 i;

	for (i = 0; i <= h->stripe_mask; i++) {
		c = (const struct policy_count *)(words + h->counters +
		    (i * h->slots + slot) * 4);
		sum.packets += __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
	}
	return sum;
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
pin_all(struct policy_kernel *k)
{
	struct bpf_map	*map;
	int		 rc = 0;

	bpf_object__for_each_map(map, k->bpf->obj)
		if (rc == 0)
			rc = pin(k, bpf_map__fd(map), bpf_map__name(map));
	return rc;
}

static int
load(struct policy_kernel *k, uint32_t attached)
{
	if ((k->bpf = policy_bpf__open()) == NULL)
		return -errno;
	k->adopted = adopt(k, attached);
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
		k->dir = pin_dir(dir, &k->unpinned);
	if ((rc = load(k, attached)) < 0) {
		*why = xasprintf("the kernel does not take the program: %s%s",
		    errstr(rc), rc == -EPERM ? "; it needs CAP_BPF and"
		    " CAP_NET_ADMIN, and before Linux 5.11 a LimitMEMLOCK of"
		    " infinity" : "");
		policy_kernel_close(k);
		return rc;
	}
	if (!k->adopted) {
		unpin(k, slot_name(0));
		unpin(k, slot_name(1));
	}
	if ((rc = pin_all(k)) < 0)
		k->unpinned = xasprintf("%s: %s", k->dir, errstr(rc));
	for (i = 0; i < 2; i++)
		map_old(k, i);
	*out = k;
	return 0;
}

void
policy_kernel_close(struct policy_kernel *k)
{
	forget(k, 0);
	forget(k, 1);
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

#endif
