/* What a server gave this agent when it registered, kept across restarts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "agent.h"
#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "json.h"
#include "linkauth.h"
#include "log.h"

enum { MAX_FILE = 16 * 1024 };

static const struct json_field fields[] = {
	{ .name = "version", .kind = JSON_K_INT, .required = 1, .min = 1,
	    .max = 1 },
	{ .name = "server", .kind = JSON_K_STR, .required = 1, .min = 1 },
	{ .name = "registration_id", .kind = JSON_K_STR, .required = 1 },
	{ .name = "agent_uid", .kind = JSON_K_STR, .required = 1, .min = 1 },
	{ .name = "bootstrap_token", .kind = JSON_K_STR, .required = 1 },
	{ .name = "registered", .kind = JSON_K_INT, .required = 1 },
	{ .name = "session_token", .kind = JSON_K_STR,
	    .max = LINK_MAX_TOKEN },
	{ .name = "session_expires", .kind = JSON_K_INT },
};

static char *
dup_member(const json_t *o, const char *name)
{
	const char	*s = json_str(o, name, NULL);

	return s != NULL ? xstrdup(s) : NULL;
}

int
registration_load(struct registration *r, const char *dir, char **why)
{
	char		 words[300];
	struct json_err	 err;
	json_t		*o;
	int		 rc;

	*why = NULL;
	memset(r, 0, sizeof(*r));
	r->path = file_join(dir, "registration.json");
	o = json_read_file(r->path, MAX_FILE, &err, &rc);
	if (rc == 0)
		rc = json_check(o, fields, nitems(fields), &err);
	if (rc == 0) {
		r->server = dup_member(o, "server");
		r->registration_id = dup_member(o, "registration_id");
		r->agent_uid = dup_member(o, "agent_uid");
		r->bootstrap_token = dup_member(o, "bootstrap_token");
		r->session_token = dup_member(o, "session_token");
		r->session_expires = json_int(o, "session_expires", 0);
		r->registered = json_int(o, "registered", 0);
	} else if (rc == UV_ENOENT) {
		rc = 0;
	} else if (rc == -EINVAL) {
		*why = xasprintf("%s: is damaged (%s): put a copy back, or"
		    " remove it, and this agent registers again", r->path,
		    json_err_str(&err, words, sizeof(words)));
	} else {
		*why = xasprintf("%s: cannot be read: %s", r->path,
		    errstr(rc));
	}
	json_decref(o);
	return rc;
}

int
registration_save(const struct registration *r)
{
	json_t	*o;
	char	*text;
	int	 rc;

	o = json_pack("{si ss ss ss ss sI}", "version", 1,
	    "server", r->server, "registration_id", r->registration_id,
	    "agent_uid", r->agent_uid, "bootstrap_token", r->bootstrap_token,
	    "registered", (json_int_t)r->registered);
	if (o == NULL)
		return -EINVAL;
	if (r->session_token != NULL) {
		json_object_set_new(o, "session_token",
		    json_string(r->session_token));
		json_object_set_new(o, "session_expires",
		    json_integer(r->session_expires));
	}
	text = json_text(o);
	rc = file_write(r->path, text, strlen(text), 0600);
	crypto_wipe(text, strlen(text));
	free(text);
	json_decref(o);
	return rc;
}

int
registration_is_for(const struct registration *r, const char *url)
{
	return r->server != NULL && strcmp(r->server, url) == 0;
}

void
registration_release(struct registration *r)
{
	free(r->path);
	free(r->server);
	free(r->registration_id);
	free(r->agent_uid);
	free(r->bootstrap_token);
	free(r->session_token);
	memset(r, 0, sizeof(*r));
}
