#include "tap.h"
#include "json.h"
#include "json_digits.h"
#include "log.h"

static json_t *
parse(const char *s, struct json_err *e)
{
	memset(e, 0, sizeof(*e));
	return json_read(s, strlen(s), e);
}

static const char *
refusal(const char *s, const struct json_field *f, size_t n)
{
	static char	 out[320];
	struct json_err	 e;
	json_t		*v = parse(s, &e);

	if (v != NULL && json_check(v, f, n, &e) == 0)
		return "accepted";
	json_decref(v);
	return json_err_str(&e, out, sizeof(out));
}

/* The integer of s that is lost, or "". */
static const char *
lost(const char *s)
{
	static char	 out[400];
	size_t		 n = 0;
	const char	*at = json_lost_integer(s, strlen(s), &n);

	snprintf(out, sizeof(out), "%.*s", (int)n, at != NULL ? at : "");
	return out;
}

static void
test_lost(void)
{
	is_str("what int64 takes is kept", lost("[9223372036854775807,"
	    "-9223372036854775808,0,-1]"), "");
	is_str("so is a power of two past it",
	    lost("[9223372036854775808,18446744073709551616]"), "");
	is_str("and what JavaScript prints",
	    lost("[123456789012345680000,100000000000000000000000]"), "");
	is_str("the next one is lost", lost("{\"a\":[1,9223372036854775809]}"),
	    "9223372036854775809");
	is_str("below zero, too", lost("-18446744073709551617 "),
	    "-18446744073709551617");
	is_str("a rounding that carries", lost("999999999999999999999"),
	    "999999999999999999999");
	is_str("a fraction is a double from the start",
	    lost("[9223372036854775809.0,9223372036854775809e0]"), "");
	is_str("digits in a text are text",
	    lost("[\"9223372036854775809\\\"18446744073709551617\",1]"), "");
}

static const struct json_field inner[] = {
	{ "deep", JSON_K_BOOL, 0, 0, 0, NULL, NULL, 0, 0 },
};
static const struct json_field table[] = {
	{ "os", JSON_K_STR, 1, 0, 0, "linux|windows", NULL, 0, 0 },
	{ "name", JSON_K_STR, 0, 1, 4, NULL, NULL, 0, 0 },
	{ "n", JSON_K_INT, 0, 1, 9, NULL, NULL, 0, 0 },
	{ "cap", JSON_K_OBJ, 0, 0, 0, NULL, inner, nitems(inner), 0 },
	{ "list", JSON_K_ARR, 0, 0, 2, NULL, NULL, 0, JSON_K_STR },
};
#define R(s)	refusal(s, table, nitems(table))

int
main(void)
{
	char		 deep[400];
	struct json_err	 e;
	json_t		*v;

	v = parse("{\"os\":\"linux\",\"name\":\"abcd\",\"n\":9,"
	    "\"cap\":{\"deep\":true},\"list\":[\"a\",\"b\"]}", &e);
	is_int("an object that fits the table is accepted",
	    json_check(v, table, nitems(table), &e), 0);
	json_decref(v);
	is_str("an unknown member is named", R("{\"os\":\"linux\",\"x\":1}"),
	    "x is not known here");
	is_str("a nested member is named with its path",
	    R("{\"os\":\"linux\",\"cap\":{\"deep\":1}}"),
	    "cap.deep must be true or false");
	is_str("an unknown nested member too",
	    R("{\"os\":\"linux\",\"cap\":{\"y\":1}}"),
	    "cap.y is not known here");
	is_str("a missing member is named", R("{}"), "os is missing");
	is_str("a word that is not in the list names the list",
	    R("{\"os\":\"beos\"}"), "os must be one of linux|windows");
	is_str("a part of a word is not the word", R("{\"os\":\"lin\"}"),
	    "os must be one of linux|windows");
	is_str("a string over its size is refused",
	    R("{\"os\":\"linux\",\"name\":\"abcde\"}"),
	    "name must have at most 4 bytes");
	is_str("an empty one too", R("{\"os\":\"linux\",\"name\":\"\"}"),
	    "name must not be empty");
	is_str("a number out of range is refused",
	    R("{\"os\":\"linux\",\"n\":10}"), "n must be from 1 to 9");
	is_str("a real is no whole number", R("{\"os\":\"linux\",\"n\":1.5}"),
	    "n must be a whole number");
	is_str("an array's element is named by its place",
	    R("{\"os\":\"linux\",\"list\":[\"a\",1]}"),
	    "list[1] must be a string");
	is_str("an array over its size is refused",
	    R("{\"os\":\"linux\",\"list\":[\"a\",\"b\",\"c\"]}"),
	    "list must have at most 2 items");
	is_str("what is no object is refused", R("[]"), "must be an object");

	ok("a syntax error has its line", parse("{\n\"a\":\n!}", &e) == NULL &&
	    e.line == 3);
	ok("a duplicate key is refused",
	    parse("{\"a\":1,\"a\":2}", &e) == NULL);
	ok("text behind the value is refused", parse("{} x", &e) == NULL);
	ok("a NUL in a string is refused", parse("\"\\u0000\"", &e) == NULL);
	ok("bytes that are no UTF-8 are refused",
	    parse("\"\xff\"", &e) == NULL);
	ok("nothing is refused", parse("", &e) == NULL);

	memset(deep, '[', 64);
	memset(deep + 64, ']', 64);
	deep[128] = '\0';
	v = parse(deep, &e);
	ok("64 levels are read", v != NULL);
	json_decref(v);
	memset(deep, '[', 65);
	memset(deep + 65, ']', 65);
	deep[130] = '\0';
	ok("65 are not, and the error says so", parse(deep, &e) == NULL &&
	    strstr(e.text, "64") != NULL);
	v = parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
	    "[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"", &e);
	ok("brackets within a string do not count", v != NULL);
	json_decref(v);
	test_lost();
	return done();
}
