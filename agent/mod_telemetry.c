/* The module telemetry: a sample each interval, and one on request, so that
 * a server that has just been reached need not wait. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "module.h"
#include "telemetry.h"

enum { FIRST_MS	= 250 };	/* shares of time need a span to be of */

struct sampler {
	struct module	*m;
	struct telemetry *telemetry;
	uv_timer_t	 timer;
	json_int_t	 samples;
};

static void
take_sample(struct sampler *s)
{
	json_t	*o = telemetry_sample(s->telemetry);

	if (o == NULL)
		module_fail(s->m, "the system cannot be read");
	s->samples++;
	module_event(s->m, SPOOL_METRIC, "metrics", o);
}

static void
on_timer(uv_timer_t *t)
{
	take_sample(t->data);
}

static int
telemetry_start(struct module *m, const json_t *config, void **self,
    char **why)
{
	struct sampler	*s = xcalloc(1, sizeof(*s));

	(void)config;
	(void)why;
	s->m = m;
	s->telemetry = telemetry_new();
	uv_timer_init(module_loop(m), &s->timer);
	s->timer.data = s;
	uv_timer_start(&s->timer, on_timer, FIRST_MS,
	    (uint64_t)module_metrics_ms(m));
	module_source(m, "system", NULL);
	*self = s;
	return 0;
}

static json_t *
telemetry_status(void *self)
{
	const struct sampler	*s = self;

	return json_pack("{sI}", "samples", s->samples);
}

static void
telemetry_command(void *self, struct module_call *c)
{
	if (strcmp(module_call_verb(c), "sample") != 0) {
		module_answer(c, NULL, "verb: must be status or sample");
		return;
	}
	take_sample(self);
	module_answer(c, NULL, NULL);
}

const struct module_type module_telemetry = {
	.name = "telemetry",
	.about = "CPU, memory, disk, network, load and pressure of the host",
	.start = telemetry_start,
	.status = telemetry_status,
	.command = telemetry_command
};
