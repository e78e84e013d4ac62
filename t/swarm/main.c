/*
 * muster-swarm: many agents, true to their protocol, from one process, for
 * load and for who wants to size a server.  Identities come from the seed
 * and a number: the same swarm again is the same agents.
 *
 * One timer walks over all members; what it cannot connect within the rate
 * waits for its next turn.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "http.h"
#include "log.h"
#include "settings.h"
#include "swarm.h"
#include "tls.h"

enum {
	TICK_MS		= 20,
	TICK_FLOOD_MS	= 1,
	AT_ONCE		= 400,		/* handshakes: a listener's queue has 511 */
	SECRETS_AT_ONCE	= 32	/* requests for secrets */
};

static const struct setting table[] = {
	{ "server", 's', "MUSTER_SERVER", SETTING_LIST,
	    "http://127.0.0.1:8080", 0, 0, "URL",
	    "the server (repeatable: addresses of one)", 0, NULL },
	{ "count", 'n', NULL, SETTING_INT, "100", 1, 1000000, "N",
	    "so many agents", SETTING_FLAG, NULL },
	{ "first", 0, NULL, SETTING_INT, "0", 0, 100000000, "N",
	    "the number of the first agent, where several processes share "
	    "the agents of one seed", SETTING_FLAG, NULL },
	{ "protocol", 'p', NULL, SETTING_STR, "002", 0, 0, "002|004|mix",
	    "the document's whose protocol they speak", SETTING_FLAG, NULL },
	{ "rate", 'r', NULL, SETTING_INT, "500", 1, 100000, "N",
	    "new connections a second", SETTING_FLAG, NULL },
	{ "metrics", 0, NULL, SETTING_DURATION, "5s", 10, 86400000, "TIME",
	    "between two metrics", SETTING_FLAG, NULL },
	{ "heartbeat", 0, NULL, SETTING_DURATION, "30s", 10, 86400000, "TIME",
	    "between two heartbeats", SETTING_FLAG, NULL },
	{ "duration", 'd', NULL, SETTING_DURATION, "60s", 1000, 864000000,
	    "TIME", "how long", SETTING_FLAG, NULL },
	{ "flood", 0, NULL, SETTING_INT, "0", 0, INT64_MAX / 2, "N",
	    "once all are there each sends N metrics as fast as it can; "
	    "then it ends", SETTING_FLAG, NULL },
	{ "clear", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "do not offer encryption (002)", SETTING_FLAG, NULL },
	{ "seed", 0, NULL, SETTING_STR, "swarm", 0, 0, "TEXT",
	    "of the identities", SETTING_FLAG, NULL },
	{ "registration-key", 0, "MUSTER_REGISTRATION_KEY", SETTING_STR, NULL,
	    0, 0, NULL, "what they register with (002)",
	    SETTING_SECRET | SETTING_NO_FLAG, NULL },
	{ "secret", 0, "MUSTER_SWARM_SECRET", SETTING_STR, NULL, 0, 0, NULL,
	    "of all of them (004)", SETTING_SECRET | SETTING_NO_FLAG, NULL },
	{ "api-key", 0, "MUSTER_API_KEY", SETTING_STR, NULL, 0, 0, NULL,
	    "an administrator's, for --make-secrets",
	    SETTING_SECRET | SETTING_NO_FLAG, NULL },
	{ "make-secrets", 0, NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "first give the server the secret of each (004)", SETTING_FLAG,
	    NULL },
	{ "ca-file", 0, "MUSTER_CA_FILE", SETTING_PATH, NULL, 0, 0, "FILE",
	    "trust these certificates (PEM)", 0, NULL },
	{ "quiet", 'q', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "no line each second", SETTING_FLAG, NULL },
};

static const struct settings_spec spec = {
	.tool = "muster-swarm",
	.synopsis = "[-n N] [-p 002|004|mix] [-r N] [-d TIME] [option ...]",
	.about = "Connects many agents to a server and measures it.",
	.table = table, .n = nitems(table),
};

/* -- times -- */

void
times_add(struct times *t, double ms)
{
	int	i = ms > 0.01 ? (int)(log(ms / 0.01) / log(1.1)) + 1 : 0;

	t->count[i < TIMES ? i : TIMES - 1]++;
	t->n++;
	t->sum += ms;
	if (ms > t->max)
		t->max = ms;
}

