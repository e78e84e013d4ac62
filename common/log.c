#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <process.h>
#else
#include <unistd.h>
#endif

#include <uv.h>
#include <jansson.h>

#include "clock.h"
#include "log.h"

static const char	*tool = "muster";
static enum log_level	 least = LOG_INFO;
static enum log_format	 format = LOG_TEXT;
static FILE		*out;		/* NULL: stderr */
static char		*out_path;
static int64_t		 out_size, max_size;	/* 0: no limit */
static int		 max_kept;

static const char *const level_names[] = {
	"debug", "info", "warn", "error", "none"
};

void
log_init(const char *name, enum log_level level, enum log_format fmt)
{
	tool = name;
	least = level;
	format = fmt;
}

int
log_level_parse(const char *s)
{
	size_t	i;

	for (i = 0; i < nitems(level_names); i++)
		if (strcmp(s, level_names[i]) == 0)
			return (int)i;
	return -1;
}

int
log_wants(enum log_level level)
{
	return level >= least;
}

static int64_t
size_of(const char *path)
{
	uv_fs_t	req;
	int64_t	n = uv_fs_stat(NULL, &req, path, NULL) == 0 ?
		    (int64_t)req.statbuf.st_size : 0;

	uv_fs_req_cleanup(&req);
	return n;
}

int
log_to_file(const char *path)
{
	uv_fs_t	 req;
	FILE	*f = NULL;
	char	*name;
	int	 fd;

	if (path != NULL) {
		fd = uv_fs_open(NULL, &req, path,
		    O_WRONLY | O_CREAT | O_APPEND, 0600, NULL);
		uv_fs_req_cleanup(&req);
		if (fd < 0)
			return fd;
		if ((f = fdopen(fd, "a")) == NULL)
			return -errno;
	}
	if (out != NULL)
		fclose(out);
	out = f;
	name = path != NULL ? xstrdup(path) : NULL;	/* may be ours */
	free(out_path);
	out_path = name;
	out_size = path != NULL ? size_of(name) : 0;
	return 0;
}

void
log_rotate(int64_t max, int keep)
{
	max_size = max;
	max_kept = keep;
}

/* Closed first: Windows moves no open file.  What cannot be opened again goes
 * to stderr. */
static void
rotate(void)
{
	char	*from, *to;
	int	 i;

	fclose(out);
	out = NULL;
	for (i = max_kept; i > 0; i--) {
		from = i > 1 ? xasprintf("%s.%d", out_path, i - 1) :
		    xstrdup(out_path);
		to = xasprintf("%s.%d", out_path, i);
		remove(to);
		rename(from, to);
		free(from);
		free(to);
	}
	if (max_kept == 0)
		remove(out_path);
	log_to_file(out_path);
}

/* A control character in a peer's words must not forge a second line. */
static void
flatten(struct buf *b)
{
	size_t	i;

	for (i = 0; i < b->len; i++)
		if ((unsigned char)b->p[i] < 0x20 || b->p[i] == 0x7f)
			b->p[i] = ' ';
}

static void
add_json_line(struct buf *line, enum log_level level, const char *module,
    const char *text)
{
	char	 when[CLOCK_RFC3339_SIZE], *s;
	json_t	*o;

	clock_rfc3339(clock_wall_ms(), when);
	o = json_pack("{ss ss ss ss}", "time", when, "level",
	    level_names[level], "tool", tool, "text", text);
	if (o != NULL && module != NULL)
		json_object_set_new(o, "module", json_string(module));
	s = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	buf_adds(line, s != NULL ? s : "{\"text\":\"(not UTF-8)\"}");
	free(s);
	json_decref(o);
}

static void	emit(enum log_level, const char *, const char *, va_list)
		    PRINTF_LIKE(3, 0);

static void
emit(enum log_level level, const char *module, const char *fmt, va_list ap)
{
	struct buf	 text = BUF_INIT, line = BUF_INIT;
	FILE		*to = out != NULL ? out : stderr;
	char		 when[CLOCK_RFC3339_SIZE];
	int		 saved = errno;

	buf_vprintf(&text, fmt, ap);
	flatten(&text);
	if (format == LOG_JSON) {
		add_json_line(&line, level, module, buf_str(&text));
	} else {
		if (out != NULL) {	/* stderr is stamped by its reader */
			clock_rfc3339(clock_wall_ms(), when);
			buf_printf(&line, "%s ", when);
		}
		buf_adds(&line, tool);
		if (module != NULL)
			buf_printf(&line, "[%s]", module);
		buf_adds(&line, level == LOG_WARN ? ": warning: " : ": ");
		buf_add(&line, buf_str(&text), text.len);
	}
	buf_addc(&line, '\n');
	if (out != NULL && max_size > 0 && out_size > 0 &&
	    out_size + (int64_t)line.len > max_size) {
		rotate();
		to = out != NULL ? out : stderr;
	}
	out_size += (int64_t)line.len;
	fwrite(line.p, 1, line.len, to);
	fflush(to);
	buf_release(&text);
	buf_release(&line);
	errno = saved;
}

#define LOG_FUNCTION(name, level)					\
void									\
name(const char *module, const char *fmt, ...)				\
{									\
	va_list	ap;							\
									\
	if (!log_wants(level))						\
		return;							\
	va_start(ap, fmt);						\
	emit(level, module, fmt, ap);					\
	va_end(ap);							\
}

LOG_FUNCTION(log_debug, LOG_DEBUG)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_error, LOG_ERROR)

void
log_exit(enum exit_code code)
{
	/* Nothing is unwound: what a leak checker would see is not a leak. */
	fflush(NULL);
	_exit((int)code);
}

void
die(enum exit_code code, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	emit(LOG_ERROR, NULL, fmt, ap);
	va_end(ap);
	log_exit(code);
}

const char *
errstr(int rc)
{
	char	words[64];

	if (rc == 0)
		return "success";
	/* What libuv does not know is the C library's own. */
	uv_strerror_r(rc, words, sizeof(words));
	if (strncmp(words, "Unknown system error", 20) == 0)
		return strerror(-rc);
	return uv_strerror(rc);
}
