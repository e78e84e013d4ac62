/*
 * The head of a request.  http-parser takes it apart, but it is lenient, and
 * two readers of one lenient head can see two different requests.  So each
 * line is first held against the grammar of RFC 9112 (httpd_grammar.c), and
 * what frames the body is judged once more behind the parser (head_judge).
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <http_parser.h>

#include "httpd_impl.h"

enum {
	/* "METHOD SP ... SP HTTP/1.1 CR" beside the target. */
	LINE_ROOM	= 64,
	MAX_HOST	= 255 + 6	/* a DNS name, ':' and a port */
};

static int
refuse(int status, const char **why, const char *text)
{
	*why = text;
	return status;
}

int
head_find(const char *p, size_t n, size_t *scanned, size_t *len,
    const char **why)
{
	size_t		 i = *scanned;
	const char	*lf;

	*len = 0;
	while (i < n && (lf = memchr(p + i, '\n', n - i)) != NULL) {
		i = (size_t)(lf - p);
		if (i == 0 || p[i - 1] != '\r')
			return refuse(400, why, "line does not end in CR LF");
		i++;
		if (i >= 4 && p[i - 3] == '\n') {
			*len = i;
			break;
		}
	}
	*scanned = *len > 0 ? *len : n;
	if ((*len > 0 ? *len : n) > HTTP_MAX_HEAD)
		return refuse(431, why, "headers too long");
	i = n < HTTP_MAX_PATH + LINE_ROOM ? n : HTTP_MAX_PATH + LINE_ROOM;
	if (i < n && memchr(p, '\n', i) == NULL)
		return refuse(414, why, "request line too long");
	return 0;
}

/* -- the parser -- */

struct parse {
	struct head	*head;
	char		*text;
	const char	*target;
	size_t		 target_len;
	/* Where NULs go once the parser is done: a name's and a value's. */
	const char	*end[HTTP_MAX_HEADERS][2];
};

static int
on_url(http_parser *hp, const char *p, size_t n)
{
	struct parse	*ps = hp->data;

	ps->target = p;
	ps->target_len = n;
	return 0;
}

static int
on_field(http_parser *hp, const char *p, size_t n)
{
	struct parse	*ps = hp->data;
	size_t		 i = ps->head->n;

	if (i == HTTP_MAX_HEADERS)
		return -1;
	ps->head->field[i].name = p;
	ps->head->field[i].value = p + n;	/* "" where none comes */
	ps->end[i][0] = ps->end[i][1] = p + n;
	ps->head->n++;
	return 0;
}

static int
on_value(http_parser *hp, const char *p, size_t n)
{
	struct parse	*ps = hp->data;
	size_t		 i = ps->head->n - 1;

	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	if (n > 0) {
		ps->head->field[i].value = p;
		ps->end[i][1] = p + n;
	}
	return 0;
}

static int
run_parser(http_parser *hp, struct parse *ps, size_t n, const char **why)
{
	static const http_parser_settings	settings = {
		.on_url = on_url,
		.on_header_field = on_field,
		.on_header_value = on_value
	};
	enum http_errno	e;
	size_t		i;

	http_parser_init(hp, HTTP_REQUEST);
	hp->data = ps;
	http_parser_execute(hp, &settings, ps->text, n);
	e = HTTP_PARSER_ERRNO(hp);
	if (e == HPE_INVALID_METHOD)
		return refuse(501, why, "method not implemented");
	if (e != HPE_OK || ps->target == NULL)
		return refuse(400, why, http_errno_description(e));
	for (i = 0; i < ps->head->n; i++) {
		ps->text[ps->end[i][0] - ps->text] = '\0';
		ps->text[ps->end[i][1] - ps->text] = '\0';
	}
	return 0;
}

/* -- what it means, behind the parser -- */

static int
judge_host(const char *v, const char **why)
{
	size_t	n = strlen(v);

	if (n > MAX_HOST || strspn(v, "0123456789abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;=:%[]") != n)
		return refuse(400, why, "bad Host header");
	return 0;
}

static int
judge_length(struct head *h, const char *v, const char **why)
{
	size_t	n = strlen(v);

	if (n == 0 || strspn(v, "0123456789") != n)
		return refuse(400, why, "bad Content-Length");
	if (n > 18)
		return refuse(413, why, "body too long");
	for (h->length = 0; *v != '\0'; v++)
		h->length = h->length * 10 + (uint64_t)(*v - '0');
	return 0;
}

