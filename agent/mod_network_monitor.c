/*
 * The module network-monitor: TCP connections as they are made and ended,
 * with process and bytes, by eBPF; UDP sockets, and TCP where eBPF is missing,
 * by a look at /proc/net each second.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "confine.h"
#include "json.h"
#include "log.h"
#include "mod_network_monitor.h"

static const char *const	type_names[] = { "connect", "accept", "close",
	"failed" };

static void
add_address(json_t *o, const char *name, const char *port_name, int family,
    const uint8_t *a, int port)
{
	static const uint8_t	mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff };
	char			text[INET6_ADDRSTRLEN];

	if (family == 6 && memcmp(a, mapped, sizeof(mapped)) == 0) {
		family = 4;			/* ::ffff:192.0.2.1 */
		a += sizeof(mapped);
	}
	inet_ntop(family == 6 ? AF_INET6 : AF_INET, a, text, sizeof(text));
	json_object_set_new(o, name, json_string(text));
	json_object_set_new(o, port_name, json_integer(port));
}

static void
add_exe(json_t *o, int64_t pid)
{
	char	link[48], exe[1024];
	ssize_t	n;

	snprintf(link, sizeof(link), "/proc/%lld/exe", (long long)pid);
	if ((n = readlink(link, exe, sizeof(exe) - 1)) <= 0)
		return;
	exe[n] = '\0';
	json_object_set_new(o, "exe", text_json(exe));
}

static void
add_process(json_t *o, const struct network_event *e)
{
	if (e->pid <= 0) {
		json_object_set_new(o, "process", json_string("unknown"));
		return;
	}
	json_object_set_new(o, "pid", json_integer(e->pid));
	if (e->uid >= 0)
		json_object_set_new(o, "uid", json_integer(e->uid));
	if (e->comm != NULL)
		json_object_set_new(o, "comm", text_json(e->comm));
	add_exe(o, e->pid);
	if (e->cgroup != 0)
		json_object_set_new(o, "cgroupId",
		    json_integer((json_int_t)e->cgroup));
}

void
network_report(struct network_monitor *s, const struct network_event *e)
{
	const char	*type = type_names[e->type];
	char		 key[128], text[INET6_ADDRSTRLEN];
	json_t		*o;

	if (strcmp(e->protocol, "udp") == 0)
		s->udp++;
	else
		s->seen[e->type]++;
	inet_ntop(e->family == 6 ? AF_INET6 : AF_INET, e->remote, text,
	    sizeof(text));
	snprintf(key, sizeof(key), "%s %s %s:%d", e->protocol, e->comm !=
	    NULL ? e->comm : "?", text, e->in ? e->local_port :
	    e->remote_port);
	if (!limit_take(s->limit, type, key))
		return;
	o = json_pack("{ss ss ss sI}", "protocol", e->protocol, "direction",
	    e->in ? "in" : "out", "source", e->source, "time",
	    (json_int_t)e->t);
	add_address(o, "localAddress", "localPort", e->family, e->local,
	    e->local_port);
	add_address(o, "remoteAddress", "remotePort", e->family, e->remote,
	    e->remote_port);
	add_process(o, e);
	if (e->received >= 0)
		json_object_set_new(o, "receivedBytes",
		    json_integer(e->received));
	if (e->sent >= 0)
		json_object_set_new(o, "sentBytes", json_integer(e->sent));
	if (e->type == NETWORK_CLOSE && e->since > 0)
		json_object_set_new(o, "milliseconds",
		    json_integer(e->t - e->since));
	module_event(s->m, SPOOL_EVENT, type, o);
}

void
network_lost(struct network_monitor *s, const char *where, uint64_t n)
{
	int64_t	now = clock_wall_ms();

	if (n > 0) {
		s->lost += n;
		module_gap(s->m, "network-monitor", where, s->looked, now, n);
	}
	s->looked = now;
}

/* -- the module -- */

static void
on_flush(uv_timer_t *t)
{
	struct network_monitor	*s = t->data;

	limit_flush(s->limit);
}

static int
network_start(struct module *m, const json_t *config, void **self, char **why)
{
	struct network_monitor	*s = xcalloc(1, sizeof(*s));
	const char		*only = json_str(config, "source", NULL);
	struct buf		 b = BUF_INIT;
	char			*fault = NULL;
	int			 rc = -ECANCELED;

	(void)why;
	s->m = m;
	s->limit = limit_new(m, "network-monitor");
	s->looked = clock_wall_ms();
	uv_timer_init(module_loop(m), &s->scan);
	uv_timer_init(module_loop(m), &s->flush);
	s->scan.data = s->flush.data = s;
	uv_timer_start(&s->flush, on_flush, LIMIT_WINDOW_MS, LIMIT_WINDOW_MS);
	if (only == NULL || strcmp(only, "ebpf") == 0)
		rc = network_by_bpf(s, &fault);
	s->source = rc == 0 ? "ebpf" : "proc";
	network_by_proc(s, rc < 0);
	if (rc < 0)
		buf_printf(&b, "ebpf: %s; connections shorter than a second"
		    " are not seen, nor bytes", fault != NULL ? fault :
		    "not chosen");
	free(fault);
	fault = NULL;
	if (json_bool(config, "dns", 1)) {
		s->hears_dns = network_by_dns(s, &fault) == 0;
		if (!s->hears_dns)
			buf_printf(&b, "%sdns: %s", b.len > 0 ? "; " : "",
			    fault);
		free(fault);
	}
	module_source(m, s->source, b.len > 0 ? b.p : NULL);
	buf_release(&b);
	*self = s;
	return 0;
}

static void
network_stop(void *self)
{
	struct network_monitor	*s = self;

	if (s->stop != NULL)
		s->stop(s);
	limit_flush(s->limit);
}

static json_t *
network_status(void *self)
{
	const struct network_monitor	*s = self;

	return json_pack("{sI sI sI sI sI sI sI sb sI sI}", "connect",
	    (json_int_t)s->seen[NETWORK_CONNECT], "accept",
	    (json_int_t)s->seen[NETWORK_ACCEPT], "close",
	    (json_int_t)s->seen[NETWORK_CLOSE], "failed",
	    (json_int_t)s->seen[NETWORK_FAILED], "udp", (json_int_t)s->udp,
	    "lost", (json_int_t)s->lost, "summarised",
	    (json_int_t)limit_counted(s->limit), "hearsDns", s->hears_dns,
	    "dns", (json_int_t)s->dns, "dnsUnread",
	    (json_int_t)s->dns_unread);
}

const struct module_type module_network_monitor = {
	.name = "network-monitor",
	.about = "TCP connections and UDP sockets, with process and bytes",
	.caps = CONFINE_DAC_READ_SEARCH | CONFINE_SYS_PTRACE,
	.needs = CONFINE_BPF | CONFINE_PERFMON | CONFINE_NET_ADMIN |
	    CONFINE_NET_RAW,
	.confine = CONFINE_PROC,
	.start = network_start,
	.stop = network_stop,
	.status = network_status
};
