/*
 * The Update Framework, the other side: a directory of metadata as a server
 * hands it out (N.ROLE.json, timestamp.json), and new files for it.  The
 * keys are elsewhere: whoever signs is given the bytes.
 */
#ifndef MUSTER_TUF_MAKE_H
#define MUSTER_TUF_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "tuf_impl.h"

struct buf;

/* The newest version of a role's file, 0 where there is none: *version.
 * 0 or -errno. */
int	tuf_repo_newest(const char *dir, const char *role, int64_t *version);
/* The file's name for a role and version, freed by the caller. */
char	*tuf_repo_name(const char *role, int64_t version);
/* One file, by its name; 0 or -errno (-EBADMSG and *f). */
int	tuf_repo_read(const char *dir, const char *name, enum tuf_kind,
	    struct tuf_meta *, struct tuf_failure *f);
int	tuf_repo_write(const char *dir, const char *name, const json_t *file);
/* Names of the delegated roles that have a file: a set. */
json_t	*tuf_repo_roles(const char *dir);

/* {"signed":BODY,"signatures":[]}: takes the body, of which version, expires
 * and x-muster-issued are set. */
json_t	*tuf_new(json_t *body_take, enum tuf_kind, int64_t version,
	    int64_t now, int64_t life);
/* An ed25519 key as metadata has it. */
json_t	*tuf_key(const uint8_t public[32]);
/* The bytes to sign. */
int	tuf_to_sign(const json_t *file, struct buf *);
/* Puts a signature in, in place of an earlier one by that key. */
void	tuf_add_signature(json_t *file, const char *keyid,
	    const uint8_t signature[64]);
/* What the snapshot of dir shall say, and the timestamp of a snapshot: the
 * "meta" member.  Overlay (may be NULL): {NAME: version} of roles to be. */
json_t	*tuf_snapshot_meta(const char *dir, const json_t *overlay);
json_t	*tuf_timestamp_meta(const json_t *snapshot_file);
/* As a file is written: freed by the caller. */
char	*tuf_text(const json_t *file);

#endif
