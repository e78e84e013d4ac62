/* The graph of this host, against what is known of it otherwise. */
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto.h"
#include "file.h"
#include "log.h"
#include "mod_analysis.h"
#include "tap.h"

static char	dir[] = "/tmp/muster-analysis.XXXXXX";
static char	self[4096];		/* our executable */

/* A file that is mapped to be executed, and then is no more. */
static char *
map_and_remove(void)
{
	char	*path = file_join(dir, "libgone.so.1");
	int	 fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, 4096) < 0 || mmap(NULL, 4096, PROT_READ |
	    PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		exit(1);
	close(fd);
	unlink(path);
	return path;
}

static int
listen_somewhere(struct sockaddr_in *a)
{
	socklen_t	n = sizeof(*a);
	int		s = socket(AF_INET, SOCK_STREAM, 0);

	memset(a, 0, sizeof(*a));
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s, (void *)a, sizeof(*a)) < 0 || listen(s, 1) < 0 ||
	    getsockname(s, (void *)a, &n) < 0)
		exit(1);
	return s;
}

/* Our own node's id: it may be in a service or none. */
static const char *
our_id(const struct graph *g)
{
	const char	*id;
	json_t		*node, *pids;
	size_t		 i;

	json_object_foreach(g->nodes, id, node) {
		pids = json_object_get(node, "pids");
		for (i = 0; i < json_array_size(pids); i++)
			if (json_integer_value(json_array_get(pids, i)) ==
			    getpid())
				return id;
	}
	return "none";
}

static const json_t *
edge(const struct graph *g, const char *from, const char *to,
    const char *kind)
{
	char	id[GRAPH_MAX_ID];

	snprintf(id, sizeof(id), "%s\t%s\t%s", from, to, kind);
	return json_object_get(g->edges, id);
}

/* A program of another name, which is connected to a socket of ours. */
static pid_t
start_client(const char *path, int *listener)
{
	struct sockaddr_un	 a = { .sun_family = AF_UNIX };
	char			 name[] = "sleep", time[] = "60";
	char			*argv[] = { name, time, NULL };
	pid_t			 pid;
	int			 fd;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	*listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(*listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(*listener, 4) < 0)
		return -1;
	if ((pid = fork()) == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			execvp(name, argv);
		_exit(1);
	}
	fcntl(*listener, F_SETFL, 0);
	accept(*listener, NULL, NULL);
	return pid;
}

