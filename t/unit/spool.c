/* The spool: order, acknowledgement, bounds, damage, numbers that only grow. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "spool.h"
#include "tap.h"

static char	dir[64];

static struct spool *
open_spool(int64_t max_bytes, int64_t max_age)
{
	struct spool_options	 o = { .dir = dir, .max_bytes = max_bytes,
		.max_age_ms = max_age };
	struct spool		*s;
	char			*why;

	if (spool_open(&s, &o, &why) < 0) {
		printf("# %s\n", why);
		exit(1);
	}
	return s;
}

static int
add(struct spool *s, enum spool_class class, int n, size_t pad)
{
	char	*fill = xcalloc(1, pad + 1);
	json_t	*o;
	int	 rc;

	memset(fill, 'x', pad);
	o = json_pack("{ss ss s{si ss}}", "type", "t", "module", "m", "data",
	    "n", n, "pad", fill);
	rc = spool_add(s, class, o);
	json_decref(o);
	free(fill);
	return rc;
}

/* What was read: the numbers n in turn. */
struct seen {
	int	 n[4096], count, ordered;
	uint64_t last;
	int	 classes[SPOOL_CLASSES];
};

static int
see(const struct spool_item *item, void *arg)
{
	struct seen	*seen = arg;
	json_t		*o = json_loadb(item->text, item->len, 0, NULL);

	if (item->seq <= seen->last)
		seen->ordered = 0;
	seen->last = item->seq;
	if (seen->count < (int)nitems(seen->n))
		seen->n[seen->count++] = (int)json_integer_value(
		    json_object_get(json_object_get(o, "data"), "n"));
	seen->classes[item->class]++;
	json_decref(o);
	return 0;
}

static struct seen *
read_all(struct spool *s)
{
	static struct seen	seen;

	memset(&seen, 0, sizeof(seen));
	seen.ordered = 1;
	spool_each(s, 0, see, &seen);
	return &seen;
}

static int
is_run(const struct seen *seen, int from, int count)
{
	int	i;

	for (i = 0; i < seen->count; i++)
		if (seen->n[i] != from + i)
			return 0;
	return seen->count == count && seen->ordered;
}

static void
clean(void)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;

	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

/* Unlike file_write() without waiting for the disk. */
static void
put_file(const char *path, const void *p, size_t n)
{
	unlink(path);
	if (file_create(path, p, n, 0600) < 0)
		exit(1);
}

/* The path of the one segment of this class. */
static char *
segment_of(const char *class)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;
	char		*path = NULL;

	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, class, strlen(class)) == 0) {
			free(path);
			path = file_join(dir, e->d_name);
		}
	closedir(d);
	return path;
}

static int64_t
disk_use(void)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;
	struct stat	 st;
	int64_t		 sum = 0;
	char		*path;

	while ((e = readdir(d)) != NULL) {
		path = file_join(dir, e->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			sum += st.st_size;
		free(path);
	}
	closedir(d);
	return sum;
}

static void
test_order(void)
{
	struct spool		*s = open_spool(1 << 20, 0);
	struct spool_reader	*r;
	struct spool_item	 item;
	struct spool_status	 st;
	uint64_t		 third = 0, end;
	int			 i, good = 1;

	for (i = 0; i < 100; i++)
		good = good && add(s, (enum spool_class)(i % 4), i, 10) == 0;
	ok("records of all classes are kept", good);
	ok("and read in order", is_run(read_all(s), 0, 100));
	r = spool_reader_new(s, 0);
	for (i = 0; i < 4 && spool_next(r, &item); i++)
		third = item.seq;
	spool_ack(s, third);
	ok("a reader goes on", spool_next(r, &item) == 1 &&
	    strstr(item.text, "\"n\":4") != NULL);
	spool_ack(s, third + 10);
	ok("past what is acknowledged meanwhile", spool_next(r, &item) == 1 &&
	    item.seq == third + 11);
	while (spool_next(r, &item))
		;
	ok("at the end there is no more", spool_next(r, &item) == 0);
	add(s, SPOOL_LOG, 100, 10);
	ok("until something is added", spool_next(r, &item) == 1 &&
	    item.class == SPOOL_LOG && strstr(item.text, "\"n\":100"));
	spool_reader_free(r);
	spool_status(s, &st);
	ok("what is kept is counted", st.kept[0] + st.kept[1] + st.kept[2] +
	    st.kept[3] == 101 - 14 && st.lost[0] == 0);
	end = st.next;
	spool_close(s);

	s = open_spool(1 << 20, 0);
	ok("after a restart it is there, but what was acknowledged",
	    is_run(read_all(s), 14, 101 - 14));
	spool_status(s, &st);
	ok("and numbers go on above", st.next >= end &&
	    st.acked == third + 10);
	add(s, SPOOL_EVENT, 101, 10);
	ok("new ones come behind", is_run(read_all(s), 14, 102 - 14));
	spool_status(s, &st);
	spool_ack(s, st.next - 1);
	ok("all acknowledged: nothing is left", read_all(s)->count == 0);
	spool_close(s);
	clean();
}

