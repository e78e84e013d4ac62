/*
 * Webhooks over a real store: what a test through the API cannot wait for.
 * A day of failures disables; an account that is disabled has nothing sent;
 * what nobody wants is passed over, also by a server that starts anew; many
 * deliveries wait for each other.
 */
#include "../../buildsrv/webhooks.c"
#include "../../buildsrv/webhooks_address.c"
#include "../../buildsrv/webhooks_deliver.c"
#include "../../buildsrv/webhooks_hook.c"
#include "../../buildsrv/eventview.c"

#include <stdarg.h>

#include "storetap.h"

/* -- the API, which nothing here calls -- */

void
call_json(struct call *c, int status, json_t *take)
{
	(void)c;
	(void)status;
	(void)take;
	abort();
}

void
call_error(struct call *c, int status, const char *field, const char *fmt,
    ...)
{
	(void)c;
	(void)status;
	(void)field;
	(void)fmt;
	abort();
}

void
call_failed(struct call *c, int code)
{
	(void)c;
	(void)code;
	abort();
}

int
call_query(struct call *c, const char *words)
{
	(void)c;
	(void)words;
	abort();
}

int
call_body(struct call *c, const struct json_field *f, size_t n)
{
	(void)c;
	(void)f;
	(void)n;
	abort();
}

int
call_may_see(const struct call *c, const char *user)
{
	(void)c;
	(void)user;
	abort();
}

json_t *
jobview(const struct server *s, const json_t *job)
{
	(void)s;
	return json_pack("{ss}", "id", json_str(job, "id", ""));
}

/* -- the receiver, and the server -- */

static struct httpd	*receiver;
static char		*url;
static int		 status, asked, open_now, open_most;
static int		 late;		/* answers are held back */
static struct http_req	*held[HOOKS_IN_FLIGHT * 2];

static void
on_post(struct http_req *q, void *arg)
{
	(void)arg;
	asked++;
	if (!late) {
		http_reply(q, status, "text/plain", "x", 1);
		return;
	}
	held[open_now++] = q;
	if (open_now > open_most)
		open_most = open_now;
}

static struct server	 server;
static struct settings	*settings;
static int		 ended;

static void
on_ended(void *arg)
{
	(void)arg;
	ended = 1;
}

static void
start(void)
{
	static const struct setting	table[] = {
		{ "webhooks-private", 0, NULL, SETTING_BOOL, "true", 0, 0,
		    NULL, "", 0, NULL },
	};
	static const struct settings_spec spec = {
		.tool = "webhooks.t", .synopsis = "", .about = "",
		.table = table, .n = 1,
	};
	static char	 name[] = "webhooks.t", *argv[] = { name, NULL };

	if (settings == NULL)
		settings = settings_load(&spec, 1, argv);
	log_init("webhooks.t", LOG_NONE, LOG_TEXT);
	server.loop = &loop;
	server.store = store;
	server.settings = settings;
	server.webhooks = webhooks_new(&server);
}

static void
stop(void)
{
	ended = 0;
	webhooks_stop(server.webhooks, on_ended, NULL);
	server.webhooks = NULL;
	while (!ended)
		uv_run(&loop, UV_RUN_ONCE);
}

static void
put(const char *kind, const char *key, json_t *value)
{
	WAIT(store_write(store, &(struct store_op){ STORE_PUT, kind, key,
	    value }, 1, HEAR));
	json_decref(value);
}

static void
put_hook(const char *key, const char *user, int64_t since, json_t *events)
{
	put("webhook", key, json_pack("{ss ss ss ss sI sI si so}", "id", key,
	    "user", user, "url", url, "secret", "s", "cursor", (json_int_t)0,
	    "failingSince", (json_int_t)since, "failures", since > 0 ? 9 : 0,
	    "events", events));
}

static void
add_jobs(const char *user, int from, int to)
{
	json_t	*job;
	char	 id[32];

	for (; from <= to; from++) {
		snprintf(id, sizeof(id), "%s-%d", user, from);
		job = json_pack("{ss ss}", "id", id, "user", user);
		if (from < to)
			store_job_add(store, job, NULL, NULL);
		else
			WAIT(store_job_add(store, job, HEAR));
		json_decref(job);
	}
}

/* A member of a stored webhook. */
static const json_t *
stored(const char *key, const char *member)
{
	WAIT(store_get(store, "webhook", key, HEAR));
	return json_object_get(answer, member);
}

static int
wait_until(int *what, int want)
{
	uint64_t	end = uv_hrtime() + (uint64_t)30e9;

	while (*what != want && uv_hrtime() < end)
		uv_run(&loop, UV_RUN_ONCE);
	return *what == want;
}

/* Some turns of the loop in which nothing is to happen. */
static void
settle(void)
{
	int	i;

	for (i = 0; i < 20; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		uv_sleep(2);
	}
}

/* -- */

static struct hook *
only_hook(void)
{
	return LIST_ITEM(server.webhooks->hooks.next, struct hook, link);
}

