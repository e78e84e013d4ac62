/*
 * The kernel's side of a policy: programs, maps, generations.  All of it
 * outlives this process, and is taken over by the next one.
 */
#ifndef MUSTER_POLICY_KERNEL_H
#define MUSTER_POLICY_KERNEL_H

#include <stdint.h>

#include "policy_compile.h"

struct policy_kernel;

/*
 * Loads the programs; the maps are those pinned in dir, or those of the
 * programs that is attached already (0: none), or new ones, which are pinned
 * where dir is not NULL and a bpf file system is there.  0, or -errno with
 * *why, freed by the caller.
 */
int	policy_kernel_open(struct policy_kernel **, const char *dir,
	    uint32_t attached, char **why);
void	policy_kernel_close(struct policy_kernel *);	/* of this process */
int	policy_kernel_adopted(const struct policy_kernel *);
const char *policy_kernel_unpinned(const struct policy_kernel *);
				/* why it is; NULL: it is pinned */

/* Programs of a direction, and the ring of events. */
int	policy_kernel_program(const struct policy_kernel *,
	    enum policy_dir);
int	policy_kernel_ring(const struct policy_kernel *);

/* What serves; -1 for what there is not. */
struct policy_state {
	int		slot;		/* the steady one: 0 or 1 */
	int		has[2];		/* whether each slot has a generation */
	int64_t		deadline_ns;	/* CLOCK_BOOTTIME; 0: no trial */
};
int	policy_kernel_state(const struct policy_kernel *,
	    struct policy_state *);
int64_t	policy_boot_ns(void);		/* the present */

/* A new generation at the steady place, at once. */
int	policy_kernel_set(struct policy_kernel *, const struct policy_image *,
	    char **why);
/*
 * A new generation beside the steady one, which serves until the deadline,
 * when the kernel by itself goes back, or until one of these two.
 */
int	policy_kernel_try(struct policy_kernel *, const struct policy_image *,
	    int64_t deadline_ns, char **why);
int	policy_kernel_confirm(struct policy_kernel *);
int	policy_kernel_revert(struct policy_kernel *);
/* No policy: everything passes. */
int	policy_kernel_clear(struct policy_kernel *);

/* The generation in a slot, mapped: its head, or NULL where it is not ours
 * to read (an adopted one without CAP_SYS_ADMIN and without pins). */
const struct policy_head *policy_kernel_head(const struct policy_kernel *,
	    int slot);
/* A counter of it, all stripes together. */
struct policy_count policy_head_count(const struct policy_head *,
	    uint32_t slot);

#endif
