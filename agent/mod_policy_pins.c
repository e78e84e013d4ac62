/*
 * Maps that outlive a process: pinned under their names, and found again, by
 * their pins or by the program that is attached.  Programs need no pins, for
 * the filters hold them; pins are so that a process without CAP_SYS_ADMIN,
 * which finding by id takes, can take the maps over.
 */
#ifdef HAVE_BPF
#include <sys/stat.h>
#include <sys/vfs.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "mod_policy_kernel_private.h"

enum { BPF_FS = (int)0xcafe4a11 };	/* its statfs number */

/* -- pins -- */

static int
is_bpf_fs(const char *path)
{
	struct statfs	s;

	return statfs(path, &s) == 0 && (int)s.f_type == BPF_FS;
}

char *
pins_dir(const char *dir, char **why)
{
	char		*up = xstrdup(dir), *slash = strrchr(up, '/');
	struct stat	 st;
	int		 rc = 0;

	if (slash != NULL)
		*slash = '\0';
	if (!is_bpf_fs(up) && slash != NULL)
		(void)mkdir(up, 0700);
	if (!is_bpf_fs(up))
		*why = xasprintf("%s is in no bpf file system", dir);
	else if ((mkdir(dir, 0700) < 0 && errno != EEXIST) ||
	    lstat(dir, &st) < 0)
		rc = -errno;
	else if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) != 0)
		rc = -EPERM;
	if (rc < 0)
		*why = xasprintf("%s: %s", dir, errstr(rc));
	free(up);
	return *why == NULL ? xstrdup(dir) : NULL;
}

int
pins_put(const char *dir, int fd, const char *name)
{
	char	*path, *fresh;
	int	 rc = 0;

	if (dir == NULL)
		return 0;
	path = file_join(dir, name);
	fresh = xasprintf("%s_new", path);	/* no dots there */
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) < 0 || rename(fresh, path) < 0)
		rc = -errno;
	free(fresh);
	free(path);
	return rc;
}

int
pins_put_all(const char *dir, struct bpf_object *o)
{
	struct bpf_map	*map;
	int		 rc = 0;

	bpf_object__for_each_map(map, o)
		if (rc == 0)
			rc = pins_put(dir, bpf_map__fd(map),
			    bpf_map__name(map));
	return rc;
}

void
pins_drop(const char *dir, const char *name)
{
	char	*path;

	if (dir == NULL)
		return;
	path = file_join(dir, name);
	unlink(path);
	free(path);
}

int
pins_find(const char *dir, const char *name)
{
	char	*path;
	int	 fd;

	if (dir == NULL)
		return -1;
	path = file_join(dir, name);
	fd = bpf_obj_get(path);
	free(path);
	return fd;
}

/* -- maps of a process before us -- */

/* By the program that is attached: needs CAP_SYS_ADMIN. */
static int
find_attached(uint32_t program, const char *name)
{
	struct bpf_prog_info	p;
	struct bpf_map_info	m;
	uint32_t		ids[16], n = sizeof(p), i;
	int			fd;

	if (program == 0 || (fd = bpf_prog_get_fd_by_id(program)) < 0)
		return -1;
	memset(&p, 0, sizeof(p));
	p.map_ids = (uint64_t)(uintptr_t)ids;
	p.nr_map_ids = nitems(ids);
	i = bpf_obj_get_info_by_fd(fd, &p, &n) < 0 ? 0 :
	    p.nr_map_ids < nitems(ids) ? p.nr_map_ids : nitems(ids);
	close(fd);
	while (i-- > 0) {
		memset(&m, 0, sizeof(m));
		n = sizeof(m);
		if ((fd = bpf_map_get_fd_by_id(ids[i])) < 0)
			continue;
		/* the kernel's names have 15 bytes */
		if (bpf_obj_get_info_by_fd(fd, &m, &n) == 0 &&
		    strncmp(m.name, name, sizeof(m.name) - 1) == 0)
			return fd;
		close(fd);
	}
	return -1;
}

static int
is_same(int fd, const struct bpf_map *map)
{
	struct bpf_map_info	i;
	uint32_t		n = sizeof(i);

	memset(&i, 0, sizeof(i));
	return bpf_obj_get_info_by_fd(fd, &i, &n) == 0 &&
	    i.type == (uint32_t)bpf_map__type(map) &&
	    i.key_size == bpf_map__key_size(map) &&
	    i.value_size == bpf_map__value_size(map) &&
	    i.max_entries == bpf_map__max_entries(map);
}

/* All four or none: a set of mixed age would not fit together. */
int
pins_adopt(struct bpf_object *o, const char *dir, uint32_t attached)
{
	struct bpf_map	*map;
	int		 fd[8], n = 0, i, good = 1;

	bpf_object__for_each_map(map, o) {
		fd[n] = pins_find(dir, bpf_map__name(map));
		if (fd[n] < 0)
			fd[n] = find_attached(attached, bpf_map__name(map));
		good = good && fd[n] >= 0 && is_same(fd[n], map);
		if (++n == nitems(fd))
			break;
	}
	i = 0;
	bpf_object__for_each_map(map, o) {
		if (i == n)
			return 0;		/* more than fit above */
		if (good)
			good = bpf_map__reuse_fd(map, fd[i]) == 0;
		if (fd[i] >= 0)
			close(fd[i]);
		i++;
	}
	return good;
}

#endif
