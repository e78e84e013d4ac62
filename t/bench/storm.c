/*
 * What the sensors are measured with: storm exec|files|connections N [DIR],
 * as fast as the machine can.  Prints the seconds that it took.
 */
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PARALLEL = 4 };

static double
now(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
fail(const char *what)
{
	perror(what);
	exit(111);
}

static void
wait_one(void)
{
	int	status;

	if (wait(&status) < 0 || status != 0)
		fail("a child");
}

static void
execs(int n, const char *program)
{
	int	i;

	for (i = 0; i < n; i++) {
		if (i >= PARALLEL)
			wait_one();
		switch (fork()) {
		case -1:
			fail("fork");
			break;
		case 0:
			execl(program, program, "storm", (char *)NULL);
			_exit(1);
		}
	}
	for (i = 0; i < (n < PARALLEL ? n : PARALLEL); i++)
		wait_one();
}

/* A hundred directories, as a build or a mail server has them. */
static void
files(int n, const char *dir)
{
	char	path[512];
	int	i, fd, round;

	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		if (access(path, F_OK) < 0)
			fail(path);
	}
	for (round = 0; round < 2; round++)
		for (i = 0; i < n; i++) {
			snprintf(path, sizeof(path), "%s/%d/%d", dir, i % 100,
			    i);
			if (round > 0) {
				if (unlink(path) < 0)
					fail(path);
				continue;
			}
			fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
			if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0)
				fail(path);
		}
}

static void
connections(int n)
{
	struct sockaddr_in	a = { .sin_family = AF_INET };
	socklen_t		len = sizeof(a);
	struct linger		now_gone = { 1, 0 };	/* no TIME_WAIT */
	int			s = socket(AF_INET, SOCK_STREAM, 0), c, d, i;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (s < 0 || bind(s, (struct sockaddr *)&a, len) < 0 ||
	    listen(s, 64) < 0 || getsockname(s, (struct sockaddr *)&a,
	    &len) < 0)
		fail("listen");
	for (i = 0; i < n; i++) {
		c = socket(AF_INET, SOCK_STREAM, 0);
		if (c < 0 || connect(c, (struct sockaddr *)&a, len) < 0 ||
		    (d = accept(s, NULL, NULL)) < 0)
			fail("connect");
		setsockopt(c, SOL_SOCKET, SO_LINGER, &now_gone,
		    sizeof(now_gone));
		close(c);
		close(d);
	}
}

int
main(int argc, char **argv)
{
	double	from = now();
	int	n = argc > 2 ? atoi(argv[2]) : 0;

	if (n <= 0 || argc < 3)
		return 100;
	if (strcmp(argv[1], "exec") == 0 && argc > 3)
		execs(n, argv[3]);
	else if (strcmp(argv[1], "files") == 0 && argc > 3)
		files(n, argv[3]);
	else if (strcmp(argv[1], "connections") == 0)
		connections(n);
	else
		return 100;
	printf("%.3f\n", now() - from);
	return 0;
}
