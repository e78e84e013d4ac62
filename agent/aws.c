#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "sigv4.h"

enum {
	MAX_FILE	= 16 * 1024,
	MAX_ANSWER	= 256 * 1024,	/* one key, or a list of buckets */
	ANSWER_MS	= 10000,
	MAX_WORD	= 256,
	MAX_TOKEN	= 4096		/* session tokens are near 1 KB */
};

static const struct json_field fields[] = {
	{ .name = "accessKeyId", .kind = JSON_K_STR, .required = 1,
	    .min = 1, .max = MAX_WORD },
	{ .name = "secretAccessKey", .kind = JSON_K_STR, .required = 1,
	    .min = 1, .max = MAX_WORD },
	{ .name = "sessionToken", .kind = JSON_K_STR, .min = 1,
	    .max = MAX_TOKEN },
	{ .name = "region", .kind = JSON_K_STR, .min = 1, .max = MAX_WORD },
	{ .name = "bucket", .kind = JSON_K_STR, .min = 1, .max = MAX_WORD },
	{ .name = "endpoint", .kind = JSON_K_STR, .min = 1,
	    .max = MAX_WORD },
};

static char **
word_at(struct aws *w, size_t i)
{
	char	**const words[] = { &w->access_key, &w->secret_key,
		    &w->session_token, &w->region, &w->bucket, &w->endpoint };

	return words[i];
}

void
aws_release(struct aws *w)
{
	char	**word;
	size_t	  i;

	for (i = 0; i < nitems(fields); i++) {
		word = word_at(w, i);
		if (*word != NULL)
			crypto_wipe(*word, strlen(*word));
		free(*word);
		*word = NULL;
	}
}

/* All of it goes into a header or an address. */
static int
word_ok(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
			return 0;
	return 1;
}

/* Of a bucket or a region: nothing in it needs to be encoded. */
static int
name_ok(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
	    "WXYZ0123456789.-_")] == '\0';
}

static int
check(const json_t *o, char **why)
{
	struct json_err	 err;
	struct url	 u;
	const char	*fault, *end = json_str(o, "endpoint", NULL);
	char		 words[300];
	size_t		 i;

	if (json_check(o, fields, nitems(fields), &err) < 0) {
		*why = xstrdup(json_err_str(&err, words, sizeof(words)));
		return -EINVAL;
	}
	for (i = 0; i < nitems(fields); i++)
		if (!word_ok(json_str(o, fields[i].name, ""))) {
			*why = xasprintf("%s must be visible ASCII",
			    fields[i].name);
			return -EINVAL;
		}
	if (!name_ok(json_str(o, "bucket", "")) ||
	    !name_ok(json_str(o, "region", ""))) {
		*why = xstrdup("bucket or region is no name");
		return -EINVAL;
	}
	if (end != NULL && (url_parse(end, &u, &fault) < 0 ||
	    strncmp(end, "http", 4) != 0 || strcmp(u.path, "/") != 0 ||
	    u.socket[0] != '\0' || (!u.tls && !url_is_loopback(&u)))) {
		*why = xstrdup("endpoint must be https://HOST[:PORT]");
		return -EINVAL;
	}
	return 0;
}

static char *
from_environment(const char *name)
{
	char	text[MAX_TOKEN + 1];
	size_t	n = sizeof(text);

	if (uv_os_getenv(name, text, &n) < 0 || n == 0 || !word_ok(text))
		return NULL;
	return xstrdup(text);
}

int
aws_load(struct aws *w, const char *dir, char **why)
{
	char		*path = file_join(dir, "aws.json"), *fault = NULL;
	struct json_err	 err;
	const char	*s;
	char		 words[300];
	json_t		*o;
	size_t		 i;
	int		 rc;

	*why = NULL;
	memset(w, 0, sizeof(*w));
	o = json_read_file(path, MAX_FILE, &err, &rc);
	if (rc == UV_ENOENT) {
		rc = 0;
		w->access_key = from_environment("AWS_ACCESS_KEY_ID");
		w->secret_key = from_environment("AWS_SECRET_ACCESS_KEY");
		w->session_token = from_environment("AWS_SESSION_TOKEN");
		w->region = from_environment("AWS_REGION");
	} else if (rc == -EINVAL) {
		*why = xasprintf("%s: is damaged: %s", path,
		    json_err_str(&err, words, sizeof(words)));
	} else if (rc < 0) {
		*why = xasprintf("%s: cannot be read: %s", path, errstr(rc));
	} else if ((rc = check(o, &fault)) < 0) {
		*why = xasprintf("%s: is damaged: %s", path, fault);
	} else {
		for (i = 0; i < nitems(fields); i++)
			if ((s = json_str(o, fields[i].name, NULL)) != NULL)
				*word_at(w, i) = xstrdup(s);
	}
	free(fault);
	json_decref(o);
	free(path);
	return rc;
}

