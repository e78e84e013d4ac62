/*
 * Which interfaces carry our filters.  The kernel tells of those that appear
 * and go; when it could not tell all, they are listed anew.  Where we made
 * clsact ourselves is kept in policy-hooks in the state directory, for the
 * process after us: only there it is taken away, and only when it is empty.
 */
#ifdef HAVE_BPF
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "list.h"
#include "log.h"
#include "mod_policy_kernel.h"
#include "mod_policy_private.h"
#include "mod_policy_tc.h"
#include "platform.h"

enum { MAX_FILE = 256 * 1024 };

struct hook {
	struct link		 all;
	struct policy_link	 link;
	int			 made;		/* clsact, by us */
	int			 on;
	int			 error;		/* why it is not on */
};

struct policy_hooks {
	uv_poll_t		 heard;
	int			 fd;
	char			*path;
	struct link		 all;
	const struct policy_kernel *kernel;
	const struct policy_doc	*docs[2];	/* steady, trial; or NULL */
};

/* -- what we made -- */

/* "BOOT-ID INDEX NAME" lines: indices mean something until the next boot. */
static void
save(const struct policy_hooks *h)
{
	struct buf	b = BUF_INIT;
	struct link	*l, *n;
	char		boot[40];
	int		rc;

	platform_boot_id(boot);
	LIST_EACH(l, n, &h->all) {
		const struct hook	*k = LIST_ITEM(l, struct hook, all);

		if (k->made)
			buf_printf(&b, "%s %d %s\n", boot, k->link.ifindex,
			    k->link.name);
	}
	rc = file_write(h->path, buf_str(&b), b.len, 0600);
	if (rc < 0)
		log_warn("policy", "%s: cannot be written: %s", h->path,
		    errstr(rc));
	buf_release(&b);
}

static int
was_made(const struct policy_hooks *h, const struct policy_link *l)
{
	struct buf	 b = BUF_INIT;
	char		 boot[40], *line;
	int		 found;

	platform_boot_id(boot);
	line = xasprintf("%s %d %s\n", boot, l->ifindex, l->name);
	found = file_read(h->path, MAX_FILE, &b) == 0 &&
	    strstr(buf_str(&b), line) != NULL;
	buf_release(&b);
	free(line);
	return found;
}

/* -- one interface -- */

static int
covers(const struct policy_doc *d, const struct policy_link *l)
{
	size_t	i;

	if (d == NULL)
		return 0;
	if (d->n_interfaces == 0)
		return !l->loopback;
	for (i = 0; i < d->n_interfaces; i++)
		if (fnmatch(d->interfaces[i], l->name, 0) == 0)
			return 1;
	return 0;
}

static void
put_on(struct policy_hooks *h, struct hook *k)
{
	int	rc, dir, before = k->made;

	for (dir = 0, rc = 0; dir < 2 && rc == 0; dir++)
		rc = policy_tc_attach(k->link.ifindex, (enum policy_dir)dir,
		    policy_kernel_program(h->kernel, (enum policy_dir)dir),
		    &k->made);
	k->on = rc == 0;
	k->error = rc;
	if (rc < 0 && rc != -ENODEV)
		log_warn("policy", "%s: not filtered: %s", k->link.name,
		    errstr(rc));
	if (k->made != before)
		save(h);
}

static void
take_off(struct policy_hooks *h, struct hook *k)
{
	policy_tc_detach(k->link.ifindex, POLICY_IN);
	policy_tc_detach(k->link.ifindex, POLICY_OUT);
	k->on = k->error = 0;
	if (k->made && policy_tc_tidy(k->link.ifindex) == 0) {
		k->made = 0;
		save(h);
	}
}

static void
decide(struct policy_hooks *h, struct hook *k)
{
	int	want = covers(h->docs[0], &k->link) ||
		    covers(h->docs[1], &k->link);

	if (h->kernel == NULL)
		return;			/* not told yet */
	if (want && !k->on)
		put_on(h, k);
	else if (!want)
		take_off(h, k);
}

/* -- all of them -- */

static struct hook *
find(const struct policy_hooks *h, int ifindex)
{
	struct link	*l, *n;

	LIST_EACH(l, n, &h->all) {
		struct hook	*k = LIST_ITEM(l, struct hook, all);

		if (k->link.ifindex == ifindex)
			return k;
	}
	return NULL;
}

