/* Labels of agents, by which people choose them: a name and a text. */
#ifndef MUSTER_LABEL_H
#define MUSTER_LABEL_H

#include <stddef.h>

enum {
	LABEL_MAX_KEY	= 63,	/* as others have it: dashboards show them */
	LABEL_MAX_VALUE	= 128,
	LABEL_MAX	= 32	/* of one agent */
};

/* NULL, or a fixed text of what is wrong with it. */
const char *label_fault(const char *key, const char *value, size_t len);

#endif