/* The fields that may be there once only, and count them. */
static int
judge_field(struct head *h, const struct head_field *f, int seen[4],
    const char **why)
{
	static const char *const	once[] = {
		"Host", "Content-Length", "Transfer-Encoding", "Authorization"
	};
	int	i;

	for (i = 0; i < 4 && strcasecmp(f->name, once[i]) != 0; i++)
		continue;
	if (i < 4 && seen[i]++)
		return refuse(400, why, "a header that may be there once is "
		    "there twice");
	if (i == 0)
		return judge_host(f->value, why);
	if (i == 1)
		return judge_length(h, f->value, why);
	if (i == 2 && strcasecmp(f->value, "chunked") != 0)
		return refuse(400, why, "Transfer-Encoding is not \"chunked\"");
	if (i == 4 && strcasecmp(f->name, "Expect") == 0) {
		if (strcasecmp(f->value, "100-continue") != 0)
			return refuse(417, why, "unknown expectation");
		h->expects = 1;
	}
	return 0;
}

static int
head_judge(struct head *h, const char **why)
{
	int	seen[4] = { 0 }, rc;
	size_t	i;

	for (i = 0; i < h->n; i++)
		if ((rc = judge_field(h, &h->field[i], seen, why)) != 0)
			return rc;
	if (h->minor > 0 && !seen[0])
		return refuse(400, why, "no Host header");
	if (seen[2] && seen[1])
		return refuse(400, why, "Content-Length beside "
		    "Transfer-Encoding");
	if (seen[2] && h->minor == 0)
		return refuse(400, why, "Transfer-Encoding in HTTP/1.0");
	h->chunked = seen[2] ? 1 : 0;
	if (h->minor == 0 || (h->length == 0 && !h->chunked))
		h->expects = 0;
	return 0;
}

/* http://host/path, as to a proxy: only the path counts. */
static int
split_absolute(char **target, size_t n, const char **why)
{
	struct http_parser_url	u;

	http_parser_url_init(&u);
	if ((strncasecmp(*target, "http://", 7) != 0
	    && strncasecmp(*target, "https://", 8) != 0)
	    || http_parser_parse_url(*target, n, 0, &u) != 0
	    || (u.field_set & 1 << UF_HOST) == 0
	    || (u.field_set & 1 << UF_USERINFO) != 0)
		return refuse(400, why, "bad request target");
	if (u.field_set & 1 << UF_PATH)
		*target += u.field_data[UF_PATH].off;
	else if (u.field_set & 1 << UF_QUERY)
		*target += u.field_data[UF_QUERY].off - 1;
	else
		*target += n;
	return 0;
}

static int
split_target(struct head *h, const struct parse *ps, const char **why)
{
	char	*p = ps->text + (ps->target - ps->text), *q;
	int	 rc;

	p[ps->target_len] = '\0';		/* over the space behind it */
	if (strcmp(p, "*") == 0 && strcmp(h->method, "OPTIONS") == 0) {
		h->path = p;
		return 0;
	}
	if (*p != '/' && (rc = split_absolute(&p, ps->target_len,
	    why)) != 0)
		return rc;
	if ((q = strchr(p, '?')) != NULL) {
		*q = '\0';
		h->query = q + 1;
	}
	if (http_url_decode(p) < 0)
		return refuse(400, why, "bad percent-encoding in the path");
	h->path = *p != '\0' ? p : "/";
	return 0;
}

int
head_parse(struct head *h, char *text, size_t n, const char **why)
{
	struct parse	 ps = { .head = h, .text = text };
	http_parser	 hp;
	int		 rc;

	memset(h, 0, offsetof(struct head, field));
	h->query = "";
	if ((rc = head_check(text, n, why)) != 0)
		return rc;
	if (strncmp(text, "CONNECT ", 8) == 0)
		return refuse(501, why, "this is no proxy");
	if ((rc = run_parser(&hp, &ps, n, why)) != 0)
		return rc;
	h->method = http_method_str((enum http_method)hp.method);
	h->minor = hp.http_minor;
	h->keep = http_should_keep_alive(&hp) ? 1 : 0;
	if ((rc = head_judge(h, why)) != 0)
		return rc;
	return split_target(h, &ps, why);
}

/* -- small things -- */

const char *
head_value(const struct head *h, const char *name)
{
	size_t	i;

	for (i = 0; i < h->n; i++)
		if (strcasecmp(h->field[i].name, name) == 0)
			return h->field[i].value;
	return NULL;
}

int
head_has_token(const char *list, const char *word)
{
	size_t	n = strlen(word), len;

	while (list != NULL && *list != '\0') {
		list += strspn(list, " \t,");
		len = strcspn(list, " \t,");
		if (len == n && strncasecmp(list, word, n) == 0)
			return 1;
		list += len;
	}
	return 0;
}

static int
hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
http_url_decode(char *s)
{
	char	*to = s;
	int	 hi, lo;

	for (; *s != '\0'; s++) {
		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		if ((hi = hex_digit(s[1])) < 0 || (lo = hex_digit(s[2])) < 0
		    || (hi == 0 && lo == 0))
			return -EINVAL;
		*to++ = (char)(hi << 4 | lo);
		s += 2;
	}
	*to = '\0';
	return 0;
}