/* New, renamed, or only up or down. */
static void
on_link(const struct policy_link *l, void *arg)
{
	struct policy_hooks	*h = arg;
	struct hook		*k = find(h, l->ifindex);

	if (k == NULL) {
		k = xcalloc(1, sizeof(*k));
		k->link = *l;
		k->made = was_made(h, l);
		list_append(&h->all, &k->all);
		decide(h, k);
	} else if (strcmp(k->link.name, l->name) != 0) {
		k->link = *l;
		decide(h, k);
	}
}

static void
on_gone(int ifindex, void *arg)
{
	struct hook	*k = find(arg, ifindex);

	if (k == NULL)
		return;
	list_remove(&k->all);
	free(k);
}

static void
on_heard(uv_poll_t *p, int status, int events)
{
	struct policy_hooks	*h = p->data;
	int			 rc;

	(void)status;
	(void)events;
	rc = policy_links_hear(h->fd, on_link, on_gone, h);
	if (rc == -ENOBUFS)
		rc = policy_links_list(on_link, h);
	if (rc < 0)
		log_warn("policy", "interfaces: %s", errstr(rc));
}

int
policy_hooks_start(struct policy_hooks **out, uv_loop_t *loop,
    const char *state_dir, char **why)
{
	struct policy_hooks	*h = xcalloc(1, sizeof(*h));
	int			 rc;

	list_init(&h->all);
	h->path = file_join(state_dir, "policy-hooks");
	if ((h->fd = rc = policy_links_open()) < 0 ||
	    (rc = policy_links_list(on_link, h)) < 0 ||
	    (rc = uv_poll_init(loop, &h->heard, h->fd)) < 0) {
		*why = xasprintf("interfaces cannot be listed: %s",
		    errstr(rc));
		return rc;		/* the process ends */
	}
	h->heard.data = h;
	uv_poll_start(&h->heard, UV_READABLE, on_heard);
	*out = h;
	return 0;
}

static void
look_for_program(const struct policy_link *l, void *arg)
{
	uint32_t	*id = arg;

	if (*id == 0)
		*id = policy_tc_attached(l->ifindex, POLICY_IN);
}

uint32_t
policy_hooks_found(void)
{
	uint32_t	id = 0;

	policy_links_list(look_for_program, &id);
	return id;
}

void
policy_hooks_set(struct policy_hooks *h, const struct policy_kernel *kernel,
    const struct policy_doc *steady, const struct policy_doc *trial)
{
	struct link	*l, *n;

	h->kernel = kernel;
	h->docs[0] = steady;
	h->docs[1] = trial;
	LIST_EACH(l, n, &h->all)
		decide(h, LIST_ITEM(l, struct hook, all));
}

size_t
policy_hooks_failed(const struct policy_hooks *h, const char **why)
{
	static char	 text[96];
	struct link	*l, *n;
	size_t		 count = 0;

	LIST_EACH(l, n, &h->all) {
		const struct hook	*k = LIST_ITEM(l, struct hook, all);

		if (k->error < 0 && count++ == 0)
			snprintf(text, sizeof(text), "%s is not filtered: %s",
			    k->link.name, errstr(k->error));
	}
	*why = text;
	return count;
}

/* As the kernel has it now, not as we left it. */
json_t *
policy_hooks_show(const struct policy_hooks *h)
{
	json_t		*list = json_array();
	struct link	*l, *n;
	int		 in, out, before[2];

	LIST_EACH(l, n, &h->all) {
		const struct hook	*k = LIST_ITEM(l, struct hook, all);

		in = policy_tc_attached(k->link.ifindex, POLICY_IN) != 0;
		out = policy_tc_attached(k->link.ifindex, POLICY_OUT) != 0;
		policy_tc_others(k->link.ifindex, POLICY_IN, &before[0]);
		policy_tc_others(k->link.ifindex, POLICY_OUT, &before[1]);
		json_array_append_new(list, json_pack("{ss sb sb si}",
		    "name", k->link.name, "ingress", in, "egress", out,
		    "othersBefore", before[0] + before[1]));
	}
	return list;
}

#endif
