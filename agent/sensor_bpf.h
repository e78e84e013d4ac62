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

/* A ring, read when the kernel says so and by sensor_ring_read(). */
struct sensor_ring {
	struct ring_buffer *rb;
	uv_poll_t	 poll;
};
/* 0 or -errno. */
int	 sensor_ring_open(struct sensor_ring *, uv_loop_t *, int map_fd,
	    int (*record)(void *arg, void *data, size_t n), void *arg);
void	 sensor_ring_read(struct sensor_ring *);
/* The sum of a per-CPU array's first n counters. */
uint64_t sensor_lost(int map_fd, uint32_t n);

#endif
