/*
 * The module host with modules that misbehave: this program is its own agent,
 * whose modules are below.  None takes the host or its neighbours along.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <uv.h>

#include "tap.h"
#include "../../agent/module.h"
#include "../../agent/modules.h"
#include "buf.h"
#include "clock.h"
#include "json.h"
#include "log.h"

enum {
	STEADY_MS = 10,
#ifdef __SANITIZE_ADDRESS__
	PING_MS = 1000		/* a flood takes longer */
#else
	PING_MS = 100
#endif
};

/* -- the modules, in their processes -- */

struct steady {
	struct module	*m;
	uv_timer_t	 timer;
	json_int_t	 n;
};

static void
on_steady(uv_timer_t *t)
{
	struct steady	*s = t->data;

	module_event(s->m, SPOOL_EVENT, "tick", json_pack("{sI}", "n",
	    ++s->n));
}

static int
steady_start(struct module *m, const json_t *config, void **self, char **why)
{
	struct steady	*s = xcalloc(1, sizeof(*s));

	if (json_bool(config, "bad", 0)) {
		*why = xstrdup("bad: must be false");
		return -EINVAL;
	}
	s->m = m;
	uv_timer_init(module_loop(m), &s->timer);
	s->timer.data = s;
	uv_timer_start(&s->timer, on_steady, STEADY_MS, STEADY_MS);
	module_source(m, "clock", json_bool(config, "poor", 0) ?
	    "the better one is away" : NULL);
	*self = s;
	return 0;
}

/* It says nothing by itself, so that what it says can be counted. */
static int
victim_start(struct module *m, const json_t *config, void **self, char **why)
{
	int	rc = steady_start(m, config, self, why);

	if (rc == 0)
		uv_timer_stop(&((struct steady *)*self)->timer);
	return rc;
}

static json_t *
steady_status(void *self)
{
	return json_pack("{sI}", "ticks", ((struct steady *)self)->n);
}

static void
flood(struct steady *s)
{
	int	i;

	for (i = 0; i < 100000; i++)
		module_event(s->m, SPOOL_EVENT, "drop", json_pack("{si}",
		    "i", i));
}

static void
steady_command(void *self, struct module_call *c)
{
	const char	*verb = module_call_verb(c);
	volatile int	 on = 1;
	char		*p;
	int		 i;

	if (strcmp(verb, "echo") == 0) {
		module_answer(c, json_deep_copy(module_call_args(c)), NULL);
	} else if (strcmp(verb, "parts") == 0) {
		for (i = 0; i < 3; i++)
			module_answer_part(c, json_integer(i));
		module_answer(c, NULL, NULL);
	} else if (strcmp(verb, "long") == 0) {
		p = xmalloc(MODULE_MAX_LINE + 1);
		memset(p, 'x', MODULE_MAX_LINE);
		p[MODULE_MAX_LINE] = '\0';
		module_answer(c, json_string(p), NULL);
		free(p);
	} else if (strcmp(verb, "crash") == 0) {
		raise(SIGABRT);	/* the sanitizers take SIGSEGV */
	} else if (strcmp(verb, "hang") == 0) {
		while (on)
			;
	} else if (strcmp(verb, "eat") == 0) {
		for (;;)
			memset(xmalloc(1024 * 1024), 1, 1024 * 1024);
	} else if (strcmp(verb, "flood") == 0) {
		flood(self);
		module_answer(c, NULL, NULL);
	} else if (strcmp(verb, "lie") == 0) {
		if (write(0, "no JSON\n", 8) == 8)
			pause();
	} else
		module_answer(c, NULL, "no such verb");
}

static void
steady_hear(void *self, const json_t *record)
{
	struct steady	*s = self;

	if (strcmp(json_str(record, "module", ""), "steady") == 0 &&
	    json_int(json_object_get(record, "data"), "n", 0) % 5 == 0)
		module_event(s->m, SPOOL_ALERT, "heard", json_object());
}

static const struct module_type steady = {
	.name = "steady", .about = "ticks", .start = steady_start,
	.status = steady_status, .command = steady_command
}, victim = {
	.name = "victim", .about = "does all that is wrong",
	.start = victim_start, .status = steady_status,
	.command = steady_command, .memory_mb = 24
}, listener = {
	.name = "listener", .about = "hears the others",
	.start = steady_start, .hear = steady_hear
};

