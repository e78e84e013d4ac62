/*
 * The two slots for generations.  A generation is built in a map of its own
 * that nobody sees yet, then put in the slot that does not serve.  The slot
 * that was left is emptied, but not before the kernel has waited for all
 * programs that may still look at it: changing a map of maps waits for them.
 */
#ifdef HAVE_BPF
#include <assert.h>
#include <sys/mman.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "buf.h"
#include "log.h"
#include "mod_policy_kernel_private.h"

enum { INNER_FLAGS = BPF_F_MMAPABLE | 1 << 12 };	/* BPF_F_INNER_MAP */

static const char *
slot_name(int slot)
{
	return slot == 0 ? "generation0" : "generation1";
}

void
slots_forget(struct policy_slots *s, int slot)
{
	if (s->words[slot] != NULL)
		munmap(s->words[slot], s->bytes[slot]);
	s->words[slot] = NULL;
	s->bytes[slot] = 0;
}

void
slots_unpin(struct policy_slots *s)
{
	pins_drop(s->dir, slot_name(0));
	pins_drop(s->dir, slot_name(1));
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

void
slots_adopt(struct policy_slots *s, int slot)
{
	struct bpf_map_info	 i;
	const struct policy_head *h;
	uint32_t		 n = sizeof(i), id = 0, at = (uint32_t)slot;
	int			 fd;

	if (bpf_map_lookup_elem(s->fd, &at, &id) < 0 || id == 0)
		return;
	memset(&i, 0, sizeof(i));
	if ((fd = pins_find(s->dir, slot_name(slot))) < 0)
		fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &i, &n) == 0 && i.id == id &&
	    i.value_size == POLICY_PAGE &&
	    map_words(fd, (size_t)i.max_entries * POLICY_PAGE,
	    &s->words[slot]) == 0) {
		s->bytes[slot] = (size_t)i.max_entries * POLICY_PAGE;
		h = slots_head(s, slot);
		if (h->magic != POLICY_MAGIC)
			slots_forget(s, slot);
	}
	close(fd);
}

int
slots_put(struct policy_slots *s, const struct policy_image *m, int slot,
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
	if (bpf_map_update_elem(s->fd, &at, &fd, BPF_ANY) < 0 ||
	    (rc = pins_put(s->dir, fd, slot_name(slot))) < 0) {
		rc = rc < 0 ? rc : -errno;
		munmap(words, bytes);
		goto out;
	}
	slots_forget(s, slot);
	s->words[slot] = words;
	s->bytes[slot] = bytes;
out:
	if (rc < 0)
		*why = xasprintf("the policy cannot be given to the kernel:"
		    " %s", errstr(rc));
	close(fd);
	return rc;
}

void
slots_empty(struct policy_slots *s, int slot)
{
	uint32_t	at = (uint32_t)slot;

	pins_drop(s->dir, slot_name(slot));
	bpf_map_delete_elem(s->fd, &at);
	slots_forget(s, slot);
}

int
slots_has(const struct policy_slots *s, int slot)
{
	uint32_t	at = (uint32_t)slot, id;

	return bpf_map_lookup_elem(s->fd, &at, &id) == 0;
}

/* -- reading -- */

const struct policy_head *
slots_head(const struct policy_slots *s, int slot)
{
	return (const struct policy_head *)s->words[slot];
}

void
slots_carry_counts(struct policy_slots *s, int from, int to)
{
	const struct policy_head *old = slots_head(s, from);
	const struct policy_head *h = slots_head(s, to);
	struct policy_count	 *c, n;
	uint32_t		  i;

	if (old == NULL || memcmp(old->document, h->document,
	    sizeof(h->document)) != 0 || old->slots != h->slots)
		return;
	c = (struct policy_count *)(s->words[to] + h->counters);
	for (i = 0; i < h->slots; i++) {
		n = policy_head_count(old, i);
		__atomic_fetch_add(&c[i].packets, n.packets, __ATOMIC_RELAXED);
		__atomic_fetch_add(&c[i].bytes, n.bytes, __ATOMIC_RELAXED);
	}
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

#endif
