/*
 * macOS: the sample, by system calls alone.  What only IOKit tells (bytes read
 * and written by disks) stays unknown; there is no pressure as Linux has it,
 * and no wait for disks in the CPU's time.
 */
#include <sys/types.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <sys/time.h>
#include <mach/mach.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/route.h>
#include <errno.h>
#include <libproc.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"
#include "platform.h"

enum {
	MAX_ROUTES	= 64 * 1024,	/* bytes of the interface list: 300 */
	MAX_PIDS	= 16384		/* more processes than kern.maxproc */
};

/* Each call of mach_host_self() would add a reference to the port. */
static mach_port_t
host_port(void)
{
	static mach_port_t	port;

	if (port == MACH_PORT_NULL)
		port = mach_host_self();
	return port;
}

static int
sample_cpu(struct platform_sample *s)
{
	host_cpu_load_info_data_t	c = { 0 };
	mach_msg_type_number_t		n = HOST_CPU_LOAD_INFO_COUNT;
	int				cpus = 0;
	size_t				len = sizeof(cpus);

	if (host_statistics(host_port(), HOST_CPU_LOAD_INFO,
	    (host_info_t)&c, &n) != KERN_SUCCESS)
		return -EIO;
	s->cpu_user = (int64_t)c.cpu_ticks[CPU_STATE_USER] +
	    c.cpu_ticks[CPU_STATE_NICE];
	s->cpu_system = c.cpu_ticks[CPU_STATE_SYSTEM];
	s->cpu_idle = c.cpu_ticks[CPU_STATE_IDLE];
	s->cpu_total = s->cpu_user + s->cpu_system + s->cpu_idle;
	if (sysctlbyname("hw.activecpu", &cpus, &len, NULL, 0) == 0)
		s->cpus = cpus;
	return 0;
}

/* Inactive pages are the file cache: they are given up on demand. */
static void
sample_memory(struct platform_sample *s)
{
	vm_statistics64_data_t	v = { 0 };
	mach_msg_type_number_t	n = HOST_VM_INFO64_COUNT;
	struct xsw_usage	swap;
	uint64_t		total;
	size_t			len = sizeof(total);

	if (sysctlbyname("hw.memsize", &total, &len, NULL, 0) == 0)
		s->mem_total = (int64_t)total;
	if (host_statistics64(host_port(), HOST_VM_INFO64,
	    (host_info64_t)&v, &n) == KERN_SUCCESS)
		s->mem_available = ((int64_t)v.free_count +
		    v.inactive_count) * (int64_t)vm_kernel_page_size;
	len = sizeof(swap);
	if (sysctlbyname("vm.swapusage", &swap, &len, NULL, 0) == 0) {
		s->swap_total = (int64_t)swap.xsu_total;
		s->swap_free = (int64_t)swap.xsu_avail;
	}
}

static void
sample_root_fs(struct platform_sample *s)
{
	struct statfs	f;

	if (statfs("/", &f) < 0)
		return;
	s->disk_total = (int64_t)(f.f_blocks * f.f_bsize);
	s->disk_used = (int64_t)((f.f_blocks - f.f_bfree) * f.f_bsize);
	s->disk_free = (int64_t)(f.f_bavail * f.f_bsize);
}

/* The list with 64-bit counters; getifaddrs has 32 bits, and allocates. */
static void
sample_net(struct platform_sample *s)
{
	static _Alignas(8) char	 list[MAX_ROUTES];
	int			 mib[] = { CTL_NET, PF_ROUTE, 0, 0,
				    NET_RT_IFLIST2, 0 };
	struct if_msghdr2	*m;
	size_t			 n = sizeof(list), at;

	if (sysctl(mib, nitems(mib), list, &n, NULL, 0) < 0)
		return;
	s->net_received = s->net_sent = 0;
	for (at = 0; at + sizeof(struct if_msghdr) <= n;
	    at += m->ifm_msglen) {
		m = (struct if_msghdr2 *)(void *)(list + at);
		if (m->ifm_msglen == 0)
			return;
		if (m->ifm_type != RTM_IFINFO2 ||
		    m->ifm_flags & IFF_LOOPBACK)
			continue;
		s->net_received += (int64_t)m->ifm_data.ifi_ibytes;
		s->net_sent += (int64_t)m->ifm_data.ifi_obytes;
	}
}

static void
sample_times(struct platform_sample *s)
{
	static int	pids[MAX_PIDS];
	struct timeval	boot;
	size_t		len = sizeof(boot);
	int		n;

	if (getloadavg(s->load, 3) < 3)
		s->load[0] = s->load[1] = s->load[2] = -1;
	if (sysctlbyname("kern.boottime", &boot, &len, NULL, 0) == 0)
		s->uptime_s = time(NULL) - boot.tv_sec;
	if ((n = proc_listallpids(pids, sizeof(pids))) > 0)
		s->processes = n;
}

static void
sample_self(struct platform_sample *s)
{
	mach_task_basic_info_data_t	t = { 0 };
	mach_msg_type_number_t		n = MACH_TASK_BASIC_INFO_COUNT;
	struct rusage			r;

	if (task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)&t,
	    &n) == KERN_SUCCESS)
		s->self_rss = (int64_t)t.resident_size;
	if (getrusage(RUSAGE_SELF, &r) == 0)
		s->self_cpu_us = (r.ru_utime.tv_sec + r.ru_stime.tv_sec) *
		    1000000LL + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

int
platform_sample(struct platform_sample *s)
{
	int	rc;

	*s = (struct platform_sample)PLATFORM_SAMPLE_NONE;
	if ((rc = sample_cpu(s)) < 0)
		return rc;
	sample_memory(s);
	sample_root_fs(s);
	sample_net(s);
	sample_times(s);
	sample_self(s);
	return 0;
}