const struct module_type *const	module_types[] = {
	&steady, &victim, &listener, NULL
};

/* -- the host -- */

static uv_loop_t	 loop;
static uv_timer_t	 tick, deadline;
static struct modules	*host;
static json_int_t	 steady_n, drops, gap_count, heard;
static int		 steady_lost, late, saved;
static json_t		*answer;
static char		*answer_error;
static int		 answered;

static void
on_event(enum spool_class class, const json_t *r, void *arg)
{
	const json_t	*data = json_object_get(r, "data");
	const char	*type = json_str(r, "type", "");
	const char	*module = json_str(r, "module", "");

	(void)arg;
	if (strcmp(module, "steady") == 0 && strcmp(type, "tick") == 0) {
		steady_lost += json_int(data, "n", 0) != ++steady_n;
	} else if (strcmp(type, "drop") == 0)
		drops++;
	/* what the listener did not hear was kept all the same */
	else if (strcmp(type, "gap") == 0 &&
	    strcmp(json_str(data, "where", ""), "hearing") != 0)
		gap_count += json_int(data, "count", 0);
	else if (strcmp(type, "heard") == 0)
		heard += class == SPOOL_ALERT;
}

static int
on_save(const char *module, const json_t *settings, void *arg)
{
	(void)arg;
	saved = json_bool(settings, "enabled", -1);
	return strcmp(module, "listener") == 0 ? -EROFS : 0;
}

static void
on_tick(uv_timer_t *t)
{
	(void)t;
}

static void
on_deadline(uv_timer_t *t)
{
	(void)t;
	late = 1;
}

/* Runs the loop until it is so, at most 15 s. */
#define until(cond)							\
	do {								\
		late = 0;						\
		uv_timer_start(&deadline, on_deadline, 15000, 0);	\
		while (!late && !(cond))				\
			uv_run(&loop, UV_RUN_ONCE);			\
		uv_timer_stop(&deadline);				\
	} while (0)

static void
on_done(json_t *result, const char *error, void *arg)
{
	(void)arg;
	json_decref(answer);
	free(answer_error);
	answer = result;
	answer_error = xstrdup(error);
	answered = 1;
}

/* take is the args of the command. */
static void
control(json_t *take)
{
	answered = 0;
	modules_control(host, take, NULL, on_done, NULL);
	json_decref(take);
	until(answered);
}

static void
verb(const char *module, const char *what)
{
	modules_call(host, module, what, NULL, NULL, on_done, NULL);
}

static const char *
described(const char *key)
{
	control(json_pack("{ss ss}", "action", "list", "module", "victim"));
	return json_str(json_array_get(answer, 0), key, "");
}

static int64_t
counter(const char *key)
{
	control(json_pack("{ss ss}", "action", "list", "module", "victim"));
	return json_int(json_object_get(json_array_get(answer, 0),
	    "counters"), key, -1);
}

static int
runs(const char *module)
{
	return modules_state(host, module) == MODULE_RUNNING;
}

/* The victim does it, is ended, and comes back. */
static void
misbehaves(const char *what, const char *error)
{
	json_int_t	before = steady_n;
	char		title[80];

	verb("victim", what);
	until(modules_state(host, "victim") == MODULE_FAILED);
	snprintf(title, sizeof(title), "%s: it is ended and said why", what);
	ok(title, strstr(described("error"), error) != NULL);
	if (strstr(described("error"), error) == NULL)
		printf("# %s\n", described("error"));
	until(runs("victim"));
	snprintf(title, sizeof(title), "%s: it runs again", what);
	ok(title, runs("victim"));
	until(steady_n > before + 10);
	snprintf(title, sizeof(title), "%s: the neighbour missed nothing",
	    what);
	ok(title, steady_lost == 0 && runs("steady"));
	/* the back-off of the next is the first's again */
	control(json_pack("{ss ss}", "action", "start", "module", "victim"));
}

