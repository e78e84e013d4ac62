/* One indicator's value, from the ways in which people write it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "crypto.h"
#include "intel.h"
#include "list.h"
#include "log.h"

static const char *const words[INTEL_KINDS] = {
	"any", "ip", "domain", "url", "md5", "sha1", "sha256", "name", "path"
};

const char *
intel_kind_word(enum intel_kind k)
{
	return words[k];
}

enum intel_kind
intel_kind_of(const char *word)
{
	int	k = 0;

	while (k < INTEL_KINDS && strcmp(words[k], word) != 0)
		k++;
	return (enum intel_kind)k;
}

/* -- the ways of writing -- */

/* Copies without white space around it.  The length, or -EINVAL. */
static int
trim(char out[INTEL_MAX_VALUE], const char *text, size_t len)
{
	while (len > 0 && isspace((unsigned char)*text))
		text++, len--;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	if (len == 0 || len >= INTEL_MAX_VALUE ||
	    memchr(text, '\0', len) != NULL)
		return -EINVAL;
	memcpy(out, text, len);
	out[len] = '\0';
	return (int)len;
}

/* "[.]", "(.)", "[:]" and "[dot]" become what they stand for, in place. */
static size_t
refang_once(char *s, size_t n)
{
	static const struct { const char *from, *to; } forms[] = {
		{ "[.]", "." }, { "(.)", "." }, { "[dot]", "." },
		{ "(dot)", "." }, { "[:]", ":" }, { "[://]", "://" }
	};
	size_t	to = 0, i, f, l;

	for (i = 0; i < n; i += l) {
		f = s[i] == '[' || s[i] == '(' ? 0 : nitems(forms);
		while (f < nitems(forms) && strncmp(s + i, forms[f].from,
		    strlen(forms[f].from)) != 0)
			f++;
		if (f == nitems(forms)) {
			l = 1;
			s[to++] = s[i];
			continue;
		}
		l = strlen(forms[f].from);
		memcpy(s + to, forms[f].to, strlen(forms[f].to));
		to += strlen(forms[f].to);
	}
	s[to] = '\0';
	return to;
}

/* Until nothing is left of it, so that what was read once reads the same. */
static size_t
refang(char *s, size_t n)
{
	size_t	was;

	do {
		was = n;
		n = refang_once(s, n);
	} while (n < was);
	if (strncasecmp(s, "hxxp", 4) == 0)
		memcpy(s, "http", 4);
	return n;
}

/* What names a file is taken as it is. */
static int
is_of_file(enum intel_kind kind, const char *s)
{
	return kind == INTEL_NAME || kind == INTEL_PATH ||
	    (kind == INTEL_ANY && *s == '/');
}

static void
lower(char *s, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			s[i] = (char)(s[i] + ('a' - 'A'));
}

/* -- addresses -- */

static void
clear_behind(uint8_t addr[16], int prefix)
{
	int	i;

	for (i = 0; i < 16; i++, prefix -= 8)
		if (prefix <= 0)
			addr[i] = 0;
		else if (prefix < 8)
			addr[i] &= (uint8_t)(0xff << (8 - prefix));
}

/* "/24" behind an address of that many bits; the number, or -1. */
static int
read_prefix(const char *s, int bits)
{
	char	*end;
	long	 n;

	if (*s == '\0')
		return bits;
	if (!isdigit((unsigned char)*s))
		return -1;
	n = strtol(s, &end, 10);
	return *end == '\0' && n <= bits ? (int)n : -1;
}

/* An address with its prefix, a port or brackets around it.  The value's
 * text is changed.  0 or -EINVAL. */
