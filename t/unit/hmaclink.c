/* The envelope of document 004, ours against the document's own functions. */
#include <errno.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "esjson.h"
#include "hmaclink.h"
#include "json.h"
#include "replay.h"
#include "tap.h"

#define SECRET	"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

/* Made by the document's computeSignature() with SECRET. */
#define HEAD	"\"type\":\"metrics\",\"agentId\":\"agent-123\","	\
		"\"ts\":1731819422000,\"nonce\":\"random-uuid\","
#define PAYLOAD	"\"payload\":{\"cpuPercent\":25.5,\"memPercent\":45.2,"	\
		"\"diskUsage\":60.1}"
#define SIGNATURE "72853722cfd3799205c353e0ab802d4c37eecabc4b7ec73e6de40683300a8246"

/* Signed with "secret" by another encoder: the signature covers these bytes,
 * and not what JSON.stringify would make of them. */
#define AS_SENT	",\"signature\":\"f989da48c505f21c7f858ab6d801a412"		\
		"c5343e5c50d9d9be263377e804b424e8\"}"

static char	dir[] = "/tmp/muster-hmaclink.XXXXXX";

/* 1 right, 0 wrong, -1 not of the form. */
static int
judge(const char *text, size_t n, const char *secret)
{
	struct hmaclink	m;
	struct json_err	e;
	int		rc;

	if (hmaclink_parse(&m, text, n, &e) < 0)
		return -1;
	rc = hmaclink_verify(&m, secret);
	hmaclink_release(&m);
	return rc;
}

static int
judge_str(const char *text)
{
	return judge(text, strlen(text), SECRET);
}

static void
check_given(void)
{
	is_int("the document's own example", judge_str("{" HEAD PAYLOAD
	    ",\"signature\":\"" SIGNATURE "\"}"), 1);
	is_int("shuffled, spaced, numbers spelt otherwise", judge_str(
	    "{ \"signature\" : \"" SIGNATURE "\",\n \"payload\" : {"
	    "\"cpuPercent\": 2.55e1, \"memPercent\":45.20,"
	    "\"diskUsage\":60.100 },\t\"nonce\":\"random\\u002duuid\","
	    "\"ts\":1731819422000.0,\"agentId\":\"agent-123\","
	    "\"type\":\"metrics\"}"), 1);
	/* Go's encoder writes < so; JSON.stringify would not */
	is_int("what was signed as it was sent", judge("{\"type\":\"log\","
	    "\"agentId\":\"a\",\"ts\":1,\"nonce\":\"n\",\"payload\":\"\\u003c\""
	    AS_SENT, strlen("{\"type\":\"log\",\"agentId\":\"a\",\"ts\":1,"
	    "\"nonce\":\"n\",\"payload\":\"\\u003c\"" AS_SENT), "secret"), 1);
	is_int("a member that is not of it changes nothing", judge_str(
	    "{" HEAD PAYLOAD ",\"more\":[1],\"signature\":\"" SIGNATURE
	    "\"}"), 1);
	is_int("the payload's order counts", judge_str("{" HEAD
	    "\"payload\":{\"memPercent\":45.2,\"cpuPercent\":25.5,"
	    "\"diskUsage\":60.1},\"signature\":\"" SIGNATURE "\"}"), 0);
	is_int("another secret", judge("{" HEAD PAYLOAD ",\"signature\":\""
	    SIGNATURE "\"}", strlen("{" HEAD PAYLOAD ",\"signature\":\""
	    SIGNATURE "\"}"), "another secret"), 0);
	is_int("a signature that is too short", judge_str("{" HEAD PAYLOAD
	    ",\"signature\":\"f3d1\"}"), -1);
	is_int("one that is no hex", judge_str("{" HEAD PAYLOAD
	    ",\"signature\":\"z3d13a78ba09d66d67f6dd7b30e2cd21c10ac187d3a80e"
	    "63eb70ee7d56dd8d04\"}"), 0);
	is_int("a ts that is none", judge_str("{\"type\":\"auth\","
	    "\"agentId\":\"a\",\"ts\":-1,\"nonce\":\"n\",\"payload\":{},"
	    "\"signature\":\"" SIGNATURE "\"}"), -1);
	is_int("an agentId with a line end", judge_str("{\"type\":\"auth\","
	    "\"agentId\":\"a\\nb\",\"ts\":1,\"nonce\":\"n\",\"payload\":{},"
	    "\"signature\":\"" SIGNATURE "\"}"), -1);
}

