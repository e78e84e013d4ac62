/* Who gets a file under a token, and who is told why not: the parts that need
 * a clock or an account, over a real server and store. */
#include "../../buildsrv/artifacts.c"
#include "../../buildsrv/parts.c"
#include "../../buildsrv/secret.c"
#include "../../buildsrv/transfers.c"

#include "storetap.h"

enum { SIZE = 100000 };

static struct server	server;
static char		*url, *unix_url;
static char		 sum_text[2 * SHA256_SIZE + 1];
static char		 bytes[SIZE];

/* -- what api.c gives -- */

void
call_free(struct call *c)
{
	json_decref(c->job);
	free(c->param);
	free(c);
}

void
call_error(struct call *c, int status, const char *field, const char *fmt,
    ...)
{
	http_reply_error(c->req, status, field, "%s", fmt);
	call_free(c);
}

void
call_retry(struct call *c, int64_t ms, const char *field, const char *fmt,
    ...)
{
	(void)ms;
	call_error(c, 429, field, "%s", fmt);
}

void
call_failed(struct call *c, int code)
{
	call_error(c, 500, NULL, "%s", errstr(code));
}

void
metrics_download(struct metrics *m, uint64_t sent, int n)
{
	(void)m;
	(void)sent;
	(void)n;
}

static void
on_request(struct http_req *q, void *arg)
{
	struct call	*c = xcalloc(1, sizeof(*c));

	c->server = arg;
	c->req = q;
	c->param = xstrdup(q->path + 1);
	artifact_download(c);
}

/* -- a client -- */

static char	*body;
static size_t	 body_len;

/* The status; range may be NULL. */
static int
get(const char *from, const char *token, const char *range)
{
	struct httpc_options	 o = { .headers = NULL };
	char			*full = xasprintf("%s/%s", from, token);
	char			*head = NULL, *why = NULL;
	int			 status;

	if (range != NULL)
		o.headers = head = xasprintf("Range: bytes=%s\r\n", range);
	free(body);
	body = NULL;
	status = httpc_fetch(&loop, full, &o, &body, &body_len, &why);
	if (status < 0)
		printf("# %s: %s\n", full, why);
	free(full);
	free(head);
	free(why);
	return status;
}

static void
put(const char *kind, const char *key, const json_t *value)
{
	struct store_op	op = { STORE_PUT, kind, key, value };

	WAIT(store_write(store, &op, 1, HEAR));
}

/* A token of this text, which ends in so many ms. */
static void
token(const char *text, int64_t ends_in, const char *more, int value)
{
	char	*key = xasprintf("anna/%s", text);
	char	 hash[2 * SHA256_SIZE + 1];
	json_t	*t = json_pack("{ss ss ss ss si sI si}", "job", text, "user",
		    "anna", "sha256", sum_text, "fileName", "a \"b\"\n.zip",
		    "size", SIZE, "expires",
		    (json_int_t)(clock_wall_ms() + ends_in), "downloads", 0);

	if (more != NULL)
		json_object_set_new(t, more, value == -1 ? json_true() :
		    json_integer(value));
	put("token", key, t);
	put("token-hash", secret_hash(text, hash), pack("{ss}", "token",
	    key));
	json_decref(t);
	free(key);
}

static long long
downloads(const char *text)
{
	char		*key = xasprintf("anna/%s", text);
	long long	 n;

	do {		/* what is sent is recorded a moment later */
		WAIT(store_get(store, "token", key, HEAR));
		n = int_at("downloads");
	} while (server.transfers->grants != NULL
	    && server.transfers->grants->recording > 0
	    && uv_run(&loop, UV_RUN_ONCE) != 0);
	free(key);
	return n;
}

/* -- tests -- */

static void
test_answers(void)
{
	is_int("an unknown token is 404", get(url, "nothing", NULL), 404);
	token("good", 60000, NULL, 0);
	is_int("a good one is 200", get(url, "good", NULL), 200);
	ok("with the file", body_len == SIZE
	    && memcmp(body, bytes, SIZE) == 0);
	while (downloads("good") == 0)
		continue;
	is_int("which is counted", downloads("good"), 1);
	ok("and its time recorded", int_at("lastDownload") > 0);
	token("late", -1, NULL, 0);
	is_int("an expired one is 410", get(url, "late", NULL), 410);
	is_int("also with a range", get(url, "late", "5-"), 410);
	token("gone", 60000, "revoked", -1);
	is_int("a revoked one is 410", get(url, "gone", NULL), 410);
	token("used", 60000, "maxDownloads", 1);
	is_int("a limited one is 200", get(url, "used", NULL), 200);
	is_int("once", get(url, "used", NULL), 429);
	put("account", "anna", pack("{sb}", "disabled", 1));
	is_int("of a disabled account it is 403", get(url, "good", NULL), 403);
	is_int("an unknown one still 404", get(url, "nothing", NULL), 404);
	put("account", "anna", pack("{sb}", "disabled", 0));
	is_int("of an enabled one 200", get(url, "good", NULL), 200);
}

