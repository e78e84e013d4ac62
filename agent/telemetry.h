/*
 * Telemetry: what this host is doing, as one JSON object.  Document 004's
 * cpuPercent, memPercent and diskUsage stand on top, the rest in objects.
 */
#ifndef MUSTER_TELEMETRY_H
#define MUSTER_TELEMETRY_H

#include <jansson.h>

struct telemetry;

/* Takes the first reading, against which the first sample is measured. */
struct telemetry *telemetry_new(void);
/*
 * Reads the system: a new reference, or NULL where it cannot be read.  What
 * the system does not have is absent, never invented.  So are percentages of
 * time and rates when the reading before is less than 0.2 s old; the next
 * sample then measures from that same reading.  Keys are sorted, numbers
 * carry at most two decimals: every canonical form agrees on them.
 */
json_t	*telemetry_sample(struct telemetry *);
/* A number as all of a sample's are: not negative, rounded to 1/unit. */
json_t	*telemetry_rounded(double, int unit);
void	 telemetry_free(struct telemetry *);

#endif
