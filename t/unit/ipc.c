/* Local talk: a server on the loop with raw clients beside it, and ipc_ask
 * against a server in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "raw.h"
#include "tap.h"
#include "unixsock.h"

static struct ipc	*server;
static char		 dir[] = "/tmp/muster-ipc.XXXXXX";
static char		 path[64];
static struct ipc_call	*held;
static int64_t		 seen_uid, seen_pid;
static int		 may = 1;

static void
handler(struct ipc_call *call, const json_t *request, int64_t uid,
    int64_t pid, void *arg)
{
	const char	*verb = json_str(request, "verb", "");

	(void)arg;
	seen_uid = uid;
	seen_pid = pid;
	if (strcmp(verb, "later") == 0) {
		held = call;
	} else if (strcmp(verb, "big") == 0) {
		char	*big = xcalloc(1, IPC_MAX_LINE + 10);

		memset(big, 'x', IPC_MAX_LINE + 9);
		ipc_answer(call, json_pack("{ss}", "big", big));
		free(big);
	} else if (strcmp(verb, "stop") == 0) {
		ipc_stop(server);
		ipc_answer(call, json_pack("{sb}", "success", 1));
	} else {
		ipc_answer(call, json_pack("{sO}", "echo", request));
	}
}

static int
allowed(int64_t uid, void *arg)
{
	(void)uid;
	(void)arg;
	return may;
}

/* Reads until so many lines are there, the server closes, or 2 s. */
static int
lines_until(int fd, struct buf *b, int want)
{
	int64_t	end = clock_mono_ms() + 2000;
	int	open = 1, n = 0;
	size_t	i;

	while (open && n < want && clock_mono_ms() < end) {
		uv_run(&loop, UV_RUN_NOWAIT);
		open = slurp(fd, b);
		for (n = 0, i = 0; i < b->len; i++)
			n += b->p[i] == '\n';
	}
	return open;
}

/* Sends, reads so many lines; *open tells whether the server closed. */
static char *
talk_n(const char *text, size_t len, int want, int *open)
{
	struct buf	b = BUF_INIT;
	int		fd = unixsock_connect(path);

	send_all(fd, text, len);
	*open = lines_until(fd, &b, want);
	close(fd);
	return buf_take(&b);
}

static char *
talk(const char *text, int want, int *open)
{
	return talk_n(text, strlen(text), want, open);
}

static void
test_lines(void)
{
	struct buf	b = BUF_INIT;
	char		*a;
	int		 open, fd;

	a = talk("{\"a\":1}\n", 1, &open);
	is_str("an answer", a, "{\"echo\":{\"a\":1}}\n");
	ok("the connection stays", open);
	ok("the peer is known", seen_uid == getuid() && seen_pid == getpid());
	free(a);
	a = talk("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", 3, &open);
	is_str("several", a,
	    "{\"echo\":{\"a\":1}}\n{\"echo\":{\"a\":2}}\n{\"echo\":{\"a\":3}}\n");
	free(a);

	fd = unixsock_connect(path);
	put(fd, "{\"verb\":\"later\"}\n{\"a\":2}\n");
	RUN_UNTIL(held != NULL, 1000);
	RUN_UNTIL(0, 20);
	slurp(fd, &b);
	is_int("the second waits for the first", b.len, 0);
	ipc_answer(held, json_pack("{si}", "late", 1));
	held = NULL;
	lines_until(fd, &b, 2);
	is_str("in order", buf_str(&b), "{\"late\":1}\n{\"echo\":{\"a\":2}}\n");
	buf_clear(&b);
	put(fd, "{\"verb\":\"later\"}\n");
	RUN_UNTIL(held != NULL, 1000);
	close(fd);
	RUN_UNTIL(0, 50);
	ipc_answer(held, json_pack("{si}", "late", 1));
	held = NULL;
	ok("an answer to nobody is nothing", 1);

	fd = unixsock_connect(path);
	put(fd, "{\"a\":");
	RUN_UNTIL(0, 20);
	put(fd, "7}");
	shutdown(fd, SHUT_WR);
	lines_until(fd, &b, 1);
	is_str("a line that never ends is no request", buf_str(&b), "");
	close(fd);
	buf_release(&b);
}

