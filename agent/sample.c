/* Telemetry for the link, for as long as that stands. */
#include "agent.h"
#include "linkauth.h"
#include "log.h"
#include "telemetry.h"

enum { FIRST_SAMPLE_MS = 250 };	/* shares of time need a span to be of */

static void
on_sample(uv_timer_t *t)
{
	struct agent	*a = t->data;
	json_t		*o = telemetry_sample(a->telemetry);

	if (o == NULL) {
		log_warn("telemetry", "the system cannot be read");
		return;
	}
	if (link_send(a->link, LINK_CH_TELEMETRY, o) == 0 && !a->config.hmac)
		log_debug("ws", "metrics sent: cpu=%.1f mem=%.1f disk=%.1f",
		    json_number_value(json_object_get(o, "cpuPercent")),
		    json_number_value(json_object_get(o, "memPercent")),
		    json_number_value(json_object_get(o, "diskUsage")));
	json_decref(o);
}

void
sample_up(void *arg)
{
	struct agent	*a = arg;

	uv_timer_start(&a->sample, on_sample, FIRST_SAMPLE_MS,
	    (uint64_t)a->config.metrics_ms);
}

void
sample_down(void *arg)
{
	struct agent	*a = arg;

	uv_timer_stop(&a->sample);
}

void
sample_start(struct agent *a)
{
	uv_timer_init(&a->loop, &a->sample);
	a->sample.data = a;
	a->telemetry = telemetry_new();
}

int
sample_stop(struct agent *a)
{
	uv_close((uv_handle_t *)&a->sample, NULL);
	return 0;
}

void
sample_release(struct agent *a)
{
	telemetry_free(a->telemetry);
}
