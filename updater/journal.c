/*
 * The journal: one JSON object, replaced as a whole (file_write) before each
 * step.  One table names the members of struct update that it holds.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "updater.h"

#define TEXT(m)		{ #m, 1, 0, offsetof(struct update, m),		\
			  sizeof(((struct update *)0)->m) }
#define NUMBER(m)	{ #m, 0, 0, offsetof(struct update, m),		\
			  sizeof(int64_t) }
/* Not in the journals of older updaters: 0 there. */
#define LATER(m)	{ #m, 0, 1, offsetof(struct update, m),		\
			  sizeof(int64_t) }

static const struct member {
	const char	*name;
	int		 text, later;
	size_t		 at, size;
} members[] = {
	TEXT(agent_log), TEXT(control), TEXT(failed_step), TEXT(failed_text),
	TEXT(file), NUMBER(healthy_ms), TEXT(installed), NUMBER(leaving),
	TEXT(lock), NUMBER(log_at), TEXT(new_sha256), NUMBER(new_pid),
	NUMBER(new_start), TEXT(old), TEXT(old_sha256), TEXT(old_version),
	TEXT(output), NUMBER(output_at), NUMBER(package), NUMBER(pid),
	NUMBER(pid_start), TEXT(proofs), NUMBER(reached), NUMBER(remove),
	TEXT(self), NUMBER(settle_ms), TEXT(staged), NUMBER(started),
	TEXT(target), TEXT(unpacked), LATER(unwatched), NUMBER(verify_ms),
	TEXT(version), NUMBER(wait_ms)
};

static void *
member_of(const struct update *u, const struct member *m)
{
	return (char *)(uintptr_t)u + m->at;
}

int
journal_write(struct update *u)
{
	char	 now[CLOCK_RFC3339_SIZE], *text;
	json_t	*o = json_object(), *words = json_array();
	size_t	 i;
	int	 rc;

	for (i = 0; i < nitems(members); i++)
		json_object_set_new(o, members[i].name, members[i].text ?
		    json_string(member_of(u, &members[i])) :
		    json_integer(*(int64_t *)member_of(u, &members[i])));
	for (i = 0; u->command[i] != NULL; i++)
		json_array_append_new(words, json_string(u->command[i]));
	json_object_set_new(o, "command", words);
	if (u->logs != NULL)
		json_object_set(o, "logs", u->logs);
	json_object_set_new(o, "step", json_string(step_name(u->step)));
	json_object_set_new(o, "time",
	    json_string(clock_rfc3339(clock_wall_ms(), now)));
	text = json_text(o);
	rc = file_write(u->journal, text, strlen(text), 0600);
	free(text);
	json_decref(o);
	return rc;
}

void
journal_tidy(const struct update *u)
{
	if (u->remove)
		unlink(u->file);
	if (u->self[0] != '\0')
		unlink(u->self);
}

static int
read_member(struct update *u, const struct member *m, const json_t *v)
{
	if (m->later && v == NULL)
		return 0;
	if (!m->text) {
		if (!json_is_integer(v))
			return -EINVAL;
		*(int64_t *)member_of(u, m) = json_integer_value(v);
		return 0;
	}
	if (!json_is_string(v) || json_string_length(v) >= m->size)
		return -EINVAL;
	memcpy(member_of(u, m), json_string_value(v),
	    json_string_length(v) + 1);
	return 0;
}

static int
read_command(struct update *u, json_t *words)
{
	size_t	i, n = json_array_size(words);

	if (n == 0 || n > UPDATE_MAX_WORDS)
		return -EINVAL;
	for (i = 0; i < n; i++)
		if ((u->command[i] = json_string_value(json_array_get(words,
		    i))) == NULL)
			return -EINVAL;
	u->command[n] = NULL;
	return 0;
}

static int
read_step(struct update *u, const char *name)
{
	for (u->step = 0; u->step < STEPS; u->step++)
		if (strcmp(step_name(u->step), name) == 0)
			return 0;
	return -EINVAL;
}

int
journal_read(struct update *u, const char **why)
{
	struct json_err	 e;
	json_t		*o;
	size_t		 i;
	int		 rc;

	*why = "not a JSON object";
	if ((o = json_read_file(u->journal, UPDATE_MAX_JOURNAL, &e, &rc)) ==
	    NULL)
		return rc;
	json_decref(u->words);
	u->words = o;
	for (i = 0; i < nitems(members); i++)
		if (read_member(u, &members[i], json_object_get(o,
		    *why = members[i].name)) < 0)
			return -EINVAL;
	json_decref(u->logs);
	u->logs = json_incref(json_object_get(o, "logs"));
	*why = "command";
	if (read_command(u, json_object_get(o, "command")) < 0)
		return -EINVAL;
	*why = "step";
	return read_step(u, json_str(o, "step", ""));
}
