/* Indicators: how values are written, feeds, warning lists, the file. */
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "intel.h"
#include "intel_feed.h"
#include "log.h"
#include "tap.h"
#include "xorshift.h"

static char	dir[] = "/tmp/muster-intel.XXXXXX";
static char	path[64];

/* -- values -- */

static const char *
reads(enum intel_kind kind, const char *text)
{
	static char		 out[2 * INTEL_MAX_VALUE];
	struct intel_value	 v;
	const char		*why;
	char			 value[INTEL_MAX_VALUE + 64];

	if (intel_value_read(&v, kind, text, strlen(text), &why) < 0)
		return why;
	snprintf(out, sizeof(out), "%s %s", intel_kind_word(v.kind),
	    intel_value_text(&v, value, sizeof(value)));
	return out;
}

static void
test_values(void)
{
	static const struct { const char *text, *want; } any[] = {
		{ " 192.0.2.1\r\n", "ip 192.0.2.1" },
		{ "192.0.2[.]1", "ip 192.0.2.1" },
		{ "192.0.2.1:8080", "ip 192.0.2.1" },
		{ "192.0.2.77/24", "ip 192.0.2.0/24" },
		{ "2001:DB8::1", "ip 2001:db8::1" },
		{ "[2001:db8::1]:443", "ip 2001:db8::1" },
		{ "2001:db8:ffff::/33", "ip 2001:db8:8000::/33" },
		{ "::ffff:192.0.2.1", "ip 192.0.2.1" },
		{ "Bad.Example.", "domain bad.example" },
		{ "*.bad.example", "domain bad.example" },
		{ "bad(.)example[dot]org", "domain bad.example.org" },
		{ "hxxps://Bad.Example", "url https://bad.example/" },
		{ "http://bad.example/((.))x", "url http://bad.example/.x" },
		{ "/tmp/(.)x", "path /tmp/(.)x" },
		{ "http://bad.example/A?b#c", "url http://bad.example/A?b" },
		{ "D41D8CD98F00B204E9800998ECF8427E",
		    "md5 d41d8cd98f00b204e9800998ecf8427e" },
		{ "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		    "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ "/tmp/.x/Miner", "path /tmp/.x/Miner" },
		{ "C:\\Temp\\X.exe", "path c:\\temp\\x.exe" },
		{ "999.1.1.1", "is no address, name, URL, path or hash" },
		{ "192.0.2.1/33", "is no address, name, URL, path or hash" },
		{ "word", "is no address, name, URL, path or hash" },
		{ "b\303\274cher.example",
		    "is no address, name, URL, path or hash" },
		{ "a..b", "is no address, name, URL, path or hash" },
		{ "", "is no address, name, URL, path or hash" }
	};
	size_t	i;

	for (i = 0; i < nitems(any); i++)
		is_str(*any[i].text ? any[i].text : "nothing",
		    reads(INTEL_ANY, any[i].text), any[i].want);
	is_str("a name must be said to be one", reads(INTEL_NAME, "X.EXE"),
	    "name x.exe");
	is_str("which is taken as it is", reads(INTEL_NAME, "a(.)b"),
	    "name a(.)b");
	is_str("a name has no directory", reads(INTEL_NAME, "a/b"),
	    "is no name of a file");
	is_str("a hash of another length", reads(INTEL_SHA256,
	    "d41d8cd98f00b204e9800998ecf8427e"), "is no SHA-256");
}

/* -- feeds -- */

static struct buf	heard;

static int
hear(const struct intel_value *v, int confidence, int64_t until, void *arg)
{
	char	text[INTEL_MAX_VALUE + 64];

	(void)arg;
	buf_printf(&heard, "%s:%s %d %lld\n", intel_kind_word(v->kind),
	    intel_value_text(v, text, sizeof(text)), confidence,
	    (long long)until);
	return 0;
}

static struct intel_count	count;

static const char *
feed(const struct intel_feed *f, const char *text)
{
	buf_clear(&heard);
	intel_feed_read(f, text, strlen(text), 1000, hear, NULL, &count);
	return buf_str(&heard);
}