static void
test_unix(void)
{
	char		 place[] = "/tmp/muster-unix-XXXXXX", link[48];
	char		 path[64], to[GRAPH_MAX_ID], exe[256] = "";
	struct graph	 g;
	struct owners	*o;
	const char	*us, *id, *key;
	json_t		*e;
	int		 s, found = 0;
	pid_t		 pid;

	if (mkdtemp(place) == NULL)
		return;
	snprintf(path, sizeof(path), "%s/s", place);
	pid = start_client(path, &s);
	snprintf(link, sizeof(link), "/proc/%ld/exe", (long)pid);
	while (pid > 0 && strstr(exe, "sleep") == NULL &&
	    strstr(exe, "busybox") == NULL && strstr(exe, "coreutils") == NULL
	    && kill(pid, 0) == 0) {
		ssize_t	n = readlink(link, exe, sizeof(exe) - 1);

		exe[n > 0 ? n : 0] = '\0';
		usleep(1000);
	}
	graph_init(&g);
	o = graph_processes(&g);
	graph_unix(&g, o);
	owners_free(o);
	us = our_id(&g);
	snprintf(to, sizeof(to), "socket:unix:%s", path);
	ok("a Unix socket is listened at", edge(&g, us, to, "listens") !=
	    NULL);
	json_object_foreach(g.edges, key, e)
		if ((id = strchr(key, '\t')) != NULL && strncmp(id + 1, us,
		    strlen(us)) == 0 && strcmp(id + 1 + strlen(us),
		    "\tconnects") == 0)
			found++;
	ok("by who connected", found > 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(s);
	unlink(path);
	rmdir(place);
	graph_release(&g);
}

static void
test_host(void)
{
	struct sockaddr_in	 a;
	char			*gone = map_and_remove(), to[GRAPH_MAX_ID];
	int			 s = listen_somewhere(&a);
	struct graph		 g, later;
	struct owners		*o;
	struct buf		 b = BUF_INIT;
	json_t			*list, *diff;
	const char		*us;

	graph_init(&g);
	o = graph_processes(&g);
	graph_sockets(&g, o);
	owners_free(o);
	us = our_id(&g);
	ok("this process is a program", strstr(us, self) != NULL);
	snprintf(to, sizeof(to), "socket:tcp:127.0.0.1:%d",
	    ntohs(a.sin_port));
	ok("that listens", edge(&g, us, to, "listens") != NULL);
	snprintf(to, sizeof(to), "library:%s", gone);
	is_str("and has mapped what is gone", json_string_value(
	    json_object_get(edge(&g, us, to, "maps"), "outdated")),
	    "deleted");
	list = graph_restart_needed(&g);
	ok("so a restart is needed", json_array_size(list) > 0);
	json_decref(list);
	graph_dot(&g, &b);
	ok("the picture shows it", strstr(buf_str(&b), "libgone.so.1") !=
	    NULL && strncmp(buf_str(&b), "digraph", 7) == 0);
	buf_release(&b);
	close(s);
	graph_init(&later);
	o = graph_processes(&later);
	graph_sockets(&later, o);
	owners_free(o);
	diff = graph_diff(&g, &later);
	snprintf(to, sizeof(to), "socket:tcp:127.0.0.1:%d",
	    ntohs(a.sin_port));
	list = json_object_get(json_object_get(diff, "removed"), "nodes");
	{
		size_t	i, found = 0;

		for (i = 0; i < json_array_size(list); i++)
			found += strcmp(json_string_value(json_array_get(list,
			    i)), to) == 0;
		is_int("a socket that was closed is a difference",
		    (long long)found, 1);
	}
	json_decref(diff);
	graph_release(&g);
	graph_release(&later);
	free(gone);
}

/* -- packages -- */

static void
write_below(const char *name, const char *text)
{
	char	*path = file_join(dir, name);

	file_write(path, text, strlen(text), 0600);
	free(path);
}

static void
test_packages(void)
{
	char		*info = file_join(dir, "info"), *status;
	char		 text[4200], to[GRAPH_MAX_ID];
	struct graph	 g;
	struct owners	*o;
	json_t		*list, *doc, *c;

	file_mkdirs(info, 0700);
	write_below("status", "Package: ours\nStatus: install ok installed\n"
	    "Architecture: amd64\nVersion: 1:2.0+x~1\nDescription: a\n b\n\n"
	    "Package: half\nStatus: install ok half-installed\n"
	    "Version: 1\n\nPackage: gone\nStatus: deinstall ok config-files\n"
	    "Version: 1\n");
	snprintf(text, sizeof(text), "/.\n/usr\n%s\n", self);
	write_below("info/ours:amd64.list", text);
	graph_init(&g);
	o = graph_processes(&g);
	owners_free(o);
	is_int("dpkg's lists are read", graph_packages(&g, dir), 0);
	snprintf(to, sizeof(to), "package:ours");
	ok("this program is from its package", edge(&g, our_id(&g), to,
	    "from") != NULL);
	is_str("of this version", json_string_value(json_object_get(
	    json_object_get(g.nodes, "package:ours"), "version")),
	    "1:2.0+x~1");
	graph_release(&g);
	list = packages_list(dir);
	is_int("what is not whole is not installed", json_array_size(list),
	    1);
	doc = packages_cyclonedx(list);
	c = json_array_get(json_object_get(doc, "components"), 0);
	is_str("its package URL", json_string_value(json_object_get(c,
	    "purl")), "pkg:deb/debian/ours@1%3A2.0%2Bx~1?arch=amd64");
	is_str("CycloneDX", json_string_value(json_object_get(doc,
	    "specVersion")), "1.5");
	json_decref(doc);
	json_decref(list);
	ok("no database", packages_list("/nonexistent") == NULL);
	status = file_join(dir, "status");
	unlink(status);
	free(status);
	snprintf(text, sizeof(text), "%s/ours:amd64.list", info);
	unlink(text);
	rmdir(info);
	free(info);
}

/* As many as dpkg-query(1) counts, where this is a Debian machine. */
static void
test_dpkg(void)
{
	FILE	*f = popen("dpkg-query -W -f '${db:Status-Status}\\n' "
		    "2>/dev/null | grep -cx installed", "r");
	json_t	*list = packages_list("/var/lib/dpkg");
	int	 n = -1;

	if (f == NULL || fscanf(f, "%d", &n) != 1 || n <= 0)
		ok("# SKIP no dpkg here", 1);
	else
		is_int("as dpkg-query counts", (long long)json_array_size(
		    list), n);
	if (f != NULL)
		pclose(f);
	json_decref(list);
}

/* -- ELF -- */

static void
test_elf(void)
{
	json_t		*names = elf_needed(self);
	char		*path = file_join(dir, "elf");
	struct buf	 b = BUF_INIT;
	size_t		 i, found = 0;

	for (i = 0; i < json_array_size(names); i++)
		found += strncmp(json_string_value(json_array_get(names, i)),
		    "libc.", 5) == 0;
	is_int("this program needs libc", (long long)found, 1);
	json_decref(names);
	ok("a script is none", elf_needed("/etc/passwd") == NULL);
	file_read(self, 1 << 28, &b);
	for (i = 0; i < 64; i++) {
		b.p[i] = (char)(b.p[i] ^ 0xff);
		file_write(path, b.p, b.len < 65536 ? b.len : 65536, 0600);
		b.p[i] = (char)(b.p[i] ^ 0xff);
		json_decref(elf_needed(path));
	}
	ok("a damaged one crashes nothing", 1);
	unlink(path);
	free(path);
	buf_release(&b);
}

int
main(void)
{
	ssize_t	n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	log_init("analysis", LOG_NONE, LOG_TEXT);
	crypto_init();
	if (n < 0 || mkdtemp(dir) == NULL)
		return 1;
	test_host();
	test_unix();
	test_packages();
	test_dpkg();
	test_elf();
	rmdir(dir);
	return done();
}
