/*
 * The Update Framework 1.0, the client's side: from a root that is trusted to
 * the hash and length of a file, whatever the server is that hands the
 * metadata out.  Knows no network: it says which file it wants next, and is
 * given that file's bytes.
 *
 *	tuf_open(&t, dir);
 *	tuf_refresh(t, now);			then, for each target,
 *	while ((rc = tuf_step(t, &want)) == TUF_WANTS)
 *		... fetch want.name, at most want.max bytes ...
 *		tuf_give(t, bytes, n);		NULL: the server has no such
 *	if (rc < 0)
 *		... tuf_failure(t) ...
 *	tuf_find(t, "path");			and the same loop again
 *	... tuf_target(t) ...
 *
 * What was accepted is kept in the directory, one file for each role, each
 * replaced as a whole: a process killed anywhere goes on from there.
 */
#ifndef MUSTER_TUF_H
#define MUSTER_TUF_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* Limits, with their reasons. */
enum {
	TUF_MAX_ROOT	= 512 * 1024,	/* those of the reference client: */
	TUF_MAX_TIMESTAMP = 16 * 1024,	/* real repositories' metadata */
	TUF_MAX_SNAPSHOT = 2000 * 1000,	/* stays below them */
	TUF_MAX_TARGETS	= 5000 * 1000,
	TUF_MAX_ROOTS	= 256,		/* new roots in one refresh */
	TUF_MAX_VISITS	= 32,		/* delegated roles in one search */
	TUF_MAX_KEYS	= 1024,		/* keys, or a role's key ids */
	TUF_MAX_SIGNATURES = 1024,
	TUF_MAX_NAME	= 200,		/* bytes of a role's name, as a file's */
	TUF_MAX_PATH	= 1024		/* of a target */
};

/* Why something was refused: each cause its own. */
enum tuf_fault {
	TUF_OK,
	TUF_NO_ROOT,		/* the directory has no root: tuf_trust() */
	TUF_MALFORMED,		/* not the metadata of this specification */
	TUF_WRONG_TYPE,		/* one role's metadata in another's place */
	TUF_WRONG_SIGNATURE,	/* fewer good signatures than the threshold */
	TUF_EXPIRED,
	TUF_ROLLED_BACK,	/* older than what was accepted before */
	TUF_WRONG_VERSION,	/* not the version that was asked for */
	TUF_WRONG_LENGTH,
	TUF_WRONG_HASH,
	TUF_MISSING,		/* the server does not have it */
	TUF_TOO_LARGE,
	TUF_TOO_MANY,		/* new roots */
	TUF_NO_TARGET,		/* nobody who may vouches for such a file */
	TUF_NO_STORE,		/* the directory cannot be read or written */
	TUF_FAULTS
};

struct tuf;

struct tuf_want {
	char	 name[TUF_MAX_NAME + 32]; /* "2.root.json", below the base URL;
					 * ready for a URL */
	size_t	 max;			/* bytes; what is longer is refused */
};

struct tuf_failure {
	enum tuf_fault	 fault;
	char		 text[320];	/* "timestamp: expired 2026-..." */
};

struct tuf_target {
	const char	*path;
	int64_t		 length;
	const json_t	*hashes;	/* {"sha256":HEX,...}: one at least */
	const json_t	*custom;	/* NULL where there is none */
	int		 prefixed;	/* consistent snapshots: its name at
					 * the server begins with "HASH." */
};

/*
 * Makes dir (0700) where it is missing and keeps this root as the one that
 * is trusted; what was accepted before goes.  0 or -errno; -EINVAL for what
 * is no root.  The caller has it from where he trusts: his own binary.
 */
int	tuf_trust(const char *dir, const void *root, size_t n,
	    struct tuf_failure *);
/* Whether dir has a root. */
int	tuf_trusts(const char *dir);

/* Reads nothing yet.  Never fails; frees with tuf_close(). */
struct tuf *tuf_open(const char *dir);
void	tuf_close(struct tuf *);

enum { TUF_WANTS = 1 };

/* Begins a refresh: root, timestamp, snapshot, targets.  now (s since 1970)
 * is the time for all of it, searches too. */
void	tuf_refresh(struct tuf *, int64_t now);
/* Begins the search for a target, behind a refresh that succeeded. */
void	tuf_find(struct tuf *, const char *path);
/* 0 done; TUF_WANTS and *want; or -EBADMSG, tuf_failure() says why. */
int	tuf_step(struct tuf *, struct tuf_want *);
/* The bytes of what was wanted, borrowed; NULL where the server has none. */
void	tuf_give(struct tuf *, const void *, size_t);
const struct tuf_failure *tuf_failure(const struct tuf *);

/* What was found, until the next tuf_find() or tuf_refresh(). */
const struct tuf_target *tuf_target(const struct tuf *);
/* 0; or -EBADMSG where the file at path is not this target, -errno. */
int	tuf_check_file(const struct tuf_target *, const char *path,
	    struct tuf_failure *);
/* The target's name below the base URL, freed by the caller. */
char	*tuf_target_name(const struct tuf_target *);

/* Version and expiry (s since 1970) of a role that was accepted: 0, or
 * -ENOENT.  role: "root", "timestamp", "snapshot", "targets". */
int	tuf_role(const struct tuf *, const char *role, int64_t *version,
	    int64_t *expires);

/* "expired", "rolled_back", ...: one word for logs and reports. */
const char *tuf_fault_name(enum tuf_fault);

#endif