/* Within a tenth. */
static double
times_at(const struct times *t, double share)
{
	uint64_t	sum = 0;
	int		i;

	for (i = 0; i < TIMES - 1; i++)
		if ((double)(sum += t->count[i]) >= share * (double)t->n)
			break;
	return 0.01 * pow(1.1, i);
}

static void
times_print(const char *what, const struct times *t)
{
	if (t->n > 0)
		printf("%s n=%llu p50=%.2f p90=%.2f p99=%.2f max=%.2f ms\n",
		    what, (unsigned long long)t->n, times_at(t, 0.5),
		    times_at(t, 0.9), times_at(t, 0.99), t->max);
}

/* -- the whole -- */

static void
report(const struct swarm *s)
{
	times_print("connect", &s->connects);
	times_print("heartbeat", &s->beats);
	times_print("reconnect", &s->reconnects);
	if (s->flooded > 0)
		printf("flood members=%llu messages=%llu ms=%.0f "
		    "per_second=%.0f\n", (unsigned long long)s->flooded,
		    (unsigned long long)s->sent, s->flood_ms,
		    (double)s->sent * 1000 / s->flood_ms);
	printf("total count=%d ready=%d all_ready_ms=%lld sent=%llu lost=%llu "
	    "failures=%llu refused=%llu errors=%llu commands=%llu\n",
	    s->count, s->ready, (long long)s->all_ready,
	    (unsigned long long)s->sent, (unsigned long long)s->lost,
	    (unsigned long long)s->failures, (unsigned long long)s->refused,
	    (unsigned long long)s->errors, (unsigned long long)s->commands);
	if (s->last_why[0] != '\0')
		printf("last_close %s\n", s->last_why);
}

static void
stop(struct swarm *s)
{
	int	i;

	if (s->stopping)
		return;
	s->stopping = 1;
	report(s);
	fflush(stdout);
	uv_timer_stop(&s->tick);
	uv_timer_stop(&s->second);
	for (i = 0; i < s->count; i++)
		if (s->members[i].ws != NULL)
			ws_close(s->members[i].ws, 1000, "done");
}

static void
on_second(uv_timer_t *t)
{
	struct swarm	*s = t->data;

	printf("t=%lld ready=%d connecting=%d sent=%llu lost=%llu\n",
	    (long long)(clock_mono_ms() - s->began) / 1000, s->ready,
	    s->connecting, (unsigned long long)s->sent,
	    (unsigned long long)s->lost);
	fflush(stdout);
}

static void
on_tick(uv_timer_t *t)
{
	struct swarm	*s = t->data;
	struct member	*m;
	int64_t		 now = clock_mono_ms();
	int		 i;

	s->allowed += s->rate * (double)(now - s->last_tick) / 1000;
	if (s->allowed > s->rate / 5 + 1)
		s->allowed = s->rate / 5 + 1;
	s->last_tick = now;
	for (i = 0; i < s->count; i++) {
		m = &s->members[i];
		if (m->state != AWAY) {
			member_step(m, now);
		} else if (m->due <= now && s->allowed >= 1 &&
		    s->connecting < AT_ONCE) {
			s->allowed--;
			member_connect(m);
		}
	}
	if (s->flood > 0 && s->all_ready > 0 && s->sent == 0)
		s->began = now;
	if (now >= s->end || (s->flood > 0 &&
	    s->flooded == (uint64_t)s->count))
		stop(s);
}

static void
on_signal(uv_signal_t *h, int signum)
{
	(void)signum;
	stop(h->data);
}

/* -- before it begins -- */

static void
identify(struct swarm *s, struct member *m, int i, const char *protocol)
{
	char	*text = xasprintf("%s %d", settings_str(s->settings, "seed"),
		    i);
	uint8_t	 seed[SHA256_SIZE];

	m->swarm = s;
	m->index = i;
	m->is_004 = strcmp(protocol, "004") == 0 ||
	    (strcmp(protocol, "mix") == 0 && i % 2 == 1);
	snprintf(m->id, sizeof(m->id), "%.24s-%d",
	    settings_str(s->settings, "seed"), i);
	crypto_sha256(text, strlen(text), seed);
	if (!m->is_004)
		crypto_ed25519_from_seed(seed, m->pub, m->sec);
	free(text);
}

struct making {
	struct swarm	*swarm;
	int		 next, open;
};

static void	make_next(struct making *);

