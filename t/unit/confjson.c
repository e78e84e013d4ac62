/* config.json: forms, migrations with their copies, the staged copy. */
#include "tap.h"
#include <errno.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include "buf.h"
#include "confjson.h"
#include "crypto.h"
#include "file.h"
#include "settings.h"

static const char	*dir;

static int
one_to_two(json_t *o, char **why)
{
	json_t	*v = json_object_get(o, "speed");

	if (v != NULL && !json_is_integer(v)) {
		*why = xstrdup("speed: must be a number");
		return -EINVAL;
	}
	json_object_set(o, "rate", v);
	json_object_del(o, "speed");
	return 0;
}

static int
two_to_three(json_t *o, char **why)
{
	(void)why;
	json_object_set_new(o, "three", json_true());
	return 0;
}

static const struct confjson_step	steps[] = {
	{ 2, two_to_three }, { 1, one_to_two }
};
static const struct confjson_spec	v1 = { 1, NULL, 0, "1.0" };
static const struct confjson_spec	v3 = { 3, steps, 2, "3.0" };

static char *
text_of(const char *name)
{
	char		*path = file_join(dir, name);
	struct buf	 b = BUF_INIT;

	if (file_read(path, 65536, &b) < 0)
		buf_adds(&b, "(absent)");
	free(path);
	return buf_take(&b);
}

static int
has(const char *name, const char *what)
{
	char	*text = text_of(name);
	int	 found = strstr(text, what) != NULL;

	if (!found)
		printf("# %s: %s\n", name, text);
	free(text);
	return found;
}

static void
put(const char *name, const char *text)
{
	char	*path = file_join(dir, name);

	file_write(path, text, strlen(text), 0600);
	free(path);
}

static void
gone(const char *name)
{
	char	*path = file_join(dir, name);

	remove(path);
	free(path);
}

static int
load(const struct confjson_spec *spec, int staged, struct confjson **c,
    const char *fault)
{
	char	*why;
	int	 rc = confjson_load(c, dir, spec, staged, &why);

	if (fault != NULL && (why == NULL || strstr(why, fault) == NULL)) {
		printf("# %s\n", why != NULL ? why : "no fault");
		rc = 1;
	}
	free(why);
	return rc;
}

static void
test_paths(void)
{
	struct confjson	*c;

	is_int("a missing file begins anew", load(&v1, 0, &c, NULL), 0);
	ok("and is written", has("config.json", "\"current_version\": \"1.0\"")
	    && has("config.json", "\"config_version\": 1"));
	is_int("a value is set below objects that are made",
	    confjson_set(c, "modules.fs-monitor.enabled", json_true()), 0);
	ok("and is there", json_is_true(confjson_get(c,
	    "modules.fs-monitor.enabled")));
	ok("what is absent is NULL", confjson_get(c, "modules.x.y") == NULL);
	is_int("a path through a value is refused", confjson_set(c,
	    "modules.fs-monitor.enabled.deep", json_true()), -EINVAL);
	is_int("an empty path too", confjson_set(c, "", json_true()), -EINVAL);
	is_int("and an empty name", confjson_set(c, "a..b", json_true()),
	    -EINVAL);
	is_int("and one that ends with a dot", confjson_set(c, "modules.",
	    json_true()), -EINVAL);
	is_int("removing what is absent is no error",
	    confjson_set(c, "no.such", NULL), 0);
	is_int("it is saved", confjson_save(c), 0);
	confjson_free(c);
	is_int("and read again", load(&v1, 0, &c, NULL), 0);
	ok("as it was", json_is_true(confjson_get(c,
	    "modules.fs-monitor.enabled")));
	confjson_set(c, "modules.fs-monitor", NULL);
	ok("a removed one is absent", confjson_get(c, "modules.fs-monitor")
	    == NULL);
	confjson_free(c);
}

static void
test_forms(void)
{
	struct confjson	*c;

	put("config.json", "{\"config_version\":1,\"speed\":7,\"mine\":[1]}");
	is_int("two steps are taken", load(&v3, 0, &c, NULL), 0);
	is_int("the first", json_integer_value(confjson_get(c, "rate")), 7);
	ok("the second", json_is_true(confjson_get(c, "three")));
	ok("unknown members stay", json_is_array(confjson_get(c, "mine")));
	ok("the file is of the new form", has("config.json",
	    "\"config_version\": 3"));
	ok("the old one was kept, byte for byte", has("config.json.v1",
	    "{\"config_version\":1,\"speed\":7,\"mine\":[1]}"));
	confjson_free(c);
	is_int("an older program goes back to it", load(&v1, 0, &c, NULL), 0);
	is_int("with what it had", json_integer_value(confjson_get(c,
	    "speed")), 7);
	ok("on the disk too", has("config.json", "\"config_version\": 1"));
	ok("the newer one was kept", has("config.json.v3", "\"rate\": 7"));
	confjson_free(c);
	gone("config.json.v1");
	put("config.json", "{\"config_version\":3}");
	ok("without a copy that is a fault", load(&v1, 0, &c, "newer") ==
	    -ENOTSUP);
	ok("the file stays", has("config.json", "{\"config_version\":3}"));
	confjson_free(c);
}

