/* For tests of the store and what stands on it: calls that wait for their
 * answer, in a private directory that goes at the end. */
#ifndef MUSTER_STORETAP_H
#define MUSTER_STORETAP_H

#include <stdarg.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "json.h"
#include "loop.h"
#include "store.h"
#include "tap.h"

static struct store	*store;
static char		*where;		/* "lmdb:DIR" */

static int	 answered, rc;	/* of the last call that was waited for */
static json_t	*answer;

static void
on_answer(int code, const json_t *result, void *arg)
{
	(void)arg;
	answered = 1;
	rc = code;
	json_decref(answer);
	answer = json_deep_copy(result);
}

static void
wait_answer(void)
{
	while (!answered && uv_run(&loop, UV_RUN_ONCE) != 0)
		;
	if (!answered) {
		puts("Bail out! the loop ended without an answer");
		exit(1);
	}
	answered = 0;
}

/* WAIT(store_get(store, "kind", "key", HEAR)); then look at rc and answer. */
#define HEAR		on_answer, NULL
#define WAIT(call)	do { call; wait_answer(); } while (0)

static int	closed;

static void
on_store_closed(void *arg)
{
	(void)arg;
	closed = 1;
}

static int
open_store(void)
{
	char	*why = NULL;
	int	 code = store_open(&store, &loop, where, &why);

	if (code < 0)
		printf("# %s\n", why != NULL ? why : "?");
	free(why);
	return code;
}

static void
close_store(void)
{
	closed = 0;
	store_close(store, on_store_closed, NULL);
	while (!closed)
		uv_run(&loop, UV_RUN_ONCE);
	store = NULL;
}

/* Our own executable, by its name: under valgrind /proc/self/exe itself
 * would run valgrind's. */
static const char *
own_exe(void)
{
	static char	path[4096];
	ssize_t		n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	return path;
}

static char	*store_dir;	/* what holds the store, and the test's files */

static void
begin_store(void)
{
	const char	*tmp = getenv("TMPDIR");

	store_dir = xasprintf("%s/muster-t.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(store_dir) == NULL || uv_loop_init(&loop) < 0) {
		puts("Bail out! no private directory");
		exit(1);
	}
	where = xasprintf("lmdb:%s/store", store_dir);
}

static void
end_store(void)
{
	char	*rm = xasprintf("rm -rf '%s'", store_dir);

	if (store != NULL)
		close_store();
	if (system(rm) != 0)
		printf("# failed: %s\n", rm);
	ok("no handle is left in the loop", uv_loop_close(&loop) == 0);
	json_decref(answer);
	answer = NULL;
	free(rm);
	free(where);
	free(store_dir);
}

/* A member of the last answer, by path: "items.0.user"; NULL if absent. */
static json_t *
at(const char *path)
{
	json_t		*j = answer;
	const char	*dot;
	char		*name;

	for (; j != NULL && *path != '\0'; path = *dot ? dot + 1 : dot) {
		dot = path + strcspn(path, ".");
		name = xstrndup(path, (size_t)(dot - path));
		j = json_is_array(j) ?
		    json_array_get(j, strtoul(name, NULL, 10)) :
		    json_object_get(j, name);
		free(name);
	}
	return j;
}

static const char *
str_at(const char *path)
{
	return json_string_value(at(path));
}

static long long
int_at(const char *path)
{
	return json_is_integer(at(path)) ? json_integer_value(at(path)) : -1;
}

static size_t
count_at(const char *path)
{
	return json_array_size(at(path));
}

/* A value that the next pack() frees. */
static const json_t *
pack(const char *fmt, ...)
{
	static json_t	*last[8];
	static size_t	 i;
	va_list		 ap;

	i = (i + 1) % 8;
	json_decref(last[i]);
	last[i] = NULL;
	if (fmt == NULL)
		return NULL;
	va_start(ap, fmt);
	last[i] = json_vpack_ex(NULL, 0, fmt, ap);
	va_end(ap);
	if (last[i] == NULL) {
		printf("Bail out! bad pack: %s\n", fmt);
		exit(1);
	}
	return last[i];
}

static void
pack_end(void)
{
	int	i;

	for (i = 0; i < 8; i++)
		pack(NULL);
}

#endif