int
aws_save(const json_t *o, const char *dir, char **why)
{
	char	*path, *text;
	int	 rc;

	*why = NULL;
	if ((rc = check(o, why)) < 0)
		return rc;
	path = file_join(dir, "aws.json");
	text = json_text(o);
	if ((rc = file_write(path, text, strlen(text), 0600)) < 0)
		*why = xasprintf("%s: cannot be written: %s", path,
		    errstr(rc));
	crypto_wipe(text, strlen(text));
	free(text);
	free(path);
	return rc;
}

/* -- the question -- */

struct question {
	json_t	*answer;	/* what is known so far */
	void	(*done)(json_t *, void *);
	void	*arg;
};

/* The text of an element in S3's XML, where it is short; freed by the caller,
 * NULL where there is none. */
static char *
element(const char *xml, const char *name)
{
	char		*open = xasprintf("<%s>", name);
	const char	*p = strstr(xml, open);
	size_t		 n;
	char		*text = NULL;

	if (p != NULL) {
		p += strlen(open);
		n = strcspn(p, "<");
		if (n > 0 && n <= MAX_WORD)
			text = xstrndup(p, n);
	}
	free(open);
	return text;
}

static void
take_element(json_t *o, const char *name, const char *xml, const char *tag)
{
	char	*text = element(xml, tag);

	if (text != NULL)
		json_object_set_new(o, name, json_string(text));
	free(text);
}

static void
on_answer(const struct httpc_answer *a, void *arg)
{
	struct question	*q = arg;

	json_object_set_new(q->answer, "valid", json_boolean(a->rc == 0 &&
	    a->status == 200));
	if (a->rc < 0) {
		json_object_set_new(q->answer, "message",
		    json_string(a->why));
	} else {
		json_object_set_new(q->answer, "status",
		    json_integer(a->status));
		if (a->status != 200) {
			take_element(q->answer, "code", a->body, "Code");
			take_element(q->answer, "message", a->body,
			    "Message");
		}
	}
	q->done(q->answer, q->arg);
	free(q);
}

/* The Host header that httpc.c writes: it leaves out the usual port. */
static char *
host_of(const char *base)
{
	struct url	 u;
	const char	*fault, *open, *close;

	if (url_parse(base, &u, &fault) < 0)
		return xstrdup("");	/* the request fails likewise */
	open = strchr(u.host, ':') != NULL ? "[" : "";
	close = *open != '\0' ? "]" : "";
	return u.port == (u.tls ? 443 : 80) ?
	    xasprintf("%s%s%s", open, u.host, close) :
	    xasprintf("%s%s%s:%d", open, u.host, close, u.port);
}

struct httpc *
aws_validate(const struct aws *w, uv_loop_t *loop, const struct tls *tls,
    void (*done)(json_t *, void *), void *arg)
{
	const char		*region = w->region != NULL ? w->region :
	    "us-east-1";
	struct question		*q = xcalloc(1, sizeof(*q));
	struct buf		 headers = BUF_INIT;
	struct httpc		*c;
	char			*base, *path, *url, *host;
	const char		*query = w->bucket != NULL ?
	    "list-type=2&max-keys=1" : "";
	struct sigv4		 s = { w->access_key, w->secret_key,
	    w->session_token, region, "s3", "GET", NULL, NULL, query,
	    clock_wall_ms() / 1000 };
	struct httpc_options	 o = { .timeout_ms = ANSWER_MS, .tls = tls,
	    .max_body = MAX_ANSWER };

	base = w->endpoint != NULL ? xstrdup(w->endpoint) :
	    xasprintf("https://s3.%s.amazonaws.com", region);
	if (base[strlen(base) - 1] == '/')
		base[strlen(base) - 1] = '\0';
	path = xasprintf("/%s", w->bucket != NULL ? w->bucket : "");
	url = xasprintf("%s%s%s%s", base, path, *query != '\0' ? "?" : "",
	    query);
	s.host = host = host_of(base);
	s.path = path;
	sigv4_headers(&s, &headers);
	o.headers = buf_str(&headers);
	q->done = done;
	q->arg = arg;
	q->answer = json_pack("{ss ss}", "endpoint", base, "region", region);
	if (w->bucket != NULL)
		json_object_set_new(q->answer, "bucket",
		    json_string(w->bucket));
	c = httpc_start(loop, url, &o, on_answer, q);
	buf_release(&headers);
	free(base);
	free(host);
	free(path);
	free(url);
	return c;
}