static void
test_given_up(void)
{
	int64_t	now = clock_wall_ms();

	put("account", "anna", json_pack("{ss}", "name", "anna"));
	put_hook("anna/1", "anna", now - HOOK_GIVE_UP - 1000, json_array());
	add_jobs("anna", 1, 1);
	status = 500;
	start();
	ok("it is tried once more", wait_until(&asked, 1));
	while (only_hook()->state != HOOK_OFF ||
	    stored("anna/1", "disabled") == NULL)
		uv_run(&loop, UV_RUN_ONCE);
	settle();
	ok("after a day of failures it is disabled", strstr(json_string_value(
	    stored("anna/1", "disabled")), "24 hours") != NULL);
	ok("with the last reason", strstr(json_string_value(
	    stored("anna/1", "disabled")), "answered 500") != NULL);
	stop();
	start();
	settle();
	is_int("and stays so", only_hook()->state, HOOK_OFF);
	is_int("for who starts anew", asked, 1);
	stop();

	put_hook("anna/1", "anna", now - HOOK_GIVE_UP / 2, json_array());
	asked = 0;
	status = 200;
	start();
	ok("before that day it is only late", wait_until(&asked, 1));
	settle();
	is_int("and a success ends it", json_integer_value(stored("anna/1",
	    "failures")), 0);
	is_int("altogether", json_integer_value(stored("anna/1",
	    "failingSince")), 0);
	is_int("from where it is", json_integer_value(stored("anna/1",
	    "cursor")), 1);
	stop();
}

static void
test_account(void)
{
	put("account", "anna", json_pack("{ss sb}", "name", "anna",
	    "disabled", 1));
	put_hook("anna/1", "anna", 0, json_array());
	asked = 0;
	start();
	settle();
	is_int("a disabled account has nothing sent", asked, 0);
	is_int("but is looked at again", only_hook()->state, HOOK_PAUSE);
	stop();
	put("account", "anna", json_pack("{ss}", "name", "anna"));
	start();
	ok("when it is enabled it comes", wait_until(&asked, 1));
	stop();

	/* An administrator who is none any more hears nothing of others. */
	put_hook("anna/1", "anna", 0, json_array());
	put("webhook", "anna/1", json_pack("{ss ss ss ss sI sb}", "id", "1",
	    "user", "anna", "url", url, "secret", "s", "cursor",
	    (json_int_t)0, "all", 1));
	asked = 0;
	start();
	settle();
	is_int("all is for administrators, always", asked, 0);
	stop();
}

static void
test_skipped(void)
{
	add_jobs("anna", 2, HOOK_SKIPPED + 5);
	put_hook("anna/1", "anna", 0, json_pack("[s]", "buildJobFailed"));
	asked = 0;
	start();
	while (only_hook()->cursor < HOOK_SKIPPED + 5)
		uv_run(&loop, UV_RUN_ONCE);
	settle();
	is_int("what it does not want is not sent", asked, 0);
	ok("and is passed over for good", json_integer_value(stored("anna/1",
	    "cursor")) > HOOK_SKIPPED);
	stop();
}

static void
test_many(void)
{
	char	key[32], user[24];
	int	i;

	WAIT(store_write(store, &(struct store_op){ STORE_DEL, "webhook",
	    "anna/1", NULL }, 1, HEAR));
	for (i = 0; i < HOOKS_IN_FLIGHT + 3; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		snprintf(key, sizeof(key), "%s/1", user);
		put("account", user, json_pack("{ss}", "name", user));
		put_hook(key, user, 0, json_array());
		add_jobs(user, 1, 1);
	}
	late = 1;
	asked = 0;
	start();
	ok("so many go at once", wait_until(&open_now, HOOKS_IN_FLIGHT));
	settle();
	is_int("and no more", open_most, HOOKS_IN_FLIGHT);
	late = 0;
	for (i = 0; i < open_now; i++)
		http_reply(held[i], 200, "text/plain", "x", 1);
	open_now = 0;
	ok("the others come after", wait_until(&asked, HOOKS_IN_FLIGHT + 3));
	settle();
	stop();

	/* A stop cuts what is under way. */
	for (i = 0; i < 5; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		add_jobs(user, 2, 2);
	}
	late = 1;
	start();
	ok("deliveries are under way", wait_until(&open_now, 5));
	stop();
	is_int("a stop waits for none", json_integer_value(stored("u1/1",
	    "failures")), 0);
	for (i = 0; i < open_now; i++)
		http_reply(held[i], 200, "text/plain", "x", 1);
}

int
main(void)
{
	begin_store();
	if (open_store() < 0)
		return 1;
	receiver = httpd_new(&loop, on_post, NULL);
	if (httpd_listen(receiver, "127.0.0.1:0", NULL, &url) < 0)
		return 1;
	test_given_up();
	test_account();
	test_skipped();
	test_many();
	ended = 0;
	httpd_stop(receiver, 0, on_ended, NULL);
	while (!ended)
		uv_run(&loop, UV_RUN_ONCE);
	settings_free(settings);
	end_store();
	free(url);
	return done();
}
