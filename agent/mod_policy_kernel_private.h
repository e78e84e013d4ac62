/* What the files of the kernel's side share: pins and slots. */
#ifndef MUSTER_MOD_POLICY_KERNEL_PRIVATE_H
#define MUSTER_MOD_POLICY_KERNEL_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "mod_policy_kernel.h"

struct bpf_object;

/* mod_policy_pins.c: dir is where the pins are, NULL where there are none */

/* The directory for pins: made, private, and its own; NULL and why not. */
char	*pins_dir(const char *dir, char **why);
/* 0 or -errno; in place of what has the name already. */
int	pins_put(const char *dir, int fd, const char *name);
int	pins_put_all(const char *dir, struct bpf_object *);	/* its maps */
void	pins_drop(const char *dir, const char *name);
int	pins_find(const char *dir, const char *name);	/* a new fd; -1 */
/*
 * Gives the object the maps of a process before us, pinned or those of the
 * attached program (0: none), before it is loaded.  Whether it has them all;
 * if not, some may have been reused already.
 */
int	pins_adopt(struct bpf_object *, const char *dir, uint32_t attached);

/* mod_policy_slots.c */

struct policy_slots {
	int		 fd;		/* the map of maps, borrowed */
	const char	*dir;		/* of pins, borrowed; NULL: none */
	uint32_t	*words[2];	/* mapped generations; NULL */
	size_t		 bytes[2];
};

/* The image into a slot, in place of what is there: 0, or -errno with *why,
 * freed by the caller. */
int	slots_put(struct policy_slots *, const struct policy_image *,
	    int slot, char **why);
/* Maps the one of a process before us, if we can have it and it is one of
 * these. */
void	slots_adopt(struct policy_slots *, int slot);
void	slots_empty(struct policy_slots *, int slot);
void	slots_forget(struct policy_slots *, int slot);	/* only unmaps it */
void	slots_unpin(struct policy_slots *);
int	slots_has(const struct policy_slots *, int slot);
const struct policy_head *slots_head(const struct policy_slots *, int slot);
/* The same document again, with other invariants: its counts go on. */
void	slots_carry_counts(struct policy_slots *, int from, int to);

#endif
