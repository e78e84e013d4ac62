/* Document 004: each message signed with the shared secret. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "hmaclink.h"
#include "json.h"
#include "swarm.h"

static void
say(struct member *m, const char *type, const char *payload)
{
	struct hmaclink	e = { type, m->id, NULL, clock_wall_ms(), NULL, NULL,
			    NULL, 0 };
	struct buf	b = BUF_INIT;
	char		nonce[UUID_SIZE];

	crypto_uuid(nonce);
	e.nonce = nonce;
	hmaclink_write_text(&e, payload, m->swarm->secret, &b);
	ws_text(m->ws, b.p, b.len);
	buf_release(&b);
}

/* Nothing answers auth: that it stands is seen by what comes afterwards. */
void
member004_begin(struct member *m)
{
	say(m, HMACLINK_AUTH, "{\"hostname\":\"swarm\",\"version\":\"0\"}");
	member_ready(m);
}

void
member004_hear(struct member *m, const char *text, size_t n)
{
	struct hmaclink	e;
	struct json_err	err;
	char		*answer;

	if (hmaclink_parse(&e, text, n, &err) < 0) {
		m->swarm->errors++;
		return;
	}
	if (!hmaclink_verify(&e, m->swarm->secret)) {
		m->swarm->errors++;
	} else if (strcmp(e.type, HMACLINK_COMMAND) == 0) {
		m->swarm->commands++;
		answer = xasprintf("{\"command\":\"%s\",\"error\":\"\","
		    "\"result\":\"pong\"}", json_str(e.payload, "command",
		    ""));
		say(m, HMACLINK_RESULT, answer);
		free(answer);
	}
	hmaclink_release(&e);
}

void
member004_metrics(struct member *m)
{
	char	text[128];

	m->serial++;
	snprintf(text, sizeof(text), "{\"cpuPercent\":%u.%u,\"diskUsage\":"
	    "60.1,\"memPercent\":45.%u}", (unsigned)(m->serial % 90) + 1,
	    (unsigned)(m->serial % 9) + 1, (unsigned)(m->index % 9) + 1);
	say(m, HMACLINK_METRICS, text);
}

void
member004_beat(struct member *m)
{
	say(m, HMACLINK_HEARTBEAT, "{\"status\":\"alive\"}");
}