static void
test_refused(void)
{
	struct spool	*s = open_spool(1 << 20, 0);
	json_t		*o = json_pack("{ss}", "type", "t");
	struct spool_status st;

	ok("a record needs type and module", spool_add(s, SPOOL_LOG, o) ==
	    -EINVAL);
	ok("and has an end", add(s, SPOOL_LOG, 1, SPOOL_MAX_RECORD) ==
	    -EMSGSIZE);
	spool_status(s, &st);
	ok("both are counted", st.lost[SPOOL_LOG] == 2);
	json_decref(o);
	spool_close(s);
	clean();
}

static void
test_bounds(void)
{
	struct spool		*s = open_spool(SPOOL_MIN_BYTES, 0);
	struct spool_status	 st;
	struct seen		*seen;
	int			 i, good = 1;

	for (i = 0; i < 3000; i++) {
		good = good && add(s, i % 30 == 0 ? SPOOL_ALERT :
		    SPOOL_METRIC, i, 300) == 0;
		good = good && (i % 50 != 0 || disk_use() <=
		    SPOOL_MIN_BYTES + 1024);
	}
	ok("the disk's share is bounded", good);
	seen = read_all(s);
	ok("in order still", seen->ordered);
	ok("no alert went for a metric", seen->classes[SPOOL_ALERT] == 100);
	ok("the newest metrics are there", seen->n[seen->count - 1] == 2999);
	spool_status(s, &st);
	ok("each lost one is counted", st.lost[SPOOL_METRIC] +
	    (uint64_t)seen->classes[SPOOL_METRIC] == 2900 &&
	    st.lost[SPOOL_ALERT] == 0 && st.lost[SPOOL_METRIC] > 0);
	spool_tell_losses(s);
	spool_tell_losses(s);
	seen = read_all(s);
	ok("and told once, as an alert", seen->classes[SPOOL_ALERT] == 101);

	for (i = 0; add(s, SPOOL_ALERT, i, 300) == 0 && i < 2000; i++)
		;
	seen = read_all(s);
	ok("alerts push out all metrics, then the oldest alerts",
	    i == 2000 && seen->classes[SPOOL_METRIC] == 0 &&
	    seen->ordered && disk_use() <= SPOOL_MIN_BYTES + 1024);
	ok("a metric finds no room then", add(s, SPOOL_METRIC, 1, 40000) ==
	    -ENOSPC && read_all(s)->classes[SPOOL_METRIC] == 0);
	spool_close(s);
	clean();
}

static void
test_age(void)
{
	struct spool		*s = open_spool(1 << 20, 3600 * 1000);
	struct utimbuf		 old = { 1000, 1000 };
	struct spool_status	 st;
	char			*path;
	int			 i;

	for (i = 0; i < 10; i++)
		add(s, SPOOL_EVENT, i, 10);
	spool_close(s);
	path = segment_of("event");
	utime(path, &old);
	free(path);
	s = open_spool(1 << 20, 3600 * 1000);
	add(s, SPOOL_LOG, 10, 10);
	spool_status(s, &st);
	ok("what is too old goes, and is counted",
	    is_run(read_all(s), 10, 1) && st.lost[SPOOL_EVENT] == 10);
	spool_close(s);
	clean();
}

