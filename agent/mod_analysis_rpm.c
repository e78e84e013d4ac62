/*
 * Packages of rpm, asked of rpm(8) itself: its database has had three formats,
 * and the tool knows the one that it has.
 *
 * A confined module starts no program, so a helper is forked before that.  It
 * takes one byte and answers with what the one command prints, its length
 * first, and ends with the module.  It is asked nothing else.
 */
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "mod_analysis.h"
#include "sensor.h"

enum {
	MAX_FDS	= 1024,
	WAIT_S	= 10,			/* three pings are fifteen */
	FIELDS	= 7
};

static char	format[] = "%{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t"
	    "%{ARCH}\t%{SOURCERPM}\t%{GROUP}\n";

/* -- the helper -- */

/* Not by fork(): libuv has a handler there that closes descriptors by their
 * numbers of before, which are others' here. */
static void
run(const char *rpm, struct buf *out)
{
	char	 query[] = "-qa", qf[] = "--qf", *path = xstrdup(rpm), c[8192];
	char	*argv[] = { path, query, qf, format, NULL };
	char	 lc[] = "LC_ALL=C", where[] = "PATH=/usr/bin:/bin";
	char	*env[] = { lc, where, NULL };
	posix_spawn_file_actions_t actions;
	int	 fds[2];
	ssize_t	 n;
	pid_t	 pid = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	if (posix_spawn(&pid, path, &actions, NULL, argv, env) != 0)
		pid = 0;
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	while (pid > 0 && (n = read(fds[0], c, sizeof(c))) > 0 &&
	    out->len + (size_t)n <= GRAPH_MAX_TEXT)
		buf_add(out, c, (size_t)n);
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	free(path);
}

static int
put_all(int fd, const void *p, size_t n)
{
	const char	*at = p;
	ssize_t		 got;

	for (; n > 0; at += got, n -= (size_t)got)
		if ((got = send(fd, at, n, MSG_NOSIGNAL)) <= 0)
			return -1;
	return 0;
}

/* It holds nothing of the module's: the channel's end must be heard. */
static _Noreturn void
serve(const char *rpm, int sock)
{
	struct buf	b = BUF_INIT;
	uint32_t	n;
	char		c;
	int		fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "m-rpm");
	for (fd = 0; fd < MAX_FDS; fd++)
		if (fd != sock)
			close(fd);
	for (fd = 0; fd <= STDERR_FILENO; fd++)
		if (open("/dev/null", O_RDWR) < 0)
			_exit(1);
	while (read(sock, &c, 1) == 1) {
		buf_clear(&b);
		run(rpm, &b);
		n = (uint32_t)b.len;
		if (put_all(sock, &n, sizeof(n)) < 0 ||
		    put_all(sock, buf_str(&b), n) < 0)
			break;
	}
	_exit(0);
}

int
rpm_start(const char *rpm)
{
	struct timeval	wait = { .tv_sec = WAIT_S };
	int		fds[2];
	pid_t		pid;

	if (access(rpm, X_OK) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	if ((pid = fork()) == 0)
		serve(rpm, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return -EAGAIN;
	}
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fds[0];
}

/* -- what it says -- */

static void
take_line(json_t *list, char *line)
{
	char	*f[FIELDS], *version;
	int	 n;

	for (n = 0; n < FIELDS && line != NULL; n++)
		f[n] = strsep(&line, "\t");
	if (n < FIELDS || *f[0] == '\0')
		return;
	version = strcmp(f[1], "0") == 0 || strcmp(f[1], "(none)") == 0 ?
	    xasprintf("%s-%s", f[2], f[3]) :
	    xasprintf("%s:%s-%s", f[1], f[2], f[3]);
	json_array_append_new(list, json_pack("{so so so so so ss}",
	    "architecture", text_json(f[4]), "name", text_json(f[0]),
	    "section", text_json(f[6]), "source", text_json(strcmp(f[5],
	    "(none)") == 0 ? f[0] : f[5]), "version", text_json(version),
	    "type", "rpm"));
	free(version);
}

json_t *
rpm_list(int fd)
{
	json_t		*list = NULL;
	char		*text = NULL, *line, *next;
	uint32_t	 n;

	if (send(fd, "", 1, MSG_NOSIGNAL) != 1 ||
	    recv(fd, &n, sizeof(n), MSG_WAITALL) != sizeof(n) ||
	    n > GRAPH_MAX_TEXT)
		return NULL;
	text = xmalloc((size_t)n + 1);
	if (n > 0 && recv(fd, text, n, MSG_WAITALL) == (ssize_t)n) {
		text[n] = '\0';
		list = json_array();
		for (line = strtok_r(text, "\n", &next); line != NULL;
		    line = strtok_r(NULL, "\n", &next))
			take_line(list, line);
	}
	free(text);
	return list;
}
