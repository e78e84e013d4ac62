/*
 * Fetching an artifact: into a temporary file beside the target, checked by
 * size, SHA-256 and signature, and only then given its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "muster.h"
#include "sign.h"

struct transfer {
	int		 fd;
	struct sha256	*hash;
	int64_t		 got, size;
	int		 show;		/* progress at the terminal */
	int		 rc, status;
	int		 done;
	char		*why;
	struct buf	 refusal;
};

static int
on_data(const char *p, size_t n, void *arg)
{
	struct transfer	*t = arg;
	ssize_t		 w;

	sha256_add(t->hash, p, n);
	t->got += (int64_t)n;
	while (n > 0) {
		if ((w = write(t->fd, p, n)) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += w;
		n -= (size_t)w;
	}
	if (t->show && t->size > 0)
		fprintf(stderr, "\rdownload %3lld %%",
		    (long long)(t->got * 100 / t->size));
	return 0;
}

static void
on_done(const struct httpc_answer *a, void *arg)
{
	struct transfer	*t = arg;

	t->rc = a->rc;
	t->status = a->status;
	t->done = 1;
	if (a->rc < 0)
		t->why = xstrdup(a->why);
	else if (a->body != NULL)
		buf_add(&t->refusal, a->body, a->body_len);
}

/* The path of a URL that the server gave: ours may be another address. */
static char *
path_of(const char *url)
{
	const char	*p = strstr(url, "/api/artifacts/");

	if (p == NULL)
		die(EXIT_SYSTEM, "the server gave no download URL");
	return xstrdup(p);
}

static void
fetch(const struct client *c, const char *url, struct transfer *t)
{
	struct httpc_options	 o = { .tls = c->tls, .sink = on_data };
	struct json_err		 e;
	json_t			*answer;

	if (httpc_start(c->loop, url, &o, on_done, t) == NULL)
		die(EXIT_SYSTEM, "%s: cannot be asked", url);
	while (!t->done)
		uv_run(c->loop, UV_RUN_ONCE);
	if (t->show)
		fputs("\r\033[K", stderr);
	if (t->rc < 0)
		die(EXIT_SYSTEM, "download: %s", t->why);
	if (t->status == 200)
		return;
	answer = json_read(buf_str(&t->refusal), t->refusal.len, &e);
	die(t->status == 404 || t->status == 410 ? EXIT_NO : EXIT_SYSTEM,
	    "download: %s", json_str(answer, "error",
	    http_status_text(t->status)));
}

/* Each check by its name; the first that fails ends the process. */
static void
check(struct transfer *t, const json_t *job, const char *pin,
    const char *remove)
{
	const char	*key = json_str(job, "publicKey", "");
	const char	*sig = json_str(job, "signature", "");
	const char	*fault = NULL;
	uint8_t		 sum[SHA256_SIZE], pub[ED25519_PUBLIC];
	uint8_t		 sigbytes[ED25519_SIG];
	char		 hex[2 * SHA256_SIZE + 1];
	size_t		 n, m;

	sha256_end(t->hash, sum);
	hex_encode(sum, sizeof(sum), hex);
	if (t->got != json_int(job, "size", -1))
		fault = "size: the file is not as long as the job says";
	else if (strcmp(hex, json_str(job, "checksum", "")) != 0)
		fault = "checksum: the file's SHA-256 is not the job's";
	else if (pin != NULL && !crypto_equal_str(pin, key))
		fault = "signature: made by a key that is not the one given";
	else if (base64_decode(key, strlen(key), pub, sizeof(pub), &n) < 0 ||
	    n != sizeof(pub) || base64_decode(sig, strlen(sig), sigbytes,
	    sizeof(sigbytes), &m) < 0 || m != sizeof(sigbytes) ||
	    !sign_check(pub, SIGN_ARTIFACT, sum, sigbytes))
		fault = "signature: does not fit the file";
	if (fault != NULL) {
		if (remove != NULL)
			unlink(remove);
		die(EXIT_NO, "refused: %s", fault);
	}
}

void
download_job(const struct client *c, const json_t *job, const char *file,
    const char *pin)
{
	struct transfer	 t = { .fd = STDOUT_FILENO };
	char		*path = path_of(json_str(job, "downloadUrl", ""));
	char		*url = client_url(c, path), *tmp = NULL;

	t.hash = sha256_new();
	t.size = json_int(job, "size", 0);
	t.show = at_terminal(STDERR_FILENO);
	if (strcmp(file, "-") != 0) {
		tmp = xasprintf("%s.part-%ld", file, (long)getpid());
		t.fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0644);
		if (t.fd < 0)
			die(EXIT_SYSTEM, "%s: %s", tmp, strerror(errno));
	}
	fetch(c, url, &t);
	check(&t, job, pin, tmp);
	if (tmp != NULL && (fsync(t.fd) < 0 || close(t.fd) < 0 ||
	    rename(tmp, file) < 0)) {
		unlink(tmp);
		die(EXIT_SYSTEM, "%s: %s", file, strerror(errno));
	}
	buf_release(&t.refusal);
	free(tmp);
	free(url);
	free(path);
}

int
download_main(int argc, char **argv)
{
	static const struct setting table[] = {
		CLIENT_SETTINGS,
		{ "output", 'o', NULL, SETTING_PATH, NULL, 0, 0, "FILE",
		    "write there (- for stdout); the package's own name",
		    SETTING_FLAG, NULL },
		{ "public-key", 'k', "MUSTER_PUBLIC_KEY", SETTING_STR, NULL,
		    0, 0, "BASE64", "insist that this key signed it", 0,
		    NULL },
	};
	static const struct settings_spec spec = {
		.tool = "muster download",
		.synopsis = "[-o FILE] [-k BASE64] ID",
		.about = "Fetches a built agent and checks its size, SHA-256 "
		    "and signature.",
		.table = table, .n = nitems(table),
		.groups = SETTINGS_OPERANDS,
	};
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c;
	const char	*file, *status;
	char		*path;
	json_t		*answer, *job;

	if (argc - settings_first(s) != 1)
		settings_usage(s, "needs a job's id");
	path = job_path(argv[settings_first(s)], "");
	client_open(&c, s);
	answer = client_call(&c, "GET", path, NULL);
	job = json_object_get(answer, "job");
	status = json_str(job, "status", "");
	if (strcmp(status, "completed") != 0)
		die(EXIT_NO, "job %s is %s: nothing to download",
		    argv[settings_first(s)], status);
	file = settings_has(s, "output") ? settings_str(s, "output") :
	    json_str(job, "fileName", "");
	if (file[0] == '\0' || (!settings_has(s, "output") &&
	    strchr(file, '/') != NULL))
		die(EXIT_SYSTEM, "the server gave no usable file name; use -o");
	download_job(&c, job, file, settings_str(s, "public-key"));
	if (strcmp(file, "-") != 0)
		printf("%s\n", file);
	json_decref(answer);
	free(path);
	client_close(&c);
	settings_free(s);
	return EXIT_YES;
}
