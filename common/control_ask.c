/* The caller's end of the control pipe. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "control.h"
#include "crypto.h"
#include "file.h"
#include "ipc.h"
#include "json.h"

enum { MAX_SECRET = 256 };	/* bytes of the file; ours has 43 */

struct asking {
	void	(*part)(const json_t *, void *);
	void	 *arg;
	json_t	*answer;
};

static int
on_line(const json_t *o, void *arg)
{
	struct asking	*a = arg;

	if (strcmp(json_str(o, "status", ""), "part") != 0) {
		a->answer = json_deep_copy(o);
		return 1;
	}
	if (a->part != NULL)
		a->part(json_object_get(o, "part"), a->arg);
	return 0;
}

/* As it is in the file now, without the newline of who wrote one there. */
static int
read_secret(const char *path, struct buf *b)
{
	char	*file = control_secret_path(path);
	int	 rc;

	buf_clear(b);
	rc = file_read(file, MAX_SECRET, b);
	while (rc == 0 && b->len > 0 && b->p[b->len - 1] == '\n')
		b->p[--b->len] = '\0';
	free(file);
	return rc;
}

static int
ask_with(const char *path, const char *secret, const char *command,
    const json_t *args, int64_t timeout_ms, struct asking *a)
{
	char	*pipe = control_pipe_name(path);
	json_t	*o = json_pack("{ss ss}", "secret", secret, "command",
	    command);
	int	 rc = -EINVAL;		/* not UTF-8 */

	if (o != NULL && args != NULL)
		json_object_set_new(o, "args", json_deep_copy(args));
	if (o != NULL)
		rc = ipc_talk(pipe, o, timeout_ms, on_line, a);
	json_decref(o);
	free(pipe);
	return rc;
}

int
control_ask(const char *path, const char *command, const json_t *args,
    int64_t timeout_ms, void (*part)(const json_t *, void *), void *arg,
    json_t **answer)
{
	struct asking	 a = { part, arg, NULL };
	struct buf	 secret = BUF_INIT;
	char		*before;
	int		 rc;

	*answer = NULL;
	if ((rc = read_secret(path, &secret)) < 0)
		goto out;
	rc = ask_with(path, buf_str(&secret), command, args, timeout_ms, &a);
	if (rc == 0 && strcmp(json_str(a.answer, "status", ""),
	    CONTROL_INVALID_SECRET) == 0) {
		/* It may have been rotated since we read it. */
		before = xstrdup(buf_str(&secret));
		if (read_secret(path, &secret) == 0 &&
		    strcmp(before, buf_str(&secret)) != 0) {
			json_decref(a.answer);
			a.answer = NULL;
			rc = ask_with(path, buf_str(&secret), command, args,
			    timeout_ms, &a);
		}
		crypto_wipe(before, strlen(before));
		free(before);
	}
	*answer = a.answer;
out:
	if (secret.p != NULL)
		crypto_wipe(secret.p, secret.cap);
	buf_release(&secret);
	return rc;
}
