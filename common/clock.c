#include <stdio.h>
#include <time.h>

#include <uv.h>

#include "clock.h"

int64_t
clock_wall_ms(void)
{
	uv_timeval64_t	tv;

	uv_gettimeofday(&tv);
	return tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

int64_t
clock_mono_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

char *
clock_rfc3339(int64_t ms, char out[CLOCK_RFC3339_SIZE])
{
	time_t		 sec = (time_t)(ms / 1000);
	struct tm	 tm;

#ifdef _WIN32
	gmtime_s(&tm, &sec);
#else
	gmtime_r(&sec, &tm);
#endif
	strftime(out, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + 19, CLOCK_RFC3339_SIZE - 19, ".%03uZ",
	    (unsigned)(ms % 1000) % 1000);
	return out;
}
