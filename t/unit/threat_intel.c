/* The module threat-intel without its process: feeds to alerts. */
#include <sys/stat.h>
#include <stdarg.h>
#include <unistd.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "log.h"
#include "mod_threat_intel.h"
#include "tap.h"

static uv_loop_t	loop;
static char		dir[] = "/tmp/muster-intel.XXXXXX";
static json_t		*alerts;	/* that were reported */
static json_t		*answer;
static char		fault[256];
static const char	*kept;		/* the one record of the spool */

/* -- the host's side -- */

uv_loop_t *
module_loop(struct module *m)
{
	(void)m;
	return &loop;
}

const char *
module_state_dir(const struct module *m)
{
	(void)m;
	return dir;
}

void
module_event(struct module *m, enum spool_class class, const char *type,
    json_t *take)
{
	(void)m;
	if (class == SPOOL_ALERT && strcmp(type, "indicator") == 0)
		json_array_append(alerts, take);
	json_decref(take);
}

void
module_source(struct module *m, const char *source, const char *why)
{
	(void)m;
	(void)source;
	(void)why;
}

struct module_call {
	const char	*verb;
	json_t		*args;
};

const char *
module_call_verb(const struct module_call *c)
{
	return c->verb;
}

const json_t *
module_call_args(const struct module_call *c)
{
	return c->args;
}

void
module_answer(struct module_call *c, json_t *take, const char *error)
{
	(void)c;
	json_decref(answer);
	answer = take;
	snprintf(fault, sizeof(fault), "%s", error != NULL ? error : "");
}

int
spool_each_in(const char *where, uint64_t after,
    int (*each)(const struct spool_item *, void *), void *arg)
{
	struct spool_item	item = { 1, SPOOL_EVENT, kept, 0 };

	(void)where;
	(void)after;
	if (kept == NULL)
		return 0;
	item.len = strlen(kept);
	return each(&item, arg);
}

/* -- the tests -- */

static char *
write_file(const char *name, const char *text)
{
	char	*path = file_join(dir, name);

	file_write(path, text, strlen(text), 0600);
	return path;
}

static void *
start(const char *config, char **why)
{
	static void	*self;		/* a module ends with its process */
	json_t		*o = json_loads(config, 0, NULL);

	*why = NULL;
	if (module_threat_intel.start(NULL, o, &self, why) < 0)
		self = NULL;
	json_decref(o);
	return self;
}

static const char *
refused(const char *config)
{
	static char	text[300];
	char		*why;
	void		*self = start(config, &why);

	snprintf(text, sizeof(text), "%s", self != NULL ? "taken" : why);
	free(why);
	return text;
}

static void
test_config(void)
{
	is_str("another member", refused("{\"feed\":[]}"),
	    "feed is not known here");
	is_str("a feed without a name", refused("{\"feeds\":[{\"file\":"
	    "\"/x\"}]}"), "feeds[0]: name is missing");
	is_str("a feed from nowhere", refused("{\"feeds\":[{\"name\":"
	    "\"a\"}]}"), "feeds[0]: file or url: one is required");
	is_str("a name twice", refused("{\"feeds\":[{\"name\":\"a\","
	    "\"file\":\"/x\"},{\"name\":\"a\",\"file\":\"/y\"}]}"),
	    "feeds[1]: name: is another feed's");
}

static void
hear(void *self, const char *text)
{
	json_t	*record = json_loads(text, 0, NULL);

	module_threat_intel.hear(self, record);
	json_decref(record);
}

static void
call(void *self, const char *verb, const char *args)
{
	struct module_call	c = { verb, json_loads(args, 0, NULL) };

	module_threat_intel.command(self, &c);
	json_decref(c.args);
}

/* The member of an alert's event, or the source of its first hit. */
static const char *
alert(size_t i, const char *name)
{
	const json_t	*a = json_array_get(alerts, i);

	if (strcmp(name, "source") == 0)
		a = json_array_get(json_object_get(a, "hits"), 0);
	return json_string_value(json_object_get(a, name));
}

#define EXEC(exe, sum) "{\"type\":\"exec\",\"module\":\"process-monitor\"," \
	"\"t\":1,\"data\":{\"exe\":\"" exe "\",\"sha256\":\"" sum "\"," \
	"\"argv\":[\"x\",\"hxxp://bad.example/p\"]}}"
