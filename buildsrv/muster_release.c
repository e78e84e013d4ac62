/* release: what agents may be updated to: files, and signed metadata. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto.h"
#include "file.h"
#include "http.h"
#include "json.h"
#include "muster.h"

enum {
	PART		= 1000 * 1000,	/* bytes of a file in one request */
	BUSY_TRIES	= 30,
	BUSY_MS		= 200		/* a signature takes less */
};

static const struct setting release_table[] = {
	CLIENT_SETTINGS,
	SOCKET_SETTING,
};

static const struct settings_spec release_spec = {
	.tool = "muster release",
	.synopsis = "list | metadata"
	    "\n\tpublish REPOSITORY [FILE]..."
	    "\n\tchannel AGENT NAME",
	.about = "Hands the server what was signed with muster-sign tuf, and "
	    "the files that it names.",
	.table = release_table, .n = nitems(release_table),
	.groups = SETTINGS_OPERANDS,
};

/* -- list -- */

static void
release_list(const struct client *c)
{
	static const struct column columns[] = {
		{ "VERSION", 0 }, { "PLATFORM", 0 }, { "CHANNEL", 0 },
		{ "FILE", 0 }, { "SIZE", COL_RIGHT },
		{ "SHA256", COL_SHRINK }
	};
	json_t		*answer = client_call(c, "GET", "/api/releases", NULL);
	json_t		*list = json_object_get(answer, "releases"), *r;
	struct table	*t;
	char		 size[CELL];
	size_t		 i;

	if (c->json)
		print_json(list);
	else {
		t = table_new(columns, nitems(columns));
		json_array_foreach(list, i, r)
			table_add(t, (const char *const[]){
			    json_str(r, "version", ""),
			    json_str(r, "target", ""),
			    json_str(r, "channel", ""),
			    json_bool(r, "file", 0) ? "there" : "missing",
			    cell_bytes(r, "length",
			    at_terminal(STDOUT_FILENO), size),
			    json_str(r, "sha256", "") });
		table_print(t);
	}
	json_decref(answer);
}

static void
release_metadata(const struct client *c)
{
	static const struct column columns[] = {
		{ "ROLE", 0 }, { "VERSION", COL_RIGHT }, { "EXPIRES", 0 }
	};
	json_t		*answer = client_call(c, "GET", "/api/releases", NULL);
	json_t		*list = json_object_get(answer, "metadata"), *r;
	struct table	*t;
	char		 version[CELL];
	size_t		 i;

	if (c->json)
		print_json(list);
	else {
		t = table_new(columns, nitems(columns));
		json_array_foreach(list, i, r)
			table_add(t, (const char *const[]){
			    json_str(r, "role", ""),
			    cell_int(r, "version", version),
			    json_str(r, "expires", "") });
		table_print(t);
	}
	json_decref(answer);
}

/* -- publish -- */

/* Sends bytes; the answer, or the end.  A server that just then signs its own
 * metadata anew is asked again. */
static void
put(const struct client *c, const char *path, const void *p, size_t n,
    const char *what, int *exists)
{
	char			*url = client_url(c, path);
	struct httpc_options	 o = { .method = "PUT", .bearer = c->key,
				    .tls = c->tls, .body = p, .body_len = n,
				    .type = "application/octet-stream" };
	struct answer		 a = { 0 };
	char			*body = NULL, *words;
	int			 tries = 0;

	while ((a.status = httpc_fetch(c->loop, url, &o, &body, NULL,
	    &a.why)) == 503 && tries++ < BUSY_TRIES) {
		free(body);
		body = NULL;
		uv_sleep(BUSY_MS);
	}
	a.body = body != NULL ? json_loads(body, 0, NULL) : NULL;
	if (exists != NULL)
		*exists = a.status == 409;
	if (!answer_good(&a) && (exists == NULL || !*exists)) {
		progress_clear();
		words = answer_words(c, &a);
		die(answer_code(&a), "%s: %s", what, words);
	}
	answer_release(&a);
	free(body);
	free(url);
}