static void
check_missing(void)
{
	static const char *const names[] = { "type", "agentId", "ts", "nonce",
	    "signature" };
	struct hmaclink	 m = { "log", "a", "n", 1, NULL, NULL, NULL, 0 };
	struct buf	 b = BUF_INIT;
	struct json_err	 e;
	json_t		*o;
	char		*text;
	size_t		 i;
	int		 bad = 0;

	m.payload = json_pack("{ss}", "message", "x");
	hmaclink_write(&m, SECRET, &b);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		o = json_read(b.p, b.len, &e);
		json_object_del(o, names[i]);
		text = json_text(o);
		bad += judge_str(text) == -1;
		free(text);
		json_decref(o);
	}
	is_int("each member missing is not of the form", bad, 5);
	json_decref(m.payload);
	buf_release(&b);
}

/* Whether two texts are two spellings of one value: 1e-9 and 1E-9. */
static int
same_value(const char *a, const char *b, size_t n)
{
	struct json_err	 e;
	struct buf	 x = BUF_INIT, y = BUF_INIT;
	json_t		*v = esjson_read(a, n, &e), *w = esjson_read(b, n, &e);
	int		 same;

	if (v != NULL && w != NULL) {
		esjson_write(&x, v, 0);
		esjson_write(&y, w, 0);
	}
	same = x.len > 0 && strcmp(x.p, y.p) == 0;
	json_decref(v);
	json_decref(w);
	buf_release(&x);
	buf_release(&y);
	return same;
}

/* Whatever bit is another: never right, but in the case of hex digits, and
 * where the value is still the same. */
static void
check_flipped(void)
{
	static const char payload[] = "{\"command\":\"ping\",\"args\":"
	    "{\"n\":-1.5e-9,\"s\":\"\\u001f\\\"\"}}";
	struct hmaclink	 m = { "command", "agent-\xc3\xa4", "n-1",
	    1731819422123, NULL, NULL, NULL, 0 };
	struct json_err	 e;
	struct buf	 b = BUF_INIT;
	size_t		 i, from;
	int		 bit, right = 0;
	char		 was, *was_all;

	m.payload = esjson_read(payload, strlen(payload), &e);
	hmaclink_write(&m, SECRET, &b);
	ok("a message of ours is right", judge(b.p, b.len, SECRET) == 1);
	was_all = xstrdup(b.p);
	from = (size_t)(strstr(b.p, "signature\":\"") - b.p) + 12;
	for (i = 0; i < b.len; i++)
		for (bit = 0; bit < 8; bit++) {
			if (i >= from && bit == 5)
				continue;
			was = b.p[i];
			b.p[i] = (char)(was ^ 1 << bit);
			right += judge(b.p, b.len, SECRET) == 1 &&
			    !same_value(b.p, was_all, b.len);
			b.p[i] = was;
		}
	is_int("no flipped bit is", right, 0);
	for (i = from; i < b.len; i++)
		if (b.p[i] >= 'a' && b.p[i] <= 'f')
			b.p[i] = (char)(b.p[i] - 32);
	is_int("upper-case hex is taken", judge(b.p, b.len, SECRET), 1);
	json_decref(m.payload);
	free(was_all);
	buf_release(&b);
}

/* -- what node says -- */

