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

/* The sum of all counters of all processors. */
static uint64_t
lost_of(const struct sensor_ring *r)
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
	for (i = 0; i < r->lost_slots; i++)
		if (bpf_map_lookup_elem(r->lost_fd, &i, room) == 0)
			for (c = 0; c < cpus; c++)
				sum += room[c];
	return sum;
}

void
sensor_ring_look(struct sensor_ring *r)
{
	uint64_t	now;

	ring_buffer__consume(r->rb);
	now = lost_of(r);
	if (r->lost != NULL)
		r->lost(r->arg, now - r->lost_before);
	r->lost_before = now;
}

static void
on_look(uv_timer_t *t)
{
	sensor_ring_look(t->data);
}

static void
on_readable(uv_poll_t *p, int status, int events)
{
	struct sensor_ring	*r = p->data;

	(void)events;
	if (status == 0)
		ring_buffer__consume(r->rb);
}

int
sensor_ring_open(struct sensor_ring *r, uv_loop_t *loop)
{
	int	rc;

	r->rb = ring_buffer__new(r->ring_fd, r->record, r->arg, NULL);
	if (r->rb == NULL)
		return -errno;
	rc = uv_poll_init(loop, &r->poll, ring_buffer__epoll_fd(r->rb));
	r->poll.data = r;
	if (rc < 0 || (rc = uv_poll_start(&r->poll, UV_READABLE,
	    on_readable)) < 0)
		return rc;
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	return uv_timer_start(&r->timer, on_look, (uint64_t)r->look_ms,
	    (uint64_t)r->look_ms);
}

#else
typedef int	sensor_bpf_none;	/* no empty file */
#endif
