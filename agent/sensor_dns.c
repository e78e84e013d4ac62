/*
 * Answers of DNS.  A name may go on where an earlier one stands; only
 * backwards, so that it ends.  Names are written as RFC 4343 has them: what
 * is no letter, digit, '-' or '_' as \DDD.
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "sensor_dns.h"

enum {
	HEADER	= 12,
	MAX_WIRE = 255,		/* of a name, RFC 1035 */
	MAX_RECORDS = 256,	/* looked at in one message */
	A = 1, CNAME = 5, AAAA = 28, INTERNET = 1
};

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static size_t
put_byte(char *out, uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		c |= 0x20;
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '_') {
		*out = (char)c;
		return 1;
	}
	return (size_t)snprintf(out, 5, "\\%03u", c);
}

/*
 * The name at *at, which moves behind it; out may be NULL.  A pointer must go
 * back to before where this part of the name began.
 */
static int
read_name(const uint8_t *p, size_t n, size_t *at, char out[DNS_NAME])
{
	size_t	i = *at, start = i, o = 0, wire = 1, k, len;
	int	jumped = 0;

	for (;;) {
		if (i >= n)
			return -EBADMSG;
		len = p[i++];
		if (len == 0)
			break;
		if (len >= 0xc0) {
			if (i >= n)
				return -EBADMSG;
			k = (len & 0x3f) << 8 | p[i++];
			if (k >= start)
				return -EBADMSG;
			if (!jumped)
				*at = i;
			jumped = 1;
			i = start = k;
			continue;
		}
		if (len > 63 || len > n - i || (wire += len + 1) > MAX_WIRE)
			return -EBADMSG;
		for (k = 0; k < len && out != NULL; k++)
			o += put_byte(out + o, p[i + k]);
		if (out != NULL)
			out[o++] = '.';
		i += len;
	}
	if (!jumped)
		*at = i;
	if (out != NULL)
		out[o > 0 ? o - 1 : 0] = '\0';	/* the root is "" */
	return 0;
}

/* Of a record the kinds that say where a name leads. */
static int
read_answer(struct dns_message *m, const uint8_t *p, size_t n, size_t at,
    unsigned type, size_t len)
{
	struct dns_answer	*a = &m->answers[m->n_answers];
	int			 rc = 0;

	if (type != A && type != AAAA && type != CNAME)
		return 0;
	if (m->n_answers == DNS_MAX_ANSWERS) {
		m->n_more++;
		return 0;
	}
	if ((type == A && len != 4) || (type == AAAA && len != 16))
		return -EBADMSG;
	if (type == CNAME)
		rc = read_name(p, n, &at, a->text);
	else
		inet_ntop(type == A ? AF_INET : AF_INET6, p + at, a->text,
		    sizeof(a->text));
	a->type = (uint16_t)type;
	m->n_answers++;
	return rc;
}

int
dns_read(struct dns_message *m, const uint8_t *p, size_t n)
{
	size_t		at = HEADER, len;
	unsigned	records, i, type;
	int		rc;

	if (n < HEADER)
		return -EBADMSG;
	if (!(p[2] & 0x80) || p[2] >> 3 & 0xf || get16(p + 4) != 1)
		return -ENOENT;		/* a question, or another kind */
	m->id = (uint16_t)get16(p);
	m->rcode = p[3] & 0xf;
	m->truncated = p[2] >> 1 & 1;
	m->n_answers = m->n_more = 0;
	if ((rc = read_name(p, n, &at, m->name)) < 0)
		return rc;
	if (n - at < 4)
		return -EBADMSG;
	m->type = (uint16_t)get16(p + at);
	at += 4;
	records = get16(p + 6);
	for (i = 0; i < records && i < MAX_RECORDS; i++) {
		if (m->truncated && at == n)
			return 0;
		if ((rc = read_name(p, n, &at, NULL)) < 0)
			return rc;
		if (n - at < 10)
			return -EBADMSG;
		type = get16(p + at + 2) == INTERNET ? get16(p + at) : 0;
		len = get16(p + at + 8);
		at += 10;
		if (len > n - at)
			return -EBADMSG;
		if ((rc = read_answer(m, p, at + len, at, type, len)) < 0)
			return rc;
		at += len;
	}
	m->n_more += records - i;
	return 0;
}

const char *
dns_type_word(int type, char out[16])
{
	static const struct {
		int		 type;
		const char	*word;
	} words[] = {
		{ A, "A" }, { 2, "NS" }, { CNAME, "CNAME" }, { 6, "SOA" },
		{ 12, "PTR" }, { 15, "MX" }, { 16, "TXT" }, { AAAA, "AAAA" },
		{ 33, "SRV" }, { 64, "SVCB" }, { 65, "HTTPS" }, { 255, "ANY" }
	};
	size_t	i;

	for (i = 0; i < nitems(words); i++)
		if (words[i].type == type)
			return words[i].word;
	snprintf(out, 16, "TYPE%d", type);
	return out;
}
