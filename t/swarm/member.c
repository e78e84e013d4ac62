/*
 * One agent: connects, authenticates (member002.c, member004.c), then sends
 * metrics and heartbeats at their times, each heartbeat with a ping behind
 * it, whose pong tells how long it took; and comes back when it was lost, as
 * the documents say: after min(60, 2^n) s at the most, or when the server
 * told it to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "log.h"
#include "settings.h"
#include "swarm.h"

static double
fraction(void)
{
	uint32_t	n;

	crypto_random(&n, sizeof(n));
	return n / 4294967296.0;
}

/* -- a connection's events -- */

static void
on_open(struct ws *ws, void *arg)
{
	struct member	*m = arg;

	m->ws = ws;
	m->state = AUTHENTICATING;
	if (m->is_004)
		member004_begin(m);
	else
		member002_begin(m);
}

static void
on_message(struct ws *ws, const char *text, size_t n, int is_text, void *arg)
{
	struct member	*m = arg;

	(void)ws;
	(void)is_text;
	if (m->is_004)
		member004_hear(m, text, n);
	else
		member002_hear(m, text, n);
}

static void
on_pong(struct ws *ws, void *arg)
{
	struct member	*m = arg;
	struct swarm	*s = m->swarm;
	double		 ms = (double)(uv_hrtime() - m->began) / 1e6;

	(void)ws;
	if (!m->pinging)
		return;
	m->pinging = 0;
	if (s->flood == 0)
		times_add(&s->beats, ms);
	else if ( m->left == 0 && m->state == READY) {
		m->left = UINT64_MAX;
		s->flooded++;
		s->flood_ms = (double)(clock_mono_ms() - s->began);
	}
}

static void
on_closed(struct ws *ws, int code, const char *why, void *arg)
{
	struct member	*m = arg;
	struct swarm	*s = m->swarm;
	int64_t		 now = clock_mono_ms();
	double		 after, ceiling;

	s->open--;
	if (m->state == READY) {
		s->ready--;
		m->lost_at = now;
		if (!s->stopping)
			s->lost++;
	} else {
		s->connecting--;
		s->failures++;
		m->tries++;
	}
	if (code == 1008 || code == 1003)
		s->refused++;
	if (!s->stopping)
		snprintf(s->last_why, sizeof(s->last_why), "%d %s", code, why);
	member002_end(m);
	m->ws = NULL;
	m->state = AWAY;
	m->pinging = 0;
	if (sscanf(why, "retry_after %lf", &after) == 1)
		member_away(m, after);
	else if (ws_retry_after(ws) >= 0)
		member_away(m, ws_retry_after(ws) + fraction());
	if (m->told_away) {
		m->told_away = 0;
		return;
	}
	ceiling = m->tries < 6 ? 1 << m->tries : 60;
	m->due = now + (int64_t)(1000 * ceiling * fraction());
}

static const struct ws_events	events = {
	.open = on_open, .message = on_message, .pong = on_pong,
	.closed = on_closed
};

void
member_away(struct member *m, double seconds)
{
	m->told_away = 1;
	m->due = clock_mono_ms() + (int64_t)(1000 * seconds);
}

void
member_ready(struct member *m)
{
	struct swarm	*s = m->swarm;
	int64_t		 now = clock_mono_ms();

	m->state = READY;
	m->tries = 0;
	s->connecting--;
	s->ready++;
	times_add(&s->connects, (double)(uv_hrtime() - m->began) / 1e6);
	if (m->lost_at > 0)
		times_add(&s->reconnects, (double)(now - m->lost_at));
	if (s->ready == s->count && s->all_ready == 0)
		s->all_ready = now - s->began;
	/* Not all at once for ever, because they came so. */
	m->due = now + (int64_t)((double)s->metrics_ms * fraction());
	m->beat_due = now + (int64_t)((double)s->beat_ms * fraction());
	m->left = s->flood;
}

void
member_connect(struct member *m)
{
	struct swarm		*s = m->swarm;
	struct ws_options	 o = { .tls = s->tls };
	const char		*path = m->is_004 ? "/agent" : "/ws/agent";
	const char		*base, *why = NULL;
	size_t			 n = 0;
	char			*url;

	while (settings_item(s->settings, "server", n) != NULL)
		n++;
	base = settings_item(s->settings, "server", (size_t)m->index % n);
	url = xasprintf("ws%s%s", base + strlen("http"), path);
	m->state = CONNECTING;
	m->began = uv_hrtime();
	s->connecting++;
	s->open++;
	m->ws = ws_connect(s->loop, url, &o, &events, m, &why);
	if (m->ws == NULL)
		die(EXIT_USAGE, "%s: %s", url, why);
	free(url);
}

/* -- what it says -- */

static void
ping(struct member *m)
{
	m->pinging = 1;
	m->began = uv_hrtime();
	ws_ping(m->ws);
}

static void
send_metrics(struct member *m)
{
	if (m->is_004)
		member004_metrics(m);
	else
		member002_metrics(m);
	m->swarm->sent++;
}

/* As much as the connection takes. */
static void
flood(struct member *m)
{
	enum { ROOM = 64 * 1024 };

	if (m->left == 0 || m->left == UINT64_MAX)
		return;
	ws_cork(m->ws, 1);
	while (m->left > 0 && ws_pending(m->ws) < ROOM) {
		send_metrics(m);
		m->left--;
	}
	ws_cork(m->ws, 0);
	if (m->left == 0)
		ping(m);
}

void
member_step(struct member *m, int64_t now)
{
	struct swarm	*s = m->swarm;

	if (m->state != READY)
		return;
	if (s->flood > 0) {
		if (s->ready == s->count || s->all_ready > 0)
			flood(m);
		return;
	}
	if (now >= m->due) {
		m->due += s->metrics_ms;
		send_metrics(m);
	}
	if (m->ws != NULL && now >= m->beat_due && !m->pinging) {
		m->beat_due += s->beat_ms;
		if (m->is_004)
			member004_beat(m);
		else
			member002_beat(m);
		s->sent++;
		ping(m);
	}
}