static void
test_lines(void)
{
	struct intel_feed	f = { .format = INTEL_PLAIN,
		.confidence = 60, .ttl = 500 };

	is_str("a plain list", feed(&f, "# c\n\n192.0.2.1 seen today\r\n"
	    "; c\nbad.example"), "ip:192.0.2.1 60 1500\n"
	    "domain:bad.example 60 1500\n");
	feed(&f, "bad.example\n\n!!\n??");
	is_int("what is bad is counted", (long long)count.refused, 2);
	is_int("and the first line named", count.line, 3);
	f.format = INTEL_HOSTS;
	f.ttl = 0;
	is_str("hosts", feed(&f, "127.0.0.1 localhost\n"
	    "0.0.0.0 a.example b.example # c\n"),
	    "domain:a.example 60 0\ndomain:b.example 60 0\n");
	is_str("a form feed ends no word, and does not hold up the reading",
	    feed(&f, "0.0.0.0 a\f.example \f c.example\n"),
	    "domain:c.example 60 0\n");
	f.format = INTEL_CSV;
	f.column = "ip";
	is_str("CSV by its header", feed(&f, "name,ip\n\"a, \"\"b\"\"\n\","
	    "192.0.2.1\nx,192.0.2.2\n"),
	    "ip:192.0.2.1 60 0\nip:192.0.2.2 60 0\n");
	f.column = "ioc";
	is_str("whose header is a comment", feed(&f,
	    "# about\n# \"when\",\"ioc\"\n\"x\",\"bad.example\"\n"),
	    "domain:bad.example 60 0\n");
	f.column = "2";
	is_str("CSV by number", feed(&f, "a,192.0.2.1\nb\n"),
	    "ip:192.0.2.1 60 0\n");
	is_int("a short record is counted", count.line, 2);
	f.column = "none";
	feed(&f, "a,b\n1,2\n");
	is_str("no such column", count.fault,
	    "has no column of that name in its header");
	f.column = "1";
	f.delimiter = ';';
	is_str("another delimiter", feed(&f, "192.0.2.1;x\n"),
	    "ip:192.0.2.1 60 0\n");
}

#define INDICATOR(more)	"{\"type\":\"indicator\",\"pattern_type\":\"stix\"," \
	"\"valid_from\":\"1970-01-01T00:00:10Z\"," more "}"

static void
test_stix(void)
{
	struct intel_feed	f = { .format = INTEL_STIX, .confidence = 50 };

	is_str("a bundle", feed(&f, "{\"type\":\"bundle\",\"objects\":["
	    "{\"type\":\"identity\",\"name\":\"x\"},"
	    INDICATOR("\"confidence\":85,\"pattern\":"
	    "\"[ipv4-addr:value = '192.0.2.1' OR domain-name:value='a.b'] "
	    "OR [file:hashes.'SHA-256' IN ('"
	    "0000000000000000000000000000000000000000000000000000000000000001'"
	    ")]\"") ","
	    INDICATOR("\"valid_until\":\"1970-01-01T01:00:00Z\",\"pattern\":"
	    "\"[url:value = 'http://x.y/it\\\\'s']\"") "]}"),
	    "ip:192.0.2.1 85 0\ndomain:a.b 85 0\nsha256:"
	    "0000000000000000000000000000000000000000000000000000000000000001"
	    " 85 0\nurl:http://x.y/it's 50 3600\n");
	feed(&f, "{\"objects\":["
	    INDICATOR("\"pattern\":\"[ipv4-addr:value='192.0.2.1' AND "
	    "domain-name:value='a.b']\"") ","
	    INDICATOR("\"revoked\":true,\"pattern\":\"[url:value='a://b']\"")
	    "," INDICATOR("\"valid_until\":\"1970-01-01T00:10:00Z\","
	    "\"pattern\":\"[ipv4-addr:value='192.0.2.1']\"") "]}");
	is_int("together, revoked, expired: none taken",
	    (long long)count.taken, 0);
	is_int("and each counted", (long long)count.passed, 3);
	feed(&f, "{\"objects\":[" INDICATOR("\"pattern\":\"[ipv4-addr:value"
	    " = '192.0.2.1']\"") ",{\"x\":");
	is_int("what is before a fault counts", (long long)count.taken, 1);
	ok("and the fault is told", strstr(count.fault, "line 1") != NULL);
	f.ttl = 100;
	is_str("a life counts from valid_from", feed(&f, "{\"objects\":["
	    INDICATOR("\"pattern\":\"[ipv4-addr:value='192.0.2.1']\"") "]}"),
	    "");
}