#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER \
	"1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CONNECT	"{\"type\":\"connect\",\"module\":\"network-monitor\"," \
	"\"t\":1,\"data\":{\"exe\":\"/bin/x\",\"remoteAddress\":" \
	"\"192.0.2.9\"}}"

static void
test_match(void)
{
	char	*plain = write_file("plain", "192.0.2.0/24\n" SUM "\n"
		    "http://bad.example/p\n198.51.100.7\n");
	char	*low = write_file("low", "203.0.113.1\n");
	char	*warn = write_file("warn", "{\"name\":\"ours\",\"type\":"
		    "\"cidr\",\"list\":[\"198.51.100.0/24\"]}");
	char	*config = xasprintf("{\"feeds\":[{\"name\":\"p\",\"file\":"
		    "\"%s\",\"confidence\":80},{\"name\":\"l\",\"file\":"
		    "\"%s\",\"confidence\":10},{\"name\":\"gone\",\"file\":"
		    "\"/nonexistent\"}],\"warninglists\":[\"%s\"]}", plain,
		    low, warn), *why;
	void	*self = start(config, &why);
	json_t	*status;

	ok("it starts", self != NULL);
	hear(self, CONNECT);
	is_int("nothing is known yet", json_array_size(alerts), 0);
	kept = EXEC("/tmp/evil", SUM);
	uv_run(&loop, UV_RUN_ONCE);		/* the first reading */
	is_int("what was before is matched", json_array_size(alerts), 2);
	is_str("by its hash", alert(0, "member"), "sha256");
	is_str("and by a URL of its arguments", alert(1, "member"), "argv");
	ok("as an old one", json_is_true(json_object_get(json_array_get(
	    alerts, 0), "retro")));
	hear(self, CONNECT);
	is_int("a connection", json_array_size(alerts), 3);
	is_str("of the feed", alert(2, "source"), "p");
	hear(self, CONNECT);
	is_int("is told once", json_array_size(alerts), 3);
	hear(self, EXEC("/bin/good", OTHER));
	is_int("a URL again, of another program", json_array_size(alerts), 4);
	call(self, "find", "{\"value\":\"203.0.113.1\"}");
	is_int("what is too unsure is found", json_array_size(answer), 1);
	hear(self, "{\"type\":\"connect\",\"module\":\"network-monitor\","
	    "\"data\":{\"remoteAddress\":\"203.0.113.1\"}}");
	is_int("but no alert", json_array_size(alerts), 4);
	call(self, "find", "{\"value\":\"198.51.100.7\"}");
	is_int("a warning list takes out", json_array_size(answer), 0);
	call(self, "find", "{\"value\":\"!\"}");
	is_str("no value", fault,
	    "value: is no address, name, URL, path or hash");
	status = module_threat_intel.status(self);
	is_int("the status counts", json_integer_value(json_object_get(status,
	    "indicators")), 4);
	is_int("and what was suppressed", json_integer_value(json_object_get(
	    json_object_get(status, "suppressed"), "ours")), 1);
	is_str("and names a feed's error", json_string_value(json_object_get(
	    json_array_get(json_object_get(status, "feeds"), 2), "error")),
	    "/nonexistent: no such file or directory");
	json_decref(status);
	free(write_file("plain", "192.0.2.200\n"));
	kept = NULL;
	call(self, "refresh", "{}");
	call(self, "find", "{\"value\":\"192.0.2.9\"}");
	is_int("a feed that changed", json_array_size(answer), 0);
	free(config);
	free(plain);
	free(low);
	free(warn);
}

static void
clean(void)
{
	static const char *const	names[] = { "plain", "low", "warn",
					    "indicators" };
	char				*path;
	size_t				 i;

	for (i = 0; i < nitems(names); i++) {
		path = file_join(dir, names[i]);
		unlink(path);
		free(path);
	}
	path = file_join(dir, "feeds");
	rmdir(path);
	rmdir(dir);
	free(path);
}

int
main(void)
{
	log_init("threat-intel", LOG_NONE, LOG_TEXT);
	crypto_init();
	uv_loop_init(&loop);
	alerts = json_array();
	if (mkdtemp(dir) == NULL)
		return 1;
	/* certificates are for feeds that need them */
	setenv("SSL_CERT_FILE", "/nonexistent", 1);
	test_config();
	test_match();
	json_decref(alerts);
	json_decref(answer);
	clean();
	return done();
}
