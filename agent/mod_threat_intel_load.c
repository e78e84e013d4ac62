/*
 * Feeds into the file of indicators: those with a URL are fetched into files
 * of ours first, each beside the last good one; then all files are read in
 * one go, past the warning lists.  A feed that cannot be had or read leaves
 * its last good copy in service, and the status says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "mod_threat_intel.h"
#include "platform.h"
#include "tls.h"

enum { SERVE_EACH = 1024 };	/* indicators; under a millisecond */

static void
set_fault(struct intel_source *s, char *take)
{
	free(s->fault);
	s->fault = take;
	if (take != NULL)
		log_warn("intel", "feed %s: %s", s->name, take);
}

/* -- from files -- */

struct taking {
	struct threat_intel	*all;
	struct intel_maker	*maker;
	const struct intel_warn	*warn;
	int			 source;
};

static int
take(const struct intel_value *v, int confidence, int64_t until, void *arg)
{
	struct taking	*k = arg;
	static unsigned	 turn;
	const char	*list = intel_warn_find(k->warn, v);
	json_t		*counts = k->all->suppressed;

	if (++turn % SERVE_EACH == 0)
		intel_guard_serve(k->all);
	if (list == NULL)
		intel_maker_add(k->maker, v, k->source, confidence, until);
	else
		json_object_set_new(counts, list, json_integer(1 +
		    json_integer_value(json_object_get(counts, list))));
	return 0;
}

static int
read_source(struct intel_source *s, struct taking *k)
{
	int		 fd = open(s->file, O_RDONLY | O_CLOEXEC), rc;
	struct stat	 st;
	char		*text;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > INTEL_MAX_FEED) {
		close(fd);
		return -EFBIG;
	}
	if (st.st_size == 0) {
		close(fd);
		memset(&s->count, 0, sizeof(s->count));
		return 0;
	}
	text = platform_map(fd, (size_t)st.st_size, 0);
	rc = text == NULL ? -errno : 0;
	close(fd);
	if (rc < 0)
		return rc;
	k->source = intel_maker_source(k->maker, s->name);
	rc = intel_feed_read(&s->feed, text, (size_t)st.st_size,
	    clock_wall_ms() / 1000, take, k, &s->count);
	platform_unmap(text, (size_t)st.st_size);
	return rc;
}

static struct intel_warn *
read_warninglists(const struct threat_intel *t)
{
	struct intel_warn	*w = intel_warn_new();
	struct buf		 b = BUF_INIT;
	const char		*path;
	char			*why;
	size_t			 i;
	int			 rc;

	for (i = 0; i < json_array_size(t->warninglists); i++) {
		path = json_string_value(json_array_get(t->warninglists, i));
		buf_clear(&b);
		if ((rc = file_read(path, INTEL_MAX_LIST, &b)) < 0)
			log_warn("intel", "%s: %s", path, errstr(rc));
		else if (intel_warn_add(w, b.p, b.len, &why) < 0) {
			log_warn("intel", "%s: %s", path, why);
			free(why);
		}
	}
	buf_release(&b);
	return w;
}

int
intel_load(struct threat_intel *t)
{
	struct taking		 k = { .all = t };
	struct intel_warn	*w;
	struct intel		*made;
	const char		*why;
	size_t			 i;
	int			 rc;

	if ((rc = intel_maker_new(&k.maker, t->path)) < 0)
		return rc;
	k.warn = w = read_warninglists(t);
	json_object_clear(t->suppressed);
	for (i = 0; i < t->n_sources; i++) {
		rc = read_source(&t->source[i], &k);
		if (rc == -EINVAL)
			set_fault(&t->source[i], xstrdup(
			    t->source[i].count.fault));
		else if (rc < 0 && (rc != -ENOENT || t->source[i].url == NULL))
			set_fault(&t->source[i], xasprintf("%s: %s",
			    t->source[i].file, errstr(rc)));
		else if (rc == 0 && t->source[i].url == NULL)
			set_fault(&t->source[i], NULL);
	}
	intel_warn_free(w);
	if ((rc = intel_maker_end(k.maker, &t->made)) < 0)
		return rc;
	if ((rc = intel_open(&made, t->path, &why)) < 0)
		return rc;
	intel_close(t->t);
	t->t = made;
	intel_block_fill(t);
	log_info("intel", "%llu indicators of %zu feeds",
	    (unsigned long long)t->made.kept, t->n_sources);
	return 0;
}

/* -- from URLs -- */

static void
all_fetched(struct threat_intel *t)
{
	int	rc = intel_load(t);

	if (rc < 0)
		log_warn("intel", "%s: %s; the old one serves on", t->path,
		    errstr(rc));
	else
		intel_retro(t);
}

static char *
part_of(const struct intel_source *s)
{
	return xasprintf("%s.part", s->file);
}

static int
on_piece(const char *p, size_t n, void *arg)
{
	struct intel_source	*s = arg;
	ssize_t			 got;

	while (n > 0) {
		if ((got = write(s->out, p, n)) < 0)
			return -errno;
		p += got;
		n -= (size_t)got;
	}
	return lseek(s->out, 0, SEEK_CUR) > INTEL_MAX_FEED ? -EFBIG : 0;
}

static void
on_fetched(const struct httpc_answer *a, void *arg)
{
	struct intel_source	*s = arg;
	char			*part = part_of(s);
	int			 rc;

	close(s->out);
	if (a->rc < 0)
		set_fault(s, xasprintf("%s: %s", s->url, a->why));
	else if (a->status != 200)
		set_fault(s, xasprintf("%s: answered %d", s->url, a->status));
	else if ((rc = file_rename(part, s->file)) < 0)
		set_fault(s, xasprintf("%s: %s", s->file, errstr(rc)));
	else
		set_fault(s, NULL);
	unlink(part);
	free(part);
	if (--s->all->fetching == 0)
		all_fetched(s->all);
}

static void
fetch(struct intel_source *s)
{
	struct httpc_options	 o = { .tls = s->all->tls, .sink = on_piece,
		.sink_arg = s };
	char			*part = part_of(s);

	s->out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	if (s->out < 0)
		set_fault(s, xasprintf("%s: %s", part, errstr(-errno)));
	else {
		s->all->fetching++;
		httpc_start(module_loop(s->all->m), s->url, &o,
		    on_fetched, s);
	}
	free(part);
}

void
intel_refresh(struct threat_intel *t)
{
	size_t	i;

	if (t->fetching > 0)
		return;			/* the last time's are under way */
	for (i = 0; i < t->n_sources; i++)
		if (t->source[i].url != NULL)
			fetch(&t->source[i]);
	if (t->fetching == 0)
		all_fetched(t);
}
