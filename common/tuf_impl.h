/* Shared by tuf*.c, and by who makes metadata (muster-sign, the server). */
#ifndef MUSTER_TUF_IMPL_H
#define MUSTER_TUF_IMPL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "tuf.h"

struct buf;

enum tuf_kind { TUF_ROOT, TUF_TIMESTAMP, TUF_SNAPSHOT, TUF_TARGETS };

/* One file that was read: of the right form, not yet of the right people. */
struct tuf_meta {
	json_t		*doc;		/* owned; NULL: none */
	json_t		*body;		/* its "signed" */
	int64_t		 version, expires;
};

/* Sets the failure, the first one alone; -EBADMSG, for `return tuf_refuse()`. */
int	tuf_refuse(struct tuf_failure *, enum tuf_fault, const char *, ...)
#ifdef __GNUC__
	    __attribute__((format(printf, 3, 4)))
#endif
	    ;

/* tuf_meta.c */
/* "root", "timestamp", ...: the kind's own name, which "_type" must be. */
const char *tuf_kind_name(enum tuf_kind);
/*
 * Reads one file.  name is the role's, for words.  0, or -EBADMSG: malformed,
 * or of another type.
 */
int	tuf_meta_read(struct tuf_meta *, enum tuf_kind, const char *name,
	    const void *, size_t, struct tuf_failure *);
void	tuf_meta_release(struct tuf_meta *);
/* A role of a root: {"keyids":[..],"threshold":n}, borrowed. */
json_t	*tuf_role_of(const struct tuf_meta *root, const char *role);

/* tuf_key.c */
/* How many different keys of the role have signed the file's body. */
size_t	tuf_signatures(const struct tuf_meta *, const json_t *keys,
	    const json_t *role);
/* Whether as many did as the role's threshold asks: 0 or -EBADMSG. */
int	tuf_verify(const struct tuf_meta *, const char *name,
	    const json_t *keys, const json_t *role, struct tuf_failure *);
/* The id of a key: hex SHA-256 of its canonical text; 0 or -EINVAL. */
int	tuf_key_id(const json_t *key, char out[65]);

/* tuf_hash.c */
/* {"length":n,"hashes":{..}} against bytes, or against a file. */
int	tuf_check_bytes(const json_t *meta, const char *name, const void *,
	    size_t, struct tuf_failure *);
int	tuf_check_path(const json_t *hashes, int64_t length, const char *name,
	    const char *path, struct tuf_failure *);

/* tuf_path.c */
/* Whether a delegation's role is for this path. */
int	tuf_delegates(const json_t *role, const char *path);
/* Which of the succinct roles is, freed by the caller. */
char	*tuf_succinct_name(const json_t *succinct, const char *path);
/* A name as one part of a URL or a file's name, but for characters to keep;
 * freed by the caller. */
char	*tuf_quote(const char *name, const char *keep);

/* tuf_store.c: accepted files, by the role's name */
int	tuf_store_read(const char *dir, const char *role, size_t max,
	    struct buf *);
int	tuf_store_write(const char *dir, const char *role, const void *,
	    size_t, struct tuf_failure *);

/* The client: tuf.c has the top-level roles, tuf_find.c the search. */

/* A role that the search has yet to visit. */
struct tuf_visit {
	char		*role;
	json_t		*keys, *by;	/* who may sign it; references */
};

enum tuf_state { TUF_AT_REST, TUF_AT_ROOT, TUF_AT_TIMESTAMP, TUF_AT_SNAPSHOT,
	TUF_AT_TARGETS, TUF_FRESH, TUF_SEARCHING, TUF_FOUND };

struct tuf {
	char			*dir;
	enum tuf_state		 state;
	int64_t			 now;
	int			 roots;		/* new ones in this refresh */
	struct tuf_meta		 root, timestamp, snapshot, targets;
	struct tuf_meta		 old_snapshot;	/* what must not go back */
	struct tuf_want		 want;		/* name "": nothing */
	struct tuf_failure	 failure;

	/* the search */
	char			*path;
	struct tuf_visit	*stack;
	size_t			 depth;
	json_t			*visited;	/* set of names */
	struct tuf_meta		 found_in;
	struct tuf_target	 target;
};

void	tuf_ask(struct tuf *, const char *role, int64_t version, size_t max);
/* A targets role: from the directory where that is what the snapshot names,
 * 0; else 1 and it was asked for; or -EBADMSG. */
int	tuf_targets_load(struct tuf *, struct tuf_meta *, const char *role,
	    const json_t *keys, const json_t *by);
/* What was asked for has come. */
int	tuf_targets_take(struct tuf *, struct tuf_meta *, const char *role,
	    const json_t *keys, const json_t *by, const void *, size_t);
int	tuf_not_expired(struct tuf *, const struct tuf_meta *,
	    const char *name);
void	tuf_search_give(struct tuf *, const void *, size_t);
void	tuf_search_end(struct tuf *);

/* "2030-01-31T00:00:00Z" to seconds since 1970: 0 or -EINVAL. */
int	tuf_time_read(const char *, int64_t *);
char	*tuf_time_text(int64_t, char out[21]);

#endif