static void
test_misp(void)
{
	struct intel_feed	f = { .format = INTEL_MISP, .confidence = 50 };

	is_str("an event", feed(&f, "{\"response\":[{\"Event\":{\"info\":\"x\","
	    "\"Attribute\":["
	    "{\"type\":\"ip-dst|port\",\"to_ids\":true,\"value\":"
	    "\"192.0.2.1|80\"},"
	    "{\"type\":\"domain|ip\",\"to_ids\":\"1\",\"value\":"
	    "\"a.b|192.0.2.2\"},"
	    "{\"type\":\"filename|md5\",\"to_ids\":true,\"value\":"
	    "\"x.exe|d41d8cd98f00b204e9800998ecf8427e\"},"
	    "{\"type\":\"ip-src\",\"to_ids\":false,\"value\":\"192.0.2.3\"},"
	    "{\"type\":\"comment\",\"to_ids\":true,\"value\":\"x\"}],"
	    "\"Object\":[{\"name\":\"file\",\"Attribute\":["
	    "{\"type\":\"filename\",\"to_ids\":true,\"value\":\"Y.exe\"}]}]"
	    "}}]}"),
	    "ip:192.0.2.1 50 0\ndomain:a.b 50 0\nip:192.0.2.2 50 0\n"
	    "md5:d41d8cd98f00b204e9800998ecf8427e 50 0\nname:y.exe 50 0\n");
	is_int("what is not for detection", (long long)count.passed, 2);
	f.ttl = 500;
	is_str("a life counts from when it was seen", feed(&f,
	    "[{\"type\":\"domain\",\"to_ids\":true,\"value\":\"a.b\","
	    "\"last_seen\":\"1970-01-01T00:15:00Z\"}]"),
	    "domain:a.b 50 1400\n");
}

static const char *
warned(const struct intel_warn *w, enum intel_kind kind, const char *text)
{
	struct intel_value	 v;
	const char		*why, *list;

	if (intel_value_read(&v, kind, text, strlen(text), &why) < 0)
		return why;
	list = intel_warn_find(w, &v);
	return list != NULL ? list : "-";
}

static void
test_warn(void)
{
	struct intel_warn	*w = intel_warn_new();
	static const char	 a[] = "{\"name\":\"resolvers\",\"type\":"
	    "\"cidr\",\"list\":[\"192.0.2.0/24\",\"2001:db8::/32\"]}";
	static const char	 b[] = "{\"name\":\"big\",\"type\":"
	    "\"hostname\",\"list\":[\".cdn.example\",\"x.y\"]}";
	static const char	 c[] = "{\"name\":\"regular\",\"type\":"
	    "\"regex\",\"list\":[\"a.*\"]}";
	char			*why = NULL;

	is_int("networks", intel_warn_add(w, a, strlen(a), &why), 0);
	is_int("names", intel_warn_add(w, b, strlen(b), &why), 0);
	is_int("another type", intel_warn_add(w, c, strlen(c), &why), -EINVAL);
	is_str("is refused by its name", why, "type: must be cidr, hostname,"
	    " string or substring");
	free(why);
	is_str("an address", warned(w, INTEL_ANY, "192.0.2.9"), "resolvers");
	is_str("of IPv6", warned(w, INTEL_ANY, "2001:db8::9"), "resolvers");
	is_str("another", warned(w, INTEL_ANY, "192.0.3.9"), "-");
	is_str("a name below", warned(w, INTEL_ANY, "a.b.cdn.example"), "big");
	is_str("the name", warned(w, INTEL_ANY, "x.y"), "big");
	is_str("another name", warned(w, INTEL_ANY, "ax.y"), "-");
	intel_warn_free(w);
}

/* -- the file -- */

static void
put(struct intel_maker *m, const char *text, int source, int confidence,
    int64_t until)
{
	struct intel_value	 v;
	const char		*why;

	if (intel_value_read(&v, INTEL_ANY, text, strlen(text), &why) == 0)
		intel_maker_add(m, &v, source, confidence, until);
}

/* "source confidence value" of each, joined. */
static const char *
found(const struct intel *t, const char *text, int64_t now)
{
	static struct buf	 b;
	struct intel_hit	 hits[INTEL_MAX_HITS];
	struct intel_value	 v;
	const char		*why;
	char			 value[INTEL_MAX_VALUE + 64];
	size_t			 n, i;

	buf_clear(&b);
	if (intel_value_read(&v, INTEL_ANY, text, strlen(text), &why) < 0)
		return why;
	n = intel_find(t, &v, now, hits);
	for (i = 0; i < n; i++)
		buf_printf(&b, "%s%s %d %s", i > 0 ? ", " : "", hits[i].source,
		    hits[i].confidence, intel_value_text(&hits[i].value,
		    value, sizeof(value)));
	return buf_str(&b);
}

