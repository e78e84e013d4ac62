#include "engineio_deadline.h"

static void	on_deadline(uv_timer_t *);

static void
arm(struct deadlines *q)
{
	struct deadline	*d = LIST_ITEM(q->waiting.next, struct deadline, link);
	uint64_t	 now = uv_now(q->timer.loop);

	if (list_empty(&q->waiting) || uv_is_active((uv_handle_t *)&q->timer))
		return;
	uv_timer_start(&q->timer, on_deadline,
	    d->due > now ? d->due - now : 0, 0);
}

/* A timer whose first wait was stopped rings early, and is set anew. */
static void
on_deadline(uv_timer_t *t)
{
	struct deadlines	*q = t->data;
	struct deadline		*d;
	uint64_t		 now = uv_now(t->loop);

	while (!list_empty(&q->waiting)) {
		d = LIST_ITEM(q->waiting.next, struct deadline, link);
		if (d->due > now)
			break;
		list_remove(&d->link);
		q->end(d);
	}
	if (!uv_is_closing((uv_handle_t *)t))
		arm(q);
}

void
deadlines_init(struct deadlines *q, uv_loop_t *loop, int64_t ms,
    void (*end)(struct deadline *))
{
	list_init(&q->waiting);
	uv_timer_init(loop, &q->timer);
	q->timer.data = q;
	q->ms = (uint64_t)ms;
	q->end = end;
}

void
deadlines_close(struct deadlines *q, uv_close_cb closed, void *arg)
{
	while (!list_empty(&q->waiting))
		list_remove(q->waiting.next);
	q->timer.data = arg;
	uv_close((uv_handle_t *)&q->timer, closed);
}

void
deadline_init(struct deadline *d)
{
	list_init(&d->link);
	d->due = 0;
}

static void
start(struct deadlines *q, struct deadline *d, uint64_t from)
{
	list_remove(&d->link);
	d->due = from + q->ms;
	list_append(&q->waiting, &d->link);
	arm(q);
}

void
deadline_start(struct deadlines *q, struct deadline *d)
{
	start(q, d, uv_now(q->timer.loop));
}

void
deadline_follow(struct deadlines *q, struct deadline *d)
{
	start(q, d, d->due);
}

void
deadline_stop(struct deadline *d)
{
	list_remove(&d->link);
}
