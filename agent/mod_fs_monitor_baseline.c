/*
 * The baseline: what each watched file was when an administrator said that it
 * was right.  A text file, fs-baseline, in the state directory; each line has
 * SHA-256, mode, uid, gid, size and the path, in the order of path_order(),
 * so that a walk in that same order compares as it goes, and a look-up is a
 * binary search in the mapped file: no memory grows with the number of files.
 *
 * The work is done in slices, so that the module still answers and reads its
 * events.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "mod_fs_monitor.h"

enum {
	DEPTH		= 64,
	SLICE_MS	= 20,
	MAX_TOLD	= 1000,		/* differences that are told */
	PROGRESS_MS	= 2000,
	MAX_LINE	= PATH_MAX + 160
};

struct level {
	struct dirent	**names;
	int		 n, at;
	size_t		 len;		/* of the path above */
};

struct fs_baseline {
	struct fs_monitor *s;
	struct module_call *call;
	uv_idle_t	 idle;
	int		 verify, rc;
	int		 cancelled;
	int64_t		 told;		/* when progress was, mono ms */
	FILE		*out;		/* of a new baseline */
	FILE		*old;		/* of the one compared with */
	char		 line[MAX_LINE];	/* its next; "" at the end */
	char		*path_tmp, *path_final;
	char		*roots[FS_PATHS];
	size_t		 n_roots, root;
	struct level	 levels[DEPTH];
	int		 depth;
	char		 path[PATH_MAX];
	json_int_t	 files, bytes, unread, added, changed, removed;
	int64_t		 began;
};

/* '/' before every other byte, so that a directory's files stand together. */
static int
path_order(const char *a, const char *b)
{
	for (; *a == *b && *a != '\0'; a++, b++)
		;
	return (*a == '/' ? 1 : *a == '\0' ? 0 : 1 + (unsigned char)*a) -
	    (*b == '/' ? 1 : *b == '\0' ? 0 : 1 + (unsigned char)*b);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return path_order((*a)->d_name, (*b)->d_name);
}

static int
by_path(const void *a, const void *b)
{
	return path_order(*(char *const *)a, *(char *const *)b);
}

