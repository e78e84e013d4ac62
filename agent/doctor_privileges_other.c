/* Where privileges are not split into capabilities. */
#include <stddef.h>

#include "buf.h"
#include "doctor.h"

static enum doctor_verdict
skip(char **what)
{
	*what = xstrdup("a matter of Linux");
	return DOCTOR_SKIP;
}

enum doctor_verdict
doctor_privileges(struct doctor *d, char **what, char **mend)
{
	(void)d, (void)mend;
	return skip(what);
}

enum doctor_verdict
doctor_memlock(struct doctor *d, char **what, char **mend)
{
	(void)d, (void)mend;
	return skip(what);
}

enum doctor_verdict
doctor_confine(struct doctor *d, char **what, char **mend)
{
	(void)d, (void)mend;
	return skip(what);
}
