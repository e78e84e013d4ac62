/* The agent's own word: its status, asked for on the control pipe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "updater.h"

enum { MAX_SECRET = 256 };

json_t *
control_status(const struct update *u)
{
	char		 path[UPDATE_MAX_PATH + 16];
	struct buf	 secret = BUF_INIT;
	json_t		*ask, *answer = NULL, *result = NULL;

	snprintf(path, sizeof(path), "%s/control.secret", u->state_dir);
	if (file_read(path, MAX_SECRET, &secret) == 0) {
		ask = json_pack("{ss ss}", "command", "status", "secret",
		    buf_str(&secret));
		if (ask != NULL && ipc_ask(u->control, ask, UPDATE_ASK_MS,
		    &answer) == 0)
			result = json_incref(json_object_get(answer,
			    "result"));
		json_decref(answer);
		json_decref(ask);
		crypto_wipe(secret.p, secret.len);
	}
	buf_release(&secret);
	return result;
}

/* One that was heard from is reached, be it to say that we come too often. */
int
control_reached(const json_t *status)
{
	return json_bool(json_object_get(status, "link"), "reached", 0);
}
