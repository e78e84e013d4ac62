/* What the modules with eBPF programs share; only where HAVE_BPF is. */
#ifndef MUSTER_SENSOR_BPF_H
#define MUSTER_SENSOR_BPF_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct ring_buffer;

/* libbpf's words go to the debug log, the last one is kept. */
void	 sensor_bpf_begin(void);
/* Why a program cannot be had: what libbpf said, or what is missing. */
char	*sensor_bpf_why(int rc);

/*
 * A ring and the counters of what did not fit it, a per-CPU array of so many:
 * read when the kernel says so, and every look_ms.  The fields above the line
 * are the caller's.
 */
struct sensor_ring {
	int		 ring_fd, lost_fd;	/* maps */
	uint32_t	 lost_slots;
	int64_t		 look_ms;
	int		(*record)(void *arg, void *data, size_t n);
	/* After each look: how many were lost since the one before, maybe 0;
	 * may be NULL. */
	void		(*lost)(void *arg, uint64_t n);
	void		*arg;
	/* -- */
	struct ring_buffer *rb;
	uv_poll_t	 poll;
	uv_timer_t	 timer;
	uint64_t	 lost_before;
};
/* 0 or -errno.  It lives as long as the process. */
int	 sensor_ring_open(struct sensor_ring *, uv_loop_t *);
void	 sensor_ring_look(struct sensor_ring *);

#endif
