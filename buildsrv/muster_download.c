/* download: a finished job's package, or what a link leads to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "http.h"
#include "json.h"
#include "muster.h"
#include "muster_fetch.h"

static const char	download_path[] = "/api/artifacts/download/";

static const struct setting download_table[] = {
	CLIENT_SETTINGS,
	{ "output", 'o', NULL, SETTING_PATH, NULL, 0, 0, "FILE",
	    "write there (- for stdout); the package's own name",
	    SETTING_FLAG, NULL },
	{ "public-key", 'k', "MUSTER_PUBLIC_KEY", SETTING_STR, NULL, 0, 0,
	    "BASE64", "insist that this key signed it", 0, NULL },
};

static const struct settings_spec download_spec = {
	.tool = "muster download",
	.synopsis = "[-o FILE] [-k BASE64] ID|TOKEN|URL",
	.about = "Fetches a built agent and checks its size, SHA-256 "
	    "and signature.",
	.table = download_table, .n = nitems(download_table),
	.groups = SETTINGS_OPERANDS,
};

/* Where to write: what was asked for, in it where that is a directory, or
 * the name that the server gave.  Freed by the caller. */
static char *
target(const struct settings *s, const char *name)
{
	const char	*wish = settings_str(s, "output");
	struct stat	 st;
	int		 is_dir = wish != NULL && strcmp(wish, "-") != 0 &&
			    stat(wish, &st) == 0 && S_ISDIR(st.st_mode);

	if (wish != NULL && !is_dir)
		return xstrdup(wish);
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		die(EXIT_SYSTEM, "the server gave no usable file name; use "
		    "-o FILE");
	return is_dir ? file_join(wish, name) : xstrdup(name);
}

/* -- a job's -- */

void
download_job(const struct client *c, const json_t *job, const char *file,
    const char *pin)
{
	/* SERVER_URL may be another address of the server than ours. */
	const char	*path = strstr(json_str(job, "downloadUrl", ""),
			    download_path);
	struct goods	 g = {
		.path = path, .name = file,
		.checksum = json_str(job, "checksum", ""),
		.signature = json_str(job, "signature", ""),
		.public_key = json_str(job, "publicKey", ""),
		.size = json_int(job, "size", -1)
	};

	if (path == NULL)
		die(EXIT_SYSTEM, "the server gave no download URL");
	fetch_goods(c, &g, file, pin);
}

static void
by_job(const struct client *c, const struct settings *s, const char *id)
{
	char		*path = job_path(id, ""), *file;
	json_t		*answer = client_call(c, "GET", path, NULL);
	json_t		*job = json_object_get(answer, "job");
	const char	*status = json_str(job, "status", "");

	if (strcmp(status, "completed") != 0)
		die(EXIT_NO, "job %s is %s: nothing to download%s%s", id,
		    status, strcmp(status, "pending") == 0 ||
		    strcmp(status, "running") == 0 ? " yet; muster job -w "
		    "waits for it" : "", "");
	file = target(s, json_str(job, "fileName", ""));
	download_job(c, job, file, settings_str(s, "public-key"));
	if (strcmp(file, "-") != 0)
		printf("%s\n", file);
	json_decref(answer);
	free(file);
	free(path);
}

/* -- a link's -- */

struct head {
	struct answer	 answer;
	char		*checksum, *signature, *name;
	int64_t		 size;
	int		 done;
};

/* The name in: attachment; filename="NAME".  Freed by the caller. */
static char *
disposition_name(const char *value)
{
	const char	*p = value != NULL ? strstr(value, "filename=\"") :
			    NULL;

	if (p == NULL)
		return xstrdup("");
	p += strlen("filename=\"");
	return xstrndup(p, strcspn(p, "\""));
}