static void
test_file(void)
{
	struct intel_maker	*m;
	struct intel_made	 made;
	struct intel		*t, *old;
	const char		*why;
	int			 a, b;

	is_int("begin", intel_maker_new(&m, path), 0);
	a = intel_maker_source(m, "a");
	b = intel_maker_source(m, "b");
	is_int("a source has one number", intel_maker_source(m, "a"), a);
	put(m, "192.0.2.1", a, 50, 0);
	put(m, "192.0.2.1", b, 70, 2000);
	put(m, "192.0.2.1", a, 60, 0);
	put(m, "192.0.2.0/24", a, 10, 0);
	put(m, "192.0.0.0/9", b, 20, 0);
	put(m, "2001:db8::/32", a, 30, 0);
	put(m, "bad.example", a, 40, 0);
	ok("nothing yet", !file_exists(path));
	is_int("end", intel_maker_end(m, &made), 0);
	is_int("all were read", (long long)made.read, 7);
	is_int("one was there", (long long)made.kept, 6);
	is_int("open", intel_open(&t, path, &why), 0);
	is_int("how many", (long long)intel_count(t, INTEL_IP), 5);
	is_str("each source, then the networks", found(t, "192.0.2.1", 1000),
	    "a 60 192.0.2.1, b 70 192.0.2.1, a 10 192.0.2.0/24, "
	    "b 20 192.0.0.0/9");
	is_str("one expires", found(t, "192.0.2.1", 2000),
	    "a 60 192.0.2.1, a 10 192.0.2.0/24, b 20 192.0.0.0/9");
	is_str("in no network", found(t, "198.51.100.1", 0), "");
	is_str("in the wide one alone", found(t, "192.100.1.1", 0),
	    "b 20 192.0.0.0/9");
	is_str("IPv6", found(t, "2001:db8:1::9", 0), "a 30 2001:db8::/32");
	is_str("a name", found(t, "bad.example", 0), "a 40 bad.example");
	is_str("and below it", found(t, "a.b.bad.example", 0),
	    "a 40 bad.example");
	is_str("not beside it", found(t, "notbad.example", 0), "");
	old = t;
	intel_maker_new(&m, path);
	put(m, "192.0.2.9", intel_maker_source(m, "c"), 1, 0);
	intel_maker_end(m, NULL);
	is_str("who has the old one keeps it", found(old, "bad.example", 0),
	    "a 40 bad.example");
	is_int("a new one beside it", intel_open(&t, path, &why), 0);
	is_str("has what is new", found(t, "192.0.2.9", 0), "c 1 192.0.2.9");
	intel_close(old);
	intel_close(t);
	intel_maker_new(&m, path);
	intel_maker_drop(m);
	is_int("one that was dropped leaves the old", intel_open(&t, path,
	    &why), 0);
	intel_close(t);
	intel_maker_new(&m, path);
	is_int("one of no feed", intel_maker_end(m, NULL), 0);
	is_int("can be asked", intel_open(&t, path, &why), 0);
	is_str("and has nothing", found(t, "192.0.2.9", 0), "");
	intel_close(t);
}

static int
tell_each(const struct intel_hit *hit, void *arg)
{
	char	value[INTEL_MAX_VALUE + 64];

	buf_printf(arg, "%s %d %s\n", hit->source, hit->confidence,
	    intel_value_text(&hit->value, value, sizeof(value)));
	return 0;
}

static void
test_each(void)
{
	struct buf		 b = BUF_INIT;
	struct intel_maker	*m;
	struct intel		*t;
	const char		*why;
	int			 a;

	intel_maker_new(&m, path);
	a = intel_maker_source(m, "a");
	put(m, "bad.example", a, 40, 0);
	put(m, "192.0.2.1", a, 50, 1000);
	put(m, "bad.example", intel_maker_source(m, "b"), 10, 0);
	put(m, "bad.example", a, 60, 0);
	put(m, "192.0.2.0/24", a, 70, 999);
	intel_maker_end(m, NULL);
	intel_open(&t, path, &why);
	intel_each(t, 999, tell_each, &b);
	is_str("each once, with the best that is known of it, not expired",
	    buf_str(&b), "a 60 bad.example\na 50 192.0.2.1\n"
	    "b 10 bad.example\n");
	intel_close(t);
	buf_release(&b);
}

