/*
 * What the server gets to know: a failure with its step and its cause, and
 * after a rollback the last lines of both versions.  It stays in config.json
 * until the server has it.  There is no word for success: that is what the
 * new agent says when it connects.
 */
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "confjson.h"
#include "file.h"
#include "http.h"
#include "json.h"
#include "lock.h"
#include "log.h"
#include "settings.h"
#include "update.h"

enum {
	MAX_JOURNAL	= 256 * 1024,	/* as the updater has it */
	LOOK_MS		= 500		/* between two looks at it */
};

static void
save(struct update *u)
{
	int	rc = confjson_save(u->agent->conf);

	if (rc < 0)
		log_warn("update", CONFJSON_NAME ": %s", errstr(rc));
}

static void	send_report(struct update *);

static void
on_again(uv_timer_t *t)
{
	send_report(t->data);
}

static void
on_answer(const struct httpc_answer *a, void *arg)
{
	struct update	*u = arg;

	u->reporting = NULL;
	if (u->closing)
		return;
	/* One that is refused will be refused again. */
	if (a->rc == 0 && (a->status / 100 == 2 || (a->status / 100 == 4 &&
	    a->status != 429))) {
		if (a->status / 100 == 4)
			log_warn("update", "the server takes no report: %s",
			    http_status_text(a->status));
		if (!u->newer) {
			confjson_set(u->agent->conf, "update.report", NULL);
			save(u);
			return;
		}
	}
	u->newer = 0;
	uv_timer_start(&u->again, on_again, a->rc == 0 && a->status / 100 == 2
	    ? 0 : UPDATE_ASK_MS, 0);
}

static void
send_report(struct update *u)
{
	const json_t	*body = confjson_get(u->agent->conf, "update.report");
	char		*base = update_base(u->agent), *url;

	if (body != NULL && base != NULL && u->reporting == NULL) {
		url = xasprintf("%s/api/agents/update/report", base);
		u->reporting = update_post(u, url, body, on_answer);
		free(url);
	} else if (body != NULL && base == NULL)
		uv_timer_start(&u->again, on_again, UPDATE_ASK_MS, 0);
	free(base);
}

static json_t *
cut_lines(const json_t *lines)
{
	json_t		*list = json_array();
	const char	*text;
	char		*cut;
	size_t		 i;

	for (i = 0; i < json_array_size(lines) && i < UPDATE_MAX_LINES; i++) {
		text = json_string_value(json_array_get(lines, i));
		cut = xstrndup(text != NULL ? text : "", UPDATE_MAX_LINE);
		json_array_append_new(list, json_string(cut));
		free(cut);
	}
	return list;
}

static void
keep(struct update *u, json_t *take)
{
	u->newer = u->reporting != NULL;
	confjson_set(u->agent->conf, "update.report", take);
	save(u);
	send_report(u);
}

void
update_report(struct update *u, const char *state, const char *step,
    const char *code, const char *error, const json_t *lines)
{
	keep(u, json_pack("{ss ss* ss ss ss ss ss ss so}", "agent_id",
	    update_id(u->agent), "rollout", u->offer.rollout, "version",
	    u->offer.version, "from", MUSTER_VERSION, "state", state, "step",
	    step, "code", code, "error", error, "log", cut_lines(lines)));
}

/* -- what became of an update -- */

static void
add_lines(json_t *all, const json_t *journal, const char *which)
{
	const json_t	*lines = json_object_get(json_object_get(journal,
			    "logs"), which);
	size_t		 i, n = json_array_size(lines), max =
			    UPDATE_MAX_LINES / 2;
	const char	*text;

	for (i = n > max ? n - max : 0; i < n; i++) {
		text = json_string_value(json_array_get(lines, i));
		json_array_append_new(all, json_sprintf("%s| %s", which,
		    text != NULL ? text : ""));
	}
}

static void
report_rollback(struct update *u, const json_t *journal)
{
	json_t		*lines = json_array();

	log_error("update", "version %s was rolled back at step %s: %s",
	    json_str(journal, "version", "?"), json_str(journal,
	    "failed_step", "?"), json_str(journal, "failed_text", "?"));
	add_lines(lines, journal, "old");
	add_lines(lines, journal, "new");
	keep(u, json_pack("{ss ss ss ss ss ss ss so}", "agent_id",
	    update_id(u->agent), "version", json_str(journal, "version",
	    ""), "from", MUSTER_VERSION, "state", "rolled_back", "step",
	    json_str(journal, "failed_step", ""), "code", json_str(journal,
	    "failed_step", ""), "error", json_str(journal, "failed_text", ""),
	    "log", cut_lines(lines)));
	json_decref(lines);
}

/* What the download and the updater have no more use for. */
static void
sweep(struct update *u)
{
	char		*dir = update_path(u, ""), *path;
	uv_fs_t		 req, gone;
	uv_dirent_t	 e;

	if (uv_fs_scandir(NULL, &req, dir, 0, NULL) >= 0)
		while (uv_fs_scandir_next(&req, &e) == 0) {
			path = file_join(dir, e.name);
			uv_fs_unlink(NULL, &gone, path, NULL);
			uv_fs_req_cleanup(&gone);
			free(path);
		}
	uv_fs_req_cleanup(&req);
	free(dir);
}

static int
is_at_work(const char *state_dir)
{
	char			*path = file_join(state_dir, "update.lock");
	struct lock_holder	 h;
	int			 held = lock_status(path, &h) == 0 && h.held;

	free(path);
	return held;
}

static void	look(struct update *);

static void
on_look(uv_timer_t *t)
{
	look(t->data);
}

/* While an updater is at work, on trial ourselves or called back by it, the
 * outcome is waited for. */
static void
take_up(struct update *u, const json_t *journal)
{
	const char	*dir = settings_state_dir(u->agent->config.settings);
	const char	*step = json_str(journal, "step", "");
	const char	*time = json_str(journal, "time", ""), *seen;

	if (strcmp(step, "done") != 0 && strcmp(step, "rolled_back") != 0) {
		if (!is_at_work(dir) && !u->running)
			update_recover(u, json_str(journal, "self", NULL));
		u->looking = 1;
		uv_timer_start(&u->wait, on_look, LOOK_MS, 0);
		return;
	}
	seen = json_string_value(confjson_get(u->agent->conf, "update.seen"));
	if (seen != NULL && strcmp(seen, time) == 0)
		return;
	sweep(u);
	confjson_set(u->agent->conf, "update.seen", json_string(time));
	if (strcmp(step, "rolled_back") == 0)
		report_rollback(u, journal);
	else
		save(u);
}

static void
look(struct update *u)
{
	char		*path = file_join(settings_state_dir(
			    u->agent->config.settings), "update.json");
	struct json_err	 e;
	int		 rc;
	json_t		*o;

	u->looking = 0;
	if ((o = json_read_file(path, MAX_JOURNAL, &e, &rc)) != NULL)
		take_up(u, o);
	json_decref(o);
	free(path);
}

void
update_look_back(struct update *u)
{
	struct confjson	*conf = u->agent->conf;
	const char	*kept = json_string_value(confjson_get(conf,
			    "update.floor"));

	if (kept == NULL || !version_ok(kept) || version_compare(
	    MUSTER_VERSION, kept) > 0) {
		confjson_set(conf, "update.floor",
		    json_string(MUSTER_VERSION));
		save(u);
	}
	look(u);
	send_report(u);
}