static void
test_faults(void)
{
	struct confjson	*c;

	put("config.json", "{\"config_version\":1,\"speed\":\"x\"}");
	ok("a failed migration says why", load(&v3, 0, &c,
	    "config_version 1 to 3: speed: must be") == -EINVAL);
	ok("and leaves the file", has("config.json", "\"speed\":\"x\"}"));
	ok("what it holds is nothing of it", confjson_get(c, "speed") == NULL);
	is_int("nothing is written over it", confjson_save(c), -EROFS);
	ok("the fault can be had", confjson_fault(c) != NULL);
	confjson_free(c);
	put("config.json", "{\"config_version\":0}");
	ok("a form without a way is a fault", load(&v3, 0, &c, "no way") < 0);
	confjson_free(c);
	put("config.json", "{\"config_version\":");
	ok("so is a file cut short", load(&v3, 0, &c, "config.json: ") ==
	    -EINVAL);
	confjson_free(c);
	put("config.json", "[]");
	ok("or no object", load(&v3, 0, &c, "must be a JSON object") < 0);
	confjson_free(c);
	put("config.json", "{\"config_version\":\"3\"}");
	ok("or a form that is no number", load(&v3, 0, &c,
	    "config_version: must") < 0);
	confjson_free(c);
}

static void
test_staged(void)
{
	struct confjson	*c, *old;

	put("config.json", "{\"config_version\":1,\"current_version\":\"1.0\","
	    "\"speed\":7}");
	is_int("on trial it is migrated", load(&v3, 1, &c, NULL), 0);
	ok("in the staged copy", has("config.json.staged", "\"rate\": 7"));
	ok("the file is untouched", has("config.json",
	    "{\"config_version\":1,\"current_version\":\"1.0\",\"speed\":7}"));
	is_int("the updater sees it", confjson_is_staged(dir, "3.0"), 1);
	is_int("of that version alone", confjson_is_staged(dir, "3.1"), 0);
	confjson_set(c, "more", json_true());
	is_int("what is set goes there", confjson_save(c), 0);
	ok("and not into the file", has("config.json.staged", "more") &&
	    !has("config.json", "more"));
	is_int("it is committed", confjson_commit(dir), 0);
	ok("becomes the file", has("config.json", "\"rate\": 7"));
	ok("and goes", has("config.json.staged", "(absent)"));
	confjson_set(c, "later", json_true());
	is_int("what is set later", confjson_save(c), 0);
	ok("goes into the file", has("config.json", "later") &&
	    has("config.json.staged", "(absent)"));
	confjson_free(c);

	put("config.json", "{\"config_version\":1,\"speed\":8}");
	is_int("another trial", load(&v3, 1, &c, NULL), 0);
	confjson_free(c);
	is_int("is discarded", confjson_discard(dir), 0);
	ok("and nothing is left", has("config.json.staged", "(absent)") &&
	    has("config.json", "{\"config_version\":1,\"speed\":8}"));
	is_int("twice is no error", confjson_discard(dir), 0);
	is_int("nor is it to commit nothing", confjson_commit(dir), 0);
	load(&v3, 1, &c, NULL);
	is_int("an old program off trial", load(&v1, 0, &old, NULL), 0);
	ok("drops a copy that was left", has("config.json.staged",
	    "(absent)"));
	is_int("and has what it had", json_integer_value(confjson_get(old,
	    "speed")), 8);
	confjson_free(old);
	confjson_free(c);
}

static void
test_sweep(void)
{
	struct confjson	*c;

	put("config.json.0123456789ab.tmp", "half");
	put("config.json.0123456789ab.tmp2", "not ours");
	load(&v1, 0, &c, NULL);
	ok("half a write is swept", has("config.json.0123456789ab.tmp",
	    "(absent)"));
	ok("and nothing else", has("config.json.0123456789ab.tmp2",
	    "not ours"));
	confjson_free(c);
}

static void
clear(void)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;

	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			gone(e->d_name);
	closedir(d);
	rmdir(dir);
}

int
main(void)
{
	char	name[] = "/tmp/muster-confjson.XXXXXX";

	crypto_init();
	if ((dir = mkdtemp(name)) == NULL)
		return 1;
	test_paths();
	test_forms();
	test_faults();
	test_staged();
	test_sweep();
	clear();
	return done();
}
