/*
 * What helps to find a fault, as one object.  It is gathered by the process
 * that asks, so that it can be had of an agent that hangs or is gone; only
 * "agent" and "modules" are its own answers, if they come soon.
 *
 * Secrets: a member whose name says so is masked wherever it stands, and its
 * value is remembered and masked in the log's text.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "agent.h"
#include "buf.h"
#include "clock.h"
#include "control.h"
#include "crypto.h"
#include "file.h"
#include "json.h"
#include "lock.h"
#include "log.h"
#include "platform.h"
#include "settings.h"

enum {
	MAX_FILE	= 256 * 1024,	/* of one that is read */
	LOG_TAIL	= 64 * 1024,	/* bytes of the log's end */
	MAX_FILES	= 500,		/* named */
	MIN_SECRET	= 6,		/* shorter ones would mask words */
	ASK_MS		= 500		/* an agent that hangs must not stop
					 * us: the whole within 2 s */
};

#define MASK	"(secret)"

struct diag {
	const struct agent_config	*config;
	json_t	*out;
	json_t	*secrets;		/* array of texts */
};

/* -- secrets -- */

static int
is_secret_name(const char *name)
{
	static const char *const	parts[] = {
		"secret", "token", "password", "passwd", "private",
		"credential", "seed", "api_key", "apikey", "access_key",
		"accesskey", "registration_key", "authorization"
	};
	char				low[64];
	size_t				i;

	for (i = 0; name[i] != '\0' && i < sizeof(low) - 1; i++)
		low[i] = name[i] == '-' ? '_' :
		    (char)tolower((unsigned char)name[i]);
	low[i] = '\0';
	for (i = 0; i < nitems(parts); i++)
		if (strstr(low, parts[i]) != NULL)
			return 1;
	return strcmp(low, "key") == 0 || strcmp(low, "sec") == 0;
}

static void
remember(struct diag *d, const char *text)
{
	if (text != NULL && strlen(text) >= MIN_SECRET)
		json_array_append_new(d->secrets, json_string(text));
}

/* All texts below a secret member are secret. */
static void
remember_all(struct diag *d, json_t *v)
{
	const char	*key;
	json_t		*sub;
	size_t		 i;

	remember(d, json_string_value(v));
	json_array_foreach(v, i, sub)
		remember_all(d, sub);
	json_object_foreach(v, key, sub)
		remember_all(d, sub);
}

/* Masks in place. */
static void
mask(struct diag *d, json_t *v)
{
	const char	*key;
	void		*next;
	json_t		*sub;
	size_t		 i;

	json_array_foreach(v, i, sub)
		mask(d, sub);
	json_object_foreach_safe(v, next, key, sub) {
		if (!is_secret_name(key)) {
			mask(d, sub);
			continue;
		}
		remember_all(d, sub);
		json_object_set_new(v, key, json_string(MASK));
	}
}

static void
replace_all(struct buf *b, const char *what)
{
	struct buf	 to = BUF_INIT;
	const char	*p = buf_str(b), *at;

	while ((at = strstr(p, what)) != NULL) {
		buf_add(&to, p, (size_t)(at - p));
		buf_adds(&to, MASK);
		p = at + strlen(what);
	}
	buf_adds(&to, p);
	buf_release(b);
	*b = to;
}

/* The user's part of a URL may hold a password. */
static void
mask_urls(struct buf *b)
{
	struct buf	 to = BUF_INIT;
	const char	*p = buf_str(b), *at, *end;

	while ((at = strstr(p, "://")) != NULL) {
		at += 3;
		end = at + strcspn(at, "/@ \t\n\"'");
		buf_add(&to, p, (size_t)(at - p));
		if (*end == '@') {
			buf_adds(&to, MASK);
			at = end;
		}
		p = at;
	}
	buf_adds(&to, p);
	buf_release(b);
	*b = to;
}

/* -- what is gathered -- */