static void
test_commands(void)
{
	control(json_pack("{ss ss ss s{si}}", "action", "command", "module",
	    "victim", "verb", "echo", "args", "a", 7));
	is_int("a verb is answered", json_int(answer, "a", 0), 7);
	control(json_pack("{ss ss ss}", "action", "command", "module",
	    "victim", "verb", "parts"));
	is_int("in parts", json_array_size(answer), 3);
	control(json_pack("{ss ss ss}", "action", "command", "module",
	    "victim", "verb", "long"));
	ok("an answer that is too long is an error",
	    strstr(answer_error, "too long") != NULL);
	control(json_pack("{ss ss ss}", "action", "command", "module",
	    "steady", "verb", "status"));
	ok("status is each module's", json_int(answer, "ticks", -1) > 0);
	control(json_pack("{ss}", "action", "list"));
	is_int("all are listed", json_array_size(answer), 3);
	control(json_pack("{ss}", "action", "dance"));
	ok("what is no action is refused", *answer_error != '\0');
	control(json_pack("{ss ss}", "action", "stop", "module", "nobody"));
	is_str("and a name that is none", answer_error,
	    "no such module in this agent");
}

static void
test_control(void)
{
	control(json_pack("{ss ss}", "action", "disable", "module", "victim"));
	until(modules_state(host, "victim") == MODULE_DISABLED);
	is_int("disabled, and that is kept", saved, 0);
	verb("victim", "echo");
	is_str("it answers no more", answer_error,
	    "the module does not run");
	control(json_pack("{ss ss}", "action", "enable", "module", "victim"));
	until(runs("victim"));
	is_int("enabled, and that is kept", saved, 1);
	control(json_pack("{ss ss}", "action", "disable", "module",
	    "listener"));
	ok("what cannot be kept is not done", *answer_error != '\0' &&
	    runs("listener"));
	control(json_pack("{ss ss s{sb}}", "action", "configure", "module",
	    "victim", "settings", "poor", 1));
	until(modules_state(host, "victim") == MODULE_DEGRADED);
	is_str("a poorer source is told", described("why"),
	    "the better one is away");
	control(json_pack("{ss ss s{sb}}", "action", "configure", "module",
	    "victim", "settings", "bad", 1));
	until(modules_state(host, "victim") == MODULE_FAILED);
	is_str("a bad configuration is named", described("error"),
	    "bad: must be false");
	is_int("and not tried again", json_int(json_array_get(answer, 0),
	    "retrySeconds", -1), -1);
	control(json_pack("{ss ss s{}}", "action", "configure", "module",
	    "victim", "settings"));
	until(runs("victim"));
	ok("a good one is", runs("victim"));
}

static void
test_flood(void)
{
	json_int_t	before;

	verb("victim", "flood");
	before = steady_n;
	until(drops + gap_count >= 100000);
	is_int("a flood is kept or counted, each event", drops + gap_count,
	    100000);
	ok("most of it is counted", gap_count > drops);
	is_int("as the module's counter says", counter("lost"), gap_count);
	until(steady_n > before + 10);
	is_int("the neighbour missed nothing", steady_lost, 0);
	until(runs("victim"));
	ok("and it runs", runs("victim"));
}

static void
on_stopped(void *arg)
{
	*(int *)arg = 1;
}

static void
start_host(void)
{
	struct modules_options	o = { .loop = &loop, .state_dir = "/tmp",
		.metrics_ms = 5000, .ping_ms = PING_MS, .event = on_event,
		.save = on_save };
	json_t			*on = json_pack("[sss]", "steady", "victim",
				    "listener");

	o.capabilities = on;
	host = modules_new(&o);
	json_decref(on);
}

int
main(int argc, char **argv)
{
	int	stopped = 0;

	module_role(argc, argv);
	log_init("t", LOG_NONE, LOG_TEXT);
	uv_loop_init(&loop);
	uv_timer_init(&loop, &tick);
	uv_timer_init(&loop, &deadline);
	uv_timer_start(&tick, on_tick, 20, 20);
	start_host();
	until(runs("steady") && runs("victim") && runs("listener"));
	ok("all start", runs("steady") && runs("victim") && runs("listener"));
	until(heard > 0);
	ok("one hears what another reports", heard > 0);
	until(steady_n > 5);
	test_commands();
	misbehaves("crash", "ended by signal 6");
	misbehaves("hang", "hangs");
	misbehaves("eat", "memory");
	misbehaves("lie", "not understood");
	is_int("each start is counted", counter("starts"), 5);
	test_flood();
	test_control();
	modules_stop(host, on_stopped, &stopped);
	until(stopped);
	ok("all end in order", stopped);
	modules_free(host);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_close((uv_handle_t *)&deadline, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	is_int("no handle is left", uv_loop_close(&loop), 0);
	json_decref(answer);
	free(answer_error);
	return done();
}