static void
put_file(const struct client *c, const char *file)
{
	uint8_t		 sum[SHA256_SIZE];
	char		 hex[65], *part = xmalloc(PART), *path;
	uint64_t	 size, at;
	ssize_t		 n;
	int		 fd = open(file, O_RDONLY), rc;

	if (fd < 0 || (rc = file_sha256(file, sum, &size)) < 0)
		die(EXIT_SYSTEM, "%s: %s", file, errstr(fd < 0 ? -errno : rc));
	hex_encode(sum, sizeof(sum), hex);
	for (at = 0; at < size; at += (uint64_t)n) {
		if ((n = pread(fd, part, PART, (off_t)at)) <= 0)
			die(EXIT_SYSTEM, "%s: it changes while it is read",
			    file);
		progress_show("%s: %llu %%", file,
		    (unsigned long long)(at * 100 / size));
		path = xasprintf("/api/releases/files/%s?offset=%llu&size=%llu",
		    hex, (unsigned long long)at, (unsigned long long)size);
		put(c, path, part, (size_t)n, file, NULL);
		free(path);
	}
	progress_clear();
	printf("%s\t%s\n", hex, file);
	close(fd);
	free(part);
}

/* "12.ROLE.json": the order to publish in, roots first, each from its oldest
 * version on; 0: not to be published. */
static int
is_metadata(const char *name, int root)
{
	size_t	n = strspn(name, "0123456789"), len = strlen(name);
	int	is_root = strcmp(name + n, ".root.json") == 0;

	return n > 0 && name[n] == '.' && len > n + 6 &&
	    strcmp(name + len - 5, ".json") == 0 && is_root == root &&
	    strcmp(name + n, ".snapshot.json") != 0;
}

static int
compare(const void *a, const void *b)
{
	const char	*x = *(const char *const *)a;
	const char	*y = *(const char *const *)b;
	long long	 d = atoll(x) - atoll(y);

	return d != 0 ? (d > 0) - (d < 0) : strcmp(x, y);
}

static size_t
list_names(const char *dir, int root, char ***names)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;
	size_t		 n = 0;

	*names = NULL;
	if (d == NULL)
		die(EXIT_SYSTEM, "%s: %s", dir, errstr(-errno));
	while ((e = readdir(d)) != NULL)
		if (is_metadata(e->d_name, root)) {
			*names = xrealloc(*names, (n + 1) * sizeof(**names));
			(*names)[n++] = xstrdup(e->d_name);
		}
	closedir(d);
	if (n > 0)
		qsort(*names, n, sizeof(**names), compare);
	return n;
}

/* What the server has already it says, and that is well. */
static void
put_metadata(const struct client *c, const char *dir, int root)
{
	char		**names, *file, *path;
	struct buf	  b = BUF_INIT, url = BUF_INIT;
	size_t		  i, n = list_names(dir, root, &names);
	int		  rc, exists;

	for (i = 0; i < n; i++) {
		file = file_join(dir, names[i]);
		buf_clear(&b);
		buf_clear(&url);
		if ((rc = file_read(file, PART, &b)) < 0)
			die(EXIT_SYSTEM, "%s: %s", file, errstr(rc));
		buf_adds(&url, "/api/releases/metadata");
		path_add(&url, names[i]);
		path = buf_take(&url);
		put(c, path, b.p, b.len, file, &exists);
		if (!exists)
			printf("%s\n", names[i]);
		free(path);
		free(file);
		free(names[i]);
	}
	free(names);
	buf_release(&b);
}

static void
release_publish(const struct client *c, int n, char **word)
{
	int	i;

	for (i = 1; i < n; i++)
		put_file(c, word[i]);
	put_metadata(c, word[0], 1);
	put_metadata(c, word[0], 0);
}

/* -- channel -- */

static void
release_channel(const struct client *c, const char *agent,
    const char *channel)
{
	struct buf	 path = BUF_INIT;
	json_t		*answer;

	buf_adds(&path, "/api/agents");
	path_add(&path, agent);
	buf_adds(&path, "/channel");
	answer = client_call(c, "PUT", buf_str(&path), json_pack("{ss}",
	    "channel", channel));
	if (c->json)
		print_json(answer);
	json_decref(answer);
	buf_release(&path);
}

int
release_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&release_spec, argc, argv);
	char		**word = argv + settings_first(s);
	int		 n = argc - settings_first(s) - 1;
	const char	*verb = n >= 0 ? word[0] : "";
	struct client	 c;

	client_open_either(&c, s);
	if (strcmp(verb, "list") == 0 && n == 0)
		release_list(&c);
	else if (strcmp(verb, "metadata") == 0 && n == 0)
		release_metadata(&c);
	else if (strcmp(verb, "publish") == 0 && n > 0)
		release_publish(&c, n, word + 1);
	else if (strcmp(verb, "channel") == 0 && n == 2)
		release_channel(&c, word[1], word[2]);
	else
		settings_usage(s, "say list, metadata, publish REPOSITORY "
		    "or channel AGENT NAME");
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
