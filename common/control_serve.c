/*
 * The server's end of the control pipe.  The line's JSON, its length and the
 * time limits are ipc.c's; here a request is checked by a table, its secret
 * before all else, and then it is the handler's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "control.h"
#include "crypto.h"
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "log.h"

enum {
	SECRET_BYTES	= 32,
	MAX_SECRET	= 256		/* of a request */
};

struct control {
	struct ipc	*ipc;
	char		*path;
	char		 secret[BASE64_SIZE(SECRET_BYTES)];
	control_handler	 handler;
	void		*arg;
};

struct control_call {
	struct ipc_call	*ipc;
	int64_t		 uid, pid;
};

static const struct json_field fields[] = {
	{ .name = "secret", .kind = JSON_K_STR, .required = 1,
	    .max = MAX_SECRET },
	{ .name = "command", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = CONTROL_MAX_COMMAND },
	{ .name = "args", .kind = JSON_K_OBJ },
};

static void
refuse(struct control_call *call, const char *status, json_t *more)
{
	ipc_hang_up(call->ipc);
	control_end(call, status, more);
}

static void
on_request(struct ipc_call *ipc, const json_t *request, int64_t uid,
    int64_t pid, void *arg)
{
	struct control		*c = arg;
	struct control_call	*call = xcalloc(1, sizeof(*call));
	const json_t		*args = json_object_get(request, "args");
	const char		*secret = json_str(request, "secret", "");
	struct json_err		 e;
	char			 words[300];
	json_t			*none = json_object();

	call->ipc = ipc;
	call->uid = uid;
	call->pid = pid;
	if (ipc_gone(ipc)) {
		log_info("control", "%s: process %lld asked and did not wait:"
		    " ignored", c->path, (long long)pid);
		refuse(call, CONTROL_REFUSED, NULL);
	} else if (c->secret[0] == '\0' || !crypto_equal_str(secret, c->secret)) {
		log_warn("control", "%s: uid %lld, pid %lld: invalid secret",
		    c->path, (long long)uid, (long long)pid);
		refuse(call, CONTROL_INVALID_SECRET, NULL);
	} else if (json_check(request, fields, nitems(fields), &e) < 0) {
		refuse(call, CONTROL_REFUSED, json_pack("{ss}", "error",
		    json_err_str(&e, words, sizeof(words))));
	} else {
		c->handler(call, json_str(request, "command", ""),
		    args != NULL ? args : none, c->arg);
	}
	json_decref(none);
}

void
control_part(struct control_call *call, json_t *part)
{
	ipc_part(call->ipc, json_pack("{ss so}", "status", "part", "part",
	    part));
}

void
control_end(struct control_call *call, const char *status, json_t *more)
{
	json_t	*o = json_pack("{ss}", "status", status);

	if (more != NULL)
		json_object_update_missing(o, more);
	json_decref(more);
	ipc_answer(call->ipc, o);
	free(call);
}

void
control_on_gone(struct control_call *call, void (*gone)(void *), void *arg)
{
	ipc_on_gone(call->ipc, gone, arg);
}

int64_t
control_uid(const struct control_call *call)
{
	return call->uid;
}

int64_t
control_pid(const struct control_call *call)
{
	return call->pid;
}

int
control_rotate(struct control *c)
{
	char	*path = control_secret_path(c->path);
	char	 text[BASE64_SIZE(SECRET_BYTES)];
	uint8_t	 bytes[SECRET_BYTES];
	int	 rc;

	crypto_random(bytes, sizeof(bytes));
	base64url_encode(bytes, sizeof(bytes), text);
	/* What cannot be written down nobody could show. */
	rc = file_write(path, text, strlen(text), 0600);
	if (rc == 0)
		memcpy(c->secret, text, sizeof(text));
	crypto_wipe(bytes, sizeof(bytes));
	crypto_wipe(text, sizeof(text));
	free(path);
	return rc;
}

/* Of a server that has none, or whose socket is another's by now: nothing. */
static void
control_free(struct control *c)
{
	crypto_wipe(c->secret, sizeof(c->secret));
	free(c->path);
	free(c);
}

/* The socket first: where another serves there, its secret stays. */
int
control_serve(struct control **out, uv_loop_t *loop, const char *path,
    control_handler handler, void *arg)
{
	struct control	*c = xcalloc(1, sizeof(*c));
	char		*pipe = control_pipe_name(path);
	int		 rc;

	c->path = xstrdup(path);
	c->handler = handler;
	c->arg = arg;
	*out = NULL;
	if ((rc = ipc_serve(&c->ipc, loop, pipe, 0600, NULL, on_request,
	    c)) == 0 && (rc = control_rotate(c)) < 0)
		ipc_stop(c->ipc);
	free(pipe);
	if (rc < 0)
		control_free(c);
	else
		*out = c;
	return rc;
}

void
control_stop(struct control *c)
{
	char	*path;

	if (c == NULL)
		return;
	path = control_secret_path(c->path);
	remove(path);
	free(path);
	ipc_stop(c->ipc);
	control_free(c);
}