static void
test_bad(void)
{
	static const char *const	bad[] = {
		"x\n", "\n", "[]\n", "1\n", "null\n", "\"a\"\n", "{\n",
		"{\"a\":1,\"a\":2}\n", "{\"a\":1} {}\n", "{\"a\":\"\xff\"}\n",
		"{\"a\":1}\0\n"
	};
	char	*a, what[64], *big;
	size_t	 i;
	int	 open;

	for (i = 0; i < nitems(bad); i++) {
		a = talk_n(bad[i], i == nitems(bad) - 1 ? 9 : strlen(bad[i]),
		    99, &open);
		snprintf(what, sizeof(what), "bad line %zu", i);
		ok(what, !open && strncmp(a, "{\"success\":false,\"error\":\"",
		    26) == 0);
		free(a);
	}
	big = xcalloc(1, IPC_MAX_LINE + 64);
	memset(big, ' ', IPC_MAX_LINE + 63);
	a = talk(big, 99, &open);
	ok("a line too long", !open && strstr(a, "too long") != NULL);
	free(a);
	memcpy(big, "{\"a\":1", 6);
	memcpy(big + IPC_MAX_LINE - 1, "}\n", 3);
	a = talk(big, 1, &open);
	is_str("one that just fits", a, "{\"echo\":{\"a\":1}}\n");
	free(a);
	free(big);
}

static void
test_peers(void)
{
	struct buf	b = BUF_INIT;
	int		fd[IPC_MAX_PER_UID + 1], i, refused = 0;
	char		*a;
	int		 open;

	may = 0;
	log_init("ipc.t", LOG_ERROR, LOG_TEXT);
	a = talk("{}\n", 1, &open);
	ok("who may not speak is closed without a word", !open && *a == '\0');
	free(a);
	may = 1;
	for (i = 0; i <= IPC_MAX_PER_UID; i++)
		fd[i] = unixsock_connect(path);
	RUN_UNTIL(0, 100);
	for (i = 0; i <= IPC_MAX_PER_UID; i++)
		refused += !slurp(fd[i], &b);
	is_int("one user's connections are counted", refused, 1);
	for (i = 0; i <= IPC_MAX_PER_UID; i++)
		close(fd[i]);
	a = talk("{}\n", 1, &open);
	is_str("and served again when they are gone", a, "{\"echo\":{}}\n");
	free(a);
	log_init("ipc.t", LOG_INFO, LOG_TEXT);
	buf_release(&b);
}

static void
test_slow(void)
{
	struct buf	b = BUF_INIT;
	int		fd = unixsock_connect(path), open = 1;

	put(fd, "{\"a\"");
	RUN_UNTIL(!(open = slurp(fd, &b)), IPC_TIMEOUT + 2000);
	ok("a slow line is refused", !open
	    && strstr(buf_str(&b), "took too long") != NULL);
	close(fd);
	buf_release(&b);
}

static void
test_path(void)
{
	struct ipc	*other = server;
	struct stat	 st;

	ok("mode", stat(path, &st) == 0 && (st.st_mode & 0777) == 0640);
	is_int("a served socket stays", ipc_serve(&other, &loop, path, 0600,
	    NULL, handler, NULL), -EADDRINUSE);
	ok("and nothing is given back", other == NULL);
	RUN_UNTIL(0, 10);
}

static void
test_stop(void)
{
	char	*a;
	int	 open;

	a = talk("{\"verb\":\"stop\"}\n", 99, &open);
	is_int("a stop within the handler ends the connection", open, 0);
	is_int("the socket is gone", access(path, F_OK), -1);
	free(a);
	RUN_UNTIL(0, 50);
	is_int("nothing is left on the loop", uv_loop_close(&loop), 0);
}

/* -- ipc_ask -- */