static void
add_settings(struct diag *d)
{
	json_t	*o = settings_json(d->config->settings);

	remember(d, settings_str(d->config->settings, "ws-secret"));
	remember(d, settings_str(d->config->settings, "registration-key"));
	json_object_set_new(d->out, "settings", o);
}

static json_t *
file_json(const char *dir, const char *name)
{
	uv_fs_t	 q;
	char	*path = file_join(dir, name), when[CLOCK_RFC3339_SIZE];
	char	 mode[8];
	json_t	*o = NULL;

	if (uv_fs_lstat(NULL, &q, path, NULL) == 0) {
		clock_rfc3339((int64_t)q.statbuf.st_mtim.tv_sec * 1000, when);
		snprintf(mode, sizeof(mode), "%o",
		    (unsigned)(q.statbuf.st_mode & 07777));
		o = json_pack("{ss sI ss ss}", "name", name, "size",
		    (json_int_t)q.statbuf.st_size, "mode", mode, "changed",
		    when);
	}
	uv_fs_req_cleanup(&q);
	free(path);
	return o;
}

static int
ends(const char *name, const char *end)
{
	size_t	n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

/* Reads what may hold secrets, to know them; none of it is kept. */
static void
learn_from(struct diag *d, const char *dir, const char *name)
{
	char		*path = file_join(dir, name);
	struct buf	 b = BUF_INIT;
	struct json_err	 e;
	json_t		*o;

	if (file_read(path, MAX_FILE, &b) == 0 && b.len > 0) {
		if (ends(name, ".secret"))
			remember(d, buf_str(&b));
		o = ends(name, ".json") ? json_read(b.p, b.len, &e) : NULL;
		mask(d, o);
		json_decref(o);
		crypto_wipe(b.p, b.len);
	}
	buf_release(&b);
	free(path);
}

static void
add_files(struct diag *d)
{
	const char	*dir = settings_state_dir(d->config->settings);
	json_t		*list = json_array(), *o;
	uv_dirent_t	 e;
	uv_fs_t		 q;

	if (uv_fs_scandir(NULL, &q, dir, 0, NULL) >= 0)
		while (uv_fs_scandir_next(&q, &e) == 0 &&
		    json_array_size(list) < MAX_FILES) {
			if (ends(e.name, ".json") || ends(e.name, ".secret"))
				learn_from(d, dir, e.name);
			if ((o = file_json(dir, e.name)) != NULL)
				json_array_append_new(list, o);
		}
	uv_fs_req_cleanup(&q);
	json_object_set_new(d->out, "files", list);
}

/* A file of JSON, masked. */
static void
add_config(struct diag *d)
{
	char		*path = file_join(settings_state_dir(
			    d->config->settings), "config.json");
	struct json_err	 e;
	char		 words[300];
	int		 rc;
	json_t		*o = json_read_file(path, MAX_FILE, &e, &rc);

	if (o != NULL)
		mask(d, o);
	else if (rc == -EINVAL)
		o = json_string(json_err_str(&e, words, sizeof(words)));
	if (o != NULL)
		json_object_set_new(d->out, "config.json", o);
	free(path);
}

/* The last whole lines of a file. */
static void
add_tail(struct diag *d, const char *key, const char *path)
{
	FILE		*f = fopen(path, "rb");
	struct buf	 b = BUF_INIT;
	const char	*lf;
	char		*p;
	size_t		 n;

	if (f == NULL)
		return;
	p = xmalloc(LOG_TAIL);
	if (fseek(f, -(long)LOG_TAIL, SEEK_END) < 0)
		rewind(f);
	n = fread(p, 1, LOG_TAIL, f);
	fclose(f);
	lf = n == LOG_TAIL ? memchr(p, '\n', n) : NULL;
	buf_add(&b, lf != NULL ? lf + 1 : p, lf != NULL ?
	    n - (size_t)(lf + 1 - p) : n);
	free(p);
	for (n = 0; n < b.len; n++)	/* it may be anything */
		if (b.p[n] == '\0' || (unsigned char)b.p[n] >= 0x80)
			b.p[n] = '?';
	json_object_set_new(d->out, key, json_string(buf_str(&b)));
	buf_release(&b);
}

static void
add_lock(struct diag *d)
{
	char			*path = file_join(settings_state_dir(
				    d->config->settings), "agent.lock");
	struct lock_holder	 h;

	if (lock_status(path, &h) == 0)
		json_object_set_new(d->out, "lock", json_pack("{sb sb sI ss"
		    " ss ss}", "held", h.held, "alive", h.alive, "pid",
		    (json_int_t)h.pid, "since", h.since, "beat", h.beat,
		    "version", h.version));
	free(path);
}

static void
add_host(struct diag *d)
{
	struct platform_sample	s = PLATFORM_SAMPLE_NONE;
	char			name[256] = "";

	platform_os_name(name, sizeof(name));
	platform_sample(&s);
	json_object_set_new(d->out, "host", json_pack("{ss ss ss si sI sI sI"
	    " sI sI}", "os", platform_os, "arch", platform_arch, "name", name,
	    "cpus", s.cpus, "memTotal", (json_int_t)s.mem_total,
	    "memAvailable", (json_int_t)s.mem_available, "diskFree",
	    (json_int_t)s.disk_free, "processes", (json_int_t)s.processes,
	    "uptimeSeconds", (json_int_t)s.uptime_s));
}

/* What the agent says to one command, or why it says nothing. */
static void
add_answer(struct diag *d, const char *key, const char *command, json_t *args)
{
	char	*path = control_path(d->config->settings);
	json_t	*answer, *result;
	int	 rc = control_ask(path, command, args, ASK_MS, NULL, NULL,
		    &answer);

	if (rc < 0) {
		result = json_string(errstr(rc));
	} else {
		result = json_incref(json_object_get(answer, "result"));
		mask(d, result);
	}
	if (result != NULL)
		json_object_set_new(d->out, key, result);
	json_decref(answer);
	json_decref(args);
	free(path);
}

/* Once more over all of it: a secret may stand within another text. */
static void
final_text(struct diag *d, struct buf *b)
{
	char	*text = json_dumps(d->out, JSON_INDENT(1));
	json_t	*v;
	size_t	 i;

	if (text == NULL)
		die(EXIT_BUG, "diag: cannot be written as JSON");
	buf_adds(b, text);
	buf_addc(b, '\n');
	free(text);
	json_array_foreach(d->secrets, i, v)
		replace_all(b, json_string_value(v));
	mask_urls(b);
}

static void
gather(const struct agent_config *c, struct buf *b)
{
	const char	*dir = settings_state_dir(c->settings);
	struct diag	 d = { c, json_object(), json_array() };
	char		 now[CLOCK_RFC3339_SIZE];
	char		*errors = file_join(dir, "error_reports.jsonl");
	const char	*log = settings_str(c->settings, "log-file");

	clock_rfc3339(clock_wall_ms(), now);
	json_object_set_new(d.out, "time", json_string(now));
	json_object_set_new(d.out, "version", json_string(MUSTER_VERSION));
	add_settings(&d);
	add_files(&d);
	add_config(&d);
	add_lock(&d);
	add_host(&d);
	add_answer(&d, "agent", "status", NULL);
	add_answer(&d, "modules", "modules", json_pack("{ss}", "action",
	    "list"));
	add_tail(&d, "errors", errors);
	if (log != NULL)
		add_tail(&d, "log", log);
	final_text(&d, b);
	free(errors);
	json_decref(d.out);
	json_decref(d.secrets);
}

int
diag_main(const struct agent_config *c, const char *file)
{
	struct buf	b = BUF_INIT;
	int		rc = 0;

	gather(c, &b);
	if (file != NULL)
		rc = file_create(file, b.p, b.len, 0600);
	else if (fwrite(b.p, 1, b.len, stdout) != b.len ||
	    fflush(stdout) != 0)
		rc = -EIO;
	buf_release(&b);
	if (rc < 0)
		die(EXIT_SYSTEM, "%s: %s", file != NULL ? file : "stdout",
		    errstr(rc));
	return EXIT_YES;
}
