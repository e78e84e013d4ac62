/* Requests of the control pipe: whatever a line holds, it is answered once,
 * and only one with the secret and of the right form reaches the handler. */
#include <assert.h>

#include "../../common/control_serve.c"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int	answers, handled;

/* -- what ipc.c has -- */

int
ipc_serve(struct ipc **out, uv_loop_t *loop, const char *path, int mode,
    int (*allowed)(int64_t, void *), ipc_handler handler, void *arg)
{
	(void)loop, (void)path, (void)mode, (void)allowed, (void)handler;
	(void)arg;
	*out = NULL;
	return 0;
}

void
ipc_answer(struct ipc_call *call, json_t *answer)
{
	(void)call;
	assert(json_is_string(json_object_get(answer, "status")));
	answers++;
	json_decref(answer);
}

void
ipc_part(struct ipc_call *call, json_t *part)
{
	(void)call;
	json_decref(part);
}

void
ipc_on_gone(struct ipc_call *call, void (*gone)(void *), void *arg)
{
	(void)call, (void)gone, (void)arg;
}

int
ipc_gone(const struct ipc_call *call)
{
	(void)call;
	return 0;
}

void
ipc_hang_up(struct ipc_call *call)
{
	(void)call;
}

void
ipc_stop(struct ipc *ipc)
{
	(void)ipc;
}

/* -- */

static void
on_command(struct control_call *call, const char *command,
    const json_t *args, void *arg)
{
	size_t	n = strlen(command);

	(void)arg;
	assert(n > 0 && n <= CONTROL_MAX_COMMAND && json_is_object(args));
	handled++;
	control_part(call, json_string("part"));
	control_end(call, CONTROL_DONE, json_pack("{sO}", "result", args));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char	 path[] = "p";
	struct control	 c = { .path = path, .secret = "s3cret",
		.handler = on_command };
	struct json_err	 e;
	json_t		*o = json_read((const char *)p, n, &e);

	log_init("fuzz", LOG_NONE, LOG_TEXT);
	answers = handled = 0;
	if (json_is_object(o)) {
		on_request(NULL, o, 0, 0, &c);
		assert(answers == 1);
		assert(!handled || strcmp(json_str(o, "secret", ""),
		    "s3cret") == 0);
	}
	json_decref(o);
	return 0;
}
