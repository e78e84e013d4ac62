/* libbpf, for the sensors. */
#ifdef HAVE_BPF

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "buf.h"
#include "confine.h"
#include "log.h"
#include "sensor_bpf.h"

static char	last[200];

static int
on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char	text[sizeof(last)];
	size_t	n;

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), fmt, ap);
	n = strlen(text);
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	log_debug("bpf", "%s", text);
	if (last[0] == '\0')
		memcpy(last, text, sizeof(last));
	return 0;
}

void
sensor_bpf_begin(void)
{
	last[0] = '\0';
	libbpf_set_print(on_print);
}

char *
sensor_bpf_why(int rc)
{
	if (rc == -EPERM && confine_memlock_counts())
		return xstrdup("this kernel counts eBPF as locked memory"
		    " (RLIMIT_MEMLOCK), and the limit is too low:"
		    " LimitMEMLOCK=infinity in the unit, or ulimit -l"
		    " unlimited, raises it");
	if (rc == -EPERM)
		return xstrdup("CAP_BPF, CAP_PERFMON or CAP_NET_ADMIN is"
		    " missing, or the kernel forbids eBPF");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return xstrdup("the kernel has no BTF"
		    " (/sys/kernel/btf/vmlinux)");
	return xasprintf("%s%s%s", errstr(rc), last[0] != '\0' ? ": " : "",
	    last);
}

void
sensor_ring_read(struct sensor_ring *r)
{
	ring_buffer__consume(r->rb);
}

static void
on_readable(uv_poll_t *p, int status, int events)
{
	(void)events;
	if (status == 0)
		sensor_ring_read(p->data);
}

int
sensor_ring_open(struct sensor_ring *r, uv_loop_t *loop, int map_fd,
    int (*record)(void *arg, void *data, size_t n), void *arg)
{
	int	rc;

	if ((r->rb = ring_buffer__new(map_fd, record, arg, NULL)) == NULL)
		return -errno;
	rc = uv_poll_init(loop, &r->poll, ring_buffer__epoll_fd(r->rb));
	r->poll.data = r;
	if (rc == 0)
		rc = uv_poll_start(&r->poll, UV_READABLE, on_readable);
	return rc;
}

uint64_t
sensor_lost(int map_fd, uint32_t n)
{
	static uint64_t	*room;
	static int	 cpus;
	uint64_t	 sum = 0;
	uint32_t	 i;
	int		 c;

	if (room == NULL) {
		cpus = libbpf_num_possible_cpus();
		room = xcalloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*room));
	}
	for (i = 0; i < n; i++)
		if (bpf_map_lookup_elem(map_fd, &i, room) == 0)
			for (c = 0; c < cpus; c++)
				sum += room[c];
	return sum;
}

#else
typedef int	sensor_bpf_none;	/* no empty file */
#endif
