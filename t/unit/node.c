/* node: the text's form, and that a scrape allocates nothing. */
#include <errno.h>
#include <unistd.h>

#include "tap.h"
#include "../../agent/node_table_linux.c"
#include "node.h"

static void
test_numbers(void)
{
	struct buf	b = BUF_INIT;

	node_value(&b, "a", NULL, 0, 1);
	node_value(&b, "b", "{x=\"y\"}", UINT64_MAX, 1);
	node_value(&b, "c", NULL, 1234, 100);
	node_value(&b, "d", NULL, 5, 1000000);
	node_value(&b, "e", NULL, 200, 100);
	is_str("numbers", buf_str(&b), "a 0\nb{x=\"y\"} 18446744073709551615\n"
	    "c 12.34\nd 0.000005\ne 2\n");
	buf_release(&b);
}

static const char *
label(const char *value)
{
	static char	text[64];

	text[0] = '\0';
	if (node_label(text, sizeof(text), "l", value) < 0 ||
	    node_labels_end(text, sizeof(text)) < 0)
		return "does not fit";
	return text;
}

static void
test_labels(void)
{
	char	small[16] = "";

	is_str("plain", label("/srv"), "{l=\"/srv\"}");
	is_str("quoted", label("a\"b\\c\nd"), "{l=\"a\\\"b\\\\c\\nd\"}");
	is_str("UTF-8 stays", label("\xc3\xa4\xf0\x9f\x90\x9f"),
	    "{l=\"\xc3\xa4\xf0\x9f\x90\x9f\"}");
	is_str("what is none does not", label("a\xff" "b\xc3(\xed\xa0\x80"
	    "\xc0\x80\xf0\x9f"), "{l=\"a?b?(???????\"}");
	is_str("nor what is too long", label("0123456789012345678901234567890"
	    "123456789012345678901234567890123456789"), "does not fit");
	ok("a first label", node_label(small, sizeof(small), "a", "b") == 0);
	ok("a second that does not fit",
	    node_label(small, sizeof(small), "c", "defghijk") == -ENOBUFS);
	is_str("leaves the first", small, "{a=\"b\"");
}

static void
test_disks(void)
{
	static const char *const out[] = { "ram0", "loop12", "fd0", "sda1",
		"vdb12", "xvda1", "hdc3", "nvme0n1p2" };
	static const char *const in[] = { "sda", "vdb", "nvme0n1", "dm-0",
		"md0", "sr0", "zram0", "mmcblk0", "nbd0" };
	size_t	i;

	for (i = 0; i < nitems(out); i++)
		ok(out[i], is_left_out(out[i]));
	for (i = 0; i < nitems(in); i++)
		ok(in[i], !is_left_out(in[i]));
}

static void
test_memory(void)
{
	struct buf	b = BUF_INIT;
	uint64_t	left_out = 1;
	void		*top;
	int		i;

	for (i = 0; i < 10; i++) {
		buf_clear(&b);
		node_metrics(&b, &left_out);
	}
	ok("there is something", b.len > 1000);
	ok("all of it", left_out == 0);
	top = sbrk(0);
	for (i = 0; i < 300; i++) {
		buf_clear(&b);
		node_metrics(&b, &left_out);
	}
	ok("300 scrapes take no memory", sbrk(0) == top);
	buf_release(&b);
}

int
main(void)
{
	test_numbers();
	test_labels();
	test_disks();
	test_memory();
	return done();
}
