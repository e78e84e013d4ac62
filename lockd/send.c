/* One command to a control pipe, and what is said to it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control.h"
#include "json.h"
#include "lockd.h"
#include "log.h"

static void
print_json(const json_t *v, void *arg)
{
	char	*text = json_text(v);

	(void)arg;
	printf("%s\n", text);
	fflush(stdout);
	free(text);
}

int
send_words(const char *path, const char *command, const char *args,
    int64_t timeout_ms)
{
	struct json_err	 e;
	char		 words[300];
	json_t		*o = NULL, *answer;
	const char	*status;
	json_t		*result;
	int		 rc;

	if (args != NULL && !json_is_object(o = json_read(args, strlen(args),
	    &e)))
		die(EXIT_USAGE, "%s: %s", args, o != NULL ?
		    "must be a JSON object" : json_err_str(&e, words,
		    sizeof(words)));
	rc = control_ask(path, command, o, timeout_ms, print_json, NULL,
	    &answer);
	json_decref(o);
	if (rc == -ETIMEDOUT)
		die(EXIT_TIMEOUT, "%s: no answer", path);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", path, errstr(rc));
	status = json_str(answer, "status", "");
	result = json_object_get(answer, "result");
	if (strcmp(status, CONTROL_DONE) == 0) {
		if (result != NULL && !json_is_null(result))
			print_json(result, NULL);
		rc = EXIT_YES;
	} else if (strcmp(status, CONTROL_ACKNOWLEDGED) == 0) {
		rc = EXIT_YES;
	} else {
		log_error(NULL, "%s: %s%s%s", path, status,
		    json_str(answer, "error", NULL) != NULL ? ": " : "",
		    json_str(answer, "error", ""));
		rc = EXIT_NO;
	}
	json_decref(answer);
	return rc;
}

int
send_force(const char *path)
{
	return send_words(path, "force", NULL, CONTROL_ASK_MS);
}
