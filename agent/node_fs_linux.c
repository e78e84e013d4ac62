/*
 * The mounted file systems, asked by statvfs(3).  Those behind a network or a
 * process of a user's are left out: a server that does not answer would have
 * the whole agent wait.  So are the kernel's own, as node_exporter does.
 */
#include <sys/statvfs.h>

#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "log.h"
#include "node.h"
#include "node_private.h"

enum { MAX_MOUNTS = 256 };	/* further ones are left out */

static struct mounted {
	char		labels[NODE_LABELS];
	uint64_t	v[5];		/* in the order of the families */
	int		readonly, failed;
} mounts[MAX_MOUNTS];

static const struct {
	const char	*name, *help;
} families[] = {
	{ "node_filesystem_size_bytes", "Its size." },
	{ "node_filesystem_free_bytes", "Free, with what is kept for root." },
	{ "node_filesystem_avail_bytes", "Free for everybody." },
	{ "node_filesystem_files", "Files that it can hold." },
	{ "node_filesystem_files_free", "Of these, not there yet." },
};

static int
is_one_of(const char *what, const char *const *list, size_t n)
{
	while (n-- > 0)
		if (strcmp(what, list[n]) == 0)
			return 1;
	return 0;
}

static int
type_is_wanted(const char *type)
{
	static const char *const not[] = {
		"autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2",
		"configfs", "debugfs", "devpts", "devtmpfs", "fusectl",
		"hugetlbfs", "iso9660", "mqueue", "nsfs", "overlay", "proc",
		"procfs", "pstore", "rpc_pipefs", "securityfs", "selinuxfs",
		"squashfs", "sysfs", "tracefs",
		/* behind something that may not answer */
		"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "9p", "afs",
		"ceph", "coda", "glusterfs", "gfs2", "lustre", "ocfs2",
		"beegfs", "virtiofs"
	};

	return strncmp(type, "fuse", 4) != 0 &&
	    !is_one_of(type, not, nitems(not));
}

static int
place_is_wanted(const char *path)
{
	static const char *const below[] = { "/dev", "/proc", "/sys" };
	static const char *const inside[] = { "/run/credentials/",
		"/var/lib/docker/", "/var/lib/containers/storage/" };
	size_t			 i, n;

	for (i = 0; i < nitems(below); i++) {
		n = strlen(below[i]);
		if (strncmp(path, below[i], n) == 0 && (path[n] == '\0' ||
		    path[n] == '/'))
			return 0;
	}
	for (i = 0; i < nitems(inside); i++)
		if (strncmp(path, inside[i], strlen(inside[i])) == 0)
			return 0;
	return 1;
}

/* Spaces and such stand as \040: in place. */
static void
unescape(char *p)
{
	char	*to = p;

	for (; *p != '\0'; p++)
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' &&
		    p[2] >= '0' && p[2] <= '7' && p[3] >= '0' && p[3] <= '7')
		{
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 |
			    (p[3] - '0'));
			p += 3;
		} else
			*to++ = *p;
	*to = '\0';
}

static int
is_there(const char *labels, size_t n)
{
	while (n-- > 0)
		if (strcmp(mounts[n].labels, labels) == 0)
			return 1;
	return 0;
}

static void
ask(struct mounted *m, const char *path)
{
	struct statvfs	s;

	m->failed = statvfs(path, &s) < 0;
	if (m->failed)
		return;
	m->v[0] = (uint64_t)s.f_blocks * s.f_frsize;
	m->v[1] = (uint64_t)s.f_bfree * s.f_frsize;
	m->v[2] = (uint64_t)s.f_bavail * s.f_frsize;
	m->v[3] = s.f_files;
	m->v[4] = s.f_ffree;
	m->readonly = (s.f_flag & ST_RDONLY) != 0;
}

/* "device place type options 0 0": 1 where it is a row now, 0 where it is
 * not to be one, -1 where it did not fit. */
static int
add_mount(char *line, size_t n)
{
	struct mounted	*m;
	char		*next, *device, *path, *type;

	device = strtok_r(line, " ", &next);
	path = strtok_r(NULL, " ", &next);
	type = strtok_r(NULL, " ", &next);
	if (type == NULL || !type_is_wanted(type) || !place_is_wanted(path))
		return 0;
	if (n == MAX_MOUNTS)
		return -1;
	unescape(device);
	unescape(path);
	m = &mounts[n];
	m->labels[0] = '\0';
	if (node_label(m->labels, NODE_LABELS, "device", device) < 0 ||
	    node_label(m->labels, NODE_LABELS, "fstype", type) < 0 ||
	    node_label(m->labels, NODE_LABELS, "mountpoint", path) < 0 ||
	    node_labels_end(m->labels, NODE_LABELS) < 0)
		return -1;
	if (is_there(m->labels, n))
		return 0;		/* mounted over itself */
	ask(m, path);
	return 1;
}

static void
put_mounts(struct buf *b, size_t n)
{
	static const char	readonly[] = "node_filesystem_readonly";
	static const char	failed[] = "node_filesystem_device_error";
	size_t			i, k;

	for (k = 0; k < nitems(families); k++) {
		node_family(b, families[k].name, "gauge", families[k].help);
		for (i = 0; i < n; i++)
			if (!mounts[i].failed)
				node_value(b, families[k].name,
				    mounts[i].labels, mounts[i].v[k], 1);
	}
	node_family(b, readonly, "gauge", "Whether it is read-only.");
	for (i = 0; i < n; i++)
		if (!mounts[i].failed)
			node_value(b, readonly, mounts[i].labels,
			    (uint64_t)mounts[i].readonly, 1);
	node_family(b, failed, "gauge", "Whether it could not be asked.");
	for (i = 0; i < n; i++)
		node_value(b, failed, mounts[i].labels,
		    (uint64_t)mounts[i].failed, 1);
}

void
node_filesystems(struct buf *b, uint64_t *left_out)
{
	static struct node_file	f = { "/proc/self/mounts", 0 };
	char			*text = node_read(&f), *line;
	size_t			n = 0;
	int			got;

	while (text != NULL && (line = node_line(&text)) != NULL) {
		if ((got = add_mount(line, n)) < 0)
			++*left_out;
		else
			n += (size_t)got;
	}
	put_mounts(b, n);
}