/* Each byte of a segment in turn: only what it belongs to is lost. */
static void
test_damage(void)
{
	struct spool		*s = open_spool(1 << 20, 0);
	struct buf		 b = BUF_INIT;
	struct spool_status	 st;
	struct seen		*seen;
	char			*path;
	int			 i, k, good = 1, exact = 1, none = 1;
	size_t			 at;

	for (i = 0; i < 5; i++)
		add(s, SPOOL_EVENT, i, 20);
	spool_close(s);
	path = segment_of("event");
	file_read(path, 1 << 20, &b);
	for (at = 0; at < b.len; at++) {
		b.p[at] ^= 0x41;
		put_file(path, b.p, b.len);
		s = open_spool(1 << 20, 0);
		add(s, SPOOL_EVENT, 5, 20);
		seen = read_all(s);
		good = good && seen->ordered && seen->count >= 5;
		for (i = 0, k = 0; i < seen->count; i++, k++)
			if (seen->n[i] != k && seen->n[i] != ++k)
				good = 0;
		spool_status(s, &st);
		/* of the last one nothing tells that it was */
		exact = exact && (seen->count + (int)st.lost[SPOOL_EVENT] ==
		    6 || (at > b.len * 4 / 5 && seen->count == 5) ||
		    (at < 32 && seen->count == 6));
		spool_close(s);
		b.p[at] ^= 0x41;
		clean();
	}
	ok("a damaged byte loses one record", good);
	ok("which is counted", exact);

	for (at = 0; at < b.len; at++) {
		put_file(path, b.p, at);
		s = open_spool(1 << 20, 0);
		seen = read_all(s);
		none = none && is_run(seen, 0, seen->count);
		k = seen->count;
		add(s, SPOOL_EVENT, k, 20);
		none = none && is_run(read_all(s), 0, k + 1);
		spool_close(s);
		s = open_spool(1 << 20, 0);
		none = none && is_run(read_all(s), 0, k + 1);
		spool_status(s, &st);
		none = none && st.lost[SPOOL_EVENT] == 0;
		spool_close(s);
		clean();
	}
	ok("torn anywhere, what was whole is there, and goes on", none);
	free(path);
	buf_release(&b);
}

static void
test_state(void)
{
	struct spool		*s = open_spool(1 << 20, 0);
	struct spool_status	 st;
	struct buf		 b = BUF_INIT;
	char			*path = file_join(dir, "state");
	char			*name;
	uint64_t		 before;
	int			 i;

	for (i = 0; i < 10; i++)
		add(s, SPOOL_EVENT, i, 10);
	spool_status(s, &st);
	before = st.next;
	name = xstrdup(spool_name(s));
	spool_close(s);
	file_read(path, 4096, &b);
	memset(b.p, 'x', b.len);
	put_file(path, b.p, b.len);
	s = open_spool(1 << 20, 0);
	spool_status(s, &st);
	ok("without its state, records and numbers stand",
	    is_run(read_all(s), 0, 10) && st.next >= before);

	ok("but it has another name", strcmp(name, spool_name(s)) != 0);
	free(name);
	name = xstrdup(spool_name(s));
	spool_ack(s, st.next);
	ok("a number that was not given out is no acknowledgement",
	    is_run(read_all(s), 0, 10));
	spool_close(s);
	s = open_spool(1 << 20, 0);
	ok("a name stays", strcmp(name, spool_name(s)) == 0);
	spool_close(s);
	free(name);
	free(path);
	buf_release(&b);
	clean();
}

static void
test_other(void)
{
	struct spool	*s = open_spool(1 << 20, 0);
	struct seen	 seen;
	int		 i;

	for (i = 0; i < 50; i++)
		add(s, (enum spool_class)(i % 4), i, 10);
	memset(&seen, 0, sizeof(seen));
	seen.ordered = 1;
	ok("another process can read it", spool_each_in(dir, 0, see,
	    &seen) == 0 && is_run(&seen, 0, 50));
	ok("a directory that is not there is told", spool_each_in("/nowhere",
	    0, see, &seen) == UV_ENOENT);
	spool_close(s);
	clean();
}

/* -- with a loop: the wake-up, and the files on the disk -- */

static int	woken;

static void
on_add(void *arg)
{
	(void)arg;
	woken++;
}

static void
test_loop(void)
{
	uv_loop_t		 loop;
	struct spool_options	 o = { .dir = dir, .loop = &loop,
		.max_bytes = 1 << 20 };
	struct spool		*s;
	char			*why;
	int			 i;

	uv_loop_init(&loop);
	spool_open(&s, &o, &why);
	spool_on_add(s, on_add, NULL);
	for (i = 0; i < 10; i++)
		add(s, SPOOL_ALERT, i, 10);
	ok("nobody is woken within spool_add", woken == 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_run(&loop, UV_RUN_NOWAIT);
	ok("but once, by the loop", woken == 1);
	ok("all can be put on the disk", spool_sync(s) == 0);
	spool_close(s);
	uv_run(&loop, UV_RUN_DEFAULT);
	ok("its handles close", uv_loop_close(&loop) == 0);
	clean();
}

int
main(void)
{
	snprintf(dir, sizeof(dir), "%s", "/tmp/muster-spool.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	log_init("spool", LOG_NONE, LOG_TEXT);
	test_order();
	test_refused();
	test_bounds();
	test_age();
	test_damage();
	test_state();
	test_other();
	test_loop();
	rmdir(dir);
	return done();
}