/* A server that says this to whoever comes, byte for byte. */
static pid_t
fake_server(const char *answer, size_t n)
{
	uv_loop_t	 l;
	uv_pipe_t	 p;
	struct unixsock	 u;
	uv_os_fd_t	 fd;
	pid_t		 pid;
	int		 c;
	char		 in[100];

	uv_loop_init(&l);
	uv_pipe_init(&l, &p, 0);
	if (unixsock_listen(&u, &p, path, 0600, 5, NULL) < 0)
		die(EXIT_SYSTEM, "%s", path);
	uv_fileno((uv_handle_t *)&p, &fd);
	if ((pid = fork()) == 0) {
		fcntl(fd, F_SETFL, 0);
		c = accept(fd, NULL, NULL);
		if (read(c, in, sizeof(in)) > 0 && n > 0)
			c = send(c, answer, n, MSG_NOSIGNAL) < 0 ? -1 : c;
		if (answer == NULL)
			pause();
		_exit(0);
	}
	free(u.path);
	uv_close((uv_handle_t *)&p, NULL);
	uv_run(&l, UV_RUN_DEFAULT);
	uv_loop_close(&l);
	return pid;
}

static int
ask_fake(const char *answer, size_t n)
{
	json_t	*q = json_pack("{si}", "a", 1), *a = NULL;
	pid_t	 pid = fake_server(answer, n);
	int	 rc = ipc_ask(path, q, 300, &a);

	if (rc == 0)
		is_str("its member", json_str(a, "k", NULL), "v");
	else
		ok("no answer, no value", a == NULL);
	json_decref(a);
	json_decref(q);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
	return rc;
}

static void
test_ask(void)
{
	char	*big = xcalloc(1, IPC_MAX_LINE + 5000);
	json_t	*q = json_object(), *a = q;
	pid_t	 pid;
	int	 rc, i;

	is_int("no server", ipc_ask(path, q, 100, &a), -ENOENT);
	ok("no value", a == NULL);
	is_int("answered", ask_fake("{\"k\":\"v\"}\n", 10), 0);
	is_int("closed without an answer", ask_fake("", 0), -ECONNRESET);
	is_int("closed within the answer", ask_fake("{\"k\"", 4), -ECONNRESET);
	is_int("no JSON", ask_fake("hello\n", 6), -EBADMSG);
	is_int("no object", ask_fake("[]\n", 3), -EBADMSG);
	is_int("NUL in it", ask_fake("{}\0\n", 4), -EBADMSG);
	is_int("silence", ask_fake(NULL, 0), -ETIMEDOUT);
	memset(big, 'x', IPC_MAX_LINE + 5000);
	is_int("an endless answer", ask_fake(big, IPC_MAX_LINE + 5000),
	    -EMSGSIZE);
	free(big);

	if ((pid = fork()) == 0) {
		json_decref(q);
		uv_loop_init(&loop);
		if (ipc_serve(&server, &loop, path, 0600, NULL, handler, NULL)
		    < 0)
			_exit(1);
		_exit(uv_run(&loop, UV_RUN_DEFAULT));
	}
	for (i = 0; i < 2000 && access(path, F_OK) < 0; i++)
		usleep(1000);
	json_object_set_new(q, "verb", json_string("x"));
	rc = ipc_ask(path, q, 1000, &a);
	ok("a real one", rc == 0 && json_object_get(a, "echo") != NULL);
	json_decref(a);
	json_object_set_new(q, "verb", json_string("big"));
	is_int("a real one's long answer", ipc_ask(path, q, 2000, &a),
	    -EMSGSIZE);
	json_object_set_new(q, "verb", json_string("stop"));
	ipc_ask(path, q, 1000, &a);
	json_decref(a);
	json_decref(q);
	waitpid(pid, &rc, 0);
	ok("stopped by a request, it runs out", WIFEXITED(rc)
	    && WEXITSTATUS(rc) == 0);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		die(EXIT_SYSTEM, "%s", dir);
	snprintf(path, sizeof(path), "%s/s", dir);
	test_ask();
	uv_loop_init(&loop);
	is_int("serves", ipc_serve(&server, &loop, path, 0640, allowed,
	    handler, NULL), 0);
	test_lines();
	test_bad();
	test_peers();
	test_slow();
	test_path();
	test_stop();
	rmdir(dir);
	return done();
}