static void
write_ours(FILE *in, FILE *out)
{
	struct hmaclink	 m = { "log", "agent-001", "n", 1731819422000, NULL,
	    NULL, NULL, 0 };
	struct json_err	 e;
	struct buf	 b = BUF_INIT;
	char		 line[8192];

	while (fgets(line, sizeof(line), in) != NULL) {
		*strchr(line, '\t') = '\0';
		if ((m.payload = esjson_read(line, strlen(line), &e)) == NULL)
			continue;
		buf_clear(&b);
		hmaclink_write(&m, SECRET, &b);
		fprintf(out, "%s\n", b.p);
		json_decref(m.payload);
	}
	buf_release(&b);
}

static void
check_node_reads(void)
{
	char	*path = xasprintf("%s/ours", dir);
	char	*command = xasprintf("node t/verify004.mjs %s <%s", SECRET,
	    path);
	FILE	*in = fopen("t/esjson.vectors", "r"), *out = fopen(path, "w");
	char	 said[80] = "";
	int	 n = 0;

	write_ours(in, out);
	fclose(in);
	fclose(out);
	if ((in = popen(command, "r")) != NULL) {
		if (fgets(said, sizeof(said), in) != NULL)
			n = atoi(said);
		pclose(in);
	}
	ok("the document's verifyEnvelope takes each of ours", n > 300 &&
	    strstr(said, " 0 wrong") != NULL);
	printf("# %s", said);
	free(path);
	free(command);
}

static void
check_node_writes(void)
{
	char	*command = xasprintf("cut -f 1 t/esjson.vectors |"
	    " node t/verify004.mjs %s make", SECRET);
	FILE	*in = popen(command, "r");
	char	 line[8192];
	int	 n = 0, right = 0;

	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		right += judge_str(line) == 1;
		n++;
	}
	if (in != NULL)
		pclose(in);
	ok("we take each that the document's sendCommand signs", n > 300 &&
	    right == n);
	free(command);
}

/* -- replay -- */

static int
seen(struct replay_window *w, int64_t time, int number)
{
	char	nonce[32];

	snprintf(nonce, sizeof(nonce), "nonce-%d", number);
	return !replay_window_fresh(w, time, nonce, strlen(nonce));
}

static void
check_window(void)
{
	struct replay_window	w = { 0 };
	int			i, again = 0, lost = 0, burst = 0;

	ok("new", !seen(&w, 1000, 0));
	ok("not twice", seen(&w, 1000, 0));
	ok("not with another time either", seen(&w, 2000, 0));
	ok("an older one that is new", !seen(&w, 999, 1));
	for (i = 2; i < 1000; i++)
		lost += seen(&w, 1000 + i / 30, i);
	is_int("a stream of thirty a moment loses none", lost, 0);
	for (i = 0; i < 1000; i++)
		again += !seen(&w, 1000 + i / 30, i);
	is_int("none of them is taken again", again, 0);
	ok("nor anything as old as what was forgotten", seen(&w, 1010, 5000));
	ok("what is newer is", !seen(&w, 5000, 5001));
	for (i = 6000; i < 7000; i++)
		burst += !seen(&w, 6000, i);
	is_int("a thousand of one moment are taken", burst, 1000);
	for (i = 6000, again = 0; i < 7000; i++)
		again += !seen(&w, 6000, i);
	is_int("once", again, 0);
	for (i = 7000; i < 9000; i++)
		again += !seen(&w, 6000, i);
	ok("more than it remembers are not", again < 1024);
	is_int("in bounded memory", w.room, REPLAY_WINDOW_MAX);
	replay_window_release(&w);
}

int
main(void)
{
	char	*command;

	crypto_init();
	if (mkdtemp(dir) == NULL)
		return 1;
	command = xasprintf("rm -rf %s", dir);
	check_given();
	check_missing();
	check_flipped();
	check_window();
	if (system("command -v node >/dev/null") == 0) {
		check_node_reads();
		check_node_writes();
	} else
		printf("ok %d # SKIP no node\n", ++tap_count);
	ok("the scratch directory goes", system(command) == 0);
	free(command);
	return done();
}
