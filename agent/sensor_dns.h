/* An answer of DNS (RFC 1035), as far as it tells what was looked for. */
#ifndef MUSTER_SENSOR_DNS_H
#define MUSTER_SENSOR_DNS_H

#include <stddef.h>
#include <stdint.h>

enum {
	DNS_NAME	= 1024,	/* 255 bytes, each maybe written as \DDD */
	DNS_MAX_ANSWERS	= 16	/* kept of one message; more are counted */
};

struct dns_answer {
	uint16_t	type;		/* 1 A, 5 CNAME, 28 AAAA */
	char		text[DNS_NAME];	/* an address or a name */
};

struct dns_message {
	uint16_t	id, type;
	uint8_t		rcode;
	int		truncated;	/* by the server: TCP has the rest */
	char		name[DNS_NAME];	/* of the question, lower case */
	struct dns_answer answers[DNS_MAX_ANSWERS];
	size_t		n_answers, n_more;
};

/* 0; -ENOENT for what is no answer to one question; -EBADMSG for what is
 * damaged, of which nothing holds. */
int	dns_read(struct dns_message *, const uint8_t *, size_t n);
/* "AAAA", or "TYPE65" in out. */
const char *dns_type_word(int type, char out[16]);

#endif
