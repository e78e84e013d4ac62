/*
 * Files of releases that nothing names: neither the signed metadata nor, for
 * a patch, a record whose two files it names.  They are few, so the loop does
 * it.  What is younger than the grace stays, since a file comes before the
 * metadata that names it; and without metadata nothing goes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "buildsrv.h"
#include "cleanup_pass.h"
#include "rollout.h"
#include "tufrepo.h"

/* {SHA256:true} of all that is to stay. */
static json_t *
named(const struct pass *p)
{
	json_t	*all = json_object(), *entry;
	json_t	*targets = (json_t *)(uintptr_t)
		    tufrepo_targets(p->server->tufrepo);
	const char *path;

	json_object_foreach(targets, path, entry)
		json_object_set_new(all, release_sha256(entry), json_true());
	return all;
}

static void
on_gone(int rc, const json_t *unused, void *arg)
{
	(void)unused;
	(void)arg;
	if (rc < 0 && rc != -ENOENT)
		log_warn("cleanup", "the record of a patch: %s", errstr(rc));
}

/* "FROM.TO": a patch's record stays while both files are released. */
static void
look_at_patches(struct pass *p, json_t *all)
{
	json_t		*patches = p->server->patches, *v;
	const char	*key;
	void		*next;
	char		*from;

	json_object_foreach_safe(patches, next, key, v) {
		from = xstrndup(key, strcspn(key, "."));
		if (key[strlen(from)] == '.' &&
		    json_is_true(json_object_get(all, from)) &&
		    json_is_true(json_object_get(all, key + strlen(from) +
		    1))) {
			/* no release, so that no patch stands on it */
			if (json_object_get(all, json_str(v, "sha256", "")) ==
			    NULL)
				json_object_set_new(all, json_str(v, "sha256",
				    ""), json_integer(1));
		} else if (!p->dry) {
			store_write(p->server->store, &(struct store_op){
			    STORE_DEL, "patch", key, NULL }, 1, on_gone, NULL);
			json_object_del(patches, key);
		}
		free(from);
	}
}

/* A whole file or one of which parts have come: its hash, in hex. */
static int
is_release(const char *name, char sum[2 * SHA256_SIZE + 1])
{
	size_t	n = strspn(name, "0123456789abcdef");

	if (n != 2 * SHA256_SIZE || (name[n] != '\0' &&
	    strcmp(name + n, ".part") != 0))
		return 0;
	memcpy(sum, name, n);
	sum[n] = '\0';
	return 1;
}

static void
look_at_file(struct pass *p, int dir, const char *name, const json_t *all)
{
	char		sum[2 * SHA256_SIZE + 1];
	struct stat	st;

	if (!is_release(name, sum) || fstatat(dir, name, &st,
	    AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    (name[2 * SHA256_SIZE] == '\0' && json_object_get(all, sum) !=
	    NULL) || (int64_t)st.st_ctim.tv_sec * 1000 > p->now -
	    p->cleanup->orphan_grace - cleanup_clock)
		return;
	if (!p->dry && unlinkat(dir, name, 0) < 0) {
		log_warn("cleanup", "%s: %s", name, errstr(-errno));
		return;
	}
	p->n.files++;
	p->n.bytes += st.st_size;
	pass_note(p, "release", name);
}

void
step_releases(struct pass *p)
{
	json_t		*all = named(p);
	DIR		*d = json_object_size(all) > 0 ?
			    opendir(p->server->release_dir) : NULL;
	struct dirent	*e;

	if (d != NULL) {
		look_at_patches(p, all);
		while ((e = readdir(d)) != NULL)
			look_at_file(p, dirfd(d), e->d_name, all);
		closedir(d);
	}
	json_decref(all);
	pass_next(p, 0);
}
