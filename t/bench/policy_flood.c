/*
 * policy_flood attach FILE INTERFACE: a policy enforced there, without an
 * agent; policy_flood detach INTERFACE.
 * policy_flood send ADDRESS SECONDS: UDP of 64 bytes as fast as it goes;
 * prints what a packet costs of this process's CPU time, in ns.
 */
#include <net/if.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "mod_policy_kernel.h"
#include "mod_policy_tc.h"

static const struct policy_host	host = { .cpus = 2 };

enum { BATCH = 64, SIZE = 64 };

static int
attach(const char *file, const char *name)
{
	struct policy_kernel	*k;
	struct policy_image	 m;
	struct policy_doc	 d;
	struct buf		 text = BUF_INIT;
	unsigned		 i = if_nametoindex(name);
	char			*why;
	int			 made;

	if (file_read(file, POLICY_MAX_TEXT, &text) < 0 ||
	    policy_doc_read(&d, buf_str(&text), text.len, &why) < 0 ||
	    policy_compile(&m, &d, &host, &why) < 0 ||
	    policy_kernel_open(&k, NULL, 0, &why) < 0 ||
	    policy_kernel_set(k, &m, &why) < 0 ||
	    policy_tc_attach((int)i, POLICY_IN, policy_kernel_program(k,
	    POLICY_IN), &made) < 0 ||
	    policy_tc_attach((int)i, POLICY_OUT, policy_kernel_program(k,
	    POLICY_OUT), &made) < 0) {
		fprintf(stderr, "cannot attach\n");
		return EXIT_SYSTEM;
	}
	return 0;
}

static int64_t
cpu_ns(void)
{
	struct rusage	r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000ll +
	    (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000ll;
}

static int
send_all(const char *address, int seconds)
{
	static char		 data[SIZE];
	struct sockaddr_in	 to = { .sin_family = AF_INET,
		.sin_port = htons(9) };
	struct iovec		 v = { data, SIZE };
	struct mmsghdr		 m[BATCH];
	int64_t			 end = clock_mono_ms() + seconds * 1000, cpu;
	long long		 sent = 0;
	int			 fd = socket(AF_INET, SOCK_DGRAM, 0), i, n;

	uv_inet_pton(AF_INET, address, &to.sin_addr);
	memset(m, 0, sizeof(m));
	for (i = 0; i < BATCH; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_name = &to,
			.msg_namelen = sizeof(to), .msg_iov = &v,
			.msg_iovlen = 1 };
	cpu = cpu_ns();
	while (clock_mono_ms() < end)
		if ((n = sendmmsg(fd, m, BATCH, 0)) > 0)
			sent += n;
	printf("%lld\n", (long long)(cpu_ns() - cpu) / (sent > 0 ? sent : 1));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "attach") == 0)
		return attach(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "send") == 0)
		return send_all(argv[2], atoi(argv[3]));
	if (argc == 3 && strcmp(argv[1], "detach") == 0)
		return policy_tc_detach((int)if_nametoindex(argv[2]),
		    POLICY_IN) < 0 || policy_tc_detach((int)if_nametoindex(
		    argv[2]), POLICY_OUT) < 0;
	return EXIT_USAGE;
}
