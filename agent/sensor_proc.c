/* A process as /proc shows it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "sensor.h"

enum { MAX_ARGS = 1023 };

/* At most n - 1 bytes, ended by a NUL; how many, or -errno. */
static ssize_t
read_at(int64_t pid, const char *name, char *out, size_t n)
{
	char	path[64];
	ssize_t	got;
	int	fd;

	snprintf(path, sizeof(path), "/proc/%lld/%s", (long long)pid, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return -errno;
	got = read(fd, out, n - 1);
	if (got < 0)
		got = -errno;
	close(fd);
	out[got > 0 ? got : 0] = '\0';
	return got;
}

/* pid (comm) state ppid ... field 22 is the start. */
static int
read_stat(struct proc_info *p, char *text)
{
	char	*from = strchr(text, '('), *to = strrchr(text, ')'), *at;
	size_t	 n;
	int	 field;

	if (from == NULL || to == NULL || to < from || to[1] != ' ')
		return -EBADMSG;
	n = (size_t)(to - from - 1);
	if (n >= sizeof(p->comm))
		n = sizeof(p->comm) - 1;
	memcpy(p->comm, from + 1, n);
	p->comm[n] = '\0';
	p->state = to[2];
	p->ppid = strtoll(to + 4, &at, 10);
	for (field = 5; field <= 22; field++)
		p->start = strtoull(at, &at, 10);
	return 0;
}

static int64_t
field_of(const char *text, const char *name)
{
	const char	*at = strstr(text, name);

	return at != NULL ? strtoll(at + strlen(name), NULL, 10) : -1;
}

int
proc_info(int64_t pid, struct proc_info *p)
{
	char	text[2048], link[64];
	char	*end;
	ssize_t	n;

	memset(p, 0, sizeof(*p));
	p->pid = pid;
	p->ppid = p->uid = p->loginuid = -1;
	if (read_at(pid, "stat", text, sizeof(text)) <= 0 ||
	    read_stat(p, text) < 0)
		return -ESRCH;
	if (read_at(pid, "status", text, sizeof(text)) > 0)
		p->uid = field_of(text, "\nUid:");
	if (read_at(pid, "loginuid", text, sizeof(text)) > 0)
		p->loginuid = strtoll(text, NULL, 10);
	if (p->loginuid == UINT32_MAX)
		p->loginuid = -1;
	snprintf(link, sizeof(link), "/proc/%lld/exe", (long long)pid);
	if ((n = readlink(link, p->exe, sizeof(p->exe) - 1)) > 0)
		p->exe[n] = '\0';
	/* version 2's line, the last: "0::/path" */
	if (read_at(pid, "cgroup", text, sizeof(text)) > 0 &&
	    (end = strstr(text, "0::")) != NULL)
		snprintf(p->cgroup, sizeof(p->cgroup), "%.*s",
		    (int)strcspn(end + 3, "\n"), end + 3);
	return 0;
}

json_t *
text_json(const char *s)
{
	json_t	*o = json_string(s);
	char	*copy;
	size_t	 i;

	if (o != NULL)
		return o;
	copy = xstrdup(s);
	for (i = 0; copy[i] != '\0'; i++)
		if ((unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	o = json_string(copy);
	free(copy);
	return o;
}

json_t *
proc_split_args(const char *p, size_t n)
{
	json_t		*list = json_array();
	const char	*end = p + n;

	while (p < end) {
		size_t	len = strnlen(p, (size_t)(end - p));
		char	*one = xstrndup(p, len);

		json_array_append_new(list, text_json(one));
		free(one);
		p += len + 1;
	}
	return list;
}

json_t *
proc_args(int64_t pid, int *cut)
{
	char	text[MAX_ARGS + 2];
	ssize_t	n = read_at(pid, "cmdline", text, sizeof(text));

	if (n <= 0)
		return NULL;
	*cut = n > MAX_ARGS;
	return proc_split_args(text, (size_t)n);
}

int64_t
wall_of_boot_ns(uint64_t ns)
{
	struct timespec	t;
	int64_t		now_ns;

	clock_gettime(CLOCK_BOOTTIME, &t);
	now_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	return clock_wall_ms() - (now_ns - (int64_t)ns) / 1000000;
}
