/*
 * One followed file: it stays open, so that what was written to it before it
 * was renamed is read to the end.  What was truncated begins anew; that shows
 * in its size, or, where it has grown past that again, in its first bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "spool_private.h"	/* disk_*() */
#include "tail_private.h"

static int
stat_fd(int fd, uv_stat_t *st)
{
	uv_fs_t	req;
	int	rc = uv_fs_fstat(NULL, &req, fd, NULL);

	*st = req.statbuf;
	uv_fs_req_cleanup(&req);
	return rc;
}

/* FNV-1a, 64 bits: against accidents, not against anybody. */
static int
print_of(int fd, int len, uint64_t *print)
{
	uint8_t	p[TAIL_PRINT];
	size_t	n, i;
	int	rc = disk_read(fd, p, (size_t)len, 0, &n);

	if (rc < 0 || n < (size_t)len)
		return rc < 0 ? rc : -ENODATA;
	*print = UINT64_C(14695981039346656037);
	for (i = 0; i < n; i++)
		*print = (*print ^ p[i]) * UINT64_C(1099511628211);
	return 0;
}

struct tail_file *
tail_file_open(const char *path)
{
	struct tail_file	*f = xcalloc(1, sizeof(*f));
	uv_stat_t		 st;

	if (disk_open(path, UV_FS_O_RDONLY | UV_FS_O_NONBLOCK, &f->fd) < 0) {
		free(f);
		return NULL;
	}
	if (stat_fd(f->fd, &st) < 0 || (st.st_mode & S_IFMT) != S_IFREG) {
		disk_close(&f->fd);
		free(f);
		return NULL;
	}
	f->at.path = xstrdup(path);
	f->at.dev = st.st_dev;
	f->at.ino = st.st_ino;
	return f;
}

void
tail_file_free(struct tail_file *f)
{
	disk_close(&f->fd);
	free(f->at.path);
	free(f);
}

int
tail_file_resume(struct tail_file *f, const struct tail_position *p)
{
	uint64_t	print;

	if (p->dev != f->at.dev || p->ino != f->at.ino ||
	    (p->print_len > 0 && (print_of(f->fd, p->print_len, &print) < 0 ||
	    print != p->print)))
		return 0;
	f->at.offset = p->offset;
	f->at.print = p->print;
	f->at.print_len = p->print_len;
	return 1;
}

/* The fingerprint grows with what was read. */
static void
take_print(struct tail_file *f)
{
	int	len = f->at.offset < TAIL_PRINT ? (int)f->at.offset :
		    TAIL_PRINT;

	if (len > f->at.print_len &&
	    print_of(f->fd, len, &f->at.print) == 0)
		f->at.print_len = len;
}

void
tail_file_to_end(struct tail_file *f)
{
	uv_stat_t	st;

	if (stat_fd(f->fd, &st) == 0)
		f->at.offset = st.st_size;
	take_print(f);
}

int
tail_file_replaced(const struct tail_file *f)
{
	uv_fs_t	req;
	int	is = 0;

	if (uv_fs_stat(NULL, &req, f->at.path, NULL) == 0)
		is = req.statbuf.st_dev != f->at.dev ||
		    req.statbuf.st_ino != f->at.ino;
	uv_fs_req_cleanup(&req);
	return is;
}

/* -- reading -- */

static void
begin_anew(struct tail_file *f)
{
	log_info("logs", "%s: was truncated", f->at.path);
	f->at.offset = 0;
	f->at.print = 0;
	f->at.print_len = f->skipping = f->dropping = 0;
}

static void
hand_on(struct tail_file *f, const struct tail_options *o, const char *p,
    size_t n, int cut)
{
	struct buf	b = BUF_INIT;

	if (n > 0 && p[n - 1] == '\r' && !cut)
		n--;
	tail_text(&b, p, n);
	if (f->dropping || o->line(f->at.path, buf_str(&b), b.len, cut,
	    o->arg) < 0)
		f->dropped++;
	buf_release(&b);
}

/* Takes lines from the front: how many bytes they are.  whole: there is no
 * more to come, what has no end is a line, too. */
static size_t
take_lines(struct tail_file *f, const struct tail_options *o, const char *p,
    size_t n, int whole, int64_t *budget)
{
	size_t		 at = 0, len;
	const char	*end;

	while (at < n && *budget > 0) {
		end = memchr(p + at, '\n', n - at);
		len = end != NULL ? (size_t)(end - p) - at : n - at;
		if (f->skipping) {
			f->skipping = end == NULL;
			at += len + (end != NULL);
			continue;
		}
		if (end == NULL && len <= TAIL_MAX_LINE && !whole)
			break;			/* it may grow */
		if (len > TAIL_MAX_LINE) {
			f->skipping = 1;
			hand_on(f, o, p + at, TAIL_MAX_LINE, 1);
			at += TAIL_MAX_LINE;
		} else {
			hand_on(f, o, p + at, len, 0);
			at += len + (end != NULL);
		}
		*budget -= !f->dropping;
	}
	return at;
}

static void
tell_dropped(struct tail_file *f, const struct tail_options *o)
{
	if (f->dropped > 0)
		o->dropped(f->at.path, f->dropped, o->arg);
	f->dropped = 0;
}

int
tail_file_read(struct tail_file *f, const struct tail_options *o,
    char chunk[TAIL_CHUNK], int64_t *budget)
{
	uint64_t	print, behind;
	uv_stat_t	st;
	size_t		n, used;
	int		rc;

	if ((rc = stat_fd(f->fd, &st)) < 0)
		return rc;
	if (st.st_size < f->at.offset)
		begin_anew(f);
	if (st.st_size == f->at.offset && st.st_mtim.tv_sec == f->mtime_s &&
	    st.st_mtim.tv_nsec == f->mtime_ns)
		return 0;
	f->mtime_s = st.st_mtim.tv_sec;
	f->mtime_ns = st.st_mtim.tv_nsec;
	if (f->at.print_len > 0 && (print_of(f->fd, f->at.print_len, &print)
	    < 0 || print != f->at.print))
		begin_anew(f);
	behind = st.st_size - f->at.offset;
	f->dropping = behind > (f->dropping ? TAIL_KEEP_BEHIND :
	    TAIL_MAX_BEHIND);
	if (!f->dropping && f->dropped > 0)
		tell_dropped(f, o);
	if ((rc = disk_read(f->fd, chunk, TAIL_CHUNK, f->at.offset, &n)) < 0)
		return rc;
	used = take_lines(f, o, chunk, n, f->gone && n == behind, budget);
	f->at.offset += used;
	take_print(f);
	if (!f->dropping && f->dropped > 0)
		tell_dropped(f, o);
	return used > 0 && f->at.offset < st.st_size;
}
