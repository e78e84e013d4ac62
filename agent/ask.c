/*
 * Local commands: a running agent is asked over its control pipe, and what
 * it says is printed, a value a line or as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "control.h"
#include "doctor.h"
#include "json.h"
#include "log.h"
#include "settings.h"
#include "state.h"

enum {
	COMMAND_MS	= 60000		/* silence of a command that works */
};

/* -- printing -- */

/* Tabs and ends of lines are between values, never in one. */
static void
print_text(const char *s)
{
	for (; *s != '\0'; s++)
		putchar(*s == '\t' || *s == '\n' ? ' ' : *s);
}

static void
print_value(const char *name, const json_t *v)
{
	char	*text;

	printf("%s\t", name);
	if (json_is_string(v)) {
		print_text(json_string_value(v));
	} else if (!json_is_null(v)) {
		text = json_text(v);
		print_text(text);
		free(text);
	}
	putchar('\n');
}

/* Objects within objects: "link.connected". */
static void
print_object(const char *prefix, json_t *o)
{
	const char	*key;
	json_t		*v;
	char		*name;

	json_object_foreach(o, key, v) {
		name = xasprintf("%s%s%s", prefix, *prefix != '\0' ? "." : "",
		    key);
		if (json_is_object(v) && json_object_size(v) > 0)
			print_object(name, v);
		else
			print_value(name, v);
		free(name);
	}
}

static void
print_json(const json_t *v)
{
	char	*text = json_text(v);

	printf("%s\n", text);
	free(text);
}

/* A list has an item a line; those with a name begin with it. */
static void
print_list(const json_t *list)
{
	const char	*name;
	json_t		*v;
	size_t		 i;

	json_array_foreach(list, i, v) {
		name = json_str(v, "name", NULL);
		if (name != NULL) {
			print_text(name);
			printf("\t%s\t", json_str(v, "state", ""));
			print_text(json_str(v, "error", json_str(v, "reason",
			    json_str(v, "about", ""))));
			putchar('\n');
		} else {
			print_json(v);
		}
	}
}

static void
print_result(json_t *result, int as_json)
{
	if (result == NULL || json_is_null(result))
		return;
	if (as_json)
		print_json(result);
	else if (json_is_array(result))
		print_list(result);
	else if (json_is_object(result))
		print_object("", result);
	else if (json_is_string(result))
		printf("%s\n", json_string_value(result));
	else
		print_json(result);
}

/* -- asking -- */

static void
on_part(const json_t *part, void *arg)
{
	(void)arg;
	print_json(part);
	fflush(stdout);
}

/* Says what went wrong with the asking itself; the exit code. */
static int
unanswered(const char *path, int rc)
{
	if (rc == -ETIMEDOUT) {
		log_error(NULL, "%s: the agent does not answer", path);
		return EXIT_TIMEOUT;
	}
	if (rc == UV_ENOENT || rc == -ECONNREFUSED || rc == -ENOENT) {
		log_error(NULL, "%s: no agent runs here", path);
		return EXIT_NO;
	}
	log_error(NULL, "%s: %s", path, errstr(rc));
	return EXIT_SYSTEM;
}

/* What the last line says in words; the exit code. */
static int
judge(const char *path, const json_t *answer)
{
	const char	*status = json_str(answer, "status", "?");

	if (strcmp(status, CONTROL_DONE) == 0 ||
	    strcmp(status, CONTROL_ACKNOWLEDGED) == 0)
		return EXIT_YES;
	if (json_str(answer, "state", NULL) != NULL)
		log_error(NULL, "%s: %s: state %s", path, status,
		    json_str(answer, "state", ""));
	else
		log_error(NULL, "%s: %s%s%s", path, status,
		    json_str(answer, "error", NULL) != NULL ? ": " : "",
		    json_str(answer, "error", ""));
	return EXIT_NO;
}

static int
ask(const struct agent_config *c, const char *command, const json_t *args,
    int64_t timeout_ms)
{
	char	*path = control_path(c->settings);
	json_t	*answer;
	int	 rc;

	rc = control_ask(path, command, args, timeout_ms, on_part, NULL,
	    &answer);
	if (rc < 0) {
		rc = unanswered(path, rc);
	} else {
		rc = judge(path, answer);
		print_result(json_object_get(answer, "result"),
		    settings_bool(c->settings, "json"));
	}
	json_decref(answer);
	free(path);
	if (fflush(stdout) != 0)
		die(EXIT_SYSTEM, "stdout: cannot write");
	return rc;
}

void
ask_to_go(const struct agent_config *c)
{
	char	*path = control_path(c->settings);
	json_t	*answer;
	int	 rc = control_ask(path, "force", NULL, CONTROL_ASK_MS, NULL,
		    NULL, &answer);

	if (rc < 0)
		log_exit((enum exit_code)unanswered(path, rc));
	if ((rc = judge(path, answer)) != EXIT_YES)
		log_exit((enum exit_code)rc);
	log_info("control", "process %" PRId64 " goes",
	    json_int(answer, "pid", 0));
	json_decref(answer);
	free(path);
}

/* -- the words -- */

static int
ask_modules(const struct agent_config *c)
{
	json_t	*args = json_pack("{ss}", "action", "list");
	int	 rc = ask(c, "modules", args, CONTROL_ASK_MS);

	json_decref(args);
	return rc;
}

static int
ask_command(const struct agent_config *c)
{
	struct json_err	 e;
	char		 words[300];
	json_t		*args = NULL;
	int		 rc;

	if (c->n_operands < 2 || c->n_operands > 3)
		settings_usage(c->settings, "command: takes a name, and args"
		    " as a JSON object");
	if (c->n_operands == 3) {
		args = json_read(c->operands[2], strlen(c->operands[2]), &e);
		if (!json_is_object(args))
			settings_usage(c->settings, "args: %s", args != NULL ?
			    "must be an object" :
			    json_err_str(&e, words, sizeof(words)));
	}
	rc = ask(c, c->operands[1], args, COMMAND_MS);
	json_decref(args);
	return rc;
}

static const struct {
	const char	*word, *command;
} plain[] = {
	{ "status", "status" },
	{ "flush", "flush" },
	{ "reload", "reload" },
	{ "stop", "stop" },
	{ "rotate-secret", "rotate_secret" },
};

int
ask_main(const struct agent_config *c)
{
	const char	*word = c->operands[0];
	size_t		 i;

	if (strcmp(word, "command") == 0)
		return ask_command(c);
	if (strcmp(word, "diag") == 0 && c->n_operands <= 2)
		return diag_main(c, c->n_operands > 1 ? c->operands[1] :
		    NULL);
	if (c->n_operands > 1)
		settings_usage(c->settings, "%s: takes no argument", word);
	if (strcmp(word, "doctor") == 0)
		return doctor_main(c);
	if (strcmp(word, "states") == 0) {
		state_print();
		return EXIT_YES;
	}
	if (strcmp(word, "modules") == 0)
		return ask_modules(c);
	for (i = 0; i < nitems(plain); i++)
		if (strcmp(plain[i].word, word) == 0)
			return ask(c, plain[i].command, NULL, COMMAND_MS);
	settings_usage(c->settings, "%s: no such command", word);
}