static int
read_ip(struct intel_value *v, char *s)
{
	uint8_t	 addr[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char	*slash = strchr(s, '/'), *port, none[] = "";
	int	 prefix, v6 = 0;

	if (slash != NULL)
		*slash++ = '\0';
	else
		slash = none;
	if (*s == '[' && (port = strchr(s, ']')) != NULL) {
		*port = '\0';
		s++;
	} else if ((port = strchr(s, ':')) != NULL &&
	    strchr(port + 1, ':') == NULL)
		*port = '\0';
	if (uv_inet_pton(AF_INET, s, addr + 12) != 0) {
		if (uv_inet_pton(AF_INET6, s, addr) != 0)
			return -EINVAL;
		v6 = 1;
	}
	if ((prefix = read_prefix(slash, v6 ? 128 : 32)) < 0)
		return -EINVAL;
	prefix += v6 ? 0 : 96;
	clear_behind(addr, prefix);
	v->kind = INTEL_IP;
	v->prefix = (uint8_t)prefix;
	v->len = sizeof(addr);
	memcpy(v->data, addr, sizeof(addr));
	return 0;
}

/* -- names and hashes -- */

/* RFC 1035's lengths; letters, digits, '-' and '_', with a dot somewhere. */
static int
read_domain(struct intel_value *v, char *s, size_t n)
{
	size_t	i, label = 0, dots = 0;

	if (n > 2 && s[0] == '*' && s[1] == '.')
		memmove(s, s + 2, (n -= 2) + 1);
	if (n > 0 && s[n - 1] == '.')
		s[--n] = '\0';
	if (n == 0 || n > 253)
		return -EINVAL;
	lower(s, n);
	for (i = 0; i <= n; i++) {
		if (s[i] == '.' || s[i] == '\0') {
			if (label == 0 || label > 63)
				return -EINVAL;
			dots += s[i] == '.';
			label = 0;
		} else if (isalnum((unsigned char)s[i]) || s[i] == '-' ||
		    s[i] == '_')
			label++;
		else
			return -EINVAL;
	}
	/* the last label has a letter, or it is a bad address */
	if (dots == 0 || strspn(strrchr(s, '.') + 1, "0123456789") ==
	    strlen(strrchr(s, '.') + 1))
		return -EINVAL;
	v->kind = INTEL_DOMAIN;
	v->len = (uint16_t)n;
	memmove(v->data, s, n);
	return 0;
}

/* Scheme and host are lower case, a fragment is no part of it, and a host
 * alone has the path "/". */
static int
read_url(struct intel_value *v, char *s)
{
	char	*host = strstr(s, "://"), *end;
	size_t	 n, i;

	if (host == NULL || host == s)
		return -EINVAL;
	for (i = 0; s + i < host; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '+' &&
		    s[i] != '-' && s[i] != '.')
			return -EINVAL;
	host += 3;
	s[strcspn(s, "#")] = '\0';
	end = host + strcspn(host, "/?");
	if (end == host)
		return -EINVAL;
	lower(s, (size_t)(end - s));
	n = strlen(s);
	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ')
			return -EINVAL;
	if (*end == '\0' && n + 1 < INTEL_MAX_VALUE) {
		s[n++] = '/';
		s[n] = '\0';
	}
	v->kind = INTEL_URL;
	v->len = (uint16_t)n;
	memmove(v->data, s, n);
	return 0;
}

static enum intel_kind
hash_kind(const char *s, size_t n)
{
	if (strspn(s, "0123456789abcdefABCDEF") != n)
		return INTEL_KINDS;
	return n == 32 ? INTEL_MD5 : n == 40 ? INTEL_SHA1 :
	    n == 64 ? INTEL_SHA256 : INTEL_KINDS;
}

static int
read_hash(struct intel_value *v, const char *s, size_t n)
{
	enum intel_kind	k = hash_kind(s, n);

	if (k == INTEL_KINDS || hex_decode(s, (uint8_t *)v->data, n / 2) < 0)
		return -EINVAL;
	v->kind = k;
	v->len = (uint16_t)(n / 2);
	return 0;
}

/* Windows' paths are compared in lower case, as its users do. */
static int
read_path(struct intel_value *v, char *s, size_t n)
{
	int	drive = n > 2 && isalpha((unsigned char)s[0]) &&
		    s[1] == ':' && (s[2] == '\\' || s[2] == '/');

	if (s[0] != '/' && !drive)
		return -EINVAL;
	if (drive)
		lower(s, n);
	v->kind = INTEL_PATH;
	v->len = (uint16_t)n;
	memmove(v->data, s, n);
	return 0;
}

static int
read_name(struct intel_value *v, char *s, size_t n)
{
	if (strpbrk(s, "/\\") != NULL || strcmp(s, ".") == 0 ||
	    strcmp(s, "..") == 0)
		return -EINVAL;
	lower(s, n);
	v->kind = INTEL_NAME;
	v->len = (uint16_t)n;
	memmove(v->data, s, n);
	return 0;
}

/* A name of a file cannot be told from a domain: it must be said. */
static int
read_any(struct intel_value *v, char *s, size_t n)
{
	char	copy[INTEL_MAX_VALUE];

	memcpy(copy, s, n + 1);
	if (hash_kind(s, n) != INTEL_KINDS)
		return read_hash(v, s, n);
	if (strstr(s, "://") != NULL)
		return read_url(v, s);
	if (read_ip(v, copy) == 0 || read_path(v, s, n) == 0)
		return 0;
	return read_domain(v, s, n);
}

int
intel_value_read(struct intel_value *v, enum intel_kind kind,
    const char *text, size_t len, const char **why)
{
	static const char *const	bad[INTEL_KINDS] = {
		"is no address, name, URL, path or hash",
		"is no IP address or network", "is no domain name",
		"is no URL", "is no MD5", "is no SHA-1", "is no SHA-256",
		"is no name of a file", "is no absolute path"
	};
	char	s[INTEL_MAX_VALUE];
	int	n = trim(s, text, len), rc;

	*why = bad[kind];
	v->prefix = 0;
	if (n < 0)
		return -EINVAL;
	if (!is_of_file(kind, s))
		n = (int)refang(s, (size_t)n);
	switch (kind) {
	case INTEL_ANY:		rc = read_any(v, s, (size_t)n); break;
	case INTEL_IP:		rc = read_ip(v, s); break;
	case INTEL_DOMAIN:	rc = read_domain(v, s, (size_t)n); break;
	case INTEL_URL:		rc = read_url(v, s); break;
	case INTEL_NAME:	rc = read_name(v, s, (size_t)n); break;
	case INTEL_PATH:	rc = read_path(v, s, (size_t)n); break;
	case INTEL_MD5:
	case INTEL_SHA1:
	case INTEL_SHA256:
		rc = hash_kind(s, (size_t)n) == kind ?
		    read_hash(v, s, (size_t)n) : -EINVAL;
		break;
	default:		rc = -EINVAL;
	}
	return rc;
}

int
intel_is_ipv4(const struct intel_value *v)
{
	return v->prefix >= 96 && intel_is_mapped(v->data);
}

int
intel_is_wide(const struct intel_value *v)
{
	enum { WIDE4 = 96 + 8, WIDE6 = 16 };

	return v->prefix < (intel_is_ipv4(v) ? WIDE4 : WIDE6);
}

char *
intel_value_text(const struct intel_value *v, char *out, size_t n)
{
	char	addr[64] = "", hex[2 * SHA256_SIZE + 1];
	int	v4;

	switch (v->kind) {
	case INTEL_IP:
		v4 = intel_is_ipv4(v);
		uv_inet_ntop(v4 ? AF_INET : AF_INET6, v->data + (v4 ? 12 : 0),
		    addr, sizeof(addr));
		if (v->prefix < 128)
			snprintf(out, n, "%s/%d", addr, v->prefix -
			    (v4 ? 96 : 0));
		else
			snprintf(out, n, "%s", addr);
		break;
	case INTEL_MD5:
	case INTEL_SHA1:
	case INTEL_SHA256:
		snprintf(out, n, "%s", hex_encode(v->data, v->len, hex));
		break;
	default:
		snprintf(out, n, "%.*s", (int)v->len, v->data);
	}
	return out;
}
