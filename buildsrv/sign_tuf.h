/* muster-sign tuf: shared by its files. */
#ifndef MUSTER_SIGN_TUF_H
#define MUSTER_SIGN_TUF_H

#include <stdint.h>

#include "settings.h"
#include "tuf_make.h"

struct tuf_work {
	const struct settings	*s;
	const char		*repo;
	int64_t			 now;
};

/* Each is one verb; words are the operands behind the repository. */
int	tuf_init_verb(const struct tuf_work *, char **words, int n);
int	tuf_root_verb(const struct tuf_work *, char **words, int n);
int	tuf_target_verb(const struct tuf_work *, char **words, int n);
int	tuf_delegate_verb(const struct tuf_work *, char **words, int n);
int	tuf_sign_verb(const struct tuf_work *, char **words, int n);
int	tuf_online_verb(const struct tuf_work *, char **words, int n);
int	tuf_show_verb(const struct tuf_work *, char **words, int n);

/* sign_tuf.c */
/* A public key: base64, a file of it, or the directory of a key pair. */
json_t	*tuf_public(const struct tuf_work *, const char *word);
/* The newest file of a role; the end where there is none. */
void	tuf_newest(const struct tuf_work *, const char *role, enum tuf_kind,
	    struct tuf_meta *);
/* Signs with each --key, writes it under its name, prints that. */
void	tuf_finish(const struct tuf_work *, const char *role, json_t *file);
void	tuf_sign_keys(const struct tuf_work *, json_t *file);
/* --days, or the role's own. */
int64_t	tuf_life(const struct tuf_work *, int64_t days);
/* Puts the keys of an option into keys and gives their ids; NULL where the
 * option was not given. */
json_t	*tuf_key_ids(const struct tuf_work *, const char *option,
	    json_t *keys);

#endif
