/* Who holds the lock. */
#include <errno.h>
#include <stdio.h>

#include "lock.h"
#include "lockd.h"
#include "log.h"

static void
print_text(const char *key, const char *value)
{
	if (*value != '\0')
		printf("%s\t%s\n", key, value);
}

int
status_print(const char *path)
{
	struct lock_holder	h;
	int			rc = lock_status(path, &h);

	if (rc < 0 && rc != -ENOENT)
		die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	/* A record without a lock was left by a holder that was killed. */
	printf("state\t%s\n", h.held ? "held" : h.pid > 0 ? "stale" : "free");
	if (h.pid > 0) {
		printf("pid\t%lld\n", (long long)h.pid);
		printf("alive\t%s\n", h.alive ? "yes" : "no");
		printf("start\t%lld\n", (long long)h.start_ticks);
	}
	print_text("boot", h.boot_id);
	print_text("since", h.since);
	print_text("beat", h.beat);
	print_text("version", h.version);
	if (fflush(stdout) != 0)
		die(EXIT_SYSTEM, "stdout: cannot write");
	return h.held ? EXIT_YES : EXIT_NO;
}
