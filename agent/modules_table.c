/* The modules of this binary: CAPS of the Makefile defines which. */
#include <stddef.h>

#include "module.h"

const struct module_type *const	module_types[] = {
#ifdef CAP_telemetry
	&module_telemetry,
#endif
#ifdef CAP_fs_monitor
	&module_fs_monitor,
#endif
#ifdef CAP_process_monitor
	&module_process_monitor,
#endif
#ifdef CAP_network_monitor
	&module_network_monitor,
#endif
#ifdef CAP_policy
	&module_policy,
#endif
#ifdef CAP_analysis
	&module_analysis,
#endif
#ifdef CAP_threat_intel
	&module_threat_intel,
#endif
	NULL
};
