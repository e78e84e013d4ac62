/* What the sources of network-monitor share. */
#ifndef MUSTER_MOD_NETWORK_MONITOR_H
#define MUSTER_MOD_NETWORK_MONITOR_H

#include "module.h"
#include "network.h"
#include "sensor.h"

struct network_monitor {
	struct module	*m;
	struct limit	*limit;
	const char	*source;	/* "ebpf" "proc" */
	uv_timer_t	 scan, flush;
	void		(*stop)(struct network_monitor *);
	uint64_t	 seen[NETWORK_TYPES], udp, lost;
	uint64_t	 dns, dns_unread;
	int		 hears_dns;
	int64_t		 looked;	/* wall, ms */
	void		*own, *proc;	/* the sources' */
};

struct network_event {
	enum network_type type;
	const char	*protocol;	/* "tcp" "udp" */
	const char	*source;
	int64_t		 t, since;	/* wall, ms; since 0: unknown */
	int		 family;	/* 4 or 6 */
	const uint8_t	*local, *remote;
	int		 local_port, remote_port;
	int		 in;
	int64_t		 pid, uid;	/* 0, -1: unknown */
	const char	*comm;		/* or NULL */
	uint64_t	 cgroup;
	int64_t		 received, sent;	/* -1: unknown */
};
void	network_report(struct network_monitor *, const struct network_event *);
void	network_lost(struct network_monitor *, const char *where, uint64_t);

int	network_by_bpf(struct network_monitor *, char **why);
/* TCP too, where eBPF does not tell of it. */
void	network_by_proc(struct network_monitor *, int tcp);

/* Names, beside whatever source there is. */
int	network_by_dns(struct network_monitor *, char **why);

#endif
