/* The self-test ends, whoever else connects and whatever never answers. */
#include <sys/socket.h>
#include <sys/wait.h>
#include <errno.h>
#include <unistd.h>

#include "../../agent/stamped.c"
#include "../../agent/telemetry.c"
#include "../../agent/selftest.c"

#include <uv.h>

#include "crypto.h"
#include "tap.h"

static int	strangers;	/* that are at its port before its client */
static int	stranger[16];

static int
listen_and_be_visited(uv_stream_t *s, uv_connection_cb on_connection)
{
	struct sockaddr_storage	at;
	int			i, n = sizeof(at), rc;

	if ((rc = uv_listen(s, 16, on_connection)) < 0)
		return rc;
	uv_tcp_getsockname((uv_tcp_t *)s, (struct sockaddr *)&at, &n);
	for (i = 0; i < strangers; i++) {
		stranger[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(stranger[i], (struct sockaddr *)&at,
		    (socklen_t)n) < 0 || write(stranger[i], "who?", 4) != 4)
			return -errno;
	}
	return 0;
}

#define uv_listen(s, backlog, cb)	listen_and_be_visited(s, cb)
#include "../../agent/selftest_loop.c"
#undef uv_listen

const char *
selftest_hashes(void)
{
	return NULL;
}

const char *
selftest_ed25519(void)
{
	return NULL;
}

const char *
selftest_x25519(void)
{
	return "it is another curve";
}

const char *
selftest_chacha(void)
{
	return NULL;
}

static const char *
tcp_among(int n)
{
	const char	*why;
	int		 i;

	strangers = n;
	why = selftest_tcp();
	for (i = 0; i < n; i++)
		close(stranger[i]);
	return why;
}

static void
test_tcp(void)
{
	ok("alone", tcp_among(0) == NULL);
	ok("after a stranger", tcp_among(1) == NULL);
	ok("after several", tcp_among(MAX_PEERS - 1) == NULL);
	is_str("no room for it", tcp_among(MAX_PEERS), "no answer in time");
}

static const char *
check_for_ever(void)
{
	while (pause() < 0)
		continue;
	return NULL;
}

/* What a process of its own says and how it ends. */
static int
said(int (*run)(void), char *text, size_t n)
{
	ssize_t	got;
	pid_t	pid;
	int	fd[2], status;

	if (pipe(fd) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		dup2(fd[1], STDOUT_FILENO);
		_exit(run() + fflush(stdout));
	}
	close(fd[1]);
	waitpid(pid, &status, 0);
	got = read(fd[0], text, n - 1);
	text[got > 0 ? got : 0] = '\0';
	close(fd[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
run_for_ever(void)
{
	check_one("patience", check_for_ever, 1);
	return EXIT_YES;
}

static void
test_ends(void)
{
	char	text[1024];

	is_int("a check that never ends", said(run_for_ever, text,
	    sizeof(text)), EXIT_NO);
	is_str("is named", text, "patience: FAILED: no end in time\n");
	strangers = 0;
	is_int("one that fails", said(selftest_main, text, sizeof(text)),
	    EXIT_NO);
	ok("is named, too", strstr(text,
	    "x25519: FAILED: it is another curve\n") != NULL);
	ok("and the others go on", strstr(text, "telemetry: ok\n") != NULL);
}

int
main(void)
{
	crypto_init();
	fflush(stdout);
	test_tcp();
	test_ends();
	return done();
}
