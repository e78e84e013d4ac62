/* telemetry: what it says against what was done to the machine. */
#include <ctype.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "../../agent/telemetry.c"

static double
number(const json_t *o, const char *object, const char *key)
{
	const json_t	*v = object ? json_object_get(o, object) : o;

	v = json_object_get(v, key);
	return json_is_number(v) ? json_number_value(v) : -1;
}

/* Uses so much time of a CPU; the milliseconds that it took by the clock. */
static int64_t
burn(int64_t ms)
{
	volatile unsigned	x = 0;
	int64_t			start = clock_mono_ms();
	clock_t			until = clock() + ms * CLOCKS_PER_SEC / 1000;

	while (clock() < until)
		x = x + 1;
	return clock_mono_ms() - start;
}

/* -- the text's form: sorted plain keys, plain numbers -- */

static int
key_is_plain(const char *k)
{
	if (!isalpha((unsigned char)*k) && *k != '_')
		return 0;
	while (isalnum((unsigned char)*k) || *k == '_')
		k++;
	return *k == '\0';
}

/* A value within 2^53, with two decimals at most, and no whole real. */
static int
number_is_plain(const json_t *v)
{
	double	d = json_number_value(v);

	if (!(d >= 0 && d < 9007199254740992.0))
		return 0;
	if (json_is_integer(v))
		return 1;
	return d != (double)(int64_t)d &&
	    d == (double)(int64_t)(d * 100 + 0.5) / 100;
}

static int
is_plain(json_t *v)
{
	const char	*key, *before = "";
	json_t		*m;
	size_t		 i;

	if (json_is_number(v))
		return number_is_plain(v);
	if (json_is_array(v)) {
		json_array_foreach(v, i, m)
			if (!is_plain(m))
				return 0;
		return 1;
	}
	if (!json_is_object(v) || json_object_size(v) == 0)
		return 0;
	json_object_foreach(v, key, m) {
		if (!key_is_plain(key) || strcmp(before, key) >= 0 ||
		    !is_plain(m)) {
			printf("# %s after %s\n", key, before);
			return 0;
		}
		before = key;
	}
	return 1;
}

static void
test_at_once(void)
{
	struct telemetry	*t = telemetry_new();
	json_t			*o = telemetry_sample(t);

	ok("a sample at once", json_is_object(o));
	ok("has no cpuPercent", json_object_get(o, "cpuPercent") == NULL);
	ok("and no rate", number(o, "net", "receivedPerSecond") < 0);
	ok("but present values", number(o, "mem", "totalBytes") > 0);
	ok("plain and sorted", is_plain(o));
	json_decref(o);
	burn(250);
	o = telemetry_sample(t);
	ok("the next measures from the first reading",
	    number(o, NULL, "cpuPercent") > 0);
	json_decref(o);
	telemetry_free(t);
}

static void
test_burning(void)
{
	struct telemetry	*t = telemetry_new();
	json_t			*o;
	double			 sum, share;

	share = 100.0 * 800 / (double)burn(800);
	o = telemetry_sample(t);
	ok("plain and sorted", is_plain(o));
	printf("# used %.0f%% of a CPU\n", share);
	ok("it is in cpuPercent", number(o, NULL, "cpuPercent") >=
	    0.9 * share / (double)t->now.cpus - 2);
	ok("never above 100", number(o, NULL, "cpuPercent") <= 100);
	ok("and it is the agent's own",
	    fabs(number(o, "agent", "cpuPercent") - share) < 5);
	sum = number(o, "cpu", "idle") + number(o, "cpu", "iowait") +
	    number(o, "cpu", "steal") + number(o, "cpu", "system") +
	    number(o, "cpu", "user");
	ok("the modes make 100", fabs(sum - 100) < 0.5);
	ok("cpuPercent is what is not idle", fabs(100 - number(o, "cpu",
	    "idle") - number(o, "cpu", "iowait") -
	    number(o, NULL, "cpuPercent")) < 0.2);
	json_decref(o);
	telemetry_free(t);
}

/* Made readings: what the module computes from them, exactly. */
static void
test_sums(void)
{
	struct telemetry	 t = { 0 };
	json_t			*o = json_object();

	t.before = t.now = (struct platform_sample)PLATFORM_SAMPLE_NONE;
	t.before.cpu_total = 1000, t.now.cpu_total = 2000;
	t.before.cpu_idle = 500, t.now.cpu_idle = 1200;
	t.before.cpu_user = 0, t.now.cpu_user = 254;
	t.before.cpu_system = 0, t.now.cpu_system = 46;
	t.now.mem_total = 1000, t.now.mem_available = 548;
	t.now.disk_total = 1000, t.now.disk_used = 601;
	t.now.disk_free = 349;
	t.before.net_received = 0, t.now.net_received = 5000;
	t.before.net_sent = 7000, t.now.net_sent = 10;
	t.before.self_cpu_us = 0, t.now.self_cpu_us = 12500;
	add_agent(o, &t, 5000);
	add_cpu(o, &t, 5000);
	add_disk(o, &t, 5000);
	add_load(o, &t);
	add_mem(o, &t);
	add_net(o, &t, 5000);
	add_pressure(o, &t);
	add_swap(o, &t);
	ok("cpuPercent", number(o, NULL, "cpuPercent") == 30);
	ok("a whole number is an integer",
	    json_is_integer(json_object_get(o, "cpuPercent")));
	ok("user", number(o, "cpu", "user") == 25.4);
	ok("no iowait where there is none", number(o, "cpu", "iowait") < 0);
	ok("memPercent", number(o, NULL, "memPercent") == 45.2);
	ok("diskUsage leaves out what root keeps",
	    number(o, NULL, "diskUsage") == 63.3);
	ok("bytes a second", number(o, "net", "receivedPerSecond") == 1000);
	ok("no rate of a counter that ran back",
	    number(o, "net", "sentPerSecond") < 0);
	ok("own share", number(o, "agent", "cpuPercent") == 0.25);
	ok("no pressure, swap, load", json_object_get(o, "pressure") == NULL &&
	    json_object_get(o, "swap") == NULL &&
	    json_object_get(o, "load") == NULL);
	json_decref(o);
}

static void
test_memory(void)
{
	struct telemetry	*t = telemetry_new();
	int			 i;
	void			*top;

	for (i = 0; i < 100; i++)
		json_decref(telemetry_sample(t));
	top = sbrk(0);
	for (i = 0; i < 1000; i++)
		json_decref(telemetry_sample(t));
	ok("a thousand samples take no memory", sbrk(0) == top);
	telemetry_free(t);
}

int
main(void)
{
	test_at_once();
	test_burning();
	test_sums();
	test_memory();
	return done();
}
