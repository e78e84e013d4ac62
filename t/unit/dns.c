/* dns: answers as servers give them, and what is none. */
#include <errno.h>
#include <stdlib.h>

#include "tap.h"
#include "sensor_dns.h"

#define HEAD(flags, answers) "\x12\x34" flags "\0\1\0" answers "\0\0\0\0"
#define QUESTION	"\3WWW\7example\3com\0\0\1\0\1"
#define ANSWER(type, len) "\xc0\x0c\0" type "\0\1\0\0\0\x3c\0" len

static struct dns_message	m;

#define READ(text)	dns_read(&m, (const uint8_t *)(text), sizeof(text) - 1)

static void
test_answers(void)
{
	char	word[16];

	is_int("an answer", READ(HEAD("\x81\x80", "\2") QUESTION
	    ANSWER("\5", "\6") "\3cdn\xc0\x10" ANSWER("\1", "\4")
	    "\xc0\x00\x02\x07"), 0);
	is_str("its name, in lower case", m.name, "www.example.com");
	is_str("its type", dns_type_word(m.type, word), "A");
	is_int("what it leads to", m.n_answers, 2);
	is_str("another name", m.answers[0].text, "cdn.example.com");
	is_str("an address", m.answers[1].text, "192.0.2.7");
	is_int("IPv6", READ(HEAD("\x81\x80", "\1") QUESTION
	    ANSWER("\x1c", "\x10") "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
	    0);
	is_str("as people write it", m.answers[0].text, "2001:db8::1");
	is_int("no such name", READ(HEAD("\x81\x83", "\0") QUESTION), 0);
	is_int("says so", m.rcode, 3);
	is_int("a cut one", READ(HEAD("\x83\x80", "\1") QUESTION), 0);
	ok("is told", m.truncated);
	is_int("the root", READ(HEAD("\x81\x80", "\0") "\0\0\2\0\1"), 0);
	is_str("has no name", m.name, "");
	is_int("bytes that are no letters", READ(HEAD("\x81\x80", "\0")
	    "\5a.b\"\0\1c\0\0\1\0\1"), 0);
	is_str("are written out", m.name, "a\\046b\\034\\000.c");
	is_str("an unknown type", dns_type_word(4711, word), "TYPE4711");
	is_str("a known one", dns_type_word(28, word), "AAAA");
}

static void
test_refused(void)
{
	is_int("a question", READ(HEAD("\x01\x00", "\0") QUESTION), -ENOENT);
	is_int("an update", READ(HEAD("\xa8\x00", "\0") QUESTION), -ENOENT);
	is_int("nothing", READ(""), -EBADMSG);
	is_int("a head alone", READ(HEAD("\x81\x80", "\0")), -EBADMSG);
	is_int("a name without end", READ(HEAD("\x81\x80", "\0") "\3www"),
	    -EBADMSG);
	is_int("a pointer to itself", READ(HEAD("\x81\x80", "\0")
	    "\xc0\x0c\0\1\0\1"), -EBADMSG);
	is_int("one forwards", READ(HEAD("\x81\x80", "\0")
	    "\xc0\x0e\1a\0\0\1\0\1"), -EBADMSG);
	is_int("two that go round", READ(HEAD("\x81\x80", "\1") QUESTION
	    ANSWER("\5", "\4") "\1a\xc0\x2d"), -EBADMSG);
	is_int("a label of 64", READ(HEAD("\x81\x80", "\0") "\x40"
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	    "\0\0\1\0\1"), -EBADMSG);
	is_int("an address of three bytes", READ(HEAD("\x81\x80", "\1")
	    QUESTION ANSWER("\1", "\3") "abc"), -EBADMSG);
	is_int("a record that is cut", READ(HEAD("\x81\x80", "\1") QUESTION
	    ANSWER("\1", "\4") "ab"), -EBADMSG);
	is_int("answers that are not there", READ(HEAD("\x81\x80", "\2")
	    QUESTION ANSWER("\1", "\4") "abcd"), -EBADMSG);
}

/* A name may have 255 bytes on the wire, and its text four times that. */
static void
test_long(void)
{
	uint8_t	p[600] = { 1, 2, 0x81, 0x80, 0, 1 };
	size_t	at = 12;
	int	i;

	for (i = 0; i < 4; i++) {
		p[at] = i < 3 ? 63 : 61;
		memset(p + at + 1, 0xff, p[at]);
		at += p[at] + 1U;
	}
	p[at++] = 0;
	at += 4;
	is_int("the longest name", dns_read(&m, p, at), 0);
	is_int("has all its bytes", strlen(m.name), (63 * 3 + 61) * 4 + 3);
	p[12 + 64 * 3] = 62;
	memset(p + 12 + 64 * 3 + 1, 'a', 62);
	memset(p + 12 + 64 * 3 + 63, 0, 5);
	is_int("a longer one", dns_read(&m, p, 12 + 64 * 3 + 63 + 5),
	    -EBADMSG);
}

int
main(void)
{
	test_answers();
	test_refused();
	test_long();
	return done();
}