static int
no_dots(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* -- lines: "sum mode uid gid size path" -- */

static char *
baseline_path(const struct fs_monitor *s, const char *end)
{
	return xasprintf("%s/fs-baseline%s", module_state_dir(s->m), end);
}

/* The path of a line, behind its fifth space; NULL: no such line. */
static char *
path_in(char *line)
{
	int	i;

	for (i = 0; i < 5; i++) {
		if ((line = strchr(line, ' ')) == NULL)
			return NULL;
		line++;
	}
	return line;
}

static void
next_old(struct fs_baseline *b)
{
	size_t	n;

	if (fgets(b->line, sizeof(b->line), b->old) == NULL) {
		b->line[0] = '\0';
		return;
	}
	n = strlen(b->line);
	if (n > 0 && b->line[n - 1] == '\n')
		b->line[n - 1] = '\0';
	if (path_in(b->line) == NULL)
		b->line[0] = '\0';	/* damaged: it ends here */
}

/* -- what differs -- */

static void
tell(struct fs_baseline *b, const char *what, const char *old, const char *now)
{
	const char	*line = now != NULL ? now : old;
	char		 copy[MAX_LINE];
	json_t		*o;

	if (b->added + b->changed + b->removed > MAX_TOLD)
		return;
	snprintf(copy, sizeof(copy), "%s", line);
	o = json_pack("{ss so}", "what", what, "path",
	    text_json(path_in(copy)));
	if (old != NULL)
		json_object_set_new(o, "was", json_stringn(old,
		    strcspn(old, "/") - 1));
	if (now != NULL)
		json_object_set_new(o, "is", json_stringn(now,
		    strcspn(now, "/") - 1));
	module_answer_part(b->call, json_deep_copy(o));
	module_event(b->s->m, SPOOL_ALERT, "integrity", o);
}

static void
compare(struct fs_baseline *b, const char *now)
{
	char	copy[MAX_LINE];
	char	*path;
	int	 order = 1;

	snprintf(copy, sizeof(copy), "%s", now);
	path = path_in(copy);
	while (b->line[0] != '\0' && (order = path_order(path_in(b->line),
	    path)) < 0) {
		b->removed++;
		tell(b, "removed", b->line, NULL);
		next_old(b);
	}
	if (b->line[0] == '\0' || order > 0) {
		b->added++;
		tell(b, "added", NULL, now);
		return;
	}
	if (strcmp(b->line, now) != 0) {
		b->changed++;
		tell(b, "changed", b->line, now);
	}
	next_old(b);
}

/* -- the walk -- */

static void
take_file(struct fs_baseline *b, const struct stat *st)
{
	char		 line[MAX_LINE];
	const char	*why, *sum = "-";
	const struct hash_sums *sums;

	if (S_ISREG(st->st_mode)) {
		sums = hash_path(b->path, NULL, &why);
		sum = sums != NULL ? sums->sha256 : "?";
		b->unread += sums == NULL;
	}
	b->files++;
	if (S_ISREG(st->st_mode))
		b->bytes += st->st_size;
	if (strchr(b->path, '\n') != NULL) {
		b->unread++;		/* it would be two lines */
		return;
	}
	snprintf(line, sizeof(line), "%s %06o %u %u %lld %s", sum,
	    (unsigned)st->st_mode, (unsigned)st->st_uid, (unsigned)st->st_gid,
	    S_ISREG(st->st_mode) ? (long long)st->st_size : 0LL, b->path);
	if (b->verify)
		compare(b, line);
	else if (fprintf(b->out, "%s\n", line) < 0)
		b->rc = -errno;
}

static void
enter(struct fs_baseline *b)
{
	struct level	*l = &b->levels[b->depth];

	if (b->depth >= DEPTH) {
		b->unread++;
		return;
	}
	l->n = scandir(b->path, &l->names, no_dots, by_name);
	if (l->n < 0) {
		b->unread++;
		return;
	}
	l->at = 0;
	l->len = strlen(b->path);
	b->depth++;
}

static void
visit(struct fs_baseline *b)
{
	struct stat	st;

	if (lstat(b->path, &st) < 0)
		return;
	take_file(b, &st);
	if (S_ISDIR(st.st_mode))
		enter(b);
}

/* One step; 0: all is done. */
static int
step(struct fs_baseline *b)
{
	struct level	*l;
	int		 n;

	if (b->depth == 0) {
		if (b->root == b->n_roots)
			return 0;
		snprintf(b->path, sizeof(b->path), "%s", b->roots[b->root++]);
		visit(b);
		return 1;
	}
	l = &b->levels[b->depth - 1];
	if (l->at == l->n) {
		free(l->names);
		b->depth--;
		return 1;
	}
	n = snprintf(b->path + l->len, sizeof(b->path) - l->len, "%s%s",
	    b->path[l->len - 1] == '/' ? "" : "/", l->names[l->at]->d_name);
	free(l->names[l->at++]);
	if (n < 0 || (size_t)n >= sizeof(b->path) - l->len)
		b->unread++;
	else
		visit(b);
	return 1;
}

/* -- begin and end -- */

static void
on_idle_closed(uv_handle_t *h)
{
	struct fs_baseline	*b = h->data;

	free(b->path_tmp);
	free(b->path_final);
	free(b);
}

/* The directories that it was in, where it ends early. */
static void
leave_all(struct fs_baseline *b)
{
	struct level	*l;

	for (; b->depth > 0; b->depth--) {
		l = &b->levels[b->depth - 1];
		while (l->at < l->n)
			free(l->names[l->at++]);
		free(l->names);
	}
}

static void
finish(struct fs_baseline *b)
{
	char	*why = NULL;

	while (b->rc == 0 && b->verify && b->line[0] != '\0') {
		b->removed++;
		tell(b, "removed", b->line, NULL);
		next_old(b);
	}
	if (b->out != NULL) {
		if (fflush(b->out) != 0 || fsync(fileno(b->out)) < 0)
			b->rc = -errno;
		fclose(b->out);
		if (b->rc < 0)
			unlink(b->path_tmp);
		if (b->rc == 0 && rename(b->path_tmp, b->path_final) < 0)
			b->rc = -errno;
		if (b->rc == 0)
			b->rc = file_sync_dir_of(b->path_final);
	}
	if (b->old != NULL)
		fclose(b->old);
	leave_all(b);
	if (b->cancelled)
		why = xstrdup("cancelled");
	else if (b->rc < 0)
		why = xasprintf("%s: %s", b->path_final, strerror(-b->rc));
	module_answer(b->call, b->verify ? json_pack("{sI sI sI sI sI sI}",
	    "files", b->files, "added", b->added, "changed", b->changed,
	    "removed", b->removed, "unread", b->unread, "milliseconds",
	    (json_int_t)(clock_mono_ms() - b->began)) :
	    json_pack("{sI sI sI sI}", "files", b->files, "bytes", b->bytes,
	    "unread", b->unread, "milliseconds",
	    (json_int_t)(clock_mono_ms() - b->began)), why);
	free(why);
	b->s->baseline = NULL;
	uv_close((uv_handle_t *)&b->idle, on_idle_closed);
}

static void
on_cancel(struct module_call *c, void *arg)
{
	struct fs_baseline	*b = arg;

	(void)c;
	b->cancelled = 1;
	b->rc = -ECANCELED;
}

static void
tell_progress(struct fs_baseline *b, int64_t now)
{
	b->told = now;
	module_answer_part(b->call, json_pack("{s{sI sI}}", "progress",
	    "files", b->files, "bytes", b->bytes));
}

static void
on_idle(uv_idle_t *idle)
{
	struct fs_baseline	*b = idle->data;
	int64_t			 until = clock_mono_ms() + SLICE_MS;

	if (until - b->told > PROGRESS_MS)
		tell_progress(b, until);
	while (clock_mono_ms() < until)
		if (b->rc < 0 || !step(b)) {
			finish(b);
			return;
		}
}

/* Roots below others are walked with those. */
static void
set_roots(struct fs_baseline *b)
{
	struct fs_monitor	*s = b->s;
	size_t			 i, n;

	memcpy(b->roots, s->paths, s->n * sizeof(*s->paths));
	qsort(b->roots, s->n, sizeof(*b->roots), by_path);
	for (i = 0; i < s->n; i++) {
		n = b->n_roots > 0 ? strlen(b->roots[b->n_roots - 1]) : 0;
		if (n > 0 && strncmp(b->roots[i], b->roots[b->n_roots - 1],
		    n) == 0 && b->roots[i][n] == '/')
			continue;
		b->roots[b->n_roots++] = b->roots[i];
	}
}

void
fs_baseline_run(struct fs_monitor *s, struct module_call *c, int verify)
{
	struct fs_baseline	*b;
	int			 fd;

	if (s->baseline != NULL) {
		module_answer(c, NULL, "a baseline is being made or verified"
		    " already");
		return;
	}
	b = xcalloc(1, sizeof(*b));
	b->path_final = baseline_path(s, "");
	b->path_tmp = baseline_path(s, ".new");
	if (verify && (b->old = fopen(b->path_final, "re")) == NULL) {
		module_answer(c, NULL, errno == ENOENT ?
		    "there is no baseline" : strerror(errno));
		goto out;
	}
	if (!verify && ((fd = open(b->path_tmp, O_WRONLY | O_CREAT | O_TRUNC |
	    O_CLOEXEC | O_NOFOLLOW, 0600)) < 0 || (b->out = fdopen(fd,
	    "w")) == NULL)) {
		module_answer(c, NULL, strerror(errno));
		goto out;
	}
	b->s = s;
	b->call = c;
	b->verify = verify;
	b->began = b->told = clock_mono_ms();
	module_on_cancel(c, on_cancel, b);
	set_roots(b);
	if (verify)
		next_old(b);
	s->baseline = b;
	uv_idle_init(module_loop(s->m), &b->idle);
	b->idle.data = b;
	uv_idle_start(&b->idle, on_idle);
	return;
out:
	free(b->path_tmp);
	free(b->path_final);
	free(b);
}

/* -- the look-up -- */

/* Where the line begins that holds this byte. */
static const char *
line_of(const char *map, const char *at)
{
	while (at > map && at[-1] != '\n')
		at--;
	return at;
}

static int
search(const char *map, size_t n, const char *path, char out[65])
{
	const char	*lo = map, *hi = map + n;
	char		 line[MAX_LINE], *here;
	int		 order;

	while (lo < hi) {
		const char	*at = line_of(map, lo + (hi - lo) / 2);
		const char	*end = memchr(at, '\n', (size_t)(map + n - at));

		if (end == NULL || end - at >= (ptrdiff_t)sizeof(line))
			return 0;
		memcpy(line, at, (size_t)(end - at));
		line[end - at] = '\0';
		if ((here = path_in(line)) == NULL)
			return 0;
		if ((order = path_order(path, here)) == 0) {
			if (strcspn(line, " ") != 64)
				return 0;
			memcpy(out, line, 64);
			out[64] = '\0';
			return 1;
		}
		if (order < 0)
			hi = at;
		else
			lo = end + 1;
	}
	return 0;
}

int
fs_baseline_find(const struct fs_monitor *s, const char *path, char out[65])
{
	char		*name = baseline_path(s, "");
	int		 fd = open(name, O_RDONLY | O_CLOEXEC), found = 0;
	struct stat	 st;
	void		*map;

	free(name);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && st.st_size > 0 && (map = mmap(NULL,
	    (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) !=
	    MAP_FAILED) {
		found = search(map, (size_t)st.st_size, path, out);
		munmap(map, (size_t)st.st_size);
	}
	close(fd);
	return found;
}