/* Begun before the end, resumed behind it. */
static void
test_late_part(void)
{
	token("part", 60000, NULL, 0);
	is_int("a part in time", get(url, "part", "0-49999"), 206);
	token("part", -1000, NULL, 0);
	is_int("the rest after the end is given", get(url, "part", "50000-"),
	    206);
	ok("all of it", body_len == SIZE - 50000
	    && memcmp(body, bytes + 50000, body_len) == 0);
	is_int("then there is no rest", get(url, "part", "50000-"), 410);

	token("half", 60000, NULL, 0);
	is_int("another begins", get(url, "half", "0-49999"), 206);
	token("half", -1000, NULL, 0);
	is_int("the rest is not another client's", get(unix_url, "half",
	    "50000-"), 410);
	is_int("nor the whole", get(url, "half", NULL), 410);
	token("half", -1000, "revoked", -1);
	is_int("nor when it was revoked", get(url, "half", "50000-"), 410);
	token("half", -ARTIFACT_LATE - 1000, NULL, 0);
	is_int("nor for ever", get(url, "half", "50000-"), 410);
}

static void
test_file(void)
{
	char	*place = file_join(server.artifact_dir, sum_text);
	char	*dir = file_join(server.artifact_dir, ARTIFACT_TRASH);
	char	*trash = file_join(dir, sum_text);

	token("file", 60000, NULL, 0);
	mkdir(dir, 0700);
	ok("a file in the trash", rename(place, trash) == 0);
	is_int("that a token leads to is handed out", get(url, "file", NULL),
	    200);
	ok("and back in its place", file_exists(place)
	    && !file_exists(trash));
	token("file", 60000, "size", SIZE + 1);
	is_int("one of another size is not", get(url, "file", NULL), 500);
	token("file", 60000, NULL, 0);
	ok("one that is missing", unlink(place) == 0);
	is_int("is our fault", get(url, "file", NULL), 500);
	free(place);
	free(dir);
	free(trash);
}

static int	stopped;

static void
on_httpd_stopped(void *arg)
{
	(void)arg;
	stopped = 1;
}

static void
begin(void)
{
	uint8_t	 sum[SHA256_SIZE];
	char	*path, *where_unix, *p;
	struct buf b = BUF_INIT;
	size_t	 i;

	begin_store();
	if (open_store() < 0)
		exit(1);
	for (i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	crypto_sha256(bytes, SIZE, sum);
	hex_encode(sum, sizeof(sum), sum_text);
	server.loop = &loop;
	server.store = store;
	server.transfers = transfers_new();
	server.artifact_dir = file_join(store_dir, "artifacts");
	file_mkdirs(server.artifact_dir, 0700);
	path = file_join(server.artifact_dir, sum_text);
	file_write(path, bytes, SIZE, 0600);
	free(path);
	server.httpd = httpd_new(&loop, on_request, &server);
	where_unix = xasprintf("unix:%s/s", store_dir);
	if (httpd_listen(server.httpd, "127.0.0.1:0", NULL, &url) < 0
	    || httpd_listen(server.httpd, where_unix, NULL, NULL) < 0) {
		puts("Bail out! cannot listen");
		exit(1);
	}
	free(where_unix);
	buf_adds(&b, "http+unix://");
	for (p = store_dir; *p != '\0'; p++)
		buf_adds(&b, *p == '/' ? "%2F" : (char[]){ *p, '\0' });
	buf_adds(&b, "%2Fs");
	unix_url = buf_take(&b);
}

int
main(void)
{
	crypto_init();
	log_init("artifacts", LOG_NONE, LOG_TEXT);
	begin();
	test_answers();
	test_late_part();
	test_file();
	httpd_stop(server.httpd, 100, on_httpd_stopped, NULL);
	while (!stopped)
		uv_run(&loop, UV_RUN_ONCE);
	pack_end();
	end_store();
	transfers_free(server.transfers);
	free(server.artifact_dir);
	free(body);
	free(url);
	free(unix_url);
	return done();
}
