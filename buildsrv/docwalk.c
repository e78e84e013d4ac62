/* A timer asks for a page; the page's documents are told of; the timer is
 * set again, or closed, and then the end is told. */
#include <stdlib.h>

#include "buf.h"
#include "buildsrv.h"
#include "docwalk.h"

struct docwalk {
	struct server	*server;
	struct link	 link;		/* in server.walks */
	uv_timer_t	 timer;
	const char	*kind;
	char		*after;		/* the last key */
	void		(*each)(const char *, const json_t *, void *);
	void		(*end)(int, void *);
	void		*arg;
	int		 rc;
};

static void
on_walk_closed(uv_handle_t *h)
{
	struct docwalk	*w = h->data;

	list_remove(&w->link);
	w->end(w->rc, w->arg);
	free(w->after);
	free(w);
}

static void
walk_close(struct docwalk *w, int rc)
{
	if (uv_is_closing((uv_handle_t *)&w->timer))
		return;
	w->rc = rc;
	uv_close((uv_handle_t *)&w->timer, on_walk_closed);
}

static void	on_turn(uv_timer_t *);

static void
on_page(int rc, const json_t *page, void *arg)
{
	struct docwalk	*w = arg;
	const char	*next = json_str(page, "next", NULL);
	json_t		*item;
	size_t		 i;

	json_array_foreach(json_object_get(page, "items"), i, item)
		w->each(json_str(item, "key", ""),
		    json_object_get(item, "value"), w->arg);
	free(w->after);
	w->after = next != NULL ? xstrdup(next) : NULL;
	if (rc < 0 || next == NULL)
		walk_close(w, rc);
	else
		uv_timer_start(&w->timer, on_turn, DOCWALK_PAUSE, 0);
}

static void
on_turn(uv_timer_t *t)
{
	struct docwalk	*w = t->data;

	store_list(w->server->store, w->kind, "", w->after, DOCWALK_PAGE, 0,
	    on_page, w);
}

void
docwalk(struct server *s, const char *kind,
    void (*each)(const char *, const json_t *, void *),
    void (*end)(int, void *), void *arg)
{
	struct docwalk	*w = xcalloc(1, sizeof(*w));

	w->server = s;
	w->kind = kind;
	w->each = each;
	w->end = end;
	w->arg = arg;
	list_append(&s->walks, &w->link);
	uv_timer_init(s->loop, &w->timer);
	w->timer.data = w;
	if (s->no_walks)
		walk_close(w, UV_ECANCELED);
	else
		uv_timer_start(&w->timer, on_turn, 0, 0);
}

void
docwalk_stop(struct server *s)
{
	struct link	*l, *n;

	s->no_walks = 1;
	LIST_EACH(l, n, &s->walks)
		walk_close(LIST_ITEM(l, struct docwalk, link), UV_ECANCELED);
}