enum { NETWORKS = 3000, ADDRESSES = 3000 };

/* Few addresses, so that networks lie in networks. */
static void
random_network(struct intel_value *v, int address)
{
	char		 text[64];
	const char	*why;
	uint64_t	 r = next_random();
	int		 bits = r >> 60 & 1 ? 32 : 128;
	int		 prefix = address ? bits : (int)((r >> 32 & 0xffff) %
			    ((unsigned)bits + 1));

	snprintf(text, sizeof(text), bits == 32 ? "10.%u.%u.%u/%d" :
	    "2001:%x:%x::%x/%d", (unsigned)(r & 3), (unsigned)(r >> 8 & 255),
	    (unsigned)(r >> 16 & 255), prefix);
	if (intel_value_read(v, INTEL_IP, text, strlen(text), &why) < 0)
		abort();
}

/* Whether an address lies in a network, bit by bit. */
static int
lies_in(const struct intel_value *a, const struct intel_value *net)
{
	int	i;

	for (i = 0; i < net->prefix; i++)
		if (((a->data[i / 8] ^ net->data[i / 8]) >> (7 - i % 8) & 1))
			return 0;
	/* IPv4 is not in a network of IPv6 that is wider than all IPv4 */
	return net->prefix >= 96 || memcmp(a->data, net->data, 12) == 0 ||
	    memcmp(a->data, "\0\0\0\0\0\0\0\0\0\0\377\377", 12) != 0;
}

static void
test_networks(void)
{
	static struct intel_value	 nets[NETWORKS];
	struct intel_hit		 hits[INTEL_MAX_HITS];
	struct intel_value		 a;
	struct intel_maker		*m;
	struct intel			*t;
	const char			*why;
	size_t				 n, want, j;
	int				 i, source, wrong = 0;
	uint8_t				 seen[129];

	intel_maker_new(&m, path);
	source = intel_maker_source(m, "a");
	for (i = 0; i < NETWORKS; i++) {
		random_network(&nets[i], 0);
		intel_maker_add(m, &nets[i], source, 50, 0);
	}
	intel_maker_end(m, NULL);
	intel_open(&t, path, &why);
	for (i = 0; i < ADDRESSES; i++) {
		random_network(&a, 1);
		memset(seen, 0, sizeof(seen));
		for (j = 0; j < NETWORKS; j++)
			if (lies_in(&a, &nets[j]))
				seen[nets[j].prefix] = 1;
		for (want = 0, j = 0; j < sizeof(seen); j++)
			want += seen[j];
		n = intel_find(t, &a, 0, hits);
		wrong += n != (want < INTEL_MAX_HITS ? want : INTEL_MAX_HITS);
		for (j = 0; j < n; j++)
			wrong += !lies_in(&a, &hits[j].value) || (j > 0 &&
			    hits[j].value.prefix >= hits[j - 1].value.prefix);
	}
	is_int("networks around random addresses, as bit by bit", wrong, 0);
	intel_close(t);
}

/* Whatever byte is wrong: it does not open, or finds something or nothing. */
static void
test_damage(void)
{
	struct buf	 b = BUF_INIT;
	struct intel	*t;
	const char	*why;
	char		*copy;
	size_t		 i, opened = 0;

	file_read(path, 1 << 24, &b);
	is_int("the file is read", b.len > 0, 1);
	copy = xmalloc(b.len);
	memcpy(copy, b.p, b.len);
	for (i = 0; i < b.len; i += i < 256 ? 1 : 99991) {
		copy[i] = (char)(copy[i] ^ 0xff);
		file_write(path, copy, b.len, 0600);
		copy[i] = b.p[i];
		if (intel_open(&t, path, &why) < 0)
			continue;
		opened++;
		found(t, "192.0.2.9", 0);
		intel_close(t);
	}
	ok("no damage crashes a look-up", opened > 0);
	file_write(path, b.p, b.len / 2, 0600);
	is_int("half a file", intel_open(&t, path, &why), -EINVAL);
	is_str("says so", why, "is no file of indicators, or damaged");
	free(copy);
	buf_release(&b);
}

int
main(void)
{
	log_init("intel", LOG_NONE, LOG_TEXT);
	crypto_init();
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/intel", dir);
	test_values();
	test_lines();
	test_stix();
	test_misp();
	test_warn();
	test_file();
	test_each();
	test_networks();
	test_damage();
	unlink(path);
	rmdir(dir);
	buf_release(&heard);
	return done();
}