static void
on_made(const struct httpc_answer *a, void *arg)
{
	struct making	*k = arg;

	if (a->rc < 0 || a->status != 201)
		die(EXIT_SYSTEM, "--make-secrets: %s (%d)", a->rc < 0 ?
		    a->why : a->body, a->status);
	k->open--;
	make_next(k);
}

static void
make_next(struct making *k)
{
	struct swarm		*s = k->swarm;
	struct httpc_options	 o = { .method = "POST",
	    .type = "application/json", .tls = s->tls,
	    .bearer = settings_str(s->settings, "api-key") };
	char			*body, *url;

	while (k->next < s->count && !s->members[k->next].is_004)
		k->next++;
	if (k->next >= s->count)
		return;
	body = xasprintf("{\"agentId\":\"%s\",\"secret\":\"%s\"}",
	    s->members[k->next++].id, s->secret);
	url = xasprintf("%s/api/agents/secrets", settings_item(s->settings,
	    "server", 0));
	o.body = body;
	o.body_len = strlen(body);
	k->open++;
	httpc_start(s->loop, url, &o, on_made, k);
	free(url);
	free(body);
}

static void
make_secrets(struct swarm *s)
{
	struct making	k = { .swarm = s };
	int		i;

	for (i = 0; i < SECRETS_AT_ONCE; i++)
		make_next(&k);
	while (k.open > 0)
		uv_run(s->loop, UV_RUN_ONCE);
}

/* Root may have more than its limit says. */
static void
more_files(int count)
{
	struct rlimit	l;
	rlim_t		want = (rlim_t)count + 64;

	getrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_max < want)
		l.rlim_max = want;
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		die(EXIT_SYSTEM, "%d agents need %d open files: raise the "
		    "limit (ulimit -n)", count, (int)want);
}

static void
prepare(struct swarm *s)
{
	const char	*protocol = settings_str(s->settings, "protocol");
	const char	*ca = settings_str(s->settings, "ca-file");
	char		*why = NULL;
	int		 i;

	s->secret = settings_str(s->settings, "secret");
	s->registration_key = settings_str(s->settings, "registration-key");
	s->metrics_ms = settings_int(s->settings, "metrics");
	s->beat_ms = settings_int(s->settings, "heartbeat");
	s->rate = (double)settings_int(s->settings, "rate");
	s->flood = (uint64_t)settings_int(s->settings, "flood");
	s->count = (int)settings_int(s->settings, "count");
	if (strcmp(protocol, "002") != 0 && s->secret == NULL)
		die(EXIT_USAGE, "MUSTER_SWARM_SECRET is not set");
	if (ca != NULL && tls_client(&s->tls, ca, NULL, 1, &why) < 0)
		die(EXIT_USAGE, "%s", why);
	more_files(s->count);
	s->members = xcalloc((size_t)s->count, sizeof(*s->members));
	for (i = 0; i < s->count; i++)
		identify(s, &s->members[i], i + (int)settings_int(s->settings,
		    "first"), protocol);
	if (settings_bool(s->settings, "make-secrets"))
		make_secrets(s);
}

int
main(int argc, char **argv)
{
	static struct swarm	s;
	static uv_signal_t	sigint, sigterm;
	int			tick;

	s.settings = settings_load(&spec, argc, argv);
	crypto_init();
	signal(SIGPIPE, SIG_IGN);
	s.loop = uv_default_loop();
	prepare(&s);
	uv_timer_init(s.loop, &s.tick);
	uv_timer_init(s.loop, &s.second);
	uv_signal_init(s.loop, &sigint);
	uv_signal_init(s.loop, &sigterm);
	s.tick.data = s.second.data = sigint.data = sigterm.data = &s;
	uv_signal_start(&sigint, on_signal, SIGINT);
	uv_signal_start(&sigterm, on_signal, SIGTERM);
	uv_unref((uv_handle_t *)&sigint);
	uv_unref((uv_handle_t *)&sigterm);
	s.began = s.last_tick = clock_mono_ms();
	s.end = s.began + settings_int(s.settings, "duration");
	tick = s.flood > 0 ? TICK_FLOOD_MS : TICK_MS;
	uv_timer_start(&s.tick, on_tick, 0, (uint64_t)tick);
	if (!settings_bool(s.settings, "quiet"))
		uv_timer_start(&s.second, on_second, 1000, 1000);
	uv_run(s.loop, UV_RUN_DEFAULT);
	free(s.members);
	tls_free(s.tls);
	return s.errors > 0 || s.refused > 0 ? EXIT_NO : EXIT_YES;
}