static void
on_head(const struct httpc_answer *a, void *arg)
{
	struct head	*h = arg;
	const char	*sum, *sig, *size;
	struct json_err	 e;

	h->done = 1;
	h->answer = answer_of(a, &e);
	if (a->rc < 0)
		return;
	sum = httpc_header(a->req, "x-checksum-sha256");
	sig = httpc_header(a->req, "x-signature-ed25519");
	size = httpc_header(a->req, "content-length");
	h->checksum = xstrdup(sum != NULL ? sum : "");
	h->signature = xstrdup(sig != NULL ? sig : "");
	h->size = size != NULL ? strtoll(size, NULL, 10) : -1;
	h->name = disposition_name(httpc_header(a->req,
	    "content-disposition"));
}

/* The answer to HEAD has no body: the words come with another try. */
static _Noreturn void
refused(const struct client *c, const char *path, struct head *h)
{
	struct answer	a;

	if (h->answer.status > 0) {
		client_ask(c, (struct request){ .path = path,
		    .headers = "Range: bytes=0-0\r\n" }, &a);
		if (a.status >= 300)
			h->answer = a;
	}
	die(answer_code(&h->answer), "download: %s",
	    answer_words(c, &h->answer));
}

static void
ask_head(const struct client *c, const char *path, struct head *h)
{
	struct httpc_options	 o = {
		.method = "HEAD", .tls = c->tls, .timeout_ms = c->silence_ms
	};
	char			*url = client_url(c, path);

	httpc_start(c->loop, url, &o, on_head, h);
	while (!h->done)
		uv_run(c->loop, UV_RUN_ONCE);
	if (h->answer.status != 200)
		refused(c, path, h);
	free(url);
}

static void
by_token(const struct client *c, const struct settings *s, const char *token)
{
	const char	*pin = settings_str(s, "public-key");
	struct buf	 path = BUF_INIT;
	struct head	 h = { .done = 0 };
	struct goods	 g = { .path = NULL };
	char		*file;

	buf_add(&path, download_path, sizeof(download_path) - 2);
	path_add(&path, token);
	ask_head(c, buf_str(&path), &h);
	file = target(s, h.name);
	g = (struct goods){ buf_str(&path), file, h.checksum, h.signature,
	    NULL, h.size };
	fetch_goods(c, &g, file, pin);
	if (pin == NULL)
		log_warn(NULL, "the signature was not checked: a link names "
		    "no key; -k or MUSTER_PUBLIC_KEY does");
	if (strcmp(file, "-") != 0)
		printf("%s\n", file);
	free(file);
	free(h.checksum);
	free(h.signature);
	free(h.name);
	buf_release(&path);
}

/* A UUID, which no token looks like. */
static int
is_job_id(const char *s)
{
	return strlen(s) == 36 && s[8] == '-' && s[13] == '-' &&
	    strspn(s, "0123456789abcdef-") == 36;
}

int
download_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&download_spec, argc, argv);
	const char	*what = one_operand(s, argc, argv,
			    "a job's id, a token or a URL");
	const char	*path = strstr(what, "://") != NULL ?
			    strstr(what, download_path) : NULL;
	char		*server = NULL;
	struct client	 c;

	if (strstr(what, "://") != NULL && path == NULL)
		settings_usage(s, "'%s' is not a download's URL", what);
	if (path != NULL)
		server = xstrndup(what, (size_t)(path - what));
	client_open_at(&c, s, server != NULL ? server :
	    settings_str(s, "server"));
	if (path != NULL) {
		c.key = NULL;		/* that server may be another's */
		by_token(&c, s, path + sizeof(download_path) - 1);
	} else if (is_job_id(what))
		by_job(&c, s, what);
	else if (strspn(what, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
	    "uvwxyz0123456789_-") == strlen(what) && strlen(what) >= 22)
		by_token(&c, s, what);
	else
		settings_usage(s, "'%s' is neither a job's id nor a token",
		    what);
	client_close(&c);
	free(server);
	settings_free(s);
	return EXIT_YES;
}
