/*
 * config.json: what changes at run time, in the state directory.  One JSON
 * object with config_version (of its form) and current_version (of the
 * program that wrote it last); members that nobody knows are kept.
 *
 * An older form is migrated step by step, after a copy of it was kept as
 * config.json.vN.  While an update has yet to prove itself, the new program
 * reads and writes a staged copy, config.json.staged, which the updater
 * commits or discards: what the old program has is not touched until then.
 * A program that meets a form newer than its own goes back to the copy that
 * was kept for it.
 */
#ifndef MUSTER_CONFJSON_H
#define MUSTER_CONFJSON_H

#include <stddef.h>

#include <jansson.h>

#define CONFJSON_NAME	"config.json"

enum {
	CONFJSON_MAX	= 1024 * 1024,	/* bytes; ours has a few KB */
	CONFJSON_MAX_KEY = 64,		/* bytes of a member's name */
	CONFJSON_LOCK_MS = 2000		/* one write to the disk */
};

/* Changes the object from its form to the next; -errno with *why, which the
 * caller frees, where it cannot: then the file stays as it is. */
struct confjson_step {
	int	 from;
	int	(*migrate)(json_t *, char **why);
};

struct confjson_spec {
	int				 version;	/* that we write */
	const struct confjson_step	*steps;
	size_t				 n;
	const char			*current;	/* the program's own */
};

struct confjson;

/*
 * Reads, or begins anew where there is no file; migrates and saves where it
 * must.  Always gives an object.  0, or -errno with *why, freed by the
 * caller: then it holds nothing of the file, which stays as it is, and
 * confjson_save() is refused with -EROFS.  dir and spec's texts are copied.
 */
int	confjson_load(struct confjson **, const char *dir,
	    const struct confjson_spec *, int staged, char **why);
/* What is wrong with the file, or NULL. */
const char *confjson_fault(const struct confjson *);
/* "modules.telemetry.enabled"; borrowed until the next set; NULL: absent. */
const json_t *confjson_get(const struct confjson *, const char *path);
/* Takes the value; NULL removes.  Objects on the way are made.  0, or
 * -EINVAL for a bad path or one that leads through what is no object. */
int	confjson_set(struct confjson *, const char *path, json_t *take);
/* To the disk, old or new at every instant.  0 or -errno. */
int	confjson_save(struct confjson *);
/* Whether somebody else has changed the file: 1, 0, or -errno with *why,
 * freed by the caller, where it is not what can be loaded. */
int	confjson_changed(const struct confjson *, char **why);
void	confjson_free(struct confjson *);

/* The updater's: the staged copy becomes the file, or goes.  None is no
 * error.  0 or -errno. */
int	confjson_commit(const char *dir);
int	confjson_discard(const char *dir);
/* Whether the staged copy is one of this program version: 1, 0 or -errno. */
int	confjson_is_staged(const char *dir, const char *current);

#endif
