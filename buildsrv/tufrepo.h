/*
 * The server's repository of update metadata: files that were signed
 * elsewhere come in, the snapshot and the timestamp are made here and signed
 * by the helper, anew before they expire.
 *
 * Nothing is handed out that a client would refuse: each change is first
 * taken by a client of tuf.h that trusts our oldest root.
 */
#ifndef MUSTER_TUFREPO_H
#define MUSTER_TUFREPO_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct server;
struct tufrepo;

struct tufrepo_role {
	const char	*role;
	int64_t		 version, expires, issued;	/* s; 0: none */
};

/* Reads state/tuf, and begins to watch the clock. */
struct tufrepo *tufrepo_new(struct server *, const char *state_dir,
	    const char *sign_socket);
/* No work is begun any more; done() when none is under way.  Frees. */
void	tufrepo_stop(struct tufrepo *, void (*done)(void *), void *arg);

/*
 * Takes a file (its name "2.root.json", "7.targets.json") into the
 * repository.  done() hears once: 0; -EBADMSG with words for what a client
 * would say; -EEXIST where that version is there; -EBUSY; -ENOENT where a
 * repository must begin with 1.root.json; or -errno.
 */
void	tufrepo_publish(struct tufrepo *, const char *name, const void *,
	    size_t, void (*done)(int rc, const char *why, void *arg),
	    void *arg);
/* The path of a file that is handed out, freed by the caller; NULL. */
char	*tufrepo_path(const struct tufrepo *, const char *name);
/* What the signed metadata lists: {PATH:{"length","hashes","custom"}}. */
const json_t *tufrepo_targets(const struct tufrepo *);
/* The newest root's text, NULL where there is no repository; borrowed. */
const char *tufrepo_root(const struct tufrepo *);
/* The four roles; n is how many have a file. */
const struct tufrepo_role *tufrepo_roles(const struct tufrepo *, size_t *n);
/* Words for what is wrong: a role that is past half of its life; or NULL. */
const char *tufrepo_fault(const struct tufrepo *);

#endif
